#include "audit/jobs.h"

#include <errno.h>
#include <unistd.h>

#include "audit/picks.h"
#include "base/fd.h"
#include "image/image.h"

static int read_request(const json_t *request, struct digests *trees, struct strings *programs,
                        struct error *err)
{
    json_t *list = NULL, *names = NULL, *item;
    struct digest d;
    size_t i;
    int r = doc_need_array(request, "trees", &list, err);

    if (r == 0)
        r = doc_need_array(request, "programs", &names, err);
    json_array_foreach(list, i, item)
    {
        if (r == 0)
            r = digest_parse_hex(json_is_string(item) ? json_string_value(item) : "", &d, err);
        if (r == 0)
            vec_push(trees, d);
    }
    json_array_foreach(names, i, item)
    {
        if (r == 0 && json_is_string(item))
            strings_add(programs, json_string_value(item));
    }
    return r;
}

/* A file that is not as its index says is some other command's finding (`du --verify`): here it is passed over. */
static void pick_file(struct picks *p, int fs, uint32_t layer, const struct entry *e, char *buf)
{
    const size_t want = picks_want(p, view_of(e->path), e->mode, e->size);
    size_t have = 0;

    if (want == 0)
        return;
    cleanup_close int fd =
        fd_open_beneath(fs, e->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, NULL);
    while (fd >= 0 && have < want) {
        const ssize_t n = read(fd, buf + have, want - have);
        if (n <= 0)
            break;
        have += (size_t)n;
    }
    picks_take(p, layer, view_of(e->path), e->mode, e->size, view_make(buf, have));
}

static int job_picks(const struct job_context *ctx, const json_t *request, const int *fds,
                     size_t fd_count, json_t **ret, struct error *err)
{
    CLEANUP(picks_done) struct picks picks = {0};
    CLEANUP(store_closep) struct store *store = NULL;
    cleanup_free char *buf = xmalloc(PICK_PACKAGES_MAX);
    struct digests trees = {0};
    IMAGE_VIEW_AUTO(view);
    int r = read_request(request, &trees, &picks.programs, err);

    (void)fds, (void)fd_count;
    if (r == 0)
        r = store_attach(ctx->store_fd, &store, err);
    if (r == 0)
        r = image_view_open(store, trees.at, trees.size, true, &view, err);
    for (size_t n = 0; r == 0 && n < view.count; n++) {
        const struct index *ix = view.indexes[n];
        for (size_t i = 0; i < index_count(ix); i++)
            if (index_at(ix, i)->type == ENTRY_FILE)
                pick_file(&picks, view.fs[n], (uint32_t)(view.count - 1 - n), index_at(ix, i), buf);
    }
    vec_done(&trees);
    if (r == 0)
        *ret = picks_print(&picks);
    return r;
}

const struct job_row audit_jobs[] = {
    {AUDIT_PICKS_JOB, job_picks},
};
const size_t audit_job_count = ARRAY_SIZE(audit_jobs);
