/* lint/yaml.h - YAML as JSON documents, through libyaml, which is loaded when the first file is read.
 *
 * Every scalar is a text ("true" and "1" too: their reader knows what is meant), but for plain `null`, `~` and nothing. Aliases and tags
 * are refused: configurations have none, and the first can make a small file large. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/str.h"

#define YAML_SIZE_MAX (1u << 20) /* bytes: a configuration */
#define YAML_DEPTH_MAX 32        /* each level is a call */
#define YAML_NODES_MAX 100000    /* of one document */

/* The first document; an empty file is null. -EINVAL with err->where "name:line:column"; -EDQUOT: a limit; -ENOTSUP: no libyaml. */
MUST_CHECK int yaml_parse(struct view text, const char *name, json_t **ret, struct error *err);
/* "true", "yes", "on", "1" and their opposites, of a text or a JSON boolean. */
MUST_CHECK bool yaml_bool(const json_t *value, bool *ret);
