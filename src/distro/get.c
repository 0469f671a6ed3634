/* From URLs to blobs of the store. */
#include <errno.h>

#include "base/progress.h"
#include "distro/internal.h"

#define BATCH 200 /* descriptors at once: a process has 1024 */

void wanteds_done(struct wanteds *w)
{
    vec_each (k, w) {
        free(k->url);
        free(k->fallback);
        free(k->name);
    }
    vec_done(w);
}

struct getting {
    struct work *w;
    const struct wanted **missing;
    size_t count;
    struct fetch fetches[BATCH];
    struct store_blob_writer *writers[BATCH];
    size_t batch;  /* in this round */
    uint64_t done; /* bytes of earlier rounds */
};

static void on_progress(void *ctx, uint64_t bytes)
{
    const struct getting *g = ctx;

    progress_update(g->w->step, g->done + bytes, g->w->step_total, "MB");
}

static int begin_batch(struct getting *g, const struct wanted *const *from, size_t count,
                       bool fallback, struct error *err)
{
    for (g->batch = 0; g->batch < count; g->batch++) {
        struct fetch *f = &g->fetches[g->batch];
        const struct wanted *k = from[g->batch];
        int r;

        g->writers[g->batch] = NULL;
        *f = (struct fetch){.url = fallback && k->fallback ? k->fallback : k->url,
                            .size_max = k->size};
        r = store_blob_begin(g->w->tools->store, &g->writers[g->batch], err);
        if (r < 0)
            return r;
        f->fd = store_blob_writer_fd(g->writers[g->batch]);
        work_route(g->w, f);
    }
    return 0;
}

static void end_batch(struct getting *g)
{
    for (size_t i = 0; i < g->batch; i++) {
        store_blob_abort(g->writers[i]);
        fetch_done(&g->fetches[i]);
    }
    g->batch = 0;
}

static int failed(const struct wanted *k, const struct fetch *f, struct error *err)
{
    cleanup_free char *url = url_public(f->url);

    error_set(err, f->code, "%s: fetch %s: %s", k->name, url,
              f->complaint ? f->complaint : strerror(-f->code));
    if (f->code == -ENOENT)
        return error_hint(err, f->code,
                          "the mirror no longer has it: a snapshot given with --mirror "
                          "may, or choose anew without the lock");
    return f->code;
}

/* What the mirror sent is held against the digest that the signed index (or the lock) gave. */
static int commit_one(struct getting *g, const struct wanted *k, size_t i, struct error *err)
{
    struct store_blob_writer *writer = g->writers[i];
    ERROR_AUTO(why);

    g->writers[i] = NULL;
    g->done += g->fetches[i].size;
    const int r =
        store_blob_commit(g->w->tools->store, writer, &k->digest, k->size, NULL, NULL, &why);
    if (r != -EPROTO)
        return r < 0 ? error_move(err, &why) : 0;
    cleanup_free char *url = url_public(g->fetches[i].url);
    char hex[DIGEST_HEX_MAX];
    error_set(err, -EPROTO, "%s: %s is not the file with SHA256 %s and %llu bytes", k->name, url,
              digest_hex(&k->digest, hex), (unsigned long long)k->size);
    return error_hint(err, -EPROTO, "a proxy or the mirror altered it, or it is being updated");
}

/* One round; those that are absent and have a fallback are left in `again`. */
static int round_of(struct getting *g, const struct wanted *const *from, size_t count,
                    bool fallback, const struct wanted **again, size_t *ret_again,
                    struct error *err)
{
    int r = begin_batch(g, from, count, fallback, err);

    if (r >= 0)
        r = fetch_all(g->fetches, count, on_progress, g, err);
    for (size_t i = 0; r >= 0 && i < count; i++) {
        if (g->fetches[i].code == -ENOENT && !fallback && from[i]->fallback)
            again[(*ret_again)++] = from[i];
        else
            r = g->fetches[i].code < 0 ? failed(from[i], &g->fetches[i], err)
                                       : commit_one(g, from[i], i, err);
    }
    end_batch(g);
    return r;
}

static int get_all(struct getting *g, struct error *err)
{
    const struct wanted *again[BATCH];
    int r = 0;

    for (size_t i = 0; r >= 0 && i < g->count; i += BATCH) {
        size_t left = 0, none = 0;

        r = round_of(g, g->missing + i, MIN(g->count - i, BATCH), false, again, &left, err);
        if (r >= 0 && left > 0)
            r = round_of(g, again, left, true, again, &none, err);
    }
    return r;
}

static void begin_step(struct getting *g, const char *title)
{
    struct work *w = g->w;

    w->step_total = 0;
    for (size_t i = 0; i < g->count; i++)
        w->step_total += g->missing[i]->size;
    w->step = progress_begin(w->tools->env->progress, title);
    progress_update(w->step, 0, w->step_total, "MB");
}

int work_get(struct work *w, const struct wanteds *wanted, const char *title, struct error *err)
{
    struct getting *g = xcalloc(1, sizeof(*g));
    int r = 0;

    g->w = w;
    g->missing = xcalloc(wanted->size + 1, sizeof(const struct wanted *));
    vec_each (k, wanted) {
        if (store_blob_hold(w->tools->store, &k->digest, NULL) < 0)
            g->missing[g->count++] = k;
    }
    if (g->count > 0) {
        begin_step(g, title);
        r = get_all(g, err);
        progress_finish(w->step, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
        w->step = NULL;
    }
    free(g->missing);
    free(g);
    return r;
}
