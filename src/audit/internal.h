/* audit/internal.h - between the readers of run configurations. */
#pragma once

#include <jansson.h>

#include "audit/runconfig.h"
#include "lint/yaml.h"

#define RUNCONFIG_VALUES_MAX 500000 /* that are looked at in one file; aliases, extends included */

/* One document, JSON (yaml NULL: values have no place) or YAML. */
struct reader {
    struct run_list *list;
    const struct yaml_stream *yaml;
    bool variables; /* "${NAME:-value}" is replaced, as compose does it */
    struct error *err;
};

/* A value and where it stands; value NULL: it is not there, or null. */
struct part {
    json_t *value;
    struct run_place at;
};

/* -EDQUOT once there are too many. */
MUST_CHECK int run_list_new(struct run_list *l, struct run_facts **ret, struct error *err);

struct part part_get(struct reader *r, struct part n, const char *key);
/* part_get() for each key in turn; keys end with NULL. */
struct part part_path(struct reader *r, struct part n, const char *const *keys);
/* Items of a list, values of an object; of another value: none. */
struct part_each {
    size_t next;
    void *at;
    const char *key; /* of an object; NULL: of a list */
};
#define PART_EACH(name) struct part_each name = {0}
/* ret->value may be NULL here: an item that is null. */
bool part_next(struct reader *r, struct part n, struct part_each *each, struct part *ret);
/* A text, or a number or boolean as text; NULL: neither. */
const char *part_text(struct reader *r, struct part n);
bool part_is(struct reader *r, struct part n, const char *text);
struct run_flag part_flag(struct reader *r, struct part n);
struct run_text part_word(struct reader *r, struct part n);
/* A number above 0, with or without a unit: a limit. */
struct run_flag part_limit(struct reader *r, struct part n);
struct run_text run_word(const char *text, struct run_place at);
/* An empty one is nobody's word: the image's user counts. */
struct run_text run_user(struct run_text user);

/* ---- values as docker writes them, wherever they stand; texts are borrowed or copied to the arena ---- */

/* "NET_RAW", "cap_net_raw", "a,b". */
void run_add_caps(struct run_list *l, struct run_texts *ret, const char *text, struct run_place at);
void run_add_env(struct run_list *l, struct run_facts *f, const char *text, struct run_place at);
/* "/a:/b:ro", "name:/b", "/b". */
void run_add_volume(struct run_list *l, struct run_facts *f, const char *text, struct run_place at);
/* source is made plain; type by what it looks like when there is none. */
void run_add_mount(struct run_list *l, struct run_facts *f, const struct run_mount *m);
/* "/a//b/./c/.." is "/a/b"; what begins otherwise stays. */
const char *run_plain_path(struct run_list *l, const char *path);
/* What `--use-api-socket` mounts. */
void run_add_api_socket(struct run_list *l, struct run_facts *f, struct run_place at);
/* "type=bind,source=/a,target=/b,readonly". */
void run_add_mount_words(struct run_list *l, struct run_facts *f, const char *text,
                         struct run_place at);
/* "127.0.0.1:8080-8081:80-81/udp", "[::1]:80:80", "80". -EINVAL: no such port. */
MUST_CHECK int run_add_port(struct run_list *l, struct run_facts *f, const char *text,
                            struct run_place at, struct error *err);
/* "no-new-privileges", "seccomp=unconfined", "label:disable", ... */
void run_add_security(struct run_list *l, struct run_facts *f, const char *text,
                      struct run_place at);
/* "on-failure:5". */
void run_set_restart(struct run_list *l, struct run_facts *f, const char *text,
                     struct run_place at);
/* It is one value more of the list: false when there are too many. */
bool run_list_count(struct run_list *l);

/* ---- one reader a kind of document ---- */

MUST_CHECK int runconfig_inspect(struct reader *r, struct part top);
MUST_CHECK int runconfig_compose(struct reader *r, struct part top);
MUST_CHECK int runconfig_kubernetes(struct reader *r, struct part top);
MUST_CHECK int runconfig_oci(struct reader *r, struct part top);
