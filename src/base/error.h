/* base/error.h - what failed, where, and how to mend it; one idiom for the whole program.
 *
 * A function that can fail returns int: 0 or a count on success, a negative errno on failure, and
 * takes a caller-owned `struct error *err` last. err may be NULL where the code alone is wanted.
 * The code is for callers to branch on (-ENOENT absent, -EINVAL malformed, -EPROTO a peer broke its
 * protocol, -EDQUOT a named limit was passed), the texts are for people. */
#pragma once

#include <stdarg.h>

struct error {
    int code;      /* negative errno, 0 while nothing failed */
    char *text;    /* "open layer sha256:...: No such file or directory" */
    char *where;   /* "Dockerfile:12:5", or NULL */
    char *excerpt; /* the source line and a caret, each line ended, or NULL */
    char *hint;    /* how to mend it, or NULL */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Begins a failure and returns code. err must be clean: setting it twice asserts, the first was
 * lost. */
int error_set(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same from errno, ": <strerror>" appended; returns -errno. */
int error_sys(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Prepends context, "what we were doing: "; returns code. */
int error_wrap(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Sets where / hint unless they are set: the innermost, most exact one wins. Both return code. */
int error_at(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int error_hint(struct error *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Sets the excerpt (source line, caret) unless it is set; returns code. */
int error_excerpt(struct error *err, int code, const char *lines);

/* Frees the texts; err is clean afterwards. NULL is fine. */
void error_done(struct error *err);

/* Moves from into to (which must be clean or NULL); returns from's code. */
int error_move(struct error *to, struct error *from);

/* On the stack, freed at the end of the block. */
#define ERROR_AUTO(name) __attribute__((cleanup(error_done))) struct error name = {0}

/* The analyser reads one file at a time. That these return what they were given, something
 * negative, tells it which branch a failure takes; without it, it doubts every output. */
#if defined(__clang_analyzer__) && !defined(ERROR_IMPLEMENTATION)
#define ERROR_RETURNS(call, value) ((void)(call), (value))
#define error_set(err, code, ...) ERROR_RETURNS(error_set(err, code, __VA_ARGS__), code)
#define error_sys(err, ...) ERROR_RETURNS(error_sys(err, __VA_ARGS__), -1)
#define error_wrap(err, code, ...) ERROR_RETURNS(error_wrap(err, code, __VA_ARGS__), code)
#define error_at(err, code, ...) ERROR_RETURNS(error_at(err, code, __VA_ARGS__), code)
#define error_hint(err, code, ...) ERROR_RETURNS(error_hint(err, code, __VA_ARGS__), code)
#define error_excerpt(err, code, lines) ERROR_RETURNS(error_excerpt(err, code, lines), code)
#endif
