#include "image/tools.h"

#include <inttypes.h>

#include "image/keep.h"

int image_tools_open_store(const struct env *env, struct image_tools *ret, struct error *err)
{
    IMAGE_TOOLS_AUTO(t);
    int r = store_open(env, &t.store, err);

    t.env = env;
    if (r == 0)
        r = image_prove_store(&t, err);
    if (r < 0)
        return r;
    *ret = t;
    t = (struct image_tools){0};
    return 0;
}

int image_tools_open(const struct env *env, struct image_tools *ret, struct error *err)
{
    IMAGE_TOOLS_AUTO(t);
    int r = image_tools_open_store(env, &t, err);

    if (r == 0)
        r = cache_open(env, t.store, &t.cache, err);
    if (r < 0)
        return r;
    *ret = t;
    t = (struct image_tools){0};
    return 0;
}

void image_tools_done(struct image_tools *t)
{
    wire_free(t->wire);
    job_cancel(t->sync);
    holder_stop(t->holder);
    cache_close(t->cache);
    store_close(t->store);
    *t = (struct image_tools){0};
}

struct wire *image_wire(struct image_tools *t)
{
    if (!t->wire)
        t->wire = wire_new(t->env, t->access, t->write ? t->write : t->access);
    wire_keep_uploads(t->wire, t->store);
    return t->wire;
}

/* "subids 0:1000:1 1:100000:65536", users first, then groups behind '/'. */
static void identity_text(const struct identity_map *m, struct str *ret)
{
    str_add_text(ret, identity_name(m->kind));
    if (m->kind != IDENTITY_SUBIDS)
        return;
    for (size_t i = 0; i < m->uid_count; i++)
        str_printf(ret, " %" PRIu32 ":%" PRIu32 ":%" PRIu32, m->uids[i].inside, m->uids[i].outside,
                   m->uids[i].count);
    str_add_text(ret, " /");
    for (size_t i = 0; i < m->gid_count; i++)
        str_printf(ret, " %" PRIu32 ":%" PRIu32 ":%" PRIu32, m->gids[i].inside, m->gids[i].outside,
                   m->gids[i].count);
}

static int start_holder(struct image_tools *t, struct error *err)
{
    STR_AUTO(text);
    int r = t->holder ? 0 : identity_detect(&t->ids, err);

    if (r < 0 || t->holder)
        return r;
    identity_text(&t->ids, &text);
    r = store_set_identity(t->store, text.at, err);
    return r < 0 ? r : holder_start(t->env, store_fd(t->store), &t->ids, &t->holder, err);
}

int image_holder(struct image_tools *t, struct holder **ret, struct error *err)
{
    const int r = start_holder(t, err);

    if (r < 0)
        return r;
    image_sync_beside(t);
    *ret = t->holder;
    return 0;
}

void image_holder_ahead(struct image_tools *t)
{
    ERROR_AUTO(ignored);

    (void)!start_holder(t, &ignored);
}
