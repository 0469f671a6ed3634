#include "layer/index.h"
#include "layer/merge.h"
#include "trees.h"

static const struct {
    const char *name, *in, *out; /* out NULL: refused */
} builds[] = {
    {"order of a layer", "a.b=1 a/x=22 a/ b=1 a-b=333", "a/ a/x=2 a-b=3 a.b=1 b=1"},
    {"order with low bytes", "a\x01=1 a/ a/x=1", "a/ a/x=1 a\x01=1"},
    {"root", "./ a=1", "./ a=1"},
    {"the last one wins", "a=1 a=22", "a=2"},
    {"missing parent", "a/x=1", NULL},
    {"file as parent", "a=1 a/x=1", NULL},
    {"parent in another directory", "a/ b=1 a/x/y=1", NULL},
    {"hard link", "a=1 b<a", "a=1 b<a"},
    {"hard link turned round", "b=1 a<b c<b", "a=1 b<a c<a"},
    {"hard links to links", "d=1 c<d b<c a<b e<b", "a=1 b<a c<a d<a e<a"},
    {"hard link to a symlink", "s>x t<s", "s>x t<s"},
    {"hard link to nothing", "a<b", NULL},
    {"hard link to itself", "a<a", NULL},
    {"hard links in a ring", "a<b b<a", NULL},
    {"hard link to a directory", "d/ a<d", NULL},
    {"hard link to a whiteout", "w~ a<w", NULL},
    {"dot", "./ a/ a/.=1", NULL},
    {"dot dot", "..=1", NULL},
    {"dots", "...=1 ..a=1", "...=1 ..a=1"},
    {"double slash", "a/ a//b=1", NULL},
    {"leading slash", "/a=1", NULL},
    {"empty", "", ""},
};

static void builder_keeps_the_invariants(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
        CLEANUP(index_freep) struct index *ix = NULL;
        ERROR_AUTO(err);
        STR_AUTO(words);
        const int r = try_index_of(builds[i].in, &ix, &err);

        print_message("# %s\n", builds[i].name);
        assert_int_equal(r, builds[i].out ? 0 : -EINVAL);
        if (r < 0)
            continue;
        words_of_index(ix, &words);
        assert_string_equal(words.at, builds[i].out);
    }
}

static struct index *rich_index(void)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
    struct xattr xattrs[] = {{"user.b", VIEW("1\0002")}, {"security.capability", VIEW("cap")}};
    struct entry entries[] = {
        {.path = "", .type = ENTRY_DIR, .mode = 0700, .opaque = true},
        {.path = "dev",
         .type = ENTRY_CHAR,
         .mode = 0666,
         .major = 1,
         .minor = 3,
         .uid = 3000000000},
        {.path = "disk", .type = ENTRY_BLOCK, .mode = 0660, .major = 8},
        {.path = "fifo", .type = ENTRY_FIFO, .mode = 0600, .gid = 7},
        {.path = "file",
         .type = ENTRY_FILE,
         .mode = 06755,
         .size = 9,
         .mtime_s = -5,
         .mtime_ns = 7,
         .xattrs = xattrs,
         .xattr_count = 2},
        {.path = "gone", .type = ENTRY_WHITEOUT},
        {.path = "link", .type = ENTRY_SYMLINK, .link = "file"},
        {.path = "other", .type = ENTRY_HARDLINK, .link = "file"},
    };
    struct index *ix = NULL;

    memset(entries[4].content.sha256, 0xab, 32);
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        index_builder_add(b, &entries[i]);
    assert_int_equal(index_builder_finish(b, &ix, NULL), 0);
    return ix;
}

