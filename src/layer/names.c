#include "layer/names.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"

void names_done(struct names *n)
{
    arena_free(n->arena);
    n->arena = NULL;
    vec_done(n);
}

static int by_bytes(const void *a, const void *b)
{
    const struct name *x = a, *y = b;

    return strcmp(x->text, y->text);
}

static void add(struct names *n, const struct dirent64 *d)
{
    const char *text = d->d_name;

    if (strcmp(text, ".") != 0 && strcmp(text, "..") != 0)
        vec_push(n, (struct name){arena_strdup(n->arena, text), d->d_type});
}

int names_read(int fd, struct names *ret, struct error *err)
{
    struct names n = {.arena = arena_new()};
    _Alignas(struct dirent64) char buf[32768];
    ssize_t got;

    while ((got = getdents64(fd, buf, sizeof(buf))) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *d = (const struct dirent64 *)(const void *)(buf + at);

            add(&n, d);
            at += d->d_reclen;
        }
    }
    if (got < 0) {
        const int r = error_sys(err, "read a directory");

        names_done(&n);
        return r;
    }
    if (n.size > 1)
        qsort(n.at, n.size, sizeof(*n.at), by_bytes);
    names_done(ret);
    *ret = n;
    return 0;
}
