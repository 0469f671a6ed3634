/* audit/image.h - what rules are told about an image (lint/facts_image.h), gathered. */
#pragma once

#include "audit/layers.h"
#include "base/map.h"
#include "lint/facts_image.h"

#define AUDIT_PATH_MAX 256 /* directories of PATH: each is looked for, by every program */

struct audit_image;

/* name: an image of the store, or a place as image/place.h has them (oci:DIR, docker-archive:FILE, docker://NAME, ...), which is
 * read as it is and put nowhere; a name with its registry that the store does not have is read there. platform NULL: the host's. */
MUST_CHECK int audit_image_open(struct image_tools *t, const char *name,
                                const struct platform *platform, struct audit_image **ret,
                                struct error *err);
const struct image_facts *audit_image_facts(const struct audit_image *a);
void audit_image_free(struct audit_image *a);
DEFINE_CLEANUP(struct audit_image *, audit_image_free)

/* ---- the parts of it, in this order; texts are the arena's or borrowed from config and layers ---- */

struct gathering {
    const struct audit_layers *layers;
    struct image_facts *facts; /* config, name, now_s and base are set */
    struct arena *arena;
};

/* The whole of it. */
MUST_CHECK int audit_gather(const struct audit_layers *l, const struct image_config *config,
                            struct arena *a, struct image_facts *ret, struct error *err);

/* image_accounts.c: passwd, shadow, group, os-release; who runs. */
void audit_gather_accounts(struct gathering *g);
/* image_program.c: what starts, and whether its owner could be the one who runs it; apk's -dev packages. */
void audit_gather_program(struct gathering *g);
/* image_files.c: every file of every layer, once. */
MUST_CHECK int audit_gather_files(struct gathering *g, struct error *err);

/* The directories of PATH (of no PATH: the usual ones) as keys, each once, in order. */
void audit_path_dirs(struct gathering *g, struct map *ret);
bool audit_may_write(const struct image_user *u, const struct entry *e);
void audit_add_text(struct gathering *g, struct image_texts *list, const char *text);
/* A file to a list; e may be of any layer. path: without its leading '/', or the name of a package. */
struct image_file *audit_add_file(struct gathering *g, enum image_list list, const char *path,
                                  const struct entry *e, uint32_t layer, bool hidden);
