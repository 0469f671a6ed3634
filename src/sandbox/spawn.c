#include "sandbox/spawn.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

/* ---- the box ---- */

static int overlay_maps_ids(void) /* Linux 5.19 */
{
    struct utsname u;
    unsigned major = 0, minor = 0;

    return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 19));
}

static int make_box(struct launch *l, bool private_ids, struct spawn_result *result,
                    struct error *err)
{
    ERROR_AUTO(why);
    int r = box_make(l->ctx, l->plan, private_ids, &l->box, &why);

    if (r == 0 || l->plan->network != SPAWN_NETWORK_PRIVATE || l->plan->network_required ||
        (r != -ENETUNREACH && r != -ENOENT))
        return r == 0 ? 0 : error_move(err, &why);
    struct spawn_plan with_host = *l->plan;
    with_host.network = l->network = SPAWN_NETWORK_HOST;
    strings_take(&result->notes, xasprintf("no private network, using the host's: %s", why.text));
    return box_make(l->ctx, &with_host, private_ids, &l->box, err);
}

/* Where a box of this kind is kept between containers, or NULL. */
static struct box *box_slot(const struct launch *l)
{
    return l->network == SPAWN_NETWORK_HOST || l->plan->ports.size > 0 || !l->ctx->boxes
               ? NULL
               : &l->ctx->boxes[l->network];
}

static void keep_box(struct launch *l)
{
    struct box *slot = box_slot(l);

    if (slot && slot->life_fd < 0 && box_is_clean(&l->box)) {
        *slot = l->box;
        l->box = BOX_INIT;
    }
}

static void launch_done(struct launch *l)
{
    for (size_t i = 0; i < l->attach_count; i++)
        (void)close(l->attach[i]);
    for (size_t i = 0; l->sources && i < l->plan->mount_count; i++)
        if (l->sources[i] >= 0)
            (void)close(l->sources[i]);
    const int rest[] = {l->root_mount, l->old_proc, l->old_sys, l->sync, l->pidfd};
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
        if (rest[i] >= 0)
            (void)close(rest[i]);
    free(l->lowers);
    free(l->sources);
    box_done(&l->box);
}

static void launch_init(struct launch *l, const struct job_context *ctx, const struct spawn_plan *p)
{
    *l = (struct launch){.ctx = ctx,
                         .plan = p,
                         .network = p->network,
                         .box = BOX_INIT,
                         .root_mount = -1,
                         .upper = -1,
                         .work = -1,
                         .old_proc = -1,
                         .old_sys = -1,
                         .sync = -1,
                         .pid = -1,
                         .pidfd = -1,
                         .root_fd = -1,
                         .scratch_fd = -1};
}

static int prepare(struct launch *l, bool private_ids, struct spawn_result *result,
                   struct error *err)
{
    int r;

    struct box *slot = box_slot(l);
    if (slot && slot->life_fd >= 0) {
        l->box = *slot;
        *slot = BOX_INIT;
    } else if ((r = make_box(l, private_ids, result, err)) < 0) {
        return r;
    }
    if ((r = detach_root(l, err)) < 0)
        return r;
    l->old_proc = detach_mount(AT_FDCWD, "/proc", AT_RECURSIVE, NULL);
    l->old_sys = detach_mount(AT_FDCWD, "/sys", AT_RECURSIVE, NULL);
    return detach_sources(l, err);
}

/* ---- the start ---- */

/* Programs open /dev/stdout again; a pipe is its maker's alone, and only its holders can name
 * it. */
static void open_up_pipes(const struct spawn_plan *p)
{
    for (int i = 0; i < 3; i++) {
        struct stat st;

        if (p->stdio_fds[i] >= 0 && fstat(p->stdio_fds[i], &st) == 0 && S_ISFIFO(st.st_mode))
            (void)fchmod(p->stdio_fds[i], 0666);
    }
}

static int run_once(const struct job_context *ctx, const struct spawn_plan *p, bool private_ids,
                    struct spawn_result *result, struct error *err)
{
    struct launch l;

    launch_init(&l, ctx, p);
    int r = prepare(&l, private_ids, result, err);
    if (r == 0) {
        open_up_pipes(p);
        r = watch_child(&l, result, err);
    }
    if (r == 0)
        keep_box(&l);
    launch_done(&l);
    return r;
}

int spawn_run(const struct job_context *ctx, const struct spawn_plan *p, struct spawn_result *ret,
              struct error *err)
{
    struct spawn_result result = {0};
    const bool private_ids = ctx->ids.kind == IDENTITY_ROOT && overlay_maps_ids();
    int r = run_once(ctx, p, private_ids, &result, err);

    if (r == -EXDEV && private_ids && (!err || err->code == 0)) {
        strings_add(&result.notes, "this file system cannot map ids: root of the container has the "
                                   "id of root outside, in a user namespace of its own");
        r = run_once(ctx, p, false, &result, err);
    }
    if (r < 0)
        spawn_result_done(&result);
    else
        *ret = result;
    return r;
}
