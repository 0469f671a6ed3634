/* Real containers, through a real holder (this program again, as @holder), over a root made of the
 * machine's own /usr. As root every identity is tried; as a user, what that user has. */
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "sandbox/spawn.h"
#include "unit.h"

/* ---- the job ---- */

static int open_layers(const struct job_context *ctx, struct spawn_plan *p, struct error *err)
{
    if (faccessat(ctx->store_fd, "rootfs", F_OK, 0) == 0) {
        p->rootfs_fd = fd_open(ctx->store_fd, "rootfs", O_RDONLY | O_DIRECTORY, 0, err);
        return MIN(p->rootfs_fd, 0);
    }
    p->lower_fds = xcalloc(1, sizeof(int));
    p->lower_count = 1;
    p->lower_fds[0] = fd_open(ctx->store_fd, "lower", O_RDONLY | O_DIRECTORY, 0, err);
    p->upper_fd = fd_open(ctx->store_fd, "upper", O_RDONLY | O_DIRECTORY, 0, NULL);
    p->work_fd = fd_open(ctx->store_fd, "work", O_RDONLY | O_DIRECTORY, 0, NULL);
    return MIN(p->lower_fds[0], 0);
}

static void close_layers(struct spawn_plan *p)
{
    for (size_t i = 0; i < p->lower_count; i++)
        (void)close(p->lower_fds[i]);
    const int rest[] = {p->upper_fd, p->work_fd, p->rootfs_fd};
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
        if (rest[i] >= 0)
            (void)close(rest[i]);
}

static int job_exec(const struct job_context *ctx, const json_t *request, const int *fds,
                    size_t fd_count, json_t **ret, struct error *err)
{
    struct spawn_plan p;
    struct spawn_result result;
    int r = spawn_plan_parse(request, fds, fd_count, &p, err);

    if (r < 0)
        return r;
    r = open_layers(ctx, &p, err);
    if (r == 0)
        r = spawn_run(ctx, &p, &result, err);
    close_layers(&p);
    spawn_plan_done(&p);
    if (r < 0)
        return r;
    *ret = spawn_result_print(&result);
    spawn_result_done(&result);
    return 0;
}

static int job_crash(const struct job_context *ctx, const json_t *request, const int *fds,
                     size_t fd_count, json_t **ret, struct error *err)
{
    (void)raise(SIGKILL);
    return 0;
}

/* Who runs the job, with how many descriptors open. */
static int job_who(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    int open = 0;

    for (int fd = 0; fd < 256; fd++)
        open += fcntl(fd, F_GETFD) >= 0;
    *ret = json_object();
    doc_set_int(*ret, "pid", getpid());
    doc_set_int(*ret, "open", open);
    return 0;
}

static const struct job_row rows[] = {{"exec", job_exec, .stays = true},
                                      {"who", job_who, .stays = true},
                                      {"new", job_who},
                                      {"crash", job_crash}};

/* ---- fixture ---- */

static char scratch[] = "/var/tmp/cooper-spawn.XXXXXX";
static struct holder *holder;
static int store = -1;

