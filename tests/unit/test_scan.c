#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "base/fd.h"
#include "layer/devices.h"
#include "layer/scan.h"
#include "trees.h"

static struct index *scanned(int fd, const struct scan_options *o)
{
    struct index *ix = NULL;
    ERROR_AUTO(err);

    if (scan_tree(fd, o, &ix, &err) < 0)
        fail_msg("scan: %s", err.text);
    return ix;
}

static void assert_scan(int fd, const struct scan_options *o, const char *want)
{
    CLEANUP(index_freep) struct index *ix = scanned(fd, o);
    STR_AUTO(got);

    words_of_index(ix, &got);
    assert_string_equal(got.at, want);
}

static bool is_root(void)
{
    if (geteuid() == 0)
        return true;
    print_message("# needs root\n");
    return false;
}

static void sees_files_links_and_directories(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct scan_options o = SCAN_OPTIONS_INIT;
    struct digest want;

    put_dir(t.fd, "d", 0750);
    put_file(t.fd, "d/a", "hello", 0640);
    put_file(t.fd, "d.x", "1", 0644);
    assert_int_equal(linkat(t.fd, "d/a", t.fd, "again", 0), 0);
    assert_int_equal(symlinkat("d/a", t.fd, "link"), 0);
    assert_int_equal(mkfifoat(t.fd, "pipe", 0600), 0);
    const int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/sock", t.fd);
    assert_int_equal(bind(s, (struct sockaddr *)&un, sizeof(un)), 0);
    close(s);
    assert_scan(t.fd, &o, "again=5 d/ d/a<again d.x=1 link>d/a pipe|");

    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &o);
    const struct entry *e = index_find(ix, VIEW("again"));
    digest_of(VIEW("hello"), &want);
    assert_true(digest_eq(&e->content, &want));
    assert_int_equal(e->mode, 0640);
    assert_int_equal(e->mtime_s, 1700000000);
    assert_int_equal(e->mtime_ns, 5);
}

static void an_empty_directory_is_an_empty_index(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    struct scan_options o = SCAN_OPTIONS_INIT;

    assert_scan(t.fd, &o, "");
    o.with_root = true;
    assert_scan(t.fd, &o, "./");
}

static void knows_whiteouts_and_opaque_directories(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct scan_options o = SCAN_OPTIONS_INIT;

    if (!is_root())
        skip();
    put_dir(t.fd, "d", 0755);
    put_dir(t.fd, "p", 0755);
    for (const char *const *name = (const char *const[]){"d/gone", "gone", NULL}; *name; name++)
        assert_int_equal(mknodat(t.fd, *name, S_IFCHR, 0), 0);
    const int d = openat(t.fd, "d", O_RDONLY | O_DIRECTORY),
              p = openat(t.fd, "p", O_RDONLY | O_DIRECTORY);
    assert_int_equal(meta_set_opaque(d, NULL), 0);
    assert_int_equal(fsetxattr(p, "user.overlay.impure", "y", 1, 0), 0);
    assert_int_equal(fsetxattr(p, "user.overlay.overlay.opaque", "y", 1, 0), 0);
    close(d);
    close(p);
    assert_scan(t.fd, &o, "d! d/gone~ gone~ p/");
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &o);
    const struct entry *e = index_find(ix, VIEW("p"));
    assert_int_equal(e->xattr_count, 1);
    assert_string_equal(e->xattrs[0].name, "user.overlay.opaque");
    assert_int_equal(index_find(ix, VIEW("d"))->xattr_count, 0);
}

static void put_record(int dirfd, const char *name, const char *record)
{
    cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);

    assert_int_equal(fsetxattr(fd, OWNED_XATTR, record, strlen(record), 0), 0);
}

