/* What git says of a directory of the user. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "build/sources.h"

/* Only a directory that is or lies in a checkout is worth a process. */
bool checkout_has_git(const char *path)
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

static bool names_the_same(const char *a, const char *b)
{
    const size_t size = strcspn(a, "=");

    return strncmp(a, b, size) == 0 && b[size] == '=';
}

/* The first of one name counts: ours are the only ones. Nothing is fetched, nothing is written, nobody is asked. */
static void add_environment(const struct strings *more, struct strings *ret)
{
    static const char *const always[] = {"GIT_ALLOW_PROTOCOL=none", "GIT_OPTIONAL_LOCKS=0",
                                         "GIT_TERMINAL_PROMPT=0"};

    for (size_t i = 0; i < ARRAY_SIZE(always); i++)
        strings_add(ret, always[i]);
    for (size_t i = 0; more && i < more->size; i++)
        strings_add(ret, more->at[i]);
    const size_t own = ret->size;
    for (char *const *e = environ; *e; e++) {
        bool replaced = false;

        for (size_t i = 0; i < own && !replaced; i++)
            replaced = names_the_same(*e, ret->at[i]);
        if (!replaced)
            strings_add(ret, *e);
    }
}

int checkout_git(const char *path, const char *const args[], const struct strings *environment,
                 size_t limit, struct str *ret, struct error *err)
{
    CLEANUP(strings_done) struct strings all = {0};
    const char *argv[16] = {"git", "-C", path, "-c", "core.fsmonitor=false"};
    struct proc_options o = PROC_OPTIONS_INIT;
    size_t count = 5;

    for (size_t i = 0; args[i] && count + 1 < ARRAY_SIZE(argv); i++)
        argv[count++] = args[i];
    cleanup_close int null = fd_open(AT_FDCWD, "/dev/null", O_WRONLY, 0, err);
    if (null < 0)
        return null;
    add_environment(environment, &all);
    o.environ_ = strings_argv(&all);
    o.err = null;
    return proc_run(argv, &o, limit, ret, err);
}

/* rev-list is plumbing: no configuration of a stranger's checkout makes it start other programs. */
int checkout_epoch(const char *path, int64_t *ret, struct error *err)
{
    static const char *const args[] = {"rev-list", "--max-count=1", "--timestamp", "HEAD", NULL};
    struct view rest, number;
    uint64_t seconds;
    STR_AUTO(out);

    if (!checkout_has_git(path) || !proc_have("git"))
        return 0;
    const int r = checkout_git(path, args, NULL, 4096, &out, err);
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