static void shell(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void shell(const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    assert_int_equal(system(text), 0);
}

static void make_store(void)
{
    assert_non_null(mkdtemp(scratch));
    shell("cd %s && mkdir -p lower/usr lower/etc lower/tmp lower/root upper work && chmod 1777 "
          "lower/tmp && chmod 755 . && for l in bin sbin lib lib32 lib64 libx32; do "
          "[ -e /usr/$l ] && ln -s usr/$l lower/$l; done; "
          "printf 'root:x:0:0::/root:/bin/sh\\nwww:x:33:33::/var/www:/bin/sh\\n' > "
          "lower/etc/passwd; printf 'root:x:0:\\nwww:x:33:\\nextra:x:50:www\\n' > "
          "lower/etc/group",
          scratch);
    store = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(store >= 0);
}

static bool start_holder(void)
{
    struct identity_map ids;
    ERROR_AUTO(err);

    if (identity_detect(&ids, &err) < 0 || holder_start(NULL, store, &ids, &holder, &err) < 0) {
        print_message("# %s\n", err.text);
        return false;
    }
    return true;
}

struct outcome {
    int status;
    char *text; /* stdout and stderr */
    struct spawn_result result;
};

static int usr_fd = -1;

static void plan_shell(struct spawn_plan *p, const char *script)
{
    static struct spawn_mount usr = {.kind = SPAWN_MOUNT_BIND, .target = "/usr", .read_only = true};

    spawn_plan_init(p);
    if (usr_fd < 0)
        usr_fd = open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    usr.source_fd = usr_fd;
    p->mounts = xmalloc(sizeof(usr));
    p->mounts[0] = usr;
    p->mount_count = 1;
    p->network = SPAWN_NETWORK_NONE;
    strings_add(&p->argv, "/bin/sh");
    strings_add(&p->argv, "-c");
    strings_add(&p->argv, script);
}

static int run_plan(struct spawn_plan *p, struct outcome *ret, struct error *err)
{
    cleanup_doc json_t *request = NULL, *answer = NULL;
    int pair[2], fds[64], r;
    size_t count = 0;
    struct job *job = NULL;
    STR_AUTO(text);

    assert_int_equal(fd_pipe(pair, NULL), 0);
    if (!p->tty)
        p->stdio_fds[1] = p->stdio_fds[2] = pair[1];
    assert_int_equal(spawn_plan_pack(p, &request, fds, &count, NULL), 0);
    r = holder_submit(holder, "exec", request, fds, count, &job, err);
    (void)close(pair[1]);
    if (r == 0) {
        assert_int_equal(fd_read_all(pair[0], 1 << 20, &text, NULL), 0);
        r = job_finish(job, &answer, err);
    }
    (void)close(pair[0]);
    spawn_plan_done(p);
    if (r == 0)
        r = spawn_result_parse(answer, &ret->result, err);
    ret->status = ret->result.status;
    ret->text = str_take(&text);
    return r;
}

static void outcome_done(struct outcome *o)
{
    free(o->text);
    spawn_result_done(&o->result);
}

/* ---- what a container sees ---- */

static void tweak_www(struct spawn_plan *p)
{
    p->user = "www";
}
static void tweak_number(struct spawn_plan *p)
{
    p->user = "4242";
}
static void tweak_tmp(struct spawn_plan *p)
{
    p->cwd = "/tmp";
}
static void tweak_init(struct spawn_plan *p)
{
    p->init = true;
}
static void tweak_nnp(struct spawn_plan *p)
{
    p->no_new_privs = true;
}
static void tweak_read_only(struct spawn_plan *p)
{
    p->read_only = true;
}
static void tweak_missing(struct spawn_plan *p)
{
    strings_done(&p->argv);
    strings_add(&p->argv, "no-such-program");
}
static void tweak_not_executable(struct spawn_plan *p)
{
    strings_done(&p->argv);
    strings_add(&p->argv, "/etc/passwd");
}
static void tweak_path(struct spawn_plan *p)
{
    strings_done(&p->argv);
    strings_add(&p->argv, "echo");
    strings_add(&p->argv, "found");
}

static const struct {
    const char *name, *script;
    void (*tweak)(struct spawn_plan *p);
    int status;
    const char *text; /* a part of the output; "!x": x is no part */
    bool needs_ids;
} cases[] = {
    {"output and status", "echo out; echo err >&2; exit 7", NULL, 7, "out\nerr\n"},
    {"killed by a signal", "kill -TERM $$", tweak_init, 143, ""},
    {"is root", "id -u", NULL, 0, "0\n"},
    {"is the first process", "echo $$", NULL, 0, "1\n"},
    {"with init it is not", "echo $$", tweak_init, 0, "2\n"},
    {"init hands the status on", "exit 9", tweak_init, 9, ""},
    {"init reaps 1,000 orphans",
     "i=0; while [ $i -lt 1000 ]; do (: &) ; i=$((i+1)); done; "
     "n=9; t=0; while [ $n -gt 0 ] && [ $t -lt 1000000 ]; do n=$(grep -ls '^State:.Z' "
     "/proc/[0-9]*/status | wc -l); t=$((t+1)); done; echo left $n",
     tweak_init, 0, "left 0\n"},
    {"home of root", "echo $HOME", NULL, 0, "/root\n"},
    {"home of a user", "echo $HOME", tweak_www, 0, "/var/www\n"},
    {"user and groups", "id -u; id -g; id -G", tweak_www, 0, "33\n33\n33 50\n", true},
    {"number without entry", "id -u; id -g; echo $HOME", tweak_number, 0, "4242\n0\n/\n", true},
    {"a user's capabilities are empty", "grep CapEff /proc/self/status", tweak_www, 0,
     "0000000000000000", true},
    {"working directory", "pwd", tweak_tmp, 0, "/tmp\n"},
    {"host name", "cat /etc/hostname; uname -n", NULL, 0, "cooper\ncooper\n"},
    {"hosts and resolv.conf are mounts", "grep -c ' /etc/' /proc/self/mountinfo", NULL, 0, "3\n"},
    {"stdin is empty", "cat; echo done", NULL, 0, "done\n"},
    {"stdout opens again", "echo again > /dev/stdout", NULL, 0, "again\n"},
    {"devices", "ls /dev | tr '\\n' ' '", NULL, 0,
     "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"},
    {"devices work", "echo x > /dev/null && head -c 3 /dev/zero | wc -c", NULL, 0, "3\n"},
    {"umask", "umask", NULL, 0, "0022\n"},
    {"PATH search", NULL, tweak_path, 0, "found\n"},
    {"not in PATH", NULL, tweak_missing, 127, "no-such-program"},
    {"not executable", NULL, tweak_not_executable, 126, "/etc/passwd"},
    {"no_new_privs", "grep NoNewPrivs /proc/self/status", tweak_nnp, 0, "\t1\n"},
    {"no_new_privs off", "grep NoNewPrivs /proc/self/status", NULL, 0, "NoNewPrivs"},
    {"14 capabilities", "grep CapBnd /proc/self/status", NULL, 0, "00000000a80425fb"},
    {"inheritable is empty", "grep CapInh /proc/self/status", NULL, 0, "0000000000000000"},
    {"seccomp is on", "grep Seccomp: /proc/self/status", NULL, 0, "\t2\n"},
    {"root is writable", "echo x > /file && rm /file && echo ok", NULL, 0, "ok\n"},
    {"read-only root", "echo x > /file || echo refused", tweak_read_only, 0, "refused\n"},
    {"chown", "touch /f && chown 33:33 /f && stat -c %u:%g /f; rm -f /f", NULL, 0, "33:33\n", true},
    {"loopback is up", "cat /sys/class/net/lo/flags", NULL, 0, "0x9\n"},
    {"only loopback", "ls /sys/class/net", NULL, 0, "!eth"},
    /* attacks */
    {"no mount", "mount -t tmpfs x /tmp 2>/dev/null || echo refused", NULL, 0, "refused\n"},
    {"no unmount of masks", "umount /proc/sys 2>/dev/null || echo refused", NULL, 0, "refused\n"},
    {"no new user namespace", "unshare -U true 2>/dev/null || echo refused", NULL, 0, "refused\n"},
    {"no mknod of disks",
     /* with one id there may be a file that says of itself to be a disk: nothing is to be read */
     "mknod /tmp/d b 8 0 2>/dev/null; [ $(head -c1 /tmp/d 2>/dev/null | wc -c) = 0 ] && "
     "echo refused; rm -f /tmp/d",
     NULL, 0, "refused\n"},
    {"the engine's program is out of reach", "ls -l /proc/1/exe 2>/dev/null || echo refused",
     tweak_init, 0, "refused\n"},
    {"nor its memory", "cat /proc/1/maps 2>/dev/null || echo refused", tweak_init, 0, "refused\n"},
    {"no directory of the host is open", "ls -l /proc/self/fd | grep -c -- '-> /[^pd]'", NULL, 1,
     "0\n"},
    {"the first process has no other descriptors", "ls /proc/1/fd | tr '\\n' ' '", NULL, 0,
     "0 1 2 "},
    {"core_pattern is read-only", "echo x > /proc/sys/kernel/core_pattern || echo refused", NULL, 0,
     "refused\n"},
    {"sysrq is read-only", "echo h > /proc/sysrq-trigger || echo refused", NULL, 0, "refused\n"},
    {"kcore is empty", "head -c 4 /proc/kcore 2>/dev/null | wc -c", NULL, 0, "0\n"},
    {"keys are empty", "cat /proc/keys | wc -l", NULL, 0, "0\n"},
    {"uevent_helper", "echo x > /sys/kernel/uevent_helper || echo refused", NULL, 0, "refused\n"},
    {"sysfs is read-only", "echo x > /sys/kernel/mm/ksm/run || echo refused", NULL, 0, "refused\n"},
    {"no cgroup v1", "find /sys/fs/cgroup -name release_agent 2>/dev/null | wc -l", NULL, 0, "0\n"},
    {"other processes are not seen", "set -- /proc/[0-9]*; echo $#", NULL, 0, "1\n"},
    {"no way out through ..", "ls /../../etc/shadow 2>/dev/null || echo refused", NULL, 0,
     "refused\n"},
    {"no raw disk in /dev", "ls /dev/vda /dev/sda /dev/mem 2>/dev/null || echo refused", NULL, 2,
     "refused\n"},
};

static void containers_behave(void **state)
{
    struct identity_map ids;

    assert_int_equal(identity_detect(&ids, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        ERROR_AUTO(err);
        struct outcome o = {0};
        struct spawn_plan p;

        print_message("# %s: %s\n", identity_name(ids.kind), cases[i].name);
        if (cases[i].needs_ids && ids.kind == IDENTITY_SINGLE)
            continue;
        plan_shell(&p, cases[i].script ? cases[i].script : "true");
        if (cases[i].tweak)
            cases[i].tweak(&p);
        if (run_plan(&p, &o, &err) < 0)
            fail_msg("%s (%s)", err.text, err.hint ? err.hint : "");
        const bool absent = cases[i].text[0] == '!';
        if ((strstr(o.text, cases[i].text + absent) != NULL) == absent)
            fail_msg("output '%s' for '%s'", o.text, cases[i].text);
        if (cases[i].status != o.status && !strstr(o.text, "refused"))
            fail_msg("status %d, output '%s'", o.status, o.text);
        outcome_done(&o);
    }
}

/* Mount points that had to be made are gone afterwards; what the program wrote is there. */
static void stubs_are_taken_away(void **state)
{
    struct outcome o = {0};
    struct spawn_plan p;
    ERROR_AUTO(err);

    plan_shell(&p, "echo kept > /root/kept; ls -d /cache/deep /proc /dev");
    p.mounts = xrealloc(p.mounts, 2 * sizeof(*p.mounts));
    p.mounts[p.mount_count++] =
        (struct spawn_mount){.kind = SPAWN_MOUNT_TMPFS, .target = "/cache/deep"};
    assert_int_equal(run_plan(&p, &o, &err), 0);
    assert_int_equal(o.status, 0);
    outcome_done(&o);
    assert_int_equal(faccessat(store, "upper/root/kept", F_OK, 0), 0);
    static const char *const gone[] = {"upper/cache", "upper/proc",      "upper/dev",
                                       "upper/sys",   "upper/etc/hosts", "upper/etc/resolv.conf"};
    for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
        assert_int_equal(faccessat(store, gone[i], F_OK, 0), -1);
}

/* What a container writes is on disk as an ordinary layer has it: its own ids, and version 2 of
 * security.capability, which knows no user namespace. */
static void files_are_on_disk_as_meant(void **state)
{
    unsigned char bytes[64];
    struct identity_map ids;
    struct outcome o = {0};
    struct spawn_plan p;
    struct stat st;
    ERROR_AUTO(err);

    assert_int_equal(identity_detect(&ids, NULL), 0);
    if (ids.kind != IDENTITY_ROOT)
        return; /* only root has the container's ids on disk */
    plan_shell(&p, "cp /bin/true /capable && chown 33:100000 /capable && "
                   "PATH=$PATH:/sbin setcap cap_net_raw+ep /capable");
    assert_int_equal(run_plan(&p, &o, &err), 0);
    if (o.status == 127) {
        print_message("# there is no setcap\n");
        skip();
    }
    assert_int_equal(o.status, 0);
    outcome_done(&o);
    assert_int_equal(fstatat(store, "upper/capable", &st, 0), 0);
    assert_int_equal(st.st_uid, 33);
    assert_int_equal(st.st_gid, 100000);
    cleanup_free char *path = xasprintf("%s/upper/capable", scratch);
    const ssize_t n = getxattr(path, "security.capability", bytes, sizeof(bytes));
    print_message("# %zd bytes, version %d\n", n, bytes[3]);
    assert_int_equal(n, 20);
    assert_int_equal(bytes[3], 2);
}

static void plan_errors_have_words(void **state)
{
    static const struct {
        const char *user, *cwd, *target, *text;
    } bad[] = {
        {"nobody-here", NULL, NULL, "user 'nobody-here' is not in the image's /etc/passwd"},
        {"-1", NULL, NULL, "is not a number"},
        {NULL, "/nowhere", NULL, "enter working directory '/nowhere'"},
        {NULL, NULL, "/proc/sys/x", "/proc"},
        {NULL, NULL, "/", "is not below /"},
        {NULL, NULL, "/a/../b", "'..'"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct outcome o = {0};
        struct spawn_plan p;
        ERROR_AUTO(err);

        plan_shell(&p, "true");
        p.user = bad[i].user;
        p.cwd = bad[i].cwd;
        if (bad[i].target) {
            p.mounts = xrealloc(p.mounts, 2 * sizeof(*p.mounts));
            p.mounts[p.mount_count++] =
                (struct spawn_mount){.kind = SPAWN_MOUNT_TMPFS, .target = bad[i].target};
        }
        assert_true(run_plan(&p, &o, &err) < 0);
        print_message("# %s\n", err.text);
        assert_non_null(strstr(err.text, bad[i].text));
        outcome_done(&o);
    }
}

static void crashes_are_errors_of_the_job(void **state)
{
    ERROR_AUTO(err);
    struct outcome o = {0};
    struct spawn_plan p;

    assert_int_equal(holder_call(holder, "crash", NULL, NULL, 0, NULL, &err), -ECHILD);
    assert_non_null(strstr(err.text, "signal 9"));
    plan_shell(&p, "echo alive");
    assert_int_equal(run_plan(&p, &o, NULL), 0);
    assert_string_equal(o.text, "alive\n");
    outcome_done(&o);
}

/* The container holds the pipe's other end: it closes when the container is gone. The job then
 * takes the mount points away. */
static void cancelled_jobs_leave_nothing(void **state)
{
    cleanup_doc json_t *request = NULL;
    struct spawn_plan p;
    struct job *job;
    int pair[2], fds[64];
    size_t count = 0;
    char line[8];

    plan_shell(&p, "echo on; sleep 1000 & exec sleep 1000");
    assert_int_equal(fd_pipe(pair, NULL), 0);
    p.stdio_fds[1] = pair[1];
    assert_int_equal(spawn_plan_pack(&p, &request, fds, &count, NULL), 0);
    assert_int_equal(holder_submit(holder, "exec", request, fds, count, &job, NULL), 0);
    (void)close(pair[1]);
    assert_int_equal(read(pair[0], line, 3), 3);
    job_cancel(job);
    assert_int_equal(read(pair[0], line, 1), 0);
    (void)close(pair[0]);
    spawn_plan_done(&p);
    for (int i = 0; i < 60000 && faccessat(store, "upper/etc/hosts", F_OK, 0) == 0; i++)
        (void)poll(NULL, 0, 1);
    assert_int_equal(faccessat(store, "upper/etc/hosts", F_OK, 0), -1);
}

static void signals_reach_the_program(void **state)
{
    cleanup_doc json_t *request = NULL, *answer = NULL;
    struct spawn_result result;
    struct spawn_plan p;
    struct job *job;
    int pair[2], fds[64];
    size_t count = 0;
    char line[8];

    plan_shell(&p, "trap 'exit 44' USR1; echo on; while :; do sleep 0.01; done");
    p.init = true;
    assert_int_equal(fd_pipe(pair, NULL), 0);
    p.stdio_fds[1] = pair[1];
    assert_int_equal(spawn_plan_pack(&p, &request, fds, &count, NULL), 0);
    assert_int_equal(holder_submit(holder, "exec", request, fds, count, &job, NULL), 0);
    (void)close(pair[1]);
    assert_int_equal(read(pair[0], line, 3), 3);
    job_signal(job, SIGUSR1);
    assert_int_equal(job_finish(job, &answer, NULL), 0);
    assert_int_equal(spawn_result_parse(answer, &result, NULL), 0);
    assert_int_equal(result.status, 44);
    (void)close(pair[0]);
    spawn_plan_done(&p);
}

static double now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* No limit is checked here (machines are busy): `make bench` does that. It says what it took. */
static void twenty_steps(void **state)
{
    const enum spawn_network networks[] = {SPAWN_NETWORK_NONE, SPAWN_NETWORK_PRIVATE};

    for (size_t n = 0; n < ARRAY_SIZE(networks); n++) {
        double start = now_ms();

        for (int i = 0; i < 21; i++) {
            struct outcome o = {0};
            struct spawn_plan p;
            ERROR_AUTO(err);

            plan_shell(&p, "");
            strings_done(&p.argv);
            strings_add(&p.argv, "/bin/true");
            p.network = networks[n];
            if (run_plan(&p, &o, &err) < 0)
                fail_msg("%s", err.text);
            assert_int_equal(o.status, 0);
            for (size_t k = 0; i == 0 && k < o.result.notes.size; k++)
                print_message("# note: %s\n", o.result.notes.at[k]);
            outcome_done(&o);
            if (i == 0) {
                print_message("# first step, network %s: %.1f ms\n",
                              spawn_network_name(networks[n]), now_ms() - start);
                start = now_ms();
            }
        }
        print_message("# %.2f ms a step\n", (now_ms() - start) / 20);
    }
}

static void ask_who(const char *job, int64_t *ret_pid, int64_t *ret_open)
{
    cleanup_doc json_t *answer = NULL;
    ERROR_AUTO(err);

    if (holder_call(holder, job, NULL, NULL, 0, &answer, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(doc_need_int(answer, "pid", ret_pid, NULL), 0);
    assert_int_equal(doc_need_int(answer, "open", ret_open, NULL), 0);
}

static void run_step(void)
{
    struct outcome o = {0};
    struct spawn_plan p;
    ERROR_AUTO(err);

    plan_shell(&p, "true");
    p.network = SPAWN_NETWORK_NONE;
    if (run_plan(&p, &o, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(o.status, 0);
    outcome_done(&o);
}

/* A connection of this machine that is closed before its bytes were read: nobody's, and not yet gone. */
static void orphan_socket(int peers[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    static const char text[64 << 10];
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    peers[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peers[0], (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(peers[0], 1), 0);
    assert_int_equal(getsockname(peers[0], (struct sockaddr *)&at, &size), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, size), 0);
    peers[1] = accept4(peers[0], NULL, NULL, SOCK_CLOEXEC);
    while (send(client, text, sizeof(text), MSG_DONTWAIT) > 0)
        ;
    (void)close(client);
}

/* One process for steps one after the other, as it was after each, whatever the machine's own network does. */
static void jobs_that_stay_leave_nothing(void **state)
{
    int64_t pid, open, first, first_open;
    int peers[2];

    run_step();
    ask_who("who", &first, &first_open);
    orphan_socket(peers);
    for (int i = 0; i < 3; i++) {
        run_step();
        ask_who("new", &pid, &open);
        assert_int_not_equal(pid, first);
        ask_who("who", &pid, &open);
        assert_int_equal(pid, first);
        assert_int_equal(open, first_open);
    }
    (void)close(peers[0]);
    (void)close(peers[1]);
}

static int all(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_behave),
        cmocka_unit_test(stubs_are_taken_away),
        cmocka_unit_test(files_are_on_disk_as_meant),
        cmocka_unit_test(plan_errors_have_words),
        cmocka_unit_test(crashes_are_errors_of_the_job),
        cmocka_unit_test(cancelled_jobs_leave_nothing),
        cmocka_unit_test(signals_reach_the_program),
        cmocka_unit_test(jobs_that_stay_leave_nothing),
        cmocka_unit_test(twenty_steps),
    };

    make_store();
    int failed = 1;
    if (start_holder()) {
        failed = cmocka_run_group_tests(tests, NULL, NULL);
        holder_stop(holder);
    }
    return failed;
}

/* $TEST_IDENTITY=subids: as user nobody, with ranges in files of a mount namespace of our own. */
static bool become_subids(void)
{
    char files[] = "/tmp/cooper-subids.XXXXXX";
    const int fd = mkstemp(files);
    static const char line[] = "nobody:200000:65536\n";

    if (fd < 0 || write(fd, line, strlen(line)) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(files, "/etc/subuid", NULL, MS_BIND, NULL) < 0 ||
        mount(files, "/etc/subgid", NULL, MS_BIND, NULL) < 0 || fchmod(fd, 0644) < 0)
        return false;
    (void)close(fd);
    (void)unlink(files);
    return setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
           setresuid(65534, 65534, 65534) == 0 && access("/proc/self/exe", X_OK) == 0;
}

static bool choose_identity(void)
{
    const char *wish = getenv("TEST_IDENTITY");

    if (!wish || strcmp(wish, "subids") != 0)
        return true;
    if (geteuid() != 0 || !proc_have("newuidmap"))
        return false;
    return become_subids();
}

int main(int argc, char **argv)
{
    if (strcmp(argv[0], "@holder") == 0)
        return holder_main(argc, argv, rows, ARRAY_SIZE(rows));
    if (!choose_identity()) {
        puts("1..0 # SKIP subordinate ids want root, /etc/subuid, newuidmap and a readable build");
        return 0;
    }
    const int failed = all();
    shell("chmod -R u+rwx %s/work; rm -rf %s", scratch, scratch);
    return failed;
}
