/* lint/image.h - checks of images for rows that stand in the tables of other topics: rules_image*.c. */
#pragma once

#include "lint/facts_image.h"
#include "lint/rule.h"

#define IMAGE_CACHE_MIN (64u << 10) /* bytes: locks and empty indexes are no cache */
#define IMAGE_HIDDEN_MIN                                                                           \
    (1u << 20) /* of own layers: a database that was written again is no waste worth a word */
#define IMAGE_OLD_DAYS 90
#define IMAGE_LEFT_MIN (1u << 20) /* bytes below /tmp */

void lint_image_latest(struct lint *l, const struct image_facts *f);
void lint_image_root(struct lint *l, const struct image_facts *f);
void lint_image_system_uid(struct lint *l, const struct image_facts *f);
void lint_image_secret_files(struct lint *l, const struct image_facts *f);
void lint_image_tools(struct lint *l, const struct image_facts *f);
void lint_image_build_tools(struct lint *l, const struct image_facts *f);
void lint_image_hidden(struct lint *l, const struct image_facts *f);
void lint_image_changed(struct lint *l, const struct image_facts *f);
void lint_image_writable(struct lint *l, const struct image_facts *f);
void lint_image_apt(struct lint *l, const struct image_facts *f);
void lint_image_apk(struct lint *l, const struct image_facts *f);
void lint_image_yum(struct lint *l, const struct image_facts *f);
void lint_image_zypper(struct lint *l, const struct image_facts *f);
void lint_image_dnf(struct lint *l, const struct image_facts *f);
void lint_image_pip(struct lint *l, const struct image_facts *f);
void lint_image_yarn(struct lint *l, const struct image_facts *f);
void lint_image_caches(struct lint *l, const struct image_facts *f); /* all the others */

/* "layer 3: /usr/bin/x"; the report's. */
const char *lint_image_place(struct lint *l, const struct image_file *f);
/* "1.5 MiB". */
const char *lint_image_size(struct lint *l, uint64_t bytes);
/* A finding for each file that want() takes (NULL: all), and one for those that were not listed. %s: the file's note. */
void lint_image_each(struct lint *l, const struct image_files *files,
                     bool (*want)(const struct image_file *f), const char *text);
