/* build/key.h - cache keys: a SHA-256 over named parts, which are kept (shortened) to say why a
 * step missed.
 *
 * A part is a name ("command", "env PATH", "input", "source src/main.c") and the digest of its
 * value. The order of the parts counts; names and lengths are hashed too, so fields cannot run
 * together. Of values the beginning of texts is kept, to be shown: they are the Dockerfile's and the build arguments',
 * which are in the image's history too. Bytes of files and secrets never are. */
#pragma once

#include "base/vec.h"
#include "oci/digest.h"

/* Part of every key; another number is a new cache. */
#define KEY_VERSION 1
/* bytes kept of a part's digest: chance agreement only spoils an explanation */
#define KEY_MARK_SIZE 6

#define KEY_SHOWN_MAX 60 /* bytes of a text */

struct key_part {
    char *name;
    char *shown; /* or NULL */
    uint8_t mark[KEY_MARK_SIZE];
};

struct key {
    VEC(struct key_part) parts;
    struct digest digest; /* after key_end() */
    uint8_t state[32];    /* running digest over the parts */
};
#define KEY_AUTO(var) CLEANUP(key_done) struct key var = {0}

/* what: "definition exec", "content file": the first part. */
void key_begin(struct key *k, const char *what);
void key_done(struct key *k);
void key_add(struct key *k, const char *name, struct view value);
/* These are shown. */
void key_add_text(struct key *k, const char *name, const char *text); /* NULL is "" */
void key_add_u64(struct key *k, const char *name, uint64_t value);
void key_add_digest(struct key *k, const char *name, const struct digest *d);
void key_add_texts(struct key *k, const char *name, const char *const *texts, size_t count);
/* "NAME=value" texts, each a part "<what> NAME". */
void key_add_pairs(struct key *k, const char *what, const char *const *texts, size_t count);
const struct digest *key_end(struct key *k);

/* The parts as text, a line each: hexadecimal mark, blank, name, and behind a tab what is shown of the value. */
void key_print_parts(const struct key *k, struct str *ret);
/* Why now is not the key that before (printed parts) was: `env PATH changed "/bin" -> "/sbin"`, "input is new",
 * "env X is gone". False when they do not differ. */
bool key_difference(const struct key *now, struct view before, struct str *ret);
