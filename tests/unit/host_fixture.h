/* tests/unit/host_fixture.h - a host in a scratch directory that passes every check, and what tests change of it. */
#pragma once

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/host.h"
#include "base/fd.h"
#include "lint/internal.h"
#include "unit.h"

#define NOW 1700000000
#define UNIT "/usr/lib/systemd/system/docker.service"
#define SOCKET "/usr/lib/systemd/system/docker.socket"
#define JSON "/etc/docker/daemon.json"
#define RULES "/etc/audit/rules.d/docker.rules"
#define LOG "/var/log/audit/audit.log"

/* How a path is changed: its text, or what follows the sign. */
#define GONE "!gone"
#define FIFO "!fifo"
#define DIRECTORY "!dir"
#define SOCK "!sock"
#define LINK(to) "!link " to
#define MODE(octal) "!mode " octal
#define OWNER(uid, gid) "!owner " uid " " gid
#define OLD "!old"
#define HUGE "!huge"

struct step {
    const char *path, *how;
};

#define GOOD_JSON                                                                                  \
    "{\"icc\": false, \"userns-remap\": \"default\", \"no-new-privileges\": true, "                \
    "\"live-restore\": true, \"userland-proxy\": false, \"log-driver\": \"journald\", "            \
    "\"authorization-plugins\": [\"opa\"], \"default-ulimits\": {\"nofile\": {}}, "                \
    "\"tlsverify\": true, \"tlscacert\": \"/etc/docker/ca.pem\", "                                 \
    "\"tlscert\": \"/etc/docker/cert.pem\", \"tlskey\": \"/etc/docker/key.pem\"}"

static const struct step good_host[] = {
    {"/etc/passwd", "root:x:0:0::/root:/bin/sh\njoe:x:1000:1000::/home/joe:/bin/sh\n"},
    {"/etc/group", "root:x:0:\ndocker:x:998:\njoe:x:1000:\n"},
    {"/proc/mounts", "/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 /var/lib/docker ext4 rw 0 0\n"},
    {"/proc/sys/kernel/randomize_va_space", "2\n"},
    {"/proc/sys/kernel/sysrq", "176\n"},
    {"/var/lib/docker", DIRECTORY},
    {"/usr/bin/dockerd", "ELF"},
    {"/usr/bin/docker", "ELF"},
    {"/usr/bin/containerd", "ELF"},
    {"/usr/bin/containerd-shim", "ELF"},
    {"/usr/bin/containerd-shim-runc-v1", "ELF"},
    {"/usr/bin/containerd-shim-runc-v2", "ELF"},
    {"/usr/bin/runc", "ELF"},
    {UNIT, "[Service]\nUser=containers\nExecStart=/usr/bin/dockerd -H fd://\n"},
    {SOCKET, "[Socket]\nListenStream=/run/docker.sock\n"},
    {JSON, GOOD_JSON},
    {"/etc/docker/ca.pem", "ca"},
    {"/etc/docker/ca.pem", MODE("444")},
    {"/etc/docker/cert.pem", "cert"},
    {"/etc/docker/cert.pem", MODE("444")},
    {"/etc/docker/key.pem", "key"},
    {"/etc/docker/key.pem", MODE("400")},
    {"/etc/docker/certs.d/r.example/ca.crt", "ca"},
    {"/etc/docker/certs.d/r.example/ca.crt", MODE("444")},
    {"/etc/default/docker", "# none\n"},
    {"/etc/sysconfig/docker", "# none\n"},
    {"/etc/containerd/config.toml", "version = 2\n"},
    {"/run/docker.sock", SOCK},
    {"/run/docker.sock", OWNER("0", "998")},
    {"/run/containerd/containerd.sock", SOCK},
    {"/usr/sbin/auditctl", "ELF"},
    {RULES, "-w /usr/bin/dockerd -p wa\n-w /usr/bin/docker -p x\n-w /run/containerd\n"
            "-w /var/lib/docker -k docker\n-w /etc/docker -p wa\n-w " UNIT "\n-w " SOCKET "\n"
            "-w /etc/default/docker\n-w /etc/containerd\n-w /etc/sysconfig/docker\n"
            "-w /usr/bin/containerd\n-w /usr/bin/containerd-shim\n"
            "-w /usr/bin/containerd-shim-runc-v1\n-w /usr/bin/containerd-shim-runc-v2\n"
            "-w /usr/bin/runc -p x\n"},
    {LOG, "type=EXECVE msg=audit(1.2:3): argc=3 a0=\"docker\" a1=\"exec\" a2=\"web\"\n"},
};

