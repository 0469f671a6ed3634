/* base/doc.h - JSON documents: jansson, strict, with limits and errors that name the place.
 *
 * Duplicate keys, trailing bytes, NULs and integers beyond 64 bits are refused. Objects keep the
 * order of their keys. json_t pointers that the getters return are borrowed from their document. */
#pragma once

#include <jansson.h>

#include "base/str.h"

void doc_unref(json_t *doc); /* NULL is fine */
DEFINE_CLEANUP(json_t *, doc_unref)
#define cleanup_doc CLEANUP(doc_unrefp)

/* Parses all of text; what names it in messages ("manifest"). More than limit bytes is -EDQUOT. */
MUST_CHECK int doc_parse(struct view text, size_t limit, const char *what, json_t **ret,
                         struct error *err);
/* Appends the text. compact: no blanks; else two blanks a level. Key order is kept; slashes are not
 * escaped. */
void doc_print(const json_t *doc, bool compact, struct str *ret);
/* The same with keys sorted: for digests of our own documents. */
void doc_print_sorted(const json_t *doc, struct str *ret);

/* Getters: a wrong type is -EINVAL naming the key; an absent or null key is -ENOENT in the _need_
 * forms and leaves *ret as it was (0 returned) in the others. */
MUST_CHECK int doc_need_text(const json_t *obj, const char *key, const char **ret,
                             struct error *err);
MUST_CHECK int doc_text(const json_t *obj, const char *key, const char **ret, struct error *err);
MUST_CHECK int doc_need_int(const json_t *obj, const char *key, int64_t *ret, struct error *err);
MUST_CHECK int doc_int(const json_t *obj, const char *key, int64_t *ret, struct error *err);
/* Protobuf's JSON writes 64 bits as text, and leaves a 0 out: "7", 7 or absent. */
MUST_CHECK int doc_int64(const json_t *obj, const char *key, int64_t *ret, struct error *err);
MUST_CHECK int doc_bool(const json_t *obj, const char *key, bool *ret, struct error *err);
MUST_CHECK int doc_object(const json_t *obj, const char *key, json_t **ret, struct error *err);
MUST_CHECK int doc_array(const json_t *obj, const char *key, json_t **ret, struct error *err);
MUST_CHECK int doc_need_object(const json_t *obj, const char *key, json_t **ret, struct error *err);
MUST_CHECK int doc_need_array(const json_t *obj, const char *key, json_t **ret, struct error *err);

/* Setters for building; text must be UTF-8, else U+FFFD replaces the bytes that are not. NULL: key
 * left out. */
json_t *doc_new_text(const char *text);
void doc_set_text(json_t *obj, const char *key, const char *text);
void doc_set_int(json_t *obj, const char *key, int64_t value);
void doc_set_bool(json_t *obj, const char *key, bool value);
void doc_set(json_t *obj, const char *key, json_t *take_value);
void doc_push(json_t *array, json_t *take_value);
