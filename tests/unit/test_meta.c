#include "layer/meta.h"

#include <sys/xattr.h>

#include "trees.h"

static const struct {
    const char *name;
    enum meta_xattr rule;
    const char *disk; /* NULL: not asked */
} names[] = {
    {"user.a", META_XATTR_KEEP, "user.a"},
    {"trusted.a", META_XATTR_KEEP, "trusted.a"},
    {"security.capability", META_XATTR_KEEP, "security.capability"},
    {"security.selinux", META_XATTR_IGNORE, NULL},
    {"system.posix_acl_access", META_XATTR_IGNORE, NULL},
    {"user.overlay.opaque", META_XATTR_KEEP, "user.overlay.overlay.opaque"},
    {"user.overlay.overlay.opaque", META_XATTR_KEEP, "user.overlay.overlay.overlay.opaque"},
    {"trusted.overlay.redirect", META_XATTR_KEEP, "trusted.overlay.overlay.redirect"},
    {"user.overlays", META_XATTR_KEEP, "user.overlays"},
    {"user.cooper.stat", META_XATTR_REFUSE, NULL},
    {"user.cooper.anything", META_XATTR_REFUSE, NULL},
    {"user.cooperative", META_XATTR_KEEP, "user.cooperative"},
};

static void names_are_escaped_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char buf[META_XATTR_NAME_MAX], back[META_XATTR_NAME_MAX];

        print_message("# %s\n", names[i].name);
        assert_int_equal(meta_xattr_rule(names[i].name), names[i].rule);
        if (!names[i].disk) {
            assert_null(meta_xattr_unescape(names[i].name, buf));
            continue;
        }
        assert_string_equal(meta_xattr_escape(names[i].name, buf), names[i].disk);
        assert_string_equal(meta_xattr_unescape(names[i].disk, back), names[i].name);
    }
}

static void the_kernels_own_names_are_not_part_of_a_layer(void **state)
{
    (void)state;
    char buf[META_XATTR_NAME_MAX], name[300];

    assert_null(meta_xattr_unescape("user.overlay.origin", buf));
    assert_null(meta_xattr_unescape("trusted.overlay.opaque", buf));
    memset(name, 'x', sizeof(name));
    memcpy(name, "user.overlay.", 13);
    name[250] = '\0';
    assert_null(meta_xattr_escape(name, buf)); /* 258 bytes with the escape */
}

