/* The rows of layer-cases.tsv (image-spec conformance data): ids are theirs. Archives are made in
 * memory, unpacked as layers over each other, and what is seen is read back through the merged
 * indexes and from the disk. */
#include "layer/scan.h"
#include "unpack_fixture.h"

static const struct row {
    const char *name;
    struct item lower[ITEMS], upper[ITEMS];
    const char *want, *complaint;
} rows[] = {
    {"w01", {{'f', "a", "1"}}, {{'f', ".wh.a"}}, ""},
    {"w02", {{'d', "d"}, {'f', "d/x", "1"}}, {{'f', ".wh.d"}}, ""},
    {"w03", {{'f', "a", "1"}}, {{'f', ".wh.nope"}}, "a=1"},
    {"w04", {{'f', "a", "1"}}, {{'f', "d/.wh.x"}}, "a=1"},
    {"w04 but there below",
     {{'d', "d"}, {'f', "d/x"}, {'f', "d/y"}},
     {{'f', "d/.wh.x"}},
     "d/ d/y="},
    {"w05",
     {{'d', "d"}, {'f', "d/a", "1"}},
     {{'d', "d"}, {'f', "d/.wh..wh..opq"}, {'f', "d/b", "2"}},
     "d/ d/b=2"},
    {"w06",
     {{'d', "d"}, {'f', "d/a", "1"}},
     {{'d', "d"}, {'f', "d/b", "2"}, {'f', "d/.wh..wh..opq"}},
     "d/ d/b=2"},
    {"w07", {{'f', "a", "1"}}, {{'f', ".wh..wh..opq"}, {'f', "b", "2"}}, "b=2"},
    {"w08",
     {{'d', "d"}, {'d', "d/e"}, {'f', "d/e/f", "1"}},
     {{'d', "d"}, {'f', "d/.wh..wh..opq"}, {'d', "d/e"}, {'f', "d/e/g", "2"}},
     "d/ d/e/ d/e/g=2"},
    {"w09", {{'f', "a", "1"}}, {{'f', ".wh.a"}, {'f', "a", "2"}}, "a=2"},
    {"w10", {{'f', "a", "1"}}, {{'f', "a", "2"}, {'f', ".wh.a"}}, "a=2"},
    {"w11", {{0}}, {{'d', "d"}, {'f', "d/.wh."}}, NULL, "no plain name"},
    {"w12 link", {{'f', "a", "1"}}, {{'l', ".wh.a", "x"}}, ""},
    {"w12 directory", {{'f', "a", "1"}}, {{'d', ".wh.a"}, {'f', ".wh.a/x", "2"}}, ""},
    {"w12 device", {{'f', "a", "1"}}, {{'c', ".wh.a", "5"}}, ""},
    {"w13", {{'f', "a", "1"}}, {{'f', ".wh.a", "0123456789"}, {'f', "b", "2"}}, "b=2"},
    {"w14",
     {{0}},
     {{'f', ".wh..wh.aufs"}, {'d', ".wh..wh.plnk"}, {'f', ".wh..wh.plnk/1"}, {'d', ".wh..wh.orph"}},
     ""},
    {"w15 out", {{0}}, {{'f', "../.wh.etc"}}, NULL, "leaves the root"},
    {"w15 dot", {{0}}, {{'f', "d/.wh.."}}, NULL, "no plain name"},
    {"w15 dots", {{0}}, {{'f', "d/.wh..."}}, NULL, "no plain name"},
    {"w16", {{'f', "a", "1"}}, {{'c', "a", "0"}}, NULL, "would be a whiteout"},
    {"r01", {{'d', "d"}, {'f', "d/x", "1"}}, {{'d', "d", NULL, 0700}}, "d/ d/x=1"},
    {"r02", {{'d', "d"}, {'f', "d/x", "1"}}, {{'f', "d", "2"}}, "d=2"},
    {"r02 in one layer", {{0}}, {{'d', "d"}, {'f', "d/x", "1"}, {'f', "d", "2"}}, "d=2"},
    {"r03", {{'f', "d", "1"}}, {{'d', "d"}}, "d/"},
    {"r04",
     {{'d', "usr"}, {'d', "usr/lib"}, {'f', "usr/lib/y", "1"}, {'l', "lib", "usr/lib"}},
     {{'d', "lib"}, {'f', "lib/x", "2"}},
     "lib/ lib/x=2 usr/ usr/lib/ usr/lib/y=1"},
    {"r05",
     {{'d', "usr"}, {'d', "usr/lib"}, {'l', "lib", "usr/lib"}},
     {{'f', "lib/x", "2"}},
     "lib->usr/lib usr/ usr/lib/ usr/lib/x=2"},
    {"r05 absolute",
     {{'d', "usr"}, {'l', "lib", "/usr"}},
     {{'f', "lib/a/x", "2"}},
     "lib->/usr usr/ usr/a/ usr/a/x=2"},
    {"r05 whiteout of the link",
     {{'d', "usr"}, {'l', "lib", "usr"}},
     {{'f', "lib/x", "2"}, {'f', ".wh.lib"}},
     "usr/ usr/x=2"},
    {"below a file of the lower layer", {{'f', "a", "1"}}, {{'f', "a/x", "2"}}, "a/ a/x=2"},
    {"w05 in a file", {{'f', "a", "1"}}, {{'f', "a/.wh..wh..opq"}}, "a/"},
    {"w04 in a file", {{'f', "a", "1"}}, {{'f', "a/.wh.x"}}, "a=1"},
    {"w02 and its own",
     {{'d', "d"}, {'f', "d/a", "1"}, {'d', "d/e"}, {'f', "d/e/f", "1"}},
     {{'f', "d/b", "2"}, {'f', ".wh.d"}, {'f', "d/.wh.e"}},
     "d/ d/a=1 d/b=2"},
    {"r06", {{'f', "b", "1"}, {'l', "a", "b"}}, {{'f', "a", "2"}}, "a=2 b=1"},
    {"r06 in one layer", {{0}}, {{'f', "b", "1"}, {'l', "a", "b"}, {'f', "a", "2"}}, "a=2 b=1"},
    {"r07", {{0}}, {{'f', "a", "1"}, {'f', "a", "22"}}, "a=22"},
    {"r08", {{0}}, {{'f', "d/e/x", "1"}}, "d/ d/e/ d/e/x=1"},
    {"h01", {{0}}, {{'f', "a", "1"}, {'h', "b", "a"}}, "a=1 b=1"},
    {"h01 before its file in the order",
     {{0}},
     {{'f', "z", "1"}, {'h', "b", "z"}, {'h', "c", "b"}},
     "b=1 c=1 z=1"},
    {"h01 onto itself",
     {{0}},
     {{'f', "a", "1"}, {'h', "b", "a"}, {'h', "b", "a"}, {'h', "a", "a"}},
     "a=1 b=1"},
    {"h01 file replaced", {{0}}, {{'f', "a", "1"}, {'h', "b", "a"}, {'f', "a", "2"}}, "a=2 b=1"},
    {"h01 in place of the directory it is in",
     {{0}},
     {{'d', "d"}, {'f', "d/x", "1"}, {'h', "d", "d/x"}},
     NULL,
     "in the directory"},
    {"h02", {{'f', "a", "1"}}, {{'h', "b", "a"}}, "a=1 b=1"},
    {"h02 through a link below",
     {{'d', "d"}, {'f', "d/a", "1"}, {'l', "l", "d"}},
     {{'h', "b", "l/a"}},
     "b=1 d/ d/a=1 l->d"},
    {"h03", {{0}}, {{'h', "b", "nope"}}, NULL, "not there"},
    {"h03 directory", {{0}}, {{'d', "a"}, {'h', "b", "a"}}, NULL, "directory"},
    {"h04", {{0}}, {{'l', "lnk", "/etc"}, {'h', "b", "lnk/passwd"}}, NULL, "not there"},
    {"h04 inside",
     {{0}},
     {{'f', "etc/passwd", "1"}, {'l', "lnk", "/etc"}, {'h', "b", "lnk/passwd"}},
     "b=1 etc/ etc/passwd=1 lnk->/etc"},
    {"h05", {{0}}, {{'l', "s", "x"}, {'h', "b", "s"}}, "b->x s->x"},
    {"h06 root", {{0}}, {{'f', "a", "1"}, {'h', "b", "/a"}, {'h', "c", "./a"}}, "a=1 b=1 c=1"},
    {"h06 out", {{0}}, {{'f', "a", "1"}, {'h', "b", "../a"}}, NULL, "leaves the root"},
    {"s01", {{0}}, {{'l', "a", "/etc/passwd"}, {'f', "b", "1"}}, "a->/etc/passwd b=1"},
    {"s02", {{0}}, {{'l', "a", "../../../etc"}, {'f', "a/x", "1"}}, "a->../../../etc etc/ etc/x=1"},
    {"s03",
     {{0}},
     {{'l', "a", "b"}, {'l', "b", "a"}, {'f', "a/x", "1"}},
     NULL,
     "too many symlinks"},
    {"s04", {{0}}, {{'l', "a", ""}}, NULL, "empty target"},
    {"s05", {{0}}, {{'d', "a"}, {'l', "a", "/tmp"}, {'f', "a/x", "1"}}, "a->/tmp tmp/ tmp/x=1"},
    {"s06", {{0}}, {{'l', ".", "/etc"}}, NULL, "root cannot be replaced"},
    {"p01", {{0}}, {{'f', "../x", "1"}}, NULL, "leaves the root"},
    {"p02", {{0}}, {{'f', "/x", "1"}}, "x=1"},
    {"p03", {{0}}, {{'f', "a/../../x", "1"}}, NULL, "leaves the root"},
    {"p04 file", {{0}}, {{'f', "///", "1"}}, NULL, "root cannot be replaced"},
    {"p04 root", {{0}}, {{'d', "//"}}, ""},
    {"p05", {{0}}, {{'f', "a\nb\xff", "1"}}, "a\nb\xff=1"},
    {"through a file", {{0}}, {{'f', "a", "1"}, {'f', "a/b", "2"}}, NULL, "not a directory"},
    {"n02", {{0}}, {{'p', "p"}}, "p|"},
    {"n04", {{0}}, {{'r', "odd", "Zdata of it"}, {'f', "a", "1"}}, "a=1"},
    {"n05", {{0}}, {{'r', "pax_global_header", "g16 comment=abcd\n"}, {'f', "a", "1"}}, "a=1"},
    {"n05 bad",
     {{0}},
     {{'r', "pax_global_header", "g99 comment=abcd\n"}, {'f', "a", "1"}},
     NULL,
     "bad record"},
};

