/* oci/config.h - the image configuration (image-spec 1.1, config.md, with docker's Healthcheck,
 * OnBuild, Shell).
 *
 * A value to edit: set the fields, call the helpers, print. Printing keeps fields that we do not
 * know and writes keys in BuildKit's order. Texts are owned by the config; "" or NULL both mean
 * absent. */
#pragma once

#include "base/doc.h"
#include "base/vec.h"
#include "oci/digest.h"
#include "oci/platform.h"

#define CONFIG_SIZE_MAX (4u << 20)
#define CONFIG_HISTORY_MAX 16384

struct pair {
    char *key, *value;
};
struct pairs { /* ordered; a key once */
    struct pair *at;
    size_t size, cap;
};
const char *pairs_get(const struct pairs *p, const char *key);       /* NULL when absent */
void pairs_set(struct pairs *p, const char *key, const char *value); /* adds or replaces in place */
bool pairs_remove(struct pairs *p, const char *key);
void pairs_done(struct pairs *p);

struct history {
    char *created; /* RFC 3339, or NULL */
    char *created_by, *author, *comment;
    bool empty_layer;
};
struct histories {
    struct history *at;
    size_t size, cap;
};

struct healthcheck {
    bool set;            /* present at all; test may be empty: inherited */
    struct strings test; /* "NONE" | "CMD", ... | "CMD-SHELL", text */
    int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns; /* 0: default */
    int64_t retries;
};

struct digests {
    struct digest *at;
    size_t size, cap;
};

struct image_config {
    struct platform platform;
    char *created; /* RFC 3339, or NULL */
    char *author;

    char *user, *workdir, *stop_signal;
    struct strings env; /* NAME=value, order kept */
    struct strings entrypoint, cmd, shell, onbuild;
    bool entrypoint_set, cmd_set;  /* the key was there, if only as [] */
    struct strings ports, volumes; /* "80/tcp", "/data": sets, sorted when printed */
    struct pairs labels;           /* sorted when printed */
    struct healthcheck healthcheck;
    bool args_escaped;

    struct histories history;
    struct digests diff_ids; /* bottom first; a zero digest: not known yet */

    json_t *doc; /* what was parsed, for the fields that we do not know; or NULL */
};

void config_init(struct image_config *c, const struct platform *p);
void config_done(struct image_config *c);
#define CONFIG_AUTO(name) CLEANUP(config_done) struct image_config name = {0}
void config_clone(const struct image_config *c, struct image_config *ret);

/* -EINVAL naming the field for everything the schema of image-spec 1.1 refuses; *ret is set on
 * success only. */
MUST_CHECK int config_parse(struct view text, struct image_config *ret, struct error *err);
/* Appends the JSON, compact. */
void config_print(const struct image_config *c, struct str *ret);
/* Only the runtime part, {"User":...,"Env":[...]}; the caller owns it. */
json_t *config_runtime_doc(const struct image_config *c);

/* Replaces a field: texts are copied, NULL clears. */
void config_set_text(char **field, const char *text);
void config_set_list(struct strings *field, const char *const *items, size_t count);

/* The variable's value, borrowed, or NULL. */
const char *config_get_env(const struct image_config *c, const char *name);
void config_set_env(struct image_config *c, const char *name, const char *value);
/* The set gets text unless it has it. */
void config_add_port(struct image_config *c, const char *port);
void config_add_volume(struct image_config *c, const char *path);
/* NULL texts are left out. */
void config_add_history(struct image_config *c, const char *created, const char *created_by,
                        const char *comment, bool empty_layer);
void config_add_diff_id(struct image_config *c, const struct digest *diff_id);
/* What runs without arguments: entrypoint, then cmd. Borrowed texts in a list that the caller frees
 * with vec_done(). */
void config_command(const struct image_config *c, struct strings *ret);

/* Chain ids (image-spec 1.1, config.md, Layer ChainID). */
void chain_id_next(const struct digest *below, const struct digest *diff_id, struct digest *ret);
void chain_id_of(const struct digest *diff_ids, size_t count, struct digest *ret); /* count > 0 */
/* The same over texts, as the specification writes it. */
char *chain_id_text(const char *below, const char *diff_id, char buf[static DIGEST_TEXT_MAX]);

/* Time as configs have it: "2026-01-02T03:04:05Z". */
#define CONFIG_TIME_MAX 40
char *config_time_format(int64_t seconds, char buf[static CONFIG_TIME_MAX]);
/* RFC 3339 with zone; fractions are cut. */
MUST_CHECK bool config_time_parse(const char *text, int64_t *ret_seconds);
