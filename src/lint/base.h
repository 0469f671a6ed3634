/* lint/base.h - names of base images, for the rules that look at FROM. */
#pragma once

#include "lint/rule.h"

/* A name as it stands in the file; no grammar is held against it. */
struct image_name {
    struct view registry; /* size 0: none, the default one */
    struct view path, tag;
    bool has_tag, has_digest;
};

struct image_name lint_image_cut(struct view text);
/* docker.io/library/debian is debian; path: that of the name. */
struct view lint_image_short(struct view image, struct view path);
/* True when FROM names something of a registry that can be read here. */
bool lint_is_base(const struct lint_stage *s);
struct span lint_image_span(const struct lint_stage *s);
