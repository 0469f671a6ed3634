#define ERROR_IMPLEMENTATION
#include "base/error.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static PRINTF_LIKE(1, 0) char *format(const char *fmt, va_list ap)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    return text;
}

int error_set(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;

    assert(code < 0);
    if (!err)
        return code;
    assert(!err->text); /* the first failure would be lost */
    va_start(ap, fmt);
    err->text = format(fmt, ap);
    va_end(ap);
    err->code = code;
    return code;
}

int error_sys(struct error *err, const char *fmt, ...)
{
    const int saved = errno ? errno : EIO;
    va_list ap;

    if (!err)
        return -saved;
    assert(!err->text);
    va_start(ap, fmt);
    cleanup_free char *what = format(fmt, ap);
    va_end(ap);
    err->text = xasprintf("%s: %s", what, strerror(saved));
    err->code = -saved;
    return -saved;
}

int error_wrap(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;

    assert(code < 0);
    if (!err)
        return code;
    va_start(ap, fmt);
    cleanup_free char *context = format(fmt, ap);
    va_end(ap);
    cleanup_free char *inner = err->text;
    err->text =
        inner ? xasprintf("%s: %s", context, inner) : xasprintf("%s: %s", context, strerror(-code));
    err->code = code;
    return code;
}

int error_at(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->where)
        return code;
    va_start(ap, fmt);
    err->where = format(fmt, ap);
    va_end(ap);
    return code;
}

int error_hint(struct error *err, int code, const char *fmt, ...)
{
    va_list ap;

    if (!err || err->hint)
        return code;
    va_start(ap, fmt);
    err->hint = format(fmt, ap);
    va_end(ap);
    return code;
}

int error_excerpt(struct error *err, int code, const char *lines)
{
    if (err && !err->excerpt)
        err->excerpt = xstrdup(lines);
    return code;
}

void error_done(struct error *err)
{
    const int saved = errno;

    if (!err)
        return;
    free(err->text);
    free(err->where);
    free(err->excerpt);
    free(err->hint);
    *err = (struct error){0};
    errno = saved;
}

int error_move(struct error *to, struct error *from)
{
    const int code = from->code;

    if (to) {
        assert(!to->text);
        *to = *from;
        *from = (struct error){0};
    } else {
        error_done(from);
    }
    return code;
}
