#include "sandbox/identity.h"

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"

#define SUBIDS_SIZE_MAX (1u << 20) /* /etc/subuid of a machine with 20,000 users */
#define SUBIDS_COUNT_MIN 65536u    /* nobody (65534) must be there */

const char *identity_name(enum identity kind)
{
    static const char *const names[] = {"root", "subids", "single"};

    return names[kind];
}

static bool parse_id(struct view v, uint32_t *ret)
{
    uint64_t n;

    if (!view_to_u64(v, &n) || n > UINT32_MAX)
        return false;
    *ret = (uint32_t)n;
    return true;
}

static bool overlaps(const struct id_range *a, const struct id_range *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (a->outside < (uint64_t)all[i].outside + all[i].count &&
            all[i].outside < (uint64_t)a->outside + a->count)
            return true;
    return false;
}

size_t identity_parse_subids(struct view text, const char *name, uid_t uid, uint32_t next_inside,
                             struct id_range *ranges, size_t count)
{
    struct view line;

    while (count < ID_RANGES_MAX && view_cut(&text, '\n', &line)) {
        struct view owner, start, size = line;
        struct id_range r = {.inside = next_inside};
        uint32_t number, end;

        if (!view_cut(&size, ':', &owner) || !view_cut(&size, ':', &start) || !size.at)
            continue;
        if (!(name && view_eq_text(owner, name)) && !(parse_id(owner, &number) && number == uid))
            continue;
        if (!parse_id(start, &r.outside) || !parse_id(size, &r.count) || r.count == 0 ||
            add_overflow(r.outside, r.count, &end) || overlaps(&r, ranges, count))
            continue;
        if (add_overflow(next_inside, r.count, &next_inside))
            break;
        ranges[count++] = r;
    }
    return count;
}

/* The number in a file below proc_sys, or absent. */
static long sysctl_number(const char *proc_sys, const char *name, long absent)
{
    cleanup_free char *path = xasprintf("%s/%s", proc_sys, name);
    STR_AUTO(text);
    uint64_t n;

    if (fd_read_file(AT_FDCWD, path, 64, &text, NULL) < 0 ||
        !view_to_u64(view_trim(str_view(&text)), &n))
        return absent;
    return (long)n;
}

int identity_filtered(int code, struct error *err)
{
    return error_hint(err, code,
                      "the seccomp filter of the container around us forbids it: start that one "
                      "with --security-opt seccomp=unconfined");
}

int identity_explain(const char *proc_sys, int cause, struct error *err)
{
    int r;

    if (sysctl_number(proc_sys, "user/max_user_namespaces", 1) == 0) {
        r = error_set(err, -EPERM, "user namespaces are switched off on this machine");
        return error_hint(err, r,
                          "user.max_user_namespaces is 0: as root, `sysctl -w "
                          "user.max_user_namespaces=65536`");
    }
    if (sysctl_number(proc_sys, "kernel/unprivileged_userns_clone", 1) == 0) {
        r = error_set(err, -EPERM, "user namespaces are for root only on this machine");
        return error_hint(err, r, "as root, `sysctl -w kernel.unprivileged_userns_clone=1`");
    }
    if (sysctl_number(proc_sys, "kernel/apparmor_restrict_unprivileged_userns", 0) == 1) {
        r = error_set(err, -EPERM, "AppArmor keeps cooper from using user namespaces");
        return error_hint(err, r,
                          "give the program an AppArmor profile with the rule `userns,`, "
                          "or, as root, `sysctl -w "
                          "kernel.apparmor_restrict_unprivileged_userns=0`");
    }
    r = error_set(err, -cause, "make a user namespace: %s", strerror(cause));
    if (cause == ENOSPC)
        return error_hint(err, r, "too many are in use: user.max_user_namespaces");
    if (cause == EINVAL)
        return error_hint(err, r, "the kernel was built without CONFIG_USER_NS");
    if (cause == ENOSYS) /* what filters answer to clone3(), so that it is tried another way */
        return identity_filtered(r, err);
    return error_hint(err, r,
                      "inside a chroot or another container they are not allowed: run "
                      "outside of it, or allow nesting there");
}

