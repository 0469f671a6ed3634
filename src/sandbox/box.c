#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/frame.h"
#include "sandbox/internal.h"

/* Private ranges of IDENTITY_ROOT: one of 4,095 blocks of 65,536 ids above those of systemd's
 * containers, chosen by process id, so that containers running at once do not share; ids from
 * 65,536 on, which few images use, are shared in the upper half. */
#define PRIVATE_BASE 1879113728u
#define PRIVATE_BLOCKS 4095u
#define PRIVATE_COUNT 65536u
#define SHARED_BASE 2147549183u /* so that the last id, 2^31 - 1, is not -1 outside */
#define ID_MAP_SIZE_MAX 65536   /* 340 lines at most */
#define SHARED_COUNT (2147483648u - PRIVATE_COUNT)

/* ---- the anchor: a process that does nothing but be in the namespaces ---- */

static void write_sysctl(const char *path, const char *value)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd >= 0)
        (void)!write(fd, value, strlen(value)); /* comfort only */
}

static void bring_up_loopback(void)
{
    cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

    if (fd >= 0)
        (void)ioctl(fd, SIOCSIFFLAGS, &lo);
}

/* As docker's: any user may ping and may listen on port 80 in a network of the container's own. */
static void set_up_network(const struct identity_map *ids)
{
    const uint32_t groups = ids->kind == IDENTITY_SINGLE ? 1 : PRIVATE_COUNT;
    char range[32];

    bring_up_loopback();
    (void)snprintf(range, sizeof(range), "0 %u", groups - 1);
    write_sysctl("/proc/sys/net/ipv4/ping_group_range", range);
    write_sysctl("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
}

struct anchor {
    const struct identity_map *ids;
    bool own_user_ns, own_net_ns;
    int tell, hear; /* pipes to and from the maker; hear stays open for life */
};

/* Until the last copy of life_fd is gone; pasta, whose process id may come through it, goes with us. */
_Noreturn static void wait_for_end(void)
{
    pid_t pasta = -1;
    const int pidfd = read(0, &pasta, sizeof(pasta)) == sizeof(pasta)
                          ? (int)syscall(SYS_pidfd_open, pasta, 0)
                          : -1;
    char end;

    if (pidfd >= 0) {
        (void)!read(0, &end, 1);
        (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    }
    _exit(0);
}

_Noreturn static void anchor_main(struct anchor *a)
{
    char pid[16] = "", go;
    const ssize_t n = readlink("/proc/self", pid, sizeof(pid) - 1);

    (void)setpgid(0, 0);
    /* our maker opens what is ours in /proc, where containers were started before, and may not be given CAP_SYS_PTRACE */
    (void)prctl(PR_SET_DUMPABLE, 1);
    if (n <= 0 || dup2(a->hear, 0) < 0 || dup2(a->tell, 1) < 0)
        _exit(1);
    (void)syscall(SYS_close_range, 2u, ~0u, 0u);
    if (write(1, pid, (size_t)n) != n || read(0, &go, 1) != 1)
        _exit(1);
    if (a->own_net_ns)
        set_up_network(a->ids);
    if (write(1, "r", 1) != 1)
        _exit(1);
    (void)close(1);
    wait_for_end();
}

static pid_t start_anchor(struct anchor *a)
{
    const struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = (a->own_user_ns ? CLONE_NEWUSER : 0) | (a->own_net_ns ? CLONE_NEWNET : 0),
              .exit_signal = SIGCHLD};
    const pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

    if (pid == 0)
        anchor_main(a);
    return pid;
}

/* ---- maps ---- */

static int write_map(const char *pid, const char *file, const struct id_range *ranges, size_t count,
                     struct error *err)
{
    cleanup_free char *path = xasprintf("/proc/%s/%s", pid, file);
    STR_AUTO(text);

    for (size_t i = 0; i < count; i++)
        str_printf(&text, "%u %u %u\n", ranges[i].inside, ranges[i].outside, ranges[i].count);
    cleanup_close int fd = fd_open(AT_FDCWD, path, O_WRONLY, 0, err);
    if (fd < 0)
        return fd;
    const int r = fd_write_all(fd, str_view(&text), err);
    return r < 0 ? error_wrap(err, r, "map ids through '%s'", path) : 0;
}

/* Linux 5.12: who hands root on must be allowed to give files capabilities. */
static int explain_map(const struct identity_map *ids, int r, struct error *err)
{
    if (r != -EPERM || ids->kind != IDENTITY_SINGLE || ids->uid != 0)
        return r;
    return error_hint(err, r,
                      "root of the container around us lacks CAP_SETFCAP: start that one with "
                      "--cap-add SETFCAP, or with --user for one that is not root");
}

int box_write_maps(const char *pid, const struct identity_map *ids, struct error *err)
{
    cleanup_free char *setgroups_path = xasprintf("/proc/%s/setgroups", pid);
    int r;

    if (ids->kind == IDENTITY_SINGLE) {
        cleanup_close int fd = fd_open(AT_FDCWD, setgroups_path, O_WRONLY, 0, err);

        if (fd < 0)
            return fd;
        if ((r = fd_write_all(fd, VIEW("deny"), err)) < 0)
            return r;
    }
    if ((r = write_map(pid, "uid_map", ids->uids, ids->uid_count, err)) < 0)
        return explain_map(ids, r, err);
    return write_map(pid, "gid_map", ids->gids, ids->gid_count, err);
}

/* The ids that our own user namespace has, each mapped to itself: all of them outside of containers. */
static size_t own_ranges(const char *path, struct id_range ret[static ID_RANGES_MAX])
{
    STR_AUTO(text);
    size_t count = 0;

    if (fd_read_file(AT_FDCWD, path, ID_MAP_SIZE_MAX, &text, NULL) < 0)
        return 0;
    for (struct view rest = str_view(&text), line;
         count < ID_RANGES_MAX && view_cut(&rest, '\n', &line);) {
        unsigned inside, outside, size;
        cleanup_free char *copy = view_dup(line);

        if (sscanf(copy, "%u %u %u", &inside, &outside, &size) == 3)
            ret[count++] = (struct id_range){inside, inside, size};
    }
    return count;
}

static bool is_in(const struct id_range *ranges, size_t count, uint32_t first, uint64_t size)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].inside <= first &&
            first + size <= (uint64_t)ranges[i].inside + ranges[i].count)
            return true;
    return false;
}