static int count_data(void *ctx, const struct entry *e, struct tar_reader *r, struct error *err)
{
    char byte;

    (void)e;
    *(uint64_t *)ctx += 1;
    return tar_read(r, &byte, 1, err) < 0 ? -EIO : 0; /* the rest is passed over */
}

static int unpack_index_only(const struct item *items, const struct unpack_options *options,
                             struct index **ret, struct error *err)
{
    STR_AUTO(tar);
    struct unpack_options o = *options;
    struct unpack_result result = {0};
    uint64_t files = 0;
    CLEANUP(unpack_freep) struct unpack *u = NULL;

    make_tar(items, &tar);
    CLEANUP(codec_closep) struct codec_reader *in = codec_open_bytes(str_view(&tar), 0, NULL);
    o.root_fd = -1;
    o.data = count_data;
    o.ctx = &files;
    int r = unpack_new(&o, &u, err);
    if (r == 0)
        r = unpack_tar(u, in, err);
    if (r == 0)
        r = unpack_finish(u, &result, err);
    *ret = result.index;
    return r;
}

/* The same entries, but for the digests of contents. */
static void assert_same_entries(const struct index *a, const struct index *b)
{
    assert_int_equal(index_count(a), index_count(b));
    for (size_t i = 0; i < index_count(a); i++) {
        const struct entry *x = index_at(a, i), *y = index_at(b, i);

        assert_string_equal(x->path, y->path);
        assert_int_equal(x->type, y->type);
        assert_int_equal(x->mode, y->mode);
        assert_int_equal(x->uid, y->uid);
        assert_int_equal(x->size, y->size);
        assert_int_equal(x->opaque, y->opaque);
        assert_string_equal(x->link ? x->link : "", y->link ? y->link : "");
    }
}

