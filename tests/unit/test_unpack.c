/* The rows of layer-cases.tsv (image-spec conformance data): ids are theirs. Archives are made in
 * memory, unpacked as layers over each other, and what is seen is read back through the merged
 * indexes and from the disk. */
#include "layer/unpack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/scan.h"
#include "layer/tar.h"
#include "unit.h"

/* One entry: 'f' file, 'd' directory, 'l' symlink, 'h' hard link, 'p' fifo, 'c' character device,
 * 'r' a raw header with type flag arg[0] and the rest of arg as its data. */
struct item {
    char type;
    const char *path, *arg;
    uint32_t mode, uid;
    int64_t mtime;
};
#define ITEMS 6

static int add_sink(void *ctx, struct view data, struct error *err)
{
    (void)err;
    str_add(ctx, data);
    return 0;
}

static void raw_header(struct str *tar, const struct item *i)
{
    char h[512] = {0};
    unsigned sum = 0;
    const size_t size = strlen(i->arg + 1);

    snprintf(h, 100, "%s", i->path);
    memcpy(h + 100, "0000644", 7);
    memcpy(h + 108, "0000000", 7);
    memcpy(h + 116, "0000000", 7);
    snprintf(h + 124, 12, "%011o", (unsigned)size);
    memcpy(h + 136, "00000000000", 11);
    memset(h + 148, ' ', 8);
    h[156] = i->arg[0];
    memcpy(h + 257,
           "ustar\0"
           "00",
           8);
    for (size_t k = 0; k < sizeof(h); k++)
        sum += (uint8_t)h[k];
    snprintf(h + 148, 8, "%06o", sum);
    str_add(tar, view_make(h, sizeof(h)));
    str_add_text(tar, i->arg + 1);
    str_add(tar, view_make((const char[512]){0}, -size % 512));
}

static void add_item(struct tar_writer *w, struct str *tar, const struct item *i)
{
    static const struct {
        char letter;
        enum entry_type type;
    } types[] = {{'f', ENTRY_FILE},     {'d', ENTRY_DIR},  {'l', ENTRY_SYMLINK},
                 {'h', ENTRY_HARDLINK}, {'p', ENTRY_FIFO}, {'c', ENTRY_CHAR}};
    struct entry e = {
        .path = i->path, .mode = i->mode ? i->mode : 0644, .uid = i->uid, .mtime_s = i->mtime};

    if (i->type == 'r') {
        raw_header(tar, i);
        return;
    }
    for (size_t k = 0; k < ARRAY_SIZE(types); k++)
        if (types[k].letter == i->type)
            e.type = types[k].type;
    if (e.type == ENTRY_FILE)
        e.size = i->arg ? strlen(i->arg) : 0;
    else
        e.link = i->arg;
    if (e.type == ENTRY_DIR && !i->mode)
        e.mode = 0755;
    if (e.type == ENTRY_CHAR) {
        e.link = NULL;
        e.major = (uint32_t)atoi(i->arg);
    }
    assert_int_equal(tar_put(w, &e, NULL), 0);
    if (e.type == ENTRY_FILE && i->arg)
        assert_int_equal(tar_put_data(w, view_of(i->arg), NULL), 0);
}

static void make_tar(const struct item *items, struct str *ret)
{
    struct tar_writer w = TAR_WRITER_INIT(add_sink, ret);

    for (size_t i = 0; i < ITEMS && items[i].type; i++)
        add_item(&w, ret, &items[i]);
    assert_int_equal(tar_finish(&w, NULL), 0);
    tar_writer_done(&w);
}

struct layer {
    int fd; /* of the directory */
    char path[64];
    struct unpack_result result;
    struct codec_sums sums;
};

static enum owner_mode owner(void)
{
    return geteuid() == 0 ? OWNER_REAL : OWNER_RECORDED;
}

static void layer_open(struct layer *l)
{
    *l = (struct layer){0};
    strcpy(l->path, "/var/tmp/cooper-unpack-XXXXXX");
    assert_non_null(mkdtemp(l->path));
    l->fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(l->fd >= 0);
}

static void layer_close(struct layer *l)
{
    const int r = fd_remove_tree(AT_FDCWD, l->path, NULL);

    assert_int_equal(r, 0);
    close(l->fd);
    index_free(l->result.index);
}

static int unpack_bytes(struct layer *l, struct view tar, const struct unpack_options *options,
                        struct error *err)
{
    struct unpack_options o = *options;
    const int fd = fd_of_bytes("tar", tar, NULL);

    assert_true(fd >= 0);
    o.root_fd = l->fd;
    o.owner = owner();
    const int r = unpack_layer(fd, &o, NULL, NULL, &l->result, &l->sums, err);
    close(fd);
    return r;
}

static int unpack_items(struct layer *l, const struct item *items, const struct unpack_options *o,
                        struct error *err)
{
    STR_AUTO(tar);

    make_tar(items, &tar);
    return unpack_bytes(l, str_view(&tar), o, err);
}

/* "d/ d/x=text l->target p| c%", in order; hard links show the content. */
static void describe(const struct merge *m, const int *fs, struct str *ret)
{
    struct merge_walk *w = NULL;
    struct merge_file f;
    const char *path;

    assert_int_equal(merge_walk_begin(m, VIEW(""), &w), 0);
    while (merge_walk_next(w, &path, &f) > 0) {
        STR_AUTO(content);
        if (path[0] == '\0')
            continue;
        str_printf(ret, "%s%s", ret->size ? " " : "", path);
        if (f.entry->type == ENTRY_DIR) {
            str_add_char(ret, '/');
        } else if (f.entry->type == ENTRY_SYMLINK) {
            str_printf(ret, "->%s", f.entry->link);
        } else if (f.entry->type == ENTRY_FILE) {
            assert_int_equal(fd_read_file(fs[f.layer], path, 1 << 20, &content, NULL), 0);
            struct digest d;
            hash_of(str_view(&content), d.sha256);
            assert_memory_equal(&d, &f.entry->content, sizeof(d));
            str_printf(ret, "=%s", content.at);
        } else {
            str_add_char(ret, f.entry->type == ENTRY_FIFO ? '|' : '%');
        }
    }
    merge_walk_free(w);
}

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

UNIT_MAIN(cmocka_unit_test(layers_are_as_the_cases_say),
          cmocka_unit_test(paths_of_a_layer_are_bounded),
          cmocka_unit_test(flat_layers_are_as_the_cases_say),
          cmocka_unit_test(flat_layers_leave_attributes_of_the_last),
          cmocka_unit_test(disk_has_modes_times_and_links), cmocka_unit_test(xattrs),
          cmocka_unit_test(names_of_every_length), cmocka_unit_test(ends_and_digests),
          cmocka_unit_test(options_are_kept),
          cmocka_unit_test(what_depends_on_other_layers_is_told))
