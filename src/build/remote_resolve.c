/* Several remote sources before anything else runs: the URLs by one @net, repositories beside them. */
#include <errno.h>
#include <poll.h>

#include "build/remote_work.h"

#define AT_ONCE 8 /* sources that are asked for at the same time */

struct asking {
    struct image_tools *t;
    const struct secrets *secrets;
    bool whole;
    struct remote_work *works[AT_ONCE]; /* NULL: done */
    struct progress_step *shown[AT_ONCE];
    size_t count, left;
    struct fetch items[AT_ONCE]; /* of the URLs among them */
    size_t owner[AT_ONCE];       /* places of their works */
    size_t item_count;
    struct fetching *fetching;
    const struct remote *last; /* that something was done for */
};

static void end_one(struct asking *a, size_t i, enum progress_end how)
{
    progress_finish(a->shown[i], how, NULL);
    remote_end(a->works[i]);
    a->works[i] = NULL;
    a->left--;
}

/* What a step of it came to. */
static int take_result(struct asking *a, size_t i, int result)
{
    if (result < 0)
        end_one(a, i, PROGRESS_FAILED);
    else if (result > 0)
        end_one(a, i, a->works[i]->item.unchanged ? PROGRESS_CACHED : PROGRESS_DONE);
    return result < 0 ? result : 0;
}

static int begin_one(struct asking *a, struct remote *r, struct error *err)
{
    const size_t i = a->count;
    STR_AUTO(title);

    a->last = r;
    str_printf(&title, "%s %s", r->kind == REMOTE_GIT && !a->whole ? "look up" : "fetch", r->shown);
    a->shown[i] = progress_begin(a->t->env->progress, title.at);
    const int begun =
        remote_work_begin(a->t, a->secrets, r, a->whole, true, a->shown[i], &a->works[i], err);
    if (begun != 0) {
        progress_finish(a->shown[i], begun > 0 ? PROGRESS_CACHED : PROGRESS_FAILED, NULL);
        return begun < 0 ? begun : 0;
    }
    a->count++;
    a->left++;
    return 0;
}

static int begin_fetch(struct asking *a, struct error *err)
{
    for (size_t i = 0; i < a->count; i++) {
        const struct remote_work *w = a->works[i];
        if (w->phase != PHASE_FETCH || w->remote->kind != REMOTE_URL)
            continue;
        a->owner[a->item_count] = i;
        a->items[a->item_count++] = w->item;
    }
    return a->item_count ? fetch_begin(a->items, a->item_count, &a->fetching, err) : 0;
}

/* The bytes are those of all, so they are shown where there is one. */
static void show_bytes(void *ctx, uint64_t bytes)
{
    const struct asking *a = ctx;

    if (a->item_count == 1)
        progress_update(a->shown[a->owner[0]], bytes, 0, "MB");
}

static int step_fetch(struct asking *a, struct error *err)
{
    int r = fetch_step(a->fetching, show_bytes, a, err);

    if (r <= 0)
        return r;
    fetch_end(steal(a->fetching));
    for (size_t i = 0; i < a->item_count; i++) /* now theirs to free */
        a->works[a->owner[i]]->item = a->items[i];
    r = 0;
    for (size_t i = 0; i < a->item_count && r >= 0; i++) {
        struct remote_work *w = a->works[a->owner[i]];
        a->last = w->remote;
        r = take_result(a, a->owner[i], remote_work_fetched(w, err));
    }
    return r;
}

static int wait_for_any(const struct asking *a, struct pollfd fds[static AT_ONCE + 1],
                        struct error *err)
{
    int n;

    fds[a->count] = (struct pollfd){a->fetching ? fetch_fd(a->fetching) : -1, POLLIN, 0};
    for (size_t i = 0; i < a->count; i++)
        fds[i] = (struct pollfd){a->works[i] ? remote_fd(a->works[i]) : -1, POLLIN, 0};
    do {
        n = poll(fds, a->count + 1, progress_delay_ms(a->t->env->progress));
        progress_tick(a->t->env->progress);
    } while (n == 0 || (n < 0 && errno == EINTR));
    return n < 0 ? error_sys(err, "wait for remote sources") : 0;
}

static int step_all(struct asking *a, struct error *err)
{
    struct pollfd fds[AT_ONCE + 1];
    int r = wait_for_any(a, fds, err);

    for (size_t i = 0; i < a->count && r >= 0; i++) {
        if (!fds[i].revents)
            continue;
        a->last = a->works[i]->remote;
        r = take_result(a, i, remote_step(a->works[i], err));
    }
    return r >= 0 && fds[a->count].revents ? step_fetch(a, err) : r;
}

/* Whatever still goes on. */
static void end_all(struct asking *a)
{
    const size_t unanswered = a->fetching ? a->item_count : 0;

    fetch_end(a->fetching);
    for (size_t i = 0; i < unanswered; i++)
        fetch_done(&a->items[i]);
    for (size_t i = 0; i < a->count; i++)
        if (a->works[i])
            end_one(a, i, PROGRESS_CANCELED);
}

static int resolve_some(struct image_tools *t, const struct secrets *secrets,
                        struct remote *const *list, size_t count, bool whole,
                        const struct remote **ret_last, struct error *err)
{
    struct asking a = {.t = t, .secrets = secrets, .whole = whole};
    int r = 0;

    for (size_t i = 0; i < count && r >= 0; i++)
        if (whole || !remote_is_known(list[i]))
            r = begin_one(&a, list[i], err);
    if (r >= 0)
        r = begin_fetch(&a, err);
    while (r >= 0 && a.left > 0)
        r = step_all(&a, err);
    end_all(&a);
    *ret_last = a.last;
    return r;
}

int remote_resolve(struct image_tools *t, const struct secrets *secrets, struct remote *const *list,
                   size_t count, bool whole, const struct remote **ret_failed, struct error *err)
{
    const struct remote *last = NULL;
    int r = 0;

    for (size_t i = 0; i < count && r >= 0; i += AT_ONCE)
        r = resolve_some(t, secrets, list + i, MIN(count - i, (size_t)AT_ONCE), whole, &last, err);
    if (r < 0 && ret_failed)
        *ret_failed = last;
    return r < 0 ? r : 0;
}
