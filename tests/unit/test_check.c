#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layer/check.h"
#include "trees.h"

static void make(int fd)
{
    put_dir(fd, "d", 0750);
    put_file(fd, "d/a", "hello", 0640);
    assert_int_equal(linkat(fd, "d/a", fd, "again", 0), 0);
    assert_int_equal(symlinkat("d/a", fd, "link"), 0);
    assert_int_equal(mkfifoat(fd, "pipe", 0600), 0);
}

static void change(int fd, int which)
{
    const int dir = openat(fd, "d", O_RDONLY | O_CLOEXEC);

    switch (which) {
    case 1:
        put_file(fd, "d/a", "HELLO", 0640);
        break;
    case 2:
        put_file(fd, "d/a", "hello!", 0640);
        break;
    case 3:
        assert_int_equal(fchmod(dir, 0700), 0);
        break;
    case 4:
        put_file(fd, "d/b", "", 0644);
        break;
    case 5:
        assert_int_equal(unlinkat(fd, "pipe", 0), 0);
        break;
    case 6:
        assert_int_equal(unlinkat(fd, "link", 0), 0);
        assert_int_equal(symlinkat("d/b", fd, "link"), 0);
        break;
    case 7:
        assert_int_equal(fsetxattr(dir, "user.overlay.opaque", "y", 1, 0), 0);
        break;
    case 8:
        assert_int_equal(fsetxattr(dir, "user.x", "y", 1, 0), 0);
        break;
    case 9:
        assert_int_equal(unlinkat(fd, "again", 0), 0);
        put_file(fd, "again", "hello", 0640);
        break;
    case 10:
        assert_int_equal(unlinkat(fd, "pipe", 0), 0);
        put_file(fd, "pipe", "", 0600);
        break;
    }
    close(dir);
}

static void every_difference_is_found(void **state)
{
    static const char *const complaints[] = {
        NULL,
        "the content of 'again'",
        "the content of 'again'",
        "the mode of 'd'",
        "'d/b' is not in the index",
        "'pipe' is missing",
        "the link of 'link'",
        "the opaque mark of 'd'",
        "the extended attributes of 'd'",
        "the type of 'd/a'",
        "the type of 'pipe'",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
        SCRATCH_AUTO(t);
        CLEANUP(index_freep) struct index *ix = NULL;
        const struct scan_options o = SCAN_OPTIONS_INIT;
        ERROR_AUTO(err);

        print_message("# %s\n", complaints[i] ? complaints[i] : "as it was");
        make(t.fd);
        assert_int_equal(scan_tree(t.fd, &o, &ix, &err), 0);
        change(t.fd, (int)i);
        assert_int_equal(check_tree(t.fd, ix, OWNER_REAL, &err), complaints[i] ? -EPROTO : 0);
        if (complaints[i])
            assert_non_null(strstr(err.text, complaints[i]));
    }
}

/* False when we do not have it to begin with. */
static bool use_admin(bool yes)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    const uint32_t bit = CAP_TO_MASK(CAP_SYS_ADMIN);

    assert_int_equal(syscall(SYS_capget, &head, data), 0);
    data[0].effective = yes ? data[0].effective | bit : data[0].effective & ~bit;
    return syscall(SYS_capset, &head, data) == 0;
}

static int check_with(const struct entry *want, enum owner_mode owner, int fd)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
    CLEANUP(index_freep) struct index *ix = NULL;
    ERROR_AUTO(err);

    index_builder_add(b, want);
    assert_int_equal(index_builder_finish(b, &ix, &err), 0);
    return check_tree(fd, ix, owner, &err);
}

static void attributes_may_lack_only_where_nobody_could_set_them(void **state)
{
    static const struct {
        const char *name;
        enum entry_type type;
        enum owner_mode owner;
        bool as_admin, sound;
    } cases[] = {
        {"trusted.x", ENTRY_FILE, OWNER_REAL, false, true},
        {"trusted.x", ENTRY_FILE, OWNER_RECORDED, false, true},
        {"trusted.x", ENTRY_FILE, OWNER_REAL, true, false},
        {"trusted.x", ENTRY_SYMLINK, OWNER_REAL, true, false},
        {"user.x", ENTRY_FILE, OWNER_REAL, false, false},
        {"user.x", ENTRY_SYMLINK, OWNER_REAL, true, true},
        {"user.x", ENTRY_FIFO, OWNER_REAL, false, true},
        {"user.x", ENTRY_FIFO, OWNER_RECORDED, false, false},
        {"security.capability", ENTRY_FILE, OWNER_REAL, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xattr x = {cases[i].name, VIEW("1")};
        struct entry e = {.path = "f",
                          .type = cases[i].type,
                          .mode = 0600,
                          .uid = geteuid(),
                          .gid = getegid(),
                          .link = "to"};
        SCRATCH_AUTO(t);

        print_message("# %zu: %s\n", i, cases[i].name);
        if (e.type == ENTRY_FILE) {
            put_file(t.fd, "f", "", 0600);
            digest_of(VIEW(""), &e.content);
        } else {
            assert_int_equal(meta_make(t.fd, "f", &e, cases[i].owner, NULL), 0);
            assert_int_equal(meta_set(t.fd, "f", -1, &e, cases[i].owner, NULL, NULL), 0);
        }
        const bool has = use_admin(cases[i].as_admin);
        if (has && (cases[i].owner == OWNER_REAL || e.uid == 0)) {
            assert_int_equal(check_with(&e, cases[i].owner, t.fd), 0);
            e.xattrs = &x;
            e.xattr_count = 1;
            assert_int_equal(check_with(&e, cases[i].owner, t.fd), cases[i].sound ? 0 : -EPROTO);
        }
        (void)use_admin(true);
    }
}

UNIT_MAIN(cmocka_unit_test(every_difference_is_found),
          cmocka_unit_test(attributes_may_lack_only_where_nobody_could_set_them))