static void layers_are_as_the_cases_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct layer lower, upper;
        ERROR_AUTO(err);
        STR_AUTO(seen);

        print_message("# %s\n", row->name);
        layer_open(&lower);
        layer_open(&upper);
        assert_int_equal(unpack_items(&lower, row->lower,
                                      &(struct unpack_options){.below = UNPACK_BELOW_NOTHING},
                                      NULL),
                         0);
        const struct index *below[] = {lower.result.index};
        struct merge *view = merge_new(below, 1);
        const struct unpack_options o = {
            .below = UNPACK_BELOW_VIEW, .view = view, .view_fs = &lower.fd};
        const int r = unpack_items(&upper, row->upper, &o, &err);
        struct index *alone = NULL;
        assert_int_equal(unpack_index_only(row->upper, &o, &alone, NULL) < 0, r < 0);
        if (r == 0)
            assert_same_entries(alone, upper.result.index);
        index_free(alone);
        merge_free(view);
        if (row->complaint) {
            assert_true(r < 0);
            if (!strstr(err.text, row->complaint))
                print_message("# %s\n", err.text);
            assert_non_null(strstr(err.text, row->complaint));
        } else {
            if (r < 0)
                print_message("# %s\n", err.text);
            assert_int_equal(r, 0);
            const struct index *both[] = {upper.result.index, lower.result.index};
            const int fs[] = {upper.fd, lower.fd};
            struct merge *m = merge_new(both, 2);
            describe(m, fs, &seen);
            merge_free(m);
            assert_string_equal(seen.at, row->want);
        }
        layer_close(&upper);
        layer_close(&lower);
    }
}

