#include "layer/names.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/vec.h"

void names_done(struct names *n)
{
    free(n->texts);
    n->texts = NULL;
    vec_done(n);
}

static int by_bytes(const void *a, const void *b)
{
    const struct name *x = a, *y = b;

    return strcmp(x->text, y->text);
}

static void add(struct names *n, struct str *texts, const struct dirent64 *d)
{
    const char *text = d->d_name;

    if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return;
    str_add(texts, view_make(text, strlen(text) + 1));
    vec_push(n, (struct name){NULL, d->d_type});
}

static int read_all(int fd, struct names *n, struct str *texts, struct error *err)
{
    _Alignas(struct dirent64) char buf[32768];
    ssize_t got;

    while ((got = getdents64(fd, buf, sizeof(buf))) > 0) {
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *d = (const struct dirent64 *)(const void *)(buf + at);

            add(n, texts, d);
            at += d->d_reclen;
        }
    }
    return got < 0 ? error_sys(err, "read a directory") : 0;
}

int names_read(int fd, struct names *ret, struct error *err)
{
    struct names n = {0};
    STR_AUTO(texts); /* moves while it grows: names point into it when it is complete */
    const int r = read_all(fd, &n, &texts, err);

    if (r < 0) {
        names_done(&n);
        return r;
    }
    n.texts = str_take(&texts);
    const char *at = n.texts;
    vec_each (name, &n) {
        name->text = at;
        at += strlen(at) + 1;
    }
    if (n.size > 1)
        qsort(n.at, n.size, sizeof(*n.at), by_bytes);
    names_done(ret);
    *ret = n;
    return 0;
}