static inline void host_make_parents(const char *path)
{
    cleanup_free char *above = xstrdup(path);

    *strrchr(above, '/') = '\0';
    assert_int_equal(fd_make_dirs(AT_FDCWD, above, 0755, NULL), 0);
}

static inline void host_make_file(const char *path, struct view text)
{
    host_make_parents(path);
    (void)unlink(path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const struct timespec when[2] = {{.tv_sec = NOW}, {.tv_sec = NOW}};
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, NULL), 0);
    assert_int_equal(futimens(fd, when), 0);
    assert_int_equal(close(fd), 0);
}

static inline void host_sparse(const char *path, off_t size)
{
    host_make_file(path, VIEW(""));
    assert_int_equal(truncate(path, size), 0);
}

static inline void host_change(const char *root, const struct step *s)
{
    cleanup_free char *path = xasprintf("%s%s", root, s->path);
    const struct timespec old[2] = {{.tv_sec = NOW - 400 * 86400}, {.tv_sec = NOW - 400 * 86400}};
    unsigned uid = 0, gid = 0;

    if (*s->how != '!') {
        host_make_file(path, view_of(s->how));
        return;
    }
    host_make_parents(path);
    if (strcmp(s->how, GONE) == 0)
        assert_int_equal(fd_remove_tree(AT_FDCWD, path, NULL), 0);
    else if (strcmp(s->how, DIRECTORY) == 0)
        assert_int_equal(fd_make_dirs(AT_FDCWD, path, 0755, NULL), 0);
    else if (strcmp(s->how, OLD) == 0)
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    else if (strcmp(s->how, HUGE) == 0)
        host_sparse(path, 1ll << 40);
    else if (strncmp(s->how, "!mode ", 6) == 0)
        assert_int_equal(chmod(path, (mode_t)strtoul(s->how + 6, NULL, 8)), 0);
    else if (sscanf(s->how, "!owner %u %u", &uid, &gid) == 2)
        (void)!chown(path, uid, gid); /* root alone can */
    else {
        (void)unlink(path);
        (void)rmdir(path);
        if (strncmp(s->how, "!link ", 6) == 0)
            assert_int_equal(symlink(s->how + 6, path), 0);
        else
            assert_int_equal(
                mknod(path, (strcmp(s->how, SOCK) == 0 ? S_IFSOCK : S_IFIFO) | 0660, 0), 0);
        if (strcmp(s->how, SOCK) == 0)
            assert_int_equal(chmod(path, 0660), 0);
    }
}

struct host_fixture {
    char root[64];
    struct host_facts *facts;
    struct lint_report report;
    struct strings trusted;
};

static inline void host_begin(struct host_fixture *x)
{
    *x = (struct host_fixture){.root = "/tmp/cooper-host-XXXXXX"};
    assert_non_null(mkdtemp(x->root));
    for (size_t i = 0; i < ARRAY_SIZE(good_host); i++)
        host_change(x->root, &good_host[i]);
}

static inline void host_judge(struct host_fixture *x)
{
    const struct env env = {.now_s = NOW};
    const struct lint_options options = {.audit = true};
    const struct host_options o = {x->root, &x->trusted};
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);

    lint_report_done(&x->report);
    host_facts_free(x->facts);
    assert_int_equal(host_gather(&env, &o, &x->facts, NULL), 0);
    x->facts->answers = xcalloc(lint_row_count(), sizeof(*x->facts->answers));
    lint_audit(l, &(struct lint_facts){.host = x->facts}, 1, &x->report);
}

static inline void host_end(struct host_fixture *x)
{
    lint_report_done(&x->report);
    host_facts_free(x->facts);
    strings_done(&x->trusted);
    assert_int_equal(fd_remove_tree(AT_FDCWD, x->root, NULL), 0);
}

static inline bool host_fires(const struct host_fixture *x, const struct lint_row *row)
{
    vec_each (f, &x->report)
        if (f->row == row)
            return true;
    return false;
}
