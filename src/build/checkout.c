/* What git says of a directory of the user. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "build/sources.h"

/* Only a directory that is or lies in a checkout is worth a process. */
static bool has_git(const char *path)
{
    cleanup_free char *at = realpath(path, NULL);
    struct stat st;

    while (at && *at) {
        cleanup_free char *git = xasprintf("%s/.git", at);
        if (lstat(git, &st) == 0)
            return true;
        *strrchr(at, '/') = '\0';
    }
    return false;
}

/* rev-list is plumbing: no configuration of a stranger's checkout makes it start other programs. */
int checkout_epoch(const char *path, int64_t *ret, struct error *err)
{
    const char *const argv[] = {"git",           "-C",          path,   "rev-list",
                                "--max-count=1", "--timestamp", "HEAD", NULL};
    struct proc_options o = PROC_OPTIONS_INIT;
    struct view rest, number;
    uint64_t seconds;
    STR_AUTO(out);

    if (!has_git(path) || !proc_have("git"))
        return 0;
    cleanup_close int null = fd_open(AT_FDCWD, "/dev/null", O_WRONLY, 0, err);
    if (null < 0)
        return null;
    o.err = null;
    const int r = proc_run(argv, &o, 4096, &out, err);
    rest = str_view(&out);
    if (r < 0)
        return r;
    if (r == 0 && view_cut(&rest, ' ', &number) && view_to_u64(number, &seconds)) {
        *ret = (int64_t)seconds;
        return 1;
    }
    error_set(err, -EINVAL, "git cannot tell when '%.200s' was committed", path);
    return error_hint(err, -EINVAL, "'git -C %.200s rev-list --max-count=1 HEAD' says why", path);
}
