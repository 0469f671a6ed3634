/* audit/internal.h - between the readers of run configurations. */
#pragma once

#include <jansson.h>

#include "audit/runconfig.h"
#include "lint/yaml.h"

#define RUNCONFIG_VALUES_MAX 500000 /* that are looked at in one file; aliases, extends included */

/* The documents of all files, JSON or YAML. */
struct reader {
    struct run_list *list;
    struct yaml_stream *yaml;
    bool variables;    /* "${NAME:-value}" is replaced, as compose does it */
    struct map env;    /* what .env says of variables: texts */
    struct map loaded; /* path below the project's directory -> struct run_file */
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
/* Of a list: its texts, and capabilities as run_add_caps() takes them. */
void part_texts(struct reader *r, struct part list, struct run_texts *ret);
void part_caps(struct reader *r, struct part list, struct run_texts *ret);
/* Where the value stands, below what stands at parent. */
struct run_place part_place(const struct reader *r, json_t *value, struct run_place parent);
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
/* A file more; dir is borrowed. */
struct run_file *run_file_add(struct run_list *l, const char *name, const char *dir,
                              struct view text);
/* The variables of a file that docker run is given; of what is in seen already nothing is added. */
MUST_CHECK int run_env_file(struct run_list *l, const char *path, struct run_facts *f,
                            struct map *seen, struct error *err);
/* It is one value more of the list: false when there are too many. */
bool run_list_count(struct run_list *l);

/* ---- files of a compose project ---- */

/* The place as err->where; returns code. */
int run_error_at(struct reader *r, struct run_place at, int code);
/* Reads all documents of a text into r->yaml. */
MUST_CHECK int run_read_documents(struct reader *r, struct view text, const char *name);
/* A file that was given. */
MUST_CHECK int project_take(struct reader *r, const char *name, struct view text);
/* A file that is named in another, whose directory is dir. *ret NULL: it is not read, and the list notes why. */
MUST_CHECK int project_load(struct reader *r, const char *dir, struct part name,
                            struct run_file **ret);
/* The same with a file of variables (env_file:); seen: names that are said elsewhere, and count. needed: its absence is noted. */
MUST_CHECK int project_env(struct reader *r, struct part name, bool needed, struct run_facts *f,
                           struct map *seen);
/* What .env in the project's directory says, if it is there. */
void project_variables(struct reader *r);
/* The directory, below the project's, in which names lead that stand at this place. */
const char *project_directory(struct reader *r, struct run_place at);
/* name as dir has it, below the project's directory: NULL: it is not. */
const char *project_path(struct reader *r, const char *dir, const char *name);

/* The files number first and so on, each written over those before it, with what they extend and include; the caller's. */
MUST_CHECK int compose_model(struct reader *r, size_t first, size_t count, json_t **ret);

/* ---- one reader a kind of document ---- */

MUST_CHECK int runconfig_inspect(struct reader *r, struct part top);
MUST_CHECK int runconfig_compose(struct reader *r, struct part top);
MUST_CHECK int runconfig_kubernetes(struct reader *r, struct part top);
MUST_CHECK int runconfig_swarm(struct reader *r, struct part top);
MUST_CHECK int runconfig_oci(struct reader *r, struct part top);