static void paths_of_a_layer_are_bounded(void **state)
{
    static const struct item items[ITEMS] = {{'f', "a/b/c", "1"}, {'f', "a/b/d", "1"}};
    struct unpack_options o = {.names_max = 1 + 3 + 5 + 5};
    struct index *ix = NULL;
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(unpack_index_only(items, &o, &ix, NULL), 0);
    index_free(ix);
    o.names_max--;
    ix = NULL;
    assert_int_equal(unpack_index_only(items, &o, &ix, &err), -EDQUOT);
    assert_non_null(strstr(err.text, "all paths have more than 13 bytes"));
}

static int add_layer(struct unpack *u, const struct item *items, struct error *err)
{
    STR_AUTO(tar);

    make_tar(items, &tar);
    CLEANUP(codec_closep) struct codec_reader *in = codec_open_bytes(str_view(&tar), 0, NULL);
    const int r = unpack_tar(u, in, err);
    return r < 0 ? r : unpack_end_layer(u, err);
}

static int unpack_flat(struct layer *l, const struct row *row, struct error *err)
{
    const struct unpack_options o = {.root_fd = l->fd, .owner = owner(), .flat = true};
    CLEANUP(unpack_freep) struct unpack *u = NULL;
    static const struct item none[ITEMS] = {{0}};
    int r = unpack_new(&o, &u, err);

    if (r == 0)
        r = add_layer(u, row->lower, err);
    if (r == 0)
        r = add_layer(u, row->upper, err);
    if (r == 0)
        r = add_layer(u, none, err); /* hides nothing */
    return r < 0 ? r : unpack_finish(u, &l->result, err);
}

/* The same seen in one directory, where a link to a lower file is one (h02). */
static void flat_layers_are_as_the_cases_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        struct layer l;
        ERROR_AUTO(err);
        STR_AUTO(seen);

        print_message("# %s\n", row->name);
        layer_open(&l);
        const int r = unpack_flat(&l, row, &err);
        if (row->complaint) {
            assert_true(r < 0);
            assert_non_null(strstr(err.text, row->complaint));
        } else {
            struct scan_options o = SCAN_OPTIONS_INIT;
            struct index *index = NULL;

            o.owner = owner();
            assert_int_equal(r, 0);
            assert_null(l.result.index);
            assert_int_equal(scan_tree(l.fd, &o, &index, NULL), 0);
            struct merge *m = merge_new((const struct index *[]){index}, 1);
            describe(m, &l.fd, &seen);
            merge_free(m);
            index_free(index);
            assert_string_equal(seen.at, row->want);
        }
        layer_close(&l);
    }
}

/* What is on disk after several layers: attributes of the last that named a directory, one inode for
 * a link to an earlier layer's file, the root untouched. */
static void flat_layers_leave_attributes_of_the_last(void **state)
{
    static const struct row row = {"",
                                   {{'d', "d", NULL, 0700, 0, 7},
                                    {'f', "d/x", "1", 06711, 0, 1},
                                    {'d', "k", NULL, 0555, 0, 9}},
                                   {{'d', "d", NULL, 0750, 0, 8},
                                    {'h', "l", "d/x"},
                                    {'f', "k/y"},
                                    {'d', "", NULL, 0711, 0, 5}},
                                   NULL,
                                   NULL};
    static const struct {
        const char *path;
        mode_t mode;
        time_t mtime;
    } want[] = {{"d", 0750, 8}, {"k", 0555, 9}, {"l", 06711, 1}};
    struct layer l;
    struct stat st, st2, root;

    (void)state;
    layer_open(&l);
    assert_int_equal(fstat(l.fd, &root), 0);
    assert_int_equal(unpack_flat(&l, &row, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        assert_int_equal(fstatat(l.fd, want[i].path, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, want[i].mode);
        assert_int_equal(st.st_mtim.tv_sec, want[i].mtime);
    }
    assert_int_equal(fstatat(l.fd, "d/x", &st2, 0), 0);
    assert_int_equal(st.st_ino, st2.st_ino);
    assert_int_equal(fstat(l.fd, &st), 0);
    assert_int_equal(st.st_mode, root.st_mode);
    layer_close(&l);
}

UNIT_MAIN(cmocka_unit_test(layers_are_as_the_cases_say),
          cmocka_unit_test(paths_of_a_layer_are_bounded),
          cmocka_unit_test(flat_layers_are_as_the_cases_say),
          cmocka_unit_test(flat_layers_leave_attributes_of_the_last))
