#include <errno.h>
#include <grp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/internal.h"

/* A regular file of the image, opened without waiting for a FIFO's other end. Absent is empty. */
static int read_database(const char *path, struct str *ret, struct error *err)
{
    cleanup_close int root = fd_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, err);
    struct stat st;

    if (root < 0)
        return root;
    cleanup_close int fd = fd_open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, NULL);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    const int r = fd_read_all(fd, PASSWD_SIZE_MAX, ret, err);
    return r < 0 ? error_wrap(err, r, "read the image's %s", path) : 0;
}

int creds_lookup(const char *spec, struct passwd_user *ret, struct error *err)
{
    STR_AUTO(passwd);
    STR_AUTO(group);
    int r;

    if ((r = read_database("/etc/passwd", &passwd, err)) < 0 ||
        (r = read_database("/etc/group", &group, err)) < 0)
        return r;
    return passwd_lookup(str_view(&passwd), str_view(&group), spec, ret, err);
}

static int drop_bounding(uint64_t keep, struct error *err)
{
    for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
        /* -EINVAL: this kernel does not know it; -EPERM: none is ours to drop, but it may be gone already */
        if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL &&
            prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
            return error_sys(err, "drop capability %u", cap);
    return 0;
}

/* Inheritable stays empty (CVE-2022-27650, CVE-2022-29162) and so does ambient. */
static int set_capabilities(uint64_t keep, struct error *err)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct data[2] = {
        {(uint32_t)keep, (uint32_t)keep, 0},
        {(uint32_t)(keep >> 32), (uint32_t)(keep >> 32), 0},
    };

    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, data) < 0)
        return error_sys(err, "set capabilities");
    return 0;
}

/* With one id there is nothing to change to; the supervisor says yes to the calls. Group lists
 * cannot be set there at all. */
static int set_ids(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    const bool single = l->ctx->ids.kind == IDENTITY_SINGLE;

    if (!single && setgroups(u->group_count, u->groups) < 0)
        return error_sys(err, "set %zu supplementary groups", u->group_count);
    if (single)
        return 0;
    if (setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0) {
        const int r = error_sys(err, "become user %u, group %u", u->uid, u->gid);

        return r == -EINVAL ? error_hint(err, r, "that id is not in the ranges of /etc/subuid") : r;
    }
    return 0;
}

int creds_apply(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    const uint64_t keep = l->plan->capabilities;
    int r;

    if ((r = drop_bounding(keep, err)) < 0)
        return r;
    if (prctl(PR_SET_KEEPCAPS, 1) < 0)
        return error_sys(err, "keep capabilities");
    if ((r = set_ids(l, u, err)) < 0)
        return r;
    (void)prctl(PR_SET_KEEPCAPS, 0);
    /* an ordinary user's effective set is empty, as docker's; programs of setuid root get the
     * bounding set */
    const bool is_root = u->uid == 0 || l->ctx->ids.kind == IDENTITY_SINGLE;
    return set_capabilities(is_root ? keep : 0, err);
}