static struct xattr xattrs[] = {
    {"security.capability", {"\x01\x00\x00\x02\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20}},
    {"user.overlay.opaque", {"y", 1}}};

static const struct {
    const char *name;
    struct entry e;
    mode_t real, recorded; /* st_mode on disk */
    const char *record;    /* NULL: none */
} files[] = {
    {"plain", {.type = ENTRY_FILE, .mode = 0644}, S_IFREG | 0644, S_IFREG | 0644, NULL},
    {"secret", {.type = ENTRY_FILE, .mode = 0}, S_IFREG, S_IFREG, NULL},
    {"owned",
     {.type = ENTRY_FILE, .mode = 0644, .uid = 1000, .gid = 50},
     S_IFREG | 0644,
     S_IFREG | 0644,
     "1000 50 f"},
    {"setuid",
     {.type = ENTRY_FILE, .mode = 06755, .uid = 7},
     S_IFREG | 06755,
     S_IFREG | 06755,
     "7 0 f"},
    {"capable",
     {.type = ENTRY_FILE, .mode = 0755, .xattrs = xattrs, .xattr_count = 2, .uid = 3},
     S_IFREG | 0755,
     S_IFREG | 0755,
     "3 0 f"},
    {"dir", {.type = ENTRY_DIR, .mode = 01777}, S_IFDIR | 01777, S_IFDIR | 01777, NULL},
    {"closed",
     {.type = ENTRY_DIR, .mode = 0555, .gid = 9},
     S_IFDIR | 0555,
     S_IFDIR | 0555,
     "0 9 d"},
    {"null",
     {.type = ENTRY_CHAR, .mode = 0666, .major = 1, .minor = 3},
     S_IFCHR | 0666,
     S_IFREG | 0666,
     "0 0 c 1:3"},
    {"disk",
     {.type = ENTRY_BLOCK, .mode = 0660, .gid = 6, .major = 8, .minor = 1},
     S_IFBLK | 0660,
     S_IFREG | 0660,
     "0 6 b 8:1"},
    {"fifo", {.type = ENTRY_FIFO, .mode = 0600, .uid = 1}, S_IFIFO | 0600, S_IFREG | 0600, "1 0 p"},
    {"gone", {.type = ENTRY_WHITEOUT}, S_IFCHR, S_IFCHR, NULL},
    {"link",
     {.type = ENTRY_SYMLINK, .mode = 0777, .link = "a/b"},
     S_IFLNK | 0777,
     S_IFLNK | 0777,
     NULL},
};

static void make(int dirfd, const struct entry *e, enum owner_mode owner)
{
    ERROR_AUTO(err);

    if (e->type == ENTRY_FILE)
        put_file(dirfd, e->path, "", 0600);
    else
        assert_int_equal(meta_make(dirfd, e->path, e, owner, &err), 0);
    size_t lost = 0;
    if (meta_set(dirfd, e->path, -1, e, owner, &lost, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(lost, 0);
    assert_int_equal(meta_set_time(dirfd, e->path, -1, e, &err), 0);
}

static void assert_record(int dirfd, const char *name, const char *want)
{
    char path[64], text[OWNED_TEXT_MAX] = "";

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
    const ssize_t n = lgetxattr(path, OWNED_XATTR, text, sizeof(text) - 1);
    if (want)
        assert_string_equal(text, want);
    else
        assert_true(n < 0);
}

static void what_is_set_is_what_is_got(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("# needs root\n");
        skip();
    }
    for (size_t i = 0; i < 2 * ARRAY_SIZE(files); i++) {
        const enum owner_mode owner = i % 2 ? OWNER_RECORDED : OWNER_REAL;
        SCRATCH_AUTO(t);
        CLEANUP(arena_freep) struct arena *a = arena_new();
        struct entry e = files[i / 2].e, got;
        struct stat st;

        print_message("# %s %s\n", files[i / 2].name, owner == OWNER_REAL ? "real" : "recorded");
        e.path = files[i / 2].name;
        make(t.fd, &e, owner);
        assert_int_equal(fstatat(t.fd, e.path, &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode,
                         owner == OWNER_REAL ? files[i / 2].real : files[i / 2].recorded);
        assert_record(t.fd, e.path, owner == OWNER_REAL ? NULL : files[i / 2].record);
        assert_int_equal(meta_get(t.fd, e.path, -1, NULL, owner, a, &got, NULL), 0);
        assert_int_equal(got.type, e.type);
        assert_int_equal(got.mode, e.mode);
        assert_int_equal(got.uid, e.uid);
        assert_int_equal(got.gid, e.gid);
        assert_int_equal(got.major, e.major);
        assert_int_equal(got.minor, e.minor);
        assert_int_equal(got.size, 0);
        assert_int_equal(got.xattr_count, e.xattr_count);
        for (size_t k = 0; k < e.xattr_count; k++) {
            assert_string_equal(got.xattrs[k].name, e.xattrs[k].name);
            assert_true(view_eq(got.xattrs[k].value, e.xattrs[k].value));
        }
        if (e.link)
            assert_string_equal(got.link, e.link);
    }
}

static void a_later_chmod_counts(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    CLEANUP(arena_freep) struct arena *a = arena_new();
    const struct entry e = {.path = "f", .type = ENTRY_FILE, .mode = 0440, .uid = 5};
    struct entry got;

    make(t.fd, &e, OWNER_RECORDED);
    assert_int_equal(meta_get(t.fd, "f", -1, NULL, OWNER_RECORDED, a, &got, NULL), 0);
    assert_int_equal(got.mode, 0440);
    assert_int_equal(fchmodat(t.fd, "f", 0640, 0), 0);
    assert_int_equal(meta_get(t.fd, "f", -1, NULL, OWNER_RECORDED, a, &got, NULL), 0);
    assert_int_equal(got.mode, 0640);
    assert_int_equal(got.uid, 5);
}

static void records_are_not_believed_where_owners_are_real(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct entry got;

    put_file(t.fd, "f", "", 0644);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/f", t.fd);
    assert_int_equal(setxattr(path, OWNED_XATTR, "7 7 f", 5, 0), 0);
    assert_int_equal(meta_get(t.fd, "f", -1, NULL, OWNER_REAL, a, &got, NULL), 0);
    assert_int_equal(got.mode, 0644);
    assert_int_equal(got.uid, geteuid());
    assert_int_equal(got.xattr_count, 0);
    assert_int_equal(setxattr(path, OWNED_XATTR, "7 7", 3, 0), 0);
    assert_int_equal(meta_get(t.fd, "f", -1, NULL, OWNER_RECORDED, a, &got, NULL), -EINVAL);
}

/* As a device does, the file that stands for one swallows what is written to it. */
static void a_recorded_device_stays_one(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    CLEANUP(arena_freep) struct arena *a = arena_new();
    struct entry got;
    char path[64];

    put_file(t.fd, "f", "written", 0644);
    snprintf(path, sizeof(path), "/proc/self/fd/%d/f", t.fd);
    assert_int_equal(setxattr(path, OWNED_XATTR, "7 7 b 8:1", 9, 0), 0);
    for (enum owner_mode owner = OWNER_REAL; owner <= OWNER_RECORDED; owner++) {
        assert_int_equal(meta_get(t.fd, "f", -1, NULL, owner, a, &got, NULL), 0);
        assert_int_equal(got.type, ENTRY_BLOCK);
        assert_int_equal(got.major, 8);
        assert_int_equal(got.minor, 1);
        assert_int_equal(got.size, 0);
        assert_int_equal(got.uid, owner == OWNER_REAL ? geteuid() : 7);
    }
    assert_int_equal(setxattr(path, OWNED_XATTR, "7 7 c 0:0", 9, 0), 0);
    assert_int_equal(meta_get(t.fd, "f", -1, NULL, OWNER_REAL, a, &got, NULL), -EINVAL);
}

static void a_device_0_0_is_refused(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct entry e = {.path = "d", .type = ENTRY_CHAR};

    assert_int_equal(meta_make(t.fd, "d", &e, OWNER_REAL, NULL), -EINVAL);
    assert_int_equal(meta_make(t.fd, "d", &e, OWNER_RECORDED, NULL), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(names_are_escaped_and_back),
          cmocka_unit_test(the_kernels_own_names_are_not_part_of_a_layer),
          cmocka_unit_test(what_is_set_is_what_is_got), cmocka_unit_test(a_later_chmod_counts),
          cmocka_unit_test(records_are_not_believed_where_owners_are_real),
          cmocka_unit_test(a_recorded_device_stays_one), cmocka_unit_test(a_device_0_0_is_refused))
