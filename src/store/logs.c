/* logs/: what the steps of builds printed, a directory a build, the newest ones kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

static int add_name(void *ctx, int dirfd, const char *name, struct error *err)
{
    (void)dirfd, (void)err;
    strings_add(ctx, name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names begin with the time, so their order is that of age. Builds that run keep theirs. */
static void remove_old(int logs)
{
    struct strings names = {0};

    if (store_each_name(logs, ".", add_name, &names, NULL) == 0 && names.size >= STORE_LOGS_MAX) {
        qsort(names.at, names.size, sizeof(*names.at), by_name);
        for (size_t i = 0; i <= names.size - STORE_LOGS_MAX; i++) {
            cleanup_close int fd = openat(logs, names.at[i], O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

            if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                (void)!fd_remove_tree(logs, names.at[i], NULL);
        }
    }
    strings_done(&names);
}

int store_log_dir(struct store *s, int64_t now_s, struct error *err)
{
    const time_t now = (time_t)now_s;
    char stamp[32] = "", name[64];
    struct tm parts;

    if (mkdirat(s->fd, "logs", 0700) < 0 && errno != EEXIST)
        return store_failed(err, error_sys(err, "make 'logs' in the store"));
    cleanup_close int logs = fd_open(s->fd, "logs", O_RDONLY | O_DIRECTORY, 0, err);
    if (logs < 0)
        return logs;
    remove_old(logs);
    if (gmtime_r(&now, &parts))
        (void)strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &parts);
    (void)snprintf(name, sizeof(name), "%s-%d", stamp, getpid());
    if (mkdirat(logs, name, 0700) < 0 && errno != EEXIST)
        return store_failed(err, error_sys(err, "make 'logs/%s' in the store", name));
    const int fd = fd_open(logs, name, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd >= 0)
        (void)flock(fd, LOCK_SH | LOCK_NB);
    return fd;
}
