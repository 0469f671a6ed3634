#include "layer/context.h"

#include <sys/xattr.h>
#include <time.h>

#include "layer/scan.h"
#include "trees.h"

/* Files that were made just now are racy on purpose; these are old. */
static void age(int dirfd, const char *path)
{
    const struct timespec old[2] = {{1600000000, 0}, {1600000000, 0}};

    assert_int_equal(utimensat(dirfd, path, old, AT_SYMLINK_NOFOLLOW), 0);
}

/* ctime cannot be set: waits, by looking at the clocks, until a file made now is older than what the coarse one says.
 * Times of files may be finer than it (since Linux 6.13), and it may be several ticks late. */
static void let_the_clock_tick(void)
{
    struct timespec begin, now;

    clock_gettime(CLOCK_REALTIME, &begin);
    do
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
    while (now.tv_sec < begin.tv_sec ||
           (now.tv_sec == begin.tv_sec && now.tv_nsec <= begin.tv_nsec));
}

static void put_context(int fd)
{
    put_dir(fd, "src", 0755);
    put_dir(fd, "src/deep", 0755);
    put_file(fd, "src/deep/a.c", "int a;", 0644);
    put_file(fd, "src/b.c", "int b;", 0644);
    put_dir(fd, "node_modules", 0755);
    put_file(fd, "node_modules/x", "x", 0644);
    put_file(fd, "Dockerfile", "FROM scratch", 0644);
    assert_int_equal(symlinkat("src/deep", fd, "link"), 0);
    assert_int_equal(symlinkat("/src/../link/a.c", fd, "abs"), 0);
    assert_int_equal(symlinkat("loop", fd, "loop"), 0);
}

static struct context *opened(int fd, const struct context_options *o)
{
    struct context *c = NULL;
    ERROR_AUTO(err);

    if (context_open(fd, o, &c, &err) < 0)
        fail_msg("%s", err.text);
    return c;
}

static void paths_of(const struct context *c, struct str *ret)
{
    for (size_t i = 0; i < context_count(c); i++)
        str_printf(ret, "%s%s", i ? " " : "", context_at(c, i)->path);
}

static void walks_in_the_order_of_layers(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 4; threads++) {
        SCRATCH_AUTO(t);
        const struct context_options o = {.threads = threads};
        STR_AUTO(got);
        size_t first, end;

        put_context(t.fd);
        CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
        paths_of(c, &got);
        assert_string_equal(
            got.at, "Dockerfile abs link loop node_modules node_modules/x src src/b.c src/deep "
                    "src/deep/a.c");
        context_range(c, VIEW("src"), &first, &end);
        assert_int_equal(first, 6);
        assert_int_equal(end, 10);
        context_range(c, VIEW("none"), &first, &end);
        assert_int_equal(first, end);
        assert_int_equal(context_find(c, VIEW("src/b.c"))->size, 6);
        assert_false(context_find(c, VIEW("src/b.c"))->known);
    }
}

static enum context_verdict only_a(void *ctx, const char *path, bool is_dir)
{
    (void)ctx;
    if (strcmp(path, "node_modules") == 0)
        return CONTEXT_PRUNE;
    if (strstr(path, "a.c"))
        return CONTEXT_KEEP;
    return is_dir || strcmp(path, "src/b.c") == 0 ? CONTEXT_DROP : CONTEXT_KEEP;
}

static void directories_appear_with_what_is_in_them(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {.exclude = only_a};
    STR_AUTO(got);
    STR_AUTO(path);

    put_context(t.fd);
    put_dir(t.fd, "empty", 0755);
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    paths_of(c, &got);
    assert_string_equal(got.at, "Dockerfile abs link loop src src/deep src/deep/a.c");
    assert_int_equal(context_resolve(c, VIEW("node_modules/x"), &path, NULL), -EACCES);
    assert_int_equal(context_resolve(c, VIEW("src/b.c"), &path, NULL), -EACCES);
    assert_int_equal(context_resolve(c, VIEW("nothing"), &path, NULL), -ENOENT);
}

static const struct {
    const char *path;
    int r;
    const char *want;
} resolves[] = {
    {"", 0, ""},
    {"/", 0, ""},
    {"../../src/./b.c", 0, "src/b.c"},
    {"link/a.c", 0, "src/deep/a.c"},
    {"abs", 0, "src/deep/a.c"},
    {"link/../b.c", 0, "src/b.c"},
    {"loop", -ELOOP, NULL},
    {"src/b.c/x", -ENOTDIR, NULL},
    {"src/none", -ENOENT, NULL},
};