/* Files stand for them, empty ones, for root too. */
static void devices_of_a_step_are_settled(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    struct scan_options o = SCAN_OPTIONS_INIT;
    struct stat before, st, again;

    o.owner = is_root() ? OWNER_REAL : OWNER_RECORDED;
    put_dir(t.fd, "d", 0755);
    put_file(t.fd, "d/null", "swallowed", 0640);
    put_file(t.fd, "file", "1", 0644);
    assert_int_equal(linkat(t.fd, "d/null", t.fd, "null2", 0), 0);
    put_record(t.fd, "d/null", "0 0 c 1:3");
    assert_int_equal(fstatat(t.fd, "d", &before, 0), 0);
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &o);
    assert_int_equal(devices_settle(t.fd, ix, NULL), 0);
    assert_int_equal(fstatat(t.fd, "d/null", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(fstatat(t.fd, "null2", &again, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(st.st_ino, again.st_ino);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(st.st_mode, S_IFREG | 0640);
    assert_int_equal(fstatat(t.fd, "d", &st, 0), 0);
    assert_memory_equal(&st.st_mtim, &before.st_mtim, sizeof(st.st_mtim));
    CLEANUP(index_freep) struct index *after = scanned(t.fd, &o);
    struct digest ids[2];
    index_tree_id(ix, &ids[0]);
    index_tree_id(after, &ids[1]);
    assert_true(digest_eq(&ids[0], &ids[1]));
}

static void an_index_tells_of_its_devices(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum entry_type type;
        int want;
    } cases[] = {{"null", ENTRY_CHAR, 1},     {"disk", ENTRY_BLOCK, 1},
                 {"dev/null", ENTRY_CHAR, 0}, {"devices", ENTRY_BLOCK, 1},
                 {"pipe", ENTRY_FIFO, 0},     {"gone", ENTRY_WHITEOUT, 0}};
    SCRATCH_AUTO(t);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
        CLEANUP(index_freep) struct index *ix = NULL;
        cleanup_close int fd = openat(t.fd, "index", O_WRONLY | O_CREAT | O_TRUNC, 0644);

        index_builder_add(b, &(struct entry){.path = "dev", .type = ENTRY_DIR});
        index_builder_add(b, &(struct entry){.path = cases[i].path, .type = cases[i].type});
        assert_int_equal(index_builder_finish(b, &ix, NULL), 0);
        assert_int_equal(index_save(ix, fd, NULL), 0);
        assert_int_equal(index_devices_at(t.fd, "index", NULL), cases[i].want);
        assert_int_equal(pwrite(fd, "coopidx1", 8, 0), 8); /* one that does not tell */
        assert_int_equal(index_devices_at(t.fd, "index", NULL), cases[i].want);
    }
    put_file(t.fd, "damaged", "x", 0644);
    assert_int_equal(index_devices_at(t.fd, "damaged", NULL), -EINVAL);
}

static void leaves_out_empty_mount_points(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    struct scan_options o = SCAN_OPTIONS_INIT;
    const char *const stubs[] = {"etc/resolv.conf", "etc",  "proc", "dev",
                                 "dev/pts",         "used", "full"};

    put_dir(t.fd, "etc", 0755);
    put_file(t.fd, "etc/resolv.conf", "", 0644);
    put_dir(t.fd, "proc", 0755);
    put_dir(t.fd, "dev", 0755);
    put_dir(t.fd, "dev/pts", 0755);
    put_dir(t.fd, "used", 0755);
    put_file(t.fd, "used/x", "1", 0644);
    put_file(t.fd, "full", "1", 0644);
    put_file(t.fd, "empty", "", 0644);
    o.stubs = stubs;
    o.stub_count = ARRAY_SIZE(stubs);
    assert_scan(t.fd, &o, "empty=0 full=1 used/ used/x=1");
}

static void translates_ids(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    struct scan_options o = SCAN_OPTIONS_INIT;
    const struct scan_id_range ids[] = {{0, 5000, 1}, {100000, 0, 65536}};
    struct index *none = NULL;

    if (!is_root())
        skip();
    put_file(t.fd, "a", "", 0644);
    put_file(t.fd, "b", "", 0644);
    assert_int_equal(fchownat(t.fd, "b", 100007, 165535, 0), 0);
    o.uids = o.gids = ids;
    o.uid_count = o.gid_count = 2;
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &o);
    assert_int_equal(index_find(ix, VIEW("a"))->uid, 5000);
    assert_int_equal(index_find(ix, VIEW("b"))->uid, 7);
    assert_int_equal(index_find(ix, VIEW("b"))->gid, 65535);
    assert_int_equal(fchownat(t.fd, "b", 7, 7, 0), 0);
    assert_int_equal(scan_tree(t.fd, &o, &none, NULL), -EOVERFLOW);
}

static void link_owners_come_from_the_table(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    struct scan_options o = SCAN_OPTIONS_INIT;
    struct stat st;
    STR_AUTO(table);

    assert_int_equal(symlinkat("x", t.fd, "renamed"), 0);
    assert_int_equal(symlinkat("x", t.fd, "plain"), 0);
    assert_int_equal(symlinkat("x", t.fd, "path"), 0);
    assert_int_equal(fstatat(t.fd, "renamed", &st, AT_SYMLINK_NOFOLLOW), 0);
    owned_link_format(&(struct owned_link){1, 2, st.st_ino, "old-name"}, &table);
    owned_link_format(&(struct owned_link){9, 9, 0, "path"}, &table);
    owned_link_format(&(struct owned_link){3, 4, 0, "path"}, &table);
    o.owner = OWNER_RECORDED;
    o.link_owners = fd_of_bytes("table", str_view(&table), NULL);
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &o);
    assert_int_equal(index_find(ix, VIEW("renamed"))->uid, 1);
    assert_int_equal(index_find(ix, VIEW("renamed"))->gid, 2);
    assert_int_equal(index_find(ix, VIEW("path"))->uid, 3);
    assert_int_equal(index_find(ix, VIEW("path"))->gid, 4);
    assert_int_equal(index_find(ix, VIEW("plain"))->uid, geteuid());
    close(o.link_owners);
}

static void goes_deeper_than_descriptors_last(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct scan_options o = SCAN_OPTIONS_INIT;
    STR_AUTO(path);

    for (int i = 0; i < 1200; i++) {
        str_add_text(&path, i ? "/d" : "d");
        put_dir(t.fd, path.at, 0755);
    }
    str_add_text(&path, "/file");
    put_file(t.fd, path.at, "1", 0644);
    put_file(t.fd, "d/z", "22", 0644);
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &o);
    assert_int_equal(index_count(ix), 1202);
    assert_non_null(index_find(ix, str_view(&path)));
    assert_int_equal(index_find(ix, VIEW("d/z"))->size, 2);
}

UNIT_MAIN(cmocka_unit_test(sees_files_links_and_directories),
          cmocka_unit_test(an_empty_directory_is_an_empty_index),
          cmocka_unit_test(knows_whiteouts_and_opaque_directories),
          cmocka_unit_test(devices_of_a_step_are_settled),
          cmocka_unit_test(an_index_tells_of_its_devices),
          cmocka_unit_test(leaves_out_empty_mount_points), cmocka_unit_test(translates_ids),
          cmocka_unit_test(link_owners_come_from_the_table),
          cmocka_unit_test(goes_deeper_than_descriptors_last))
