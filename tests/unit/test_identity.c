#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/identity.h"
#include "sandbox/passwd.h"
#include "sandbox/spawn.h"
#include "unit.h"

static const struct {
    const char *name, *text;
    size_t count;
    uint32_t outside, size; /* of the first */
} subids[] = {
    {"by name", "al:100000:65536\n", 1, 100000, 65536},
    {"by number", "1000:5:6\n", 1, 5, 6},
    {"of somebody else", "bob:100000:65536\n", 0, 0, 0},
    {"two", "al:100000:10\nbob:1:1\nal:200000:20\n", 2, 100000, 10},
    {"no newline at the end", "al:7:8", 1, 7, 8},
    {"overlapping", "al:100:10\nal:105:10\n", 1, 100, 10},
    {"count 0", "al:100:0\n", 0, 0, 0},
    {"beyond 32 bits", "al:4294967290:10\n", 0, 0, 0},
    {"too few fields", "al:100\n", 0, 0, 0},
    {"no number", "al:x:10\nal:10:y\n", 0, 0, 0},
    {"a name that begins so", "alice:1:1\n", 0, 0, 0},
    {"comment", "# al:1:1\n", 0, 0, 0},
    {"empty", "", 0, 0, 0},
};

static void subordinate_ids(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(subids); i++) {
        struct id_range r[ID_RANGES_MAX] = {0};

        print_message("# %s\n", subids[i].name);
        const size_t n = identity_parse_subids(view_of(subids[i].text), "al", 1000, 1, r, 0);
        assert_int_equal(n, subids[i].count);
        if (n == 0)
            continue;
        assert_int_equal(r[0].inside, 1);
        assert_int_equal(r[0].outside, subids[i].outside);
        assert_int_equal(r[0].count, subids[i].size);
        if (n == 2)
            assert_int_equal(r[1].inside, 11);
    }
}

static void at_most_eight_ranges(void **state)
{
    struct id_range r[ID_RANGES_MAX];
    STR_AUTO(text);

    for (int i = 0; i < 20; i++)
        str_printf(&text, "al:%d:1\n", i * 10);
    assert_int_equal(identity_parse_subids(str_view(&text), "al", 1, 1, r, 0), ID_RANGES_MAX);
}

static const struct {
    const char *file, *value;
    int cause;
    const char *hint;
} switches[] = {
    {"user/max_user_namespaces", "0\n", EPERM, "user.max_user_namespaces"},
    {"kernel/unprivileged_userns_clone", "0\n", EPERM, "kernel.unprivileged_userns_clone=1"},
    {"kernel/apparmor_restrict_unprivileged_userns", "1\n", EACCES, "AppArmor profile"},
    {"kernel/other", "1\n", EINVAL, "CONFIG_USER_NS"},
    {"kernel/other", "1\n", EPERM, "chroot"},
    {"kernel/other", "1\n", ENOSYS, "seccomp=unconfined"},
    {"kernel/other", "1\n", ENOSPC, "too many"},
};

static void each_switch_has_its_message(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
        char dir[] = "/tmp/cooper-sysctl.XXXXXX";
        ERROR_AUTO(err);

        assert_non_null(mkdtemp(dir));
        const int fd = open(dir, O_PATH | O_CLOEXEC);
        assert_int_equal(fd_make_dirs(fd, "user", 0755, NULL), 0);
        assert_int_equal(fd_make_dirs(fd, "kernel", 0755, NULL), 0);
        assert_int_equal(
            fd_replace_file(fd, switches[i].file, view_of(switches[i].value), 0644, NULL), 0);
        assert_true(identity_explain(dir, switches[i].cause, &err) < 0);
        print_message("# %s (%s)\n", err.text, err.hint);
        assert_non_null(strstr(err.hint, switches[i].hint));
        (void)close(fd);
        assert_int_equal(fd_remove_tree(AT_FDCWD, dir, NULL), 0);
    }
}

#define PASSWD                                                                                     \
    "root:x:0:0:root:/root:/bin/sh\nbroken\n:x:7:7::/x:\nwww:x:33:34::/var/www:/bin/sh\n"          \
    "nohome:x:50:50:::\nbig:x:4294967296:0::/big:\n77:x:5:5::/five:\nroot:x:9:9::/late:\n"         \
    " \tblanks:x:51:52::/blanks "                                                                  \
    "\r\nshort:x:53\nnogroup:x:54:::/h:/bin/sh\nwords:x:55:staff::/w:\n"                           \
    "zero:x::::/:\nhex:x:0x10:1::/:\n# c:x:56:1::/:\nlast:x:57:58::/last"
#define GROUP                                                                                      \
    "root:x:0:\nwww:x:33:\nextra:x:60:root,www\nmore:x:61:www\nother:x:62:wwww,ww\n"               \
    " cr:x:63:last\r\n"

