#include "build/mount_job.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "build/relay.h"

/* ---- what is kept until the end ---- */

static void remove_tmp(struct step_mounts *m)
{
    cleanup_free char *path = m->tmp_fd >= 0 ? fd_name(m->tmp_fd) : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;

    if (!slash)
        return;
    cleanup_close int dir = fd_open(m->tmp_fd, "..", O_RDONLY | O_DIRECTORY, 0, NULL);
    /* what stays is swept later */
    if (dir >= 0)
        (void)!fd_remove_tree(dir, slash + 1, NULL);
    fd_closep(&m->tmp_fd);
}

void step_mounts_done(struct step_mounts *m)
{
    vec_each (pid, &m->relays) {
        (void)kill(*pid, SIGKILL);
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    vec_each (view, &m->views)
        lowers_done(view);
    vec_each (fd, &m->fds)
        (void)close(*fd);
    vec_done(&m->relays);
    vec_done(&m->views);
    vec_done(&m->fds);
    vec_done(&m->caches);
    remove_tmp(m);
}

static int keep_fd(struct step_mounts *m, int take_fd)
{
    if (take_fd >= 0)
        vec_push(&m->fds, take_fd);
    return take_fd;
}

/* A new directory NAME-N in our part of the store's tmp/, N being the number of the mount. */
static int make_tmp(struct step_mounts *m, const char *name, size_t number, struct error *err)
{
    char path[32];

    if (m->tmp_fd < 0)
        m->tmp_fd = store_tmp_dir(m->store, err);
    if (m->tmp_fd < 0)
        return m->tmp_fd;
    (void)snprintf(path, sizeof(path), "%s-%zu", name, number);
    if (mkdirat(m->tmp_fd, path, 0755) < 0)
        return error_sys(err, "make a directory for a mount");
    return keep_fd(m, fd_open(m->tmp_fd, path, O_RDONLY | O_DIRECTORY, 0, err));
}

/* Opens name below dir, made when it is missing. *ret_new may be NULL. */
static int open_made(struct step_mounts *m, int dir, const char *name, bool *ret_new,
                     struct error *err)
{
    const bool made = mkdirat(dir, name, 0755) == 0;

    if (!made && errno != EEXIST)
        return error_sys(err, "make '%s' of a cache mount", name);
    if (ret_new)
        *ret_new = made;
    return keep_fd(m, fd_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err));
}

/* ---- layers ---- */

static int add_view(struct step_mounts *m, const json_t *obj, struct spawn_mount *ret,
                    struct error *err)
{
    struct lowers lowers = {0};
    int r = lowers_open(m->store, obj, &lowers, err);

    if (r < 0) {
        lowers_done(&lowers);
        return r;
    }
    vec_push(&m->views, lowers);
    ret->kind = SPAWN_MOUNT_LAYERS;
    ret->lower_fds = lowers.fds;
    ret->lower_count = lowers.count;
    return doc_need_text(obj, "source", &ret->source, err);
}

static int open_bind(struct step_mounts *m, const json_t *obj, size_t number,
                     struct spawn_mount *ret, struct error *err)
{
    int r = add_view(m, obj, ret, err);

    if (r < 0 || ret->read_only)
        return r;
    ret->upper_fd = make_tmp(m, "upper", number, err);
    if (ret->upper_fd < 0)
        return ret->upper_fd;
    ret->work_fd = make_tmp(m, "work", number, err);
    ret->is_volatile = true; /* thrown away */
    return MIN(ret->work_fd, 0);
}

/* ---- caches ---- */

/* One that this step has open already; it would wait for itself. */
static int find_open(const struct step_mounts *m, const struct digest *id)
{
    vec_each (c, &m->caches)
        if (digest_eq(&c->id, id))
            return c->fd;
    return -1;
}

/* A private cache of that name is the first one that nobody else has. */
static int open_private(struct store *s, const struct digest *id, struct error *err)
{
    int fd = store_mount_open(s, id, STORE_MOUNT_IDLE, err);

    for (uint64_t n = 1; fd == -EAGAIN; n++) {
        struct digest next;
        struct hash h;

        hash_init(&h);
        hash_add(&h, id->sha256, sizeof(id->sha256));
        hash_add_u64(&h, n);
        hash_done(&h, next.sha256);
        fd = store_mount_open(s, &next, STORE_MOUNT_IDLE, err);
    }
    return fd;
}

static int open_cache_dir(struct step_mounts *m, const json_t *obj, struct error *err)
{
    const char *hex = NULL, *sharing = NULL;
    struct digest id;
    int fd, r = doc_need_text(obj, "cache", &hex, err);

    if (r >= 0)
        r = digest_parse_hex(hex, &id, err);
    if (r >= 0)
        r = doc_need_text(obj, "sharing", &sharing, err);
    if (r < 0 || (fd = find_open(m, &id)) >= 0)
        return r < 0 ? r : fd;
    if (strcmp(sharing, "private") == 0)
        fd = open_private(m->store, &id, err);
    else
        fd = store_mount_open(
            m->store, &id, strcmp(sharing, "locked") == 0 ? STORE_MOUNT_ALONE : STORE_MOUNT_SHARED,
            err);
    if (keep_fd(m, fd) >= 0)
        vec_push(&m->caches, (struct open_cache){id, fd});
    return fd;
}