static void assert_same(const struct entry *a, const struct entry *b)
{
    assert_string_equal(a->path, b->path);
    assert_int_equal(a->type, b->type);
    assert_int_equal(a->opaque, b->opaque);
    assert_int_equal(a->mode, b->mode);
    assert_int_equal(a->uid, b->uid);
    assert_int_equal(a->gid, b->gid);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->mtime_s, b->mtime_s);
    assert_int_equal(a->mtime_ns, b->mtime_ns);
    assert_int_equal(a->major, b->major);
    assert_int_equal(a->minor, b->minor);
    assert_int_equal(a->link == NULL, b->link == NULL);
    if (a->link)
        assert_string_equal(a->link, b->link);
    assert_memory_equal(&a->content, &b->content, sizeof(a->content));
    assert_int_equal(a->xattr_count, b->xattr_count);
    for (size_t i = 0; i < a->xattr_count; i++) {
        assert_string_equal(a->xattrs[i].name, b->xattrs[i].name);
        assert_true(view_eq(a->xattrs[i].value, b->xattrs[i].value));
    }
}

static int saved(const struct index *ix)
{
    const int fd = fd_of_bytes("index", VIEW(""), NULL);

    assert_true(fd >= 0);
    assert_int_equal(index_save(ix, fd, NULL), 0);
    return fd;
}

static void the_file_gives_back_everything(void **state)
{
    (void)state;
    CLEANUP(index_freep) struct index *ix = rich_index();
    CLEANUP(index_freep) struct index *again = NULL;
    cleanup_close int fd = saved(ix);
    struct digest a, b;

    assert_string_equal(index_at(ix, 4)->xattrs[0].name, "security.capability");
    assert_int_equal(index_load(fd, &again, NULL), 0);
    assert_int_equal(index_count(again), index_count(ix));
    for (size_t i = 0; i < index_count(ix); i++)
        assert_same(index_at(ix, i), index_at(again, i));
    for (size_t i = 0; i < index_count(again); i++)
        assert_false(index_at(again, i)->implied); /* the file has no word of it */
    index_tree_id(ix, &a);
    index_tree_id(again, &b);
    assert_true(digest_eq(&a, &b));
}

/* Each single bit turned, each length cut: refused, or still an index; never a crash. */
static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    CLEANUP(index_freep) struct index *ix = rich_index();
    cleanup_close int fd = saved(ix);
    STR_AUTO(bytes);
    size_t refused = 0;

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(fd_read_all(fd, 1 << 20, &bytes, NULL), 0);
    for (size_t bit = 0; bit < bytes.size * 8; bit++) {
        cleanup_free char *copy = xmemdup(bytes.at, bytes.size);
        struct index *out = NULL;

        copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
        refused += index_parse(view_make(copy, bytes.size), &out, NULL) < 0;
        index_free(out);
    }
    assert_true(refused > 100);
    for (size_t size = 0; size < bytes.size; size++) {
        cleanup_free char *copy = xmemdup(bytes.at, size + 1);
        struct index *out = NULL;

        assert_int_equal(index_parse(view_make(copy, size), &out, NULL), -EINVAL);
    }
}

typedef void change(struct entry *e);
static void no_change(struct entry *e)
{
    (void)e;
}
static void change_time(struct entry *e)
{
    e->mtime_s++;
}
static void change_mode(struct entry *e)
{
    e->mode ^= 1;
}
static void change_uid(struct entry *e)
{
    e->uid = 1;
}
static void change_gid(struct entry *e)
{
    e->gid = 1;
}
static void change_content(struct entry *e)
{
    e->content.sha256[31] ^= 1;
}
static void change_type(struct entry *e)
{
    *e = (struct entry){.path = e->path, .type = ENTRY_FIFO, .mode = e->mode};
}
static void change_xattr(struct entry *e)
{
    static struct xattr x = {"user.a", {"1", 1}};

    e->xattrs = &x;
    e->xattr_count = 1;
}

static const struct {
    const char *name;
    change *change;
    bool tree_differs, content_differs, bare_differs; /* bare: neither mode nor owner */
} changes[] = {
    {"nothing", no_change, false, false, false}, {"time", change_time, false, false, false},
    {"mode", change_mode, true, true, false},    {"uid", change_uid, true, true, false},
    {"gid", change_gid, true, true, false},      {"content", change_content, true, true, true},
    {"type", change_type, true, true, true},     {"xattr", change_xattr, true, true, true},
};