static const struct {
    const char *spec;
    int64_t uid, gid;
    const char *home;
    size_t groups;
} users[] = {
    {"", 0, 0, "/root", 2},
    {"root", 0, 0, "/root", 2},
    {"0", 0, 0, "/root", 2},
    {"www", 33, 34, "/var/www", 3},
    {"33", 33, 34, "/var/www", 3},
    {"www:extra", 33, 60, "/var/www", 1},
    {"www:5", 33, 5, "/var/www", 1},
    {"4242", 4242, 0, "/", 1},
    {"4242:4343", 4242, 4343, "/", 1},
    {"nohome", 50, 50, "/", 1},
    {"77", 77, 0, "/", 1},
    {":www", 0, 33, "/root", 1},
    {"www:", 33, 34, "/var/www", 3},
    {"2147483647", 2147483647, 0, "/", 1},
    {"blanks", 51, 52, "/blanks", 1},
    {"short", 53, 0, "/", 1},
    {"nogroup", 54, 0, "/h", 1},
    {"words", 55, 0, "/w", 1},
    {"last", 57, 58, "/last", 2},
    {"last:cr", 57, 63, "/last", 1},
};

static const struct {
    const char *complaint;
    const char *specs[8];
} strangers[] = {
    {"not a number", {"2147483648", "-1", "+1", "www:-5"}},
    {"not in the image's /etc/passwd", {"1e3", " 1", "zero", "hex", "big", "nobody"}},
    {"not in the image's /etc/group", {"www:nogroup", "www:extra:more"}},
};

static int look_up(const char *spec, struct passwd_user *ret, struct error *err)
{
    print_message("# '%s'\n", spec);
    return passwd_lookup(VIEW(PASSWD), VIEW(GROUP), spec, ret, err);
}

static void users_are_found_as_docker_does(void **state)
{
    struct passwd_user u = {0};

    for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
        assert_int_equal(look_up(users[i].spec, &u, NULL), 0);
        assert_int_equal(u.uid, users[i].uid);
        assert_int_equal(u.gid, users[i].gid);
        assert_string_equal(u.home, users[i].home);
        assert_int_equal(u.group_count, users[i].groups);
        assert_int_equal(u.groups[0], u.gid);
        passwd_user_done(&u);
    }
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        for (const char *const *spec = strangers[i].specs; *spec; spec++) {
            ERROR_AUTO(err);

            assert_true(look_up(*spec, &u, &err) < 0);
            assert_non_null(strstr(err.text, strangers[i].complaint));
        }
}

static void plans_survive_the_way(void **state)
{
    cleanup_doc json_t *packed = NULL;
    static const char secret[] = "\xff\0b";
    struct spawn_mount mounts[] = {
        {SPAWN_MOUNT_BIND, 40, "/a", .read_only = true, .recursive = true},
        {SPAWN_MOUNT_TMPFS, -1, "/b", .size = 4096, .mode = 0700, .uid = 3, .gid = 4},
        {SPAWN_MOUNT_FILE, -1, "/c", {secret, 3}, .mode = 0400},
    };
    struct spawn_plan p, q;
    int fds[64];
    size_t count = 0;

    spawn_plan_init(&p);
    strings_add(&p.argv, "sh");
    strings_add(&p.env, "A=b");
    p.user = "www";
    p.network = SPAWN_NETWORK_NONE;
    p.stdio_fds[1] = 41;
    p.no_new_privs = p.init = true;
    p.mounts = mounts;
    p.mount_count = ARRAY_SIZE(mounts);
    assert_int_equal(spawn_plan_pack(&p, &packed, fds, &count, NULL), 0);
    assert_int_equal(count, 2);
    assert_int_equal(spawn_plan_parse(packed, fds, count, &q, NULL), 0);
    assert_string_equal(q.argv.at[0], "sh");
    assert_string_equal(q.env.at[0], "A=b");
    assert_string_equal(q.user, "www");
    assert_int_equal(q.network, SPAWN_NETWORK_NONE);
    assert_int_equal(q.capabilities, p.capabilities);
    assert_true(q.no_new_privs && q.init && q.seccomp && !q.tty);
    assert_int_equal(q.stdio_fds[0], -1);
    assert_int_equal(q.stdio_fds[1], 41);
    assert_int_equal(q.mount_count, 3);
    assert_int_equal(q.mounts[0].source_fd, 40);
    assert_true(q.mounts[0].read_only && q.mounts[0].recursive);
    assert_int_equal(q.mounts[1].mode, 0700);
    assert_int_equal(q.mounts[1].uid, 3);
    assert_int_equal(q.mounts[2].data.size, 3);
    assert_memory_equal(q.mounts[2].data.at, secret, 3);
    spawn_plan_done(&q);
    p.mounts = NULL;
    spawn_plan_done(&p);
}

UNIT_MAIN(cmocka_unit_test(subordinate_ids), cmocka_unit_test(at_most_eight_ranges),
          cmocka_unit_test(each_switch_has_its_message),
          cmocka_unit_test(users_are_found_as_docker_does), cmocka_unit_test(plans_survive_the_way))