/* Linux 5.11: overlay in user namespaces, with user.overlay.* attributes. */
static int check_kernel(struct error *err)
{
    struct utsname u;
    unsigned major = 0, minor = 0;

    if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
        return 0;
    if (major > 5 || (major == 5 && minor >= 11))
        return 0;
    const int r = error_set(err, -ENOSYS, "Linux %.40s is too old", u.release);
    return error_hint(err, r, "cooper needs Linux 5.11 or newer");
}

static void set_single(struct identity_map *m, const char *note)
{
    m->kind = IDENTITY_SINGLE;
    m->uids[0] = (struct id_range){0, m->uid, 1};
    m->gids[0] = (struct id_range){0, m->gid, 1};
    m->uid_count = m->gid_count = 1;
    m->note = note;
}

static uint64_t ids_in(const struct id_range *ranges, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += ranges[i].count;
    return sum;
}

/* Container id 0 is ourselves, the others are the ranges. */
static size_t read_subids(const char *path, const char *name, uid_t owner, uint32_t own,
                          struct id_range *ranges)
{
    STR_AUTO(text);

    ranges[0] = (struct id_range){0, own, 1};
    if (fd_read_file(AT_FDCWD, path, SUBIDS_SIZE_MAX, &text, NULL) < 0)
        return 1;
    return identity_parse_subids(str_view(&text), name, owner, 1, ranges, 1);
}

static void set_subids(struct identity_map *m)
{
    const struct passwd *pw = getpwuid(m->uid);
    const char *name = pw ? pw->pw_name : NULL;

    m->uid_count = read_subids("/etc/subuid", name, m->uid, m->uid, m->uids);
    m->gid_count = read_subids("/etc/subgid", name, m->uid, m->gid, m->gids);
    m->kind = IDENTITY_SUBIDS;
    if (ids_in(m->uids, m->uid_count) < SUBIDS_COUNT_MIN ||
        ids_in(m->gids, m->gid_count) < SUBIDS_COUNT_MIN)
        set_single(m, "working with one user id, owners of files are recorded instead of had; for "
                      "all ids, as root: usermod --add-subuids 100000-165535 --add-subgids "
                      "100000-165535 USER");
    else if (!proc_have("newuidmap") || !proc_have("newgidmap"))
        set_single(m, "newuidmap is not installed (package uidmap): working with one user id, "
                      "owners of files are recorded instead of had");
}

/* As root in a user namespace that lacks ids (a container), the ranges are what we have. */
static bool has_all_ids(void)
{
    STR_AUTO(text);
    unsigned inside, outside, count;

    if (fd_read_file(AT_FDCWD, "/proc/self/uid_map", 4096, &text, NULL) < 0)
        return false;
    return sscanf(text.at, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
           count >= SUBIDS_COUNT_MIN;
}

/* Root of a container without this is a user like others. */
static bool may_mount(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];

    return syscall(SYS_capget, &header, data) == 0 && data[0].effective & 1u << CAP_SYS_ADMIN;
}

int identity_detect(struct identity_map *ret, struct error *err)
{
    const char *wish = getenv("COOPER_IDENTITY");
    struct identity_map m = {.uid = geteuid(), .gid = getegid()};
    const bool single = wish && strcmp(wish, "single") == 0;
    const bool subids = wish && strcmp(wish, "subids") == 0;
    const bool root = m.uid == 0 && has_all_ids() && may_mount();
    int r = check_kernel(err);

    if (r < 0)
        return r;
    if (wish && *wish && !single && !subids && !(strcmp(wish, "root") == 0 && root))
        return error_set(err, -EINVAL, "COOPER_IDENTITY='%.40s' is not %ssubids or single", wish,
                         root ? "root, " : "");
    if (root && !single && !subids) {
        m.kind = IDENTITY_ROOT;
        m.uids[0] = m.gids[0] = (struct id_range){0, 0, UINT32_MAX};
        m.uid_count = m.gid_count = 1;
        *ret = m;
        return 0;
    }
    if (sysctl_number("/proc/sys", "user/max_user_namespaces", 1) == 0 ||
        (m.uid != 0 && sysctl_number("/proc/sys", "kernel/unprivileged_userns_clone", 1) == 0))
        return identity_explain("/proc/sys", EPERM, err);
    if (single)
        set_single(&m, NULL);
    else
        set_subids(&m);
    *ret = m;
    return 0;
}