static void names_resolve_inside(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {0};

    put_context(t.fd);
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    for (size_t i = 0; i < ARRAY_SIZE(resolves); i++) {
        STR_AUTO(path);

        print_message("# '%s'\n", resolves[i].path);
        assert_int_equal(context_resolve(c, view_of(resolves[i].path), &path, NULL), resolves[i].r);
        if (resolves[i].want)
            assert_string_equal(path.at, resolves[i].want);
    }
}

/* The digest is that of a layer with the same files. */
static void content_is_that_of_a_layer(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {0};
    const struct scan_options so = SCAN_OPTIONS_INIT;
    struct digest a, b;

    put_context(t.fd);
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    CLEANUP(index_freep) struct index *ix = NULL;
    assert_int_equal(scan_tree(t.fd, &so, &ix, NULL), 0);
    for (const char *const *p = (const char *const[]){"", "src", "src/b.c", "abs", NULL}; *p; p++) {
        assert_int_equal(context_content(c, view_of(*p), CONTENT_MODE, NULL, NULL, &a, NULL), 0);
        assert_int_equal(index_content(ix, view_of(*p), CONTENT_MODE, &b, NULL), 0);
        assert_true(digest_eq(&a, &b));
    }
    assert_int_equal(context_content(c, VIEW("none"), CONTENT_ALL, NULL, NULL, &a, NULL), -ENOENT);
}

static struct context_cache *saved(const struct context *c)
{
    cleanup_close int fd = fd_of_bytes("cache", VIEW(""), NULL);

    assert_int_equal(context_save(c, fd, NULL), 0);
    return context_cache_load(fd);
}

static bool knows(int dirfd, const struct context_cache *cache, const char *path)
{
    const struct context_options o = {.cache = cache};
    CLEANUP(context_freep) struct context *c = opened(dirfd, &o);

    return context_find(c, view_of(path))->known;
}

static void the_cache_knows_what_did_not_change(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    struct context_options o = {0};

    put_context(t.fd);
    age(t.fd, "src/b.c");
    let_the_clock_tick();
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    assert_false(context_changed(c));
    assert_int_equal(context_hash(c, VIEW("src"), NULL), 0);
    assert_true(context_changed(c));
    CLEANUP(context_cache_freep) struct context_cache *cache = saved(c);
    assert_true(knows(t.fd, cache, "src/b.c"));
    assert_true(knows(t.fd, cache, "src/deep/a.c"));
    assert_false(knows(t.fd, cache, "Dockerfile"));

    struct stat st;
    struct digest d, want;
    assert_int_equal(fstatat(t.fd, "src/b.c", &st, 0), 0);
    assert_true(context_cache_find(cache, "src/b.c", &st, &d));
    digest_of(VIEW("int b;"), &want);
    assert_true(digest_eq(&d, &want));
    assert_false(context_cache_find(cache, "src/b.d", &st, &d));
    st.st_size++;
    assert_false(context_cache_find(cache, "src/b.c", &st, &d));

    /* same size and mtime, other bytes: the ctime tells */
    put_file(t.fd, "src/b.c", "int c;", 0644);
    age(t.fd, "src/b.c");
    assert_false(knows(t.fd, cache, "src/b.c"));
    assert_true(knows(t.fd, cache, "src/deep/a.c"));
}

static void racy_files_are_not_remembered(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct timespec future[2] = {{4000000000, 0}, {4000000000, 0}};
    struct context_options o = {0};

    put_context(t.fd);
    let_the_clock_tick();
    assert_int_equal(utimensat(t.fd, "src/b.c", future, 0), 0);
    let_the_clock_tick();
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    assert_int_equal(context_hash(c, VIEW(""), NULL), 0);
    CLEANUP(context_cache_freep) struct context_cache *cache = saved(c);
    assert_false(knows(t.fd, cache, "src/b.c"));
    assert_true(knows(t.fd, cache, "src/deep/a.c"));
}

