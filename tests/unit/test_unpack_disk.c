/* What one layer is on disk, and what of an archive is refused; ids are those of layer-cases.tsv. */
#include <sys/xattr.h>

#include "unpack_fixture.h"

/* h01: one inode; m01, m02, m03, r09, r10: what is on disk at the end. */
static void disk_has_modes_times_and_links(void **state)
{
    static const struct item items[ITEMS] = {
        {'f', "d/x", "1", 06755, 0, 1},
        {'d', "d", NULL, 0555, 0, 100000000000},
        {'h', "l", "d/x"},
        {'f', "old", "", 0777, 0, -1},
        {'d', "", NULL, 0700, 0, 5},
    };
    const mode_t umask_before = umask(077);
    struct layer l;
    struct stat st, st2;

    (void)state;
    layer_open(&l);
    assert_int_equal(unpack_items(&l, items, &(struct unpack_options){0}, NULL), 0);
    umask(umask_before);
    assert_int_equal(fstatat(l.fd, "d/x", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 06755);
    assert_int_equal(fstatat(l.fd, "l", &st2, 0), 0);
    assert_int_equal(st.st_ino, st2.st_ino);
    assert_int_equal(fstatat(l.fd, "d", &st, 0), 0);
    if (geteuid() == 0)
        assert_int_equal(st.st_mode & 07777, 0555);
    assert_true(st.st_mtim.tv_sec == 100000000000 || st.st_mtim.tv_sec == 0x37fffffff);
    assert_int_equal(fstatat(l.fd, "old", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0777);
    assert_int_equal(st.st_mtim.tv_sec, -1);
    assert_int_equal(fstatat(l.fd, ".", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(st.st_mtim.tv_sec, 5);
    layer_close(&l);
}

/* r01 (xattrs replaced), w17, x01, x04, x06 and what is refused; records are written as they come. */
static void xattrs(void **state)
{
    static const struct {
        const char *name, *records; /* "<key>=<value>" pairs, a blank between */
        const char *disk, *value, *complaint;
    } cases[] = {
        {"x01", "SCHILY.xattr.user.a=1", "user.a", "1", NULL},
        {"x02", "LIBARCHIVE.xattr.user.%61b=dmFsdWU", "user.ab", "value", NULL},
        {"x02 both", "LIBARCHIVE.xattr.user.a=eA== SCHILY.xattr.user.a=x", "user.a", "x", NULL},
        {"x04", "SCHILY.xattr.user.a=b=c\n", "user.a", "b=c\n", NULL},
        {"w17", "SCHILY.xattr.user.overlay.opaque=y", "user.overlay.overlay.opaque", "y", NULL},
        {"x06", "SCHILY.acl.access=user::rwx", NULL, NULL, NULL},
        {"ours", "SCHILY.xattr.user.cooper.stat=0", NULL, NULL, "reserved"},
        {"machine's", "SCHILY.xattr.security.selinux=x", NULL, NULL, NULL},
        {"bad base64", "LIBARCHIVE.xattr.user.a=**", NULL, NULL, "not base64"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct layer l;
        char buf[100], list[1000];
        STR_AUTO(pax);
        STR_AUTO(tar);
        ERROR_AUTO(err);
        struct view rest = view_of(cases[i].records), record;

        print_message("# %s\n", cases[i].name);
        str_add_char(&pax, 'x');
        while (view_cut(&rest, ' ', &record))
            str_printf(&pax, "%02zu %.*s\n", record.size + 4, VIEW_ARG(record));
        const struct item items[ITEMS] = {{'r', "pax", pax.at}, {'f', "a", "1"}};
        layer_open(&l);
        const int r = unpack_items(&l, items, &(struct unpack_options){0}, &err);
        if (cases[i].complaint) {
            assert_true(r < 0);
            assert_non_null(strstr(err.text, cases[i].complaint));
            layer_close(&l);
            continue;
        }
        assert_int_equal(r, 0);
        const int fd = openat(l.fd, "a", O_RDONLY);
        if (cases[i].disk) {
            const ssize_t n = fgetxattr(fd, cases[i].disk, buf, sizeof(buf));
            assert_int_equal(n, strlen(cases[i].value));
            assert_memory_equal(buf, cases[i].value, (size_t)n);
        } else {
            assert_true(flistxattr(fd, list, sizeof(list)) <= 0 || owner() == OWNER_RECORDED);
        }
        close(fd);
        layer_close(&l);
    }
}

static void names_of_every_length(void **state)
{
    static const struct {
        size_t part, total;
        int want;
    } cases[] = {{255, 255, 0},
                 {256, 256, -ENAMETOOLONG}, /* p06 */
                 {254, 4095, 0},
                 {254, 4096, -ENAMETOOLONG}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        STR_AUTO(name);
        struct layer l;

        while (name.size < cases[i].total)
            str_add_char(&name, (name.size + 1) % (cases[i].part + 1) == 0 ? '/' : 'n');
        if (name.at[name.size - 1] == '/')
            name.at[name.size - 1] = 'n';
        const struct item items[ITEMS] = {{'f', name.at, "1"}};
        layer_open(&l);
        assert_int_equal(unpack_items(&l, items, &(struct unpack_options){0}, NULL), cases[i].want);
        layer_close(&l);
    }
}

/* a01 to a03, a08, a10 */
static void ends_and_digests(void **state)
{
    static const struct item items[ITEMS] = {{'f', "a", "1"}, {'f', "b", "2"}};
    static const struct item none[ITEMS] = {{0}};
    const struct unpack_options o = {0};
    STR_AUTO(tar);
    STR_AUTO(two);
    STR_AUTO(empty);
    struct digest want;
    char text[DIGEST_TEXT_MAX];
    struct layer l;
    ERROR_AUTO(err);

    (void)state;
    make_tar(items, &tar);
    str_add(&two, str_view(&tar));
    make_tar((struct item[ITEMS]){{'f', "c", "3"}}, &two);
    layer_open(&l);
    assert_int_equal(unpack_bytes(&l, str_view(&two), &o, NULL), 0); /* a01 */
    assert_null(index_find(l.result.index, VIEW("c")));
    assert_non_null(index_find(l.result.index, VIEW("b")));
    hash_of(str_view(&two), want.sha256);
    assert_memory_equal(&want, &l.sums.plain, sizeof(want));
    layer_close(&l);

    layer_open(&l);
    assert_int_equal(unpack_bytes(&l, view_make(tar.at, 2048), &o, NULL), 0); /* a02 */
    layer_close(&l);
    for (size_t size = 1; size < 1536; size += 500) {
        if (size % 512 == 0 || size == 1)
            continue;
        layer_open(&l);
        assert_int_equal(unpack_bytes(&l, view_make(tar.at, size), &o, NULL), -EPROTO); /* a03 */
        layer_close(&l);
    }
    layer_open(&l);
    make_tar(none, &empty);
    assert_int_equal(unpack_bytes(&l, str_view(&empty), &o, NULL), 0);
    assert_string_equal(/* a10 */
                        digest_format(&l.sums.plain, text),
                        "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
    layer_close(&l);

    layer_open(&l);
    const int fd = fd_of_bytes("tar", str_view(&tar), NULL);
    assert_int_equal(unpack_layer(fd, &(struct unpack_options){.root_fd = l.fd, .owner = owner()},
                                  NULL, &want, &l.result, &l.sums, &err),
                     -EPROTO); /* a08 */
    assert_non_null(strstr(err.text, "digest of the uncompressed layer"));
    close(fd);
    layer_close(&l);
}

static int only_usr(void *ctx, const struct entry *e, struct error *err)
{
    (void)ctx;
    (void)err;
    return strncmp(e->path, "usr", 3) == 0;
}

/* What ADD and packages ask for. */
static void options_are_kept(void **state)
{
    static const struct {
        const char *name;
        struct item items[ITEMS];
        struct unpack_options o;
        const char *want;
    } cases[] = {
        {"plain", {{'f', ".wh.a", "1"}}, {.plain = true}, ".wh.a=1"},
        {"prefix",
         {{'f', "a", "1"}, {'h', "b", "/a"}},
         {.prefix = "srv/www"},
         "srv/ srv/www/ srv/www/a=1 srv/www/b=1"},
        {"keep links",
         {{'d', "usr/bin"}, {'l', "bin", "usr/bin"}, {'d', "bin"}, {'f', "bin/sh", "1"}},
         {.keep_links = true},
         "bin->usr/bin usr/ usr/bin/ usr/bin/sh=1"},
        {"filter",
         {{'f', "usr/a", "1"}, {'f', "etc/a", "1"}},
         {.filter = only_usr},
         "usr/ usr/a=1"},
        {"no devices", {{'c', "null", "1"}, {'f', "a", "1"}}, {.skip_devices = true}, "a=1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct layer l;
        STR_AUTO(seen);

        print_message("# %s\n", cases[i].name);
        layer_open(&l);
        assert_int_equal(unpack_items(&l, cases[i].items, &cases[i].o, NULL), 0);
        const struct index *one[] = {l.result.index};
        struct merge *m = merge_new(one, 1);
        describe(m, &l.fd, &seen);
        merge_free(m);
        assert_string_equal(seen.at, cases[i].want);
        layer_close(&l);
    }
}

static void what_depends_on_other_layers_is_told(void **state)
{
    struct layer l;

    (void)state;
    layer_open(&l);
    assert_int_equal(unpack_items(&l, (struct item[ITEMS]){{'d', "d"}, {'f', "d/x", "1"}},
                                  &(struct unpack_options){0}, NULL),
                     0);
    assert_false(l.result.wants_below || l.result.used_below);
    layer_close(&l);
    layer_open(&l);
    assert_int_equal(unpack_items(&l, (struct item[ITEMS]){{'f', "d/x", "1"}},
                                  &(struct unpack_options){0}, NULL),
                     0);
    assert_true(l.result.wants_below);
    layer_close(&l);
}

UNIT_MAIN(cmocka_unit_test(disk_has_modes_times_and_links), cmocka_unit_test(xattrs),
          cmocka_unit_test(names_of_every_length), cmocka_unit_test(ends_and_digests),
          cmocka_unit_test(options_are_kept),
          cmocka_unit_test(what_depends_on_other_layers_is_told))