static struct index *one_file(change *change_)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
    struct entry dir = {.path = "d", .type = ENTRY_DIR, .mode = 0755};
    struct entry file = {.path = "d/f", .type = ENTRY_FILE, .mode = 0644, .size = 3};
    struct index *ix = NULL;

    memset(file.content.sha256, 1, 32);
    change_(&file);
    index_builder_add(b, &dir);
    index_builder_add(b, &file);
    assert_int_equal(index_builder_finish(b, &ix, NULL), 0);
    return ix;
}

static void identities_see_what_counts(void **state)
{
    (void)state;
    CLEANUP(index_freep) struct index *base = one_file(no_change);
    struct digest tree, content, bare, other;

    index_tree_id(base, &tree);
    assert_int_equal(index_content(base, VIEW("d"), CONTENT_ALL, &content, NULL), 0);
    assert_int_equal(index_content(base, VIEW("d"), 0, &bare, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
        CLEANUP(index_freep) struct index *ix = one_file(changes[i].change);

        print_message("# %s\n", changes[i].name);
        index_tree_id(ix, &other);
        assert_int_equal(!digest_eq(&tree, &other), changes[i].tree_differs);
        assert_int_equal(index_content(ix, VIEW("d"), CONTENT_ALL, &other, NULL), 0);
        assert_int_equal(!digest_eq(&content, &other), changes[i].content_differs);
        assert_int_equal(index_content(ix, VIEW("d"), 0, &other, NULL), 0);
        assert_int_equal(!digest_eq(&bare, &other), changes[i].bare_differs);
    }
}

static void later_(struct entry *e)
{
    e->mtime_s++;
}

/* Layers that say the same at other times: each turn has an id, the file keeps it, contents are equal. */
static void turns_have_ids(void **state)
{
    (void)state;
    CLEANUP(index_freep) struct index *base = one_file(no_change), *ix = one_file(later_);
    CLEANUP(index_freep) struct index *again = NULL;
    struct digest a, b;

    assert_true(index_same_times(base, base));
    assert_false(index_same_times(base, ix));
    index_tree_id(base, &a);
    index_set_turn(ix, 1);
    index_tree_id(ix, &b);
    assert_false(digest_eq(&a, &b));
    cleanup_close int fd = saved(ix);
    assert_int_equal(index_load(fd, &again, NULL), 0);
    index_tree_id(again, &a);
    assert_true(digest_eq(&a, &b));
    assert_int_equal(index_content(base, VIEW("d"), CONTENT_ALL, &a, NULL), 0);
    assert_int_equal(index_content(again, VIEW("d"), CONTENT_ALL, &b, NULL), 0);
    assert_true(digest_eq(&a, &b));
}

static void lookups_find_subtrees(void **state)
{
    (void)state;
    CLEANUP(index_freep) struct index *ix = index_of("./ a/ a/b/ a/b/c=1 a-=1 a.x=1 b/ b/y=1");
    size_t first, end;

    assert_ptr_equal(index_find(ix, VIEW("a/b/c")), index_at(ix, 3));
    assert_null(index_find(ix, VIEW("a/b/d")));
    assert_null(index_find(ix, VIEW("a/")));
    assert_ptr_equal(index_find(ix, VIEW("")), index_at(ix, 0));
    index_range(ix, VIEW("a"), &first, &end);
    assert_int_equal(first, 1);
    assert_int_equal(end, 4);
    index_range(ix, VIEW("nope"), &first, &end);
    assert_int_equal(first, end);
    index_range(ix, VIEW(""), &first, &end);
    assert_int_equal(end - first, index_count(ix));
    assert_int_equal(index_end(ix, 0), index_count(ix));
    assert_int_equal(index_end(ix, 6), 8);
}

UNIT_MAIN(cmocka_unit_test(builder_keeps_the_invariants),
          cmocka_unit_test(the_file_gives_back_everything),
          cmocka_unit_test(damaged_files_do_no_harm), cmocka_unit_test(identities_see_what_counts),
          cmocka_unit_test(turns_have_ids), cmocka_unit_test(lookups_find_subtrees))
