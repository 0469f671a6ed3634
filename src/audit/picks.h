/* audit/picks.h - the few files of an image whose bytes an audit looks at: accounts, the program that starts, and
 * whatever is short enough to be a key. Most are looked at and forgotten. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "base/vec.h"

#define PICK_KEY_MAX 65536           /* a bundle of keys is shorter; what is longer is no key */
#define PICK_KEY_MIN 100             /* the shortest key, of an elliptic curve, has 119 bytes */
#define PICK_TEXT_MAX (1u << 20)     /* /etc/passwd of a directory with 10,000 accounts */
#define PICK_PACKAGES_MAX (8u << 20) /* apk's database: 1.5 MiB for 500 packages */
#define PICK_PROGRAM_MAX 65536       /* an entry script; of a binary its headers */
#define PICK_COUNT_MAX 4096
#define PICK_BYTES_MAX (24u << 20) /* of all that are kept */

struct pick {
    uint32_t layer;   /* from the bottom */
    char *path;       /* without its leading '/' */
    const char *key;  /* its kind, and nothing is kept; or NULL */
    struct str bytes; /* the beginning, PICK_*_MAX at most */
    bool whole;       /* all of it */
};

struct picks {
    struct pick *at;
    size_t size, cap;
    struct strings programs; /* names of what may start, "node" */
    uint64_t bytes;          /* kept */
    bool full;               /* one of the limits was met: something was left out */
};
void picks_done(struct picks *p);
/* What ENTRYPOINT and CMD call: the last parts of their first words. */
void picks_name_programs(struct picks *p, const struct strings *command);

/* How much of a file is wanted, 0: nothing. path without its leading '/'. */
size_t picks_want(const struct picks *p, struct view path, uint32_t mode, uint64_t size);
/* So much of it, from its beginning; size is the file's. */
void picks_take(struct picks *p, uint32_t layer, struct view path, uint32_t mode, uint64_t size,
                struct view bytes);

/* Between processes. */
json_t *picks_print(const struct picks *p);
MUST_CHECK int picks_parse(const json_t *doc, struct picks *ret, struct error *err);