static void damaged_caches_are_none(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    struct context_options o = {0};
    STR_AUTO(bytes);

    put_context(t.fd);
    let_the_clock_tick();
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    assert_int_equal(context_hash(c, VIEW(""), NULL), 0);
    cleanup_close int fd = fd_of_bytes("cache", VIEW(""), NULL);
    assert_int_equal(context_save(c, fd, NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(fd_read_all(fd, 1 << 20, &bytes, NULL), 0);
    for (size_t size = 0; size < bytes.size; size += 7) {
        cleanup_close int cut = fd_of_bytes("cut", view_make(bytes.at, size), NULL);
        CLEANUP(context_cache_freep) struct context_cache *cache = context_cache_load(cut);

        assert_false(knows(t.fd, cache, "src/b.c"));
    }
    for (size_t i = 0; i < bytes.size; i++) {
        cleanup_free char *copy = xmemdup(bytes.at, bytes.size);
        copy[i] = (char)(copy[i] ^ 0x80);
        cleanup_close int bad = fd_of_bytes("bad", view_make(copy, bytes.size), NULL);
        CLEANUP(context_cache_freep) struct context_cache *cache = context_cache_load(bad);
        o.cache = cache;
        CLEANUP(context_freep) struct context *again = opened(t.fd, &o);
    }
    CLEANUP(context_cache_freep) struct context_cache *none = context_cache_load(-1);
    assert_false(knows(t.fd, none, "src/b.c"));
}

static bool skip_deep(void *ctx, const char *rel, bool is_dir)
{
    (void)ctx;
    return is_dir && strcmp(rel, "src/deep") == 0;
}

static void what_is_left_out_is_not_read(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {0};
    struct digest some, all;

    put_context(t.fd);
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    assert_int_equal(context_content(c, VIEW(""), CONTENT_ALL, skip_deep, NULL, &some, NULL), 0);
    assert_true(context_find(c, VIEW("src/b.c"))->known);
    assert_false(context_find(c, VIEW("src/deep/a.c"))->known);
    assert_int_equal(context_content(c, VIEW(""), CONTENT_ALL, NULL, NULL, &all, NULL), 0);
    assert_false(digest_eq(&some, &all));
}

static void copies_teach_the_context(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {0};
    struct timespec now;
    struct stat st;
    struct digest d, none = {0};

    put_context(t.fd);
    let_the_clock_tick();
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    CLEANUP(context_cache_freep) struct context_cache *seen = context_cache_new();
    digest_of(VIEW("x"), &d);
    for (const char *const *p = (const char *const[]){"src/b.c", "Dockerfile", NULL}; *p; p++) {
        assert_int_equal(fstatat(t.fd, *p, &st, 0), 0);
        context_cache_add(seen, *p, &st, &d, &none, &now);
    }
    cleanup_close int fd = fd_of_bytes("seen", VIEW(""), NULL);
    assert_int_equal(context_cache_save(seen, fd, NULL), 0);
    CLEANUP(context_cache_freep) struct context_cache *loaded = context_cache_load(fd);
    context_adopt(c, loaded);
    assert_true(context_find(c, VIEW("src/b.c"))->known);
    assert_true(digest_eq(&context_find(c, VIEW("Dockerfile"))->content, &d));
    assert_false(context_find(c, VIEW("src/deep/a.c"))->known);
}

static void attributes_count(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct context_options o = {0};
    struct digest before, after;

    put_context(t.fd);
    CLEANUP(context_freep) struct context *c = opened(t.fd, &o);
    assert_int_equal(context_content(c, VIEW("src"), 0, NULL, NULL, &before, NULL), 0);
    const int fd = openat(t.fd, "src/b.c", O_RDONLY);
    assert_int_equal(fsetxattr(fd, "user.a", "b", 1, 0), 0);
    close(fd);
    CLEANUP(context_freep) struct context *again = opened(t.fd, &o);
    assert_int_equal(context_content(again, VIEW("src"), 0, NULL, NULL, &after, NULL), 0);
    assert_false(digest_eq(&before, &after));
}

UNIT_MAIN(cmocka_unit_test(walks_in_the_order_of_layers),
          cmocka_unit_test(directories_appear_with_what_is_in_them),
          cmocka_unit_test(names_resolve_inside), cmocka_unit_test(content_is_that_of_a_layer),
          cmocka_unit_test(the_cache_knows_what_did_not_change),
          cmocka_unit_test(racy_files_are_not_remembered),
          cmocka_unit_test(damaged_caches_are_none), cmocka_unit_test(what_is_left_out_is_not_read),
          cmocka_unit_test(copies_teach_the_context), cmocka_unit_test(attributes_count))
