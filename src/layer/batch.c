#include "layer/batch.h"

#include <string.h>
#include <unistd.h>

#include "layer/meta.h"

struct dir_ref *dir_ref_new(int take_source)
{
    struct dir_ref *d = xmalloc(sizeof(*d));

    d->source = take_source;
    d->target = -1;
    d->node = NULL;
    atomic_init(&d->users, 1);
    return d;
}

struct dir_ref *dir_ref_use(struct dir_ref *d)
{
    atomic_fetch_add(&d->users, 1);
    return d;
}

void dir_ref_drop(struct dir_ref *d)
{
    if (!d || atomic_fetch_sub(&d->users, 1) > 1)
        return;
    if (d->node && d->target >= 0 && meta_set_time(-1, ".", d->target, &d->node->e, NULL) == 0)
        d->node->timed = d->action;
    if (d->source >= 0)
        (void)close(d->source);
    if (d->target >= 0)
        (void)close(d->target);
    free(d);
}

struct batch *batch_new(struct dir_ref *dir)
{
    struct batch *b = xmalloc(sizeof(*b));

    b->dir = dir_ref_use(dir);
    b->size = 0;
    b->bytes = 0;
    return b;
}

void batch_free(struct batch *b)
{
    if (b)
        dir_ref_drop(b->dir);
    free(b);
}

bool batch_add(struct batch *b, struct node *n)
{
    b->nodes[b->size++] = n;
    b->bytes += (uint64_t)n->st.st_size;
    return b->size == BATCH_NODES || b->bytes >= BATCH_BYTES;
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}