bool box_has_private_ids(void)
{
    struct id_range ranges[ID_RANGES_MAX];
    const size_t count = own_ranges("/proc/self/uid_map", ranges);

    return is_in(ranges, count, PRIVATE_BASE, (uint64_t)PRIVATE_BLOCKS * PRIVATE_COUNT) &&
           is_in(ranges, count, SHARED_BASE, SHARED_COUNT);
}

static void choose_ranges(bool private_ids, struct identity_map *ret, uint32_t *base)
{
    ret->kind = IDENTITY_ROOT;
    if (private_ids) {
        *base = PRIVATE_BASE + (uint32_t)getpid() % PRIVATE_BLOCKS * PRIVATE_COUNT;
        ret->uids[0] = (struct id_range){0, *base, PRIVATE_COUNT};
        ret->uids[1] = (struct id_range){PRIVATE_COUNT, SHARED_BASE, SHARED_COUNT};
        ret->uid_count = 2;
    } else {
        *base = 0;
        ret->uid_count = own_ranges("/proc/self/uid_map", ret->uids);
        ret->gid_count = own_ranges("/proc/self/gid_map", ret->gids);
        return;
    }
    memcpy(ret->gids, ret->uids, sizeof(ret->gids));
    ret->gid_count = ret->uid_count;
}

/* ---- boxes ---- */

static int open_of(const char *pid, const char *file, struct error *err)
{
    cleanup_free char *path = xasprintf("/proc/%s/%s", pid, file);

    return fd_open(AT_FDCWD, path, O_RDONLY, 0, err);
}