int mount_set_owner(const struct job_context *ctx, const json_t *obj, int dir, const char *name,
                    struct error *err)
{
    int64_t uid = 0, gid = 0, mode = 0;
    int r = doc_need_int(obj, "uid", &uid, err);

    if (r >= 0)
        r = doc_need_int(obj, "gid", &gid, err);
    if (r >= 0)
        r = doc_need_int(obj, "mode", &mode, err);
    if (r < 0)
        return r;
    /* one id can give nothing away, and is every user of the container */
    if ((ctx->ids.kind != IDENTITY_SINGLE &&
         fchownat(dir, name, (uid_t)uid, (gid_t)gid, AT_SYMLINK_NOFOLLOW) < 0) ||
        fchmodat(dir, name, (mode_t)mode, 0) < 0)
        return error_sys(err, "give a mount to user %lld", (long long)uid);
    return 0;
}

/* fs/ is the cache; over layers it is their upper directory, beside work/. */
static int open_cache(struct step_mounts *m, const json_t *obj, struct spawn_mount *ret,
                      struct error *err)
{
    const int dir = open_cache_dir(m, obj, err);
    bool is_new = false;
    int r = 0;

    if (dir < 0)
        return dir;
    const int fs = open_made(m, dir, "fs", &is_new, err);
    if (fs < 0)
        return fs;
    if (json_object_get(obj, "layers")) {
        r = add_view(m, obj, ret, err);
        ret->upper_fd = fs;
        ret->work_fd = r < 0 ? -1 : open_made(m, dir, "work", NULL, err);
        return r < 0 ? r : MIN(ret->work_fd, 0);
    }
    if (is_new)
        r = mount_set_owner(m->ctx, obj, dir, "fs", err);
    ret->kind = SPAWN_MOUNT_BIND;
    ret->source_fd = fs;
    return r;
}

/* ---- agents ---- */

static int open_agent(struct step_mounts *m, const json_t *obj, const int *fds, size_t fd_count,
                      size_t number, struct spawn_mount *ret, struct error *err)
{
    int64_t n = -1;
    pid_t relay;
    int r = doc_need_int(obj, "agent", &n, err);

    if (r >= 0 && (n < 0 || (uint64_t)n >= fd_count))
        r = error_set(err, -EINVAL, "the agent's socket did not come");
    if (r < 0)
        return r;
    const int dir = make_tmp(m, "ssh", number, err);
    if (dir < 0)
        return dir;
    r = relay_start(dir, "agent", fds[n], &relay, err);
    if (r < 0)
        return r;
    vec_push(&m->relays, relay);
    ret->kind = SPAWN_MOUNT_BIND;
    ret->source_fd = keep_fd(m, fd_open(dir, "agent", O_PATH | O_NOFOLLOW, 0, err));
    if (ret->source_fd < 0)
        return ret->source_fd;
    return mount_set_owner(m->ctx, obj, dir, "agent", err);
}

/* ---- all of them ---- */

static int open_one(struct step_mounts *m, const json_t *obj, const int *fds, size_t fd_count,
                    size_t number, struct spawn_mount *ret, struct error *err)
{
    *ret = (struct spawn_mount){
        .source_fd = -1, .upper_fd = -1, .work_fd = -1, .recursive = false, .source = ""};
    int r = doc_need_text(obj, "target", &ret->target, err);

    if (r >= 0)
        r = doc_bool(obj, "readonly", &ret->read_only, err);
    if (r < 0)
        return r;
    if (json_object_get(obj, "agent"))
        return open_agent(m, obj, fds, fd_count, number, ret, err);
    if (json_object_get(obj, "cache"))
        return open_cache(m, obj, ret, err);
    return open_bind(m, obj, number, ret, err);
}

int step_mounts_open(struct step_mounts *m, const json_t *request, const int *fds, size_t fd_count,
                     struct spawn_plan *plan, struct error *err)
{
    json_t *list = NULL, *one;
    size_t i;
    int r = doc_array(request, "mounts", &list, err);

    if (r < 0 || !list)
        return r;
    plan->mounts = xrealloc(plan->mounts, (plan->mount_count + json_array_size(list) + 1) *
                                              sizeof(*plan->mounts));
    json_array_foreach(list, i, one)
    {
        r = open_one(m, one, fds, fd_count, i, &plan->mounts[plan->mount_count], err);
        if (r < 0)
            return r;
        plan->mount_count++;
    }
    return 0;
}
