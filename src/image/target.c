#include "image/target.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"

#define INTERIM ".cooper-" /* and 16 hexadecimal digits */

/* ---- the directory ---- */

struct target {
    char *path;
    size_t before; /* bytes of path that name what was there before us */
    int fd;
};

static void target_close(struct target *d)
{
    fd_closep(&d->fd);
    free(d->path);
}

/* The size of path without its last part; 0: it has one only. */
static size_t parent_size(const char *path, size_t size)
{
    while (size > 0 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    return size;
}

static size_t there_already(const char *path)
{
    cleanup_free char *part = xstrdup(path);
    size_t size = strlen(path);

    while (size > 0 && faccessat(AT_FDCWD, part, F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
        size = parent_size(path, size);
        part[size] = '\0';
    }
    return size;
}

/* What others put into it meanwhile stays, and so does the directory. */
static void remove_made(const struct target *d)
{
    cleanup_free char *path = xstrdup(d->path);
    size_t size = strlen(path);

    while (size > d->before) {
        path[size] = '\0';
        if (rmdir(path) < 0 && errno != ENOENT)
            return;
        size = parent_size(path, size);
    }
}

static bool is_interim(const char *name)
{
    const size_t size = strlen(INTERIM);

    return strncmp(name, INTERIM, size) == 0 && strlen(name + size) == 16 &&
           strspn(name + size, "0123456789abcdef") == 16;
}

/* What a killed unpack left, or NULL. */
static char *interrupted_in(int fd)
{
    const int copy = fd_open(fd, ".", O_RDONLY | O_DIRECTORY, 0, NULL);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    char *found = NULL;

    for (const struct dirent *e; dir && !found && (e = readdir(dir));)
        if (is_interim(e->d_name))
            found = xstrdup(e->d_name);
    if (dir)
        closedir(dir);
    else if (copy >= 0)
        close(copy);
    return found;
}

static int check_empty(const struct target *d, struct error *err)
{
    int r = fd_is_empty(d->fd, err);

    if (r)
        return MIN(r, 0);
    r = error_set(err, -ENOTEMPTY, "directory '%s' is not empty", d->path);
    cleanup_free char *left = interrupted_in(d->fd);
    return left ? error_hint(err, r, "'%s' is left of an interrupted unpack: delete it", left) : r;
}

static int target_open(const char *path, struct target *ret, struct error *err)
{
    struct target d = {.path = xstrdup(path), .before = there_already(path), .fd = -1};
    int r = fd_make_dirs(AT_FDCWD, path, 0755, err);

    if (r == 0)
        r = d.fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
    if (r >= 0)
        r = check_empty(&d, err);
    if (r < 0) {
        remove_made(&d);
        target_close(&d);
        return r;
    }
    *ret = d;
    return 0;
}

/* ---- signals ---- */

struct interrupts {
    int fd;
    sigset_t before;
};

/* What whoever started us has us ignore (nohup) would come by the descriptor all the same. */
static int interrupts_begin(struct interrupts *ret, struct error *err)
{
    static const int all[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction now;
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (sigaction(all[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&set, all[i]);
    const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_sys(err, "watch signals");
    ret->fd = fd;
    (void)sigprocmask(SIG_BLOCK, &set, &ret->before);
    return 0;
}

static void interrupts_end(struct interrupts *i)
{
    (void)sigprocmask(SIG_SETMASK, &i->before, NULL);
    close(i->fd);
}

static int interrupts_step(void *ctx, struct error *err)
{
    const struct interrupts *i = ctx;
    struct signalfd_siginfo info;

    if (read(i->fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    return error_set(err, -EINTR, "interrupted by SIG%s", sigabbrev_np((int)info.ssi_signo));
}

static int interrupts_fd(void *ctx)
{
    return ((const struct interrupts *)ctx)->fd;
}

static int run(struct image_tools *t, struct queue_item *item, struct error *err)
{
    struct interrupts signals;
    int r = interrupts_begin(&signals, err);

    if (r < 0)
        return r;
    const struct queue_idle idle = {interrupts_step, &signals, interrupts_fd};
    r = queue_run_beside(t, item, 1, &idle, err);
    interrupts_end(&signals);
    return r;
}

/* ---- filling ---- */

int target_tell(const struct env *env, const json_t *answer, struct error *err)
{
    int64_t left_out = 0, lost = 0;
    int r = doc_int(answer, "skipped", &left_out, err);

    if (r == 0)
        r = doc_int(answer, "lost", &lost, err);
    if (r == 0 && left_out > 0)
        env_warn(env, "%" PRId64 " device files are left out: only root makes them", left_out);
    if (r == 0 && lost > 0)
        env_warn(env, "%" PRId64 " extended attributes could not be set", lost);
    return r;
}

static int tell(struct image_tools *t, const struct target *d, const json_t *answer,
                struct error *err)
{
    bool not_ours = false;
    int r = target_tell(t->env, answer, err);

    if (r == 0)
        r = doc_bool(answer, "not_ours", &not_ours, err);
    if (r == 0 && not_ours)
        env_warn(t->env, "'%s' is not ours: it keeps its owner, mode and time", d->path);
    return r;
}

static int fill(struct image_tools *t, struct target *d, struct queue_item *item, struct error *err)
{
    uint64_t random = 0;
    char name[40];

    if (getrandom(&random, sizeof(random), 0) < 0)
        return error_sys(err, "getrandom");
    (void)snprintf(name, sizeof(name), INTERIM "%016" PRIx64, random);
    doc_set_text(item->request, "interim", name);
    item->fd = d->fd;
    const int r = run(t, item, err);
    if (r < 0 && fd_remove_tree(d->fd, name, NULL) < 0)
        env_warn(t->env, "'%s' is left of what could not be unpacked", name);
    return r < 0 ? r : tell(t, d, item->answer, err);
}

int target_unpack(struct image_tools *t, const char *path, struct queue_item *item,
                  struct error *err)
{
    struct target d;
    struct holder *h;
    int r = target_open(path, &d, err);

    if (r < 0)
        return r;
    r = image_holder(t, &h, err); /* before signals are blocked, as it would inherit that */
    doc_set_bool(item->request, "owners", t->ids.kind == IDENTITY_ROOT);
    if (r == 0)
        r = fill(t, &d, item, err);
    if (r < 0) {
        remove_made(&d);
        r = error_wrap(err, r, "unpack to '%s'", path);
    }
    target_close(&d);
    return r;
}