static int open_namespaces(const struct anchor *a, const char *pid, struct box *b,
                           struct error *err)
{
    if (a->own_user_ns && (b->user_fd = open_of(pid, "ns/user", err)) < 0)
        return b->user_fd;
    if (!a->own_net_ns)
        return 0;
    if ((b->net_fd = open_of(pid, "ns/net", err)) < 0)
        return b->net_fd;
    b->usage_fds[0] = open_of(pid, "net/sockstat", NULL);
    b->usage_fds[1] = open_of(pid, "net/sockstat6", NULL);
    return 0;
}

static int prepare_box(const struct job_context *ctx, enum spawn_network network,
                       const struct ports *ports, struct anchor *a, bool private_ids,
                       int from_anchor, struct box *b, struct error *err)
{
    struct identity_map map = {0};
    char pid[16] = "", ready;
    int r;

    if (read(from_anchor, pid, sizeof(pid) - 1) <= 0)
        return error_set(err, -ECHILD, "a namespace's first process ended early");
    choose_ranges(private_ids, &map, &b->id_base);
    if (a->own_user_ns && (r = box_write_maps(pid, &map, err)) < 0)
        return r;
    if (write(b->life_fd, "g", 1) != 1 || read(from_anchor, &ready, 1) != 1)
        return error_set(err, -ECHILD, "a namespace's first process ended early");
    if ((r = open_namespaces(a, pid, b, err)) < 0)
        return r;
    return a->own_net_ns && network == SPAWN_NETWORK_PRIVATE ? pasta_start(ctx, ports, b, err) : 0;
}

int box_enter(const struct box *b)
{
    if ((b->user_fd >= 0 &&
         (setns(b->user_fd, CLONE_NEWUSER) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
          syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)) ||
        (b->net_fd >= 0 && setns(b->net_fd, CLONE_NEWNET) < 0))
        return -errno;
    return 0;
}

int box_make(const struct job_context *ctx, enum spawn_network network, const struct ports *ports,
             bool private_ids, struct box *ret, struct error *err)
{
    struct anchor a = {.ids = &ctx->ids,
                       .own_user_ns = ctx->ids.kind == IDENTITY_ROOT,
                       .own_net_ns = network != SPAWN_NETWORK_HOST};
    struct box b = BOX_INIT;
    int tell[2], hear[2], r;

    if (!a.own_user_ns && !a.own_net_ns) {
        *ret = b;
        return 0;
    }
    if ((r = fd_pipe(tell, err)) < 0)
        return r;
    cleanup_close int tell_read = tell[0], tell_write = tell[1];
    if ((r = fd_pipe(hear, err)) < 0)
        return r;
    cleanup_close int hear_read = hear[0];
    b.life_fd = hear[1];
    b.network = network;
    a.tell = tell_write;
    a.hear = hear_read;
    const pid_t pid = start_anchor(&a);
    if (pid < 0) {
        r = identity_explain("/proc/sys", errno, err);
    } else {
        (void)close(steal_fd(tell_write));
        r = prepare_box(ctx, network, ports, &a, private_ids, tell_read, &b, err);
    }
    if (r < 0)
        box_done(&b);
    else
        *ret = b;
    return r;
}

void box_done(struct box *b)
{
    const int all[] = {b->user_fd, b->net_fd, b->life_fd, b->usage_fds[0], b->usage_fds[1]};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i] >= 0)
            (void)close(all[i]);
    *b = BOX_INIT;
}

/* Every "inuse" and "tw" of a sockstat file is 0. "orphan" counts the sockets of all namespaces; ours are in "inuse". */
static bool no_sockets(int fd)
{
    char text[1024];
    const ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

    if (n <= 0)
        return false;
    text[n] = '\0';
    static const char *const words[] = {" inuse ", " tw "};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        for (const char *at = text; (at = strstr(at, words[i])); at++)
            if (at[strlen(words[i])] != '0')
                return false;
    return true;
}

bool box_is_clean(const struct box *b)
{
    return b->life_fd >= 0 &&
           (b->net_fd < 0 || (no_sockets(b->usage_fds[0]) && no_sockets(b->usage_fds[1])));
}
