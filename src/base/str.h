/* base/str.h - views of bytes that somebody else owns, and strings that grow. */
#pragma once

#include <stdarg.h>
#include <string.h>

#include "base/mem.h"

/* A slice of input; not NUL-terminated, may hold NULs. A plain value. */
struct view {
    const char *at;
    size_t size;
};

#define VIEW(literal) ((struct view){literal, sizeof(literal) - 1})
#define VIEW_ARG(v) (int)(v).size, (v).at /* for "%.*s" */

static inline struct view view_of(const char *text)
{
    return (struct view){text, text ? strlen(text) : 0};
}
static inline struct view view_make(const void *at, size_t size)
{
    return (struct view){at, size};
}
bool view_eq(struct view a, struct view b);
bool view_eq_text(struct view a, const char *text);
bool view_eq_nocase(struct view a, const char *text); /* ASCII */
bool view_starts(struct view v, const char *prefix);
bool view_ends(struct view v, const char *suffix);
int view_cmp(struct view a, struct view b); /* bytewise, then by length */
struct view view_trim(struct view v);       /* blanks and tabs, CR and LF at both ends */
/* Cuts the part before the first `separator` off *rest; false when *rest was used up (rest->at ==
 * NULL). */
bool view_cut(struct view *rest, char separator, struct view *ret);
/* Decimal, all of v, no sign, no blanks. */
MUST_CHECK bool view_to_u64(struct view v, uint64_t *ret);
char *view_dup(struct view v);

/* A growing string. Invariants: at is never NULL and at[size] == '\0' always, so at is a C string.
 */
struct str {
    char *at;
    size_t size, cap;
};
extern char str_empty[1];
#define STR_INIT ((struct str){str_empty, 0, 0})
#define STR_AUTO(name) CLEANUP(str_done) struct str name = STR_INIT

void str_done(struct str *s);
void str_clear(struct str *s);
void str_reserve(struct str *s, size_t more);
void str_add(struct str *s, struct view v);
void str_add_text(struct str *s, const char *text);
void str_add_char(struct str *s, char c);
void str_printf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_vprintf(struct str *s, const char *fmt, va_list ap);
/* RFC 4648, section 4, with padding. */
void str_add_base64(struct str *s, struct view bytes);
/* The bytes of such text, in its one canonical form: padded, no blanks, no stray bits. False: *s is as it was. */
MUST_CHECK bool str_add_unbase64(struct str *s, struct view text);
/* The same in the letters of URLs and without padding (section 5, as JOSE has it). */
MUST_CHECK bool str_add_unbase64url(struct str *s, struct view text);
void str_truncate(struct str *s, size_t size);
/* The text, now the caller's to free; s is empty afterwards. Never NULL. */
char *str_take(struct str *s);
static inline struct view str_view(const struct str *s)
{
    return (struct view){s->at, s->size};
}
