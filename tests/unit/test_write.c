#include "layer/scan.h"
#include "layer/write.h"
#include "trees.h"

static struct index *scanned(int fd, const struct scan_options *o)
{
    struct index *ix = NULL;

    assert_int_equal(scan_tree(fd, o, &ix, NULL), 0);
    return ix;
}

static int collect(void *ctx, struct view data, struct error *err)
{
    (void)err;
    str_add(ctx, data);
    return 0;
}

/* The archive as the codec packs it; its table of contents' digest where toc is not NULL. */
static int write_with(const struct index *ix, int fd, const struct write_options *o,
                      const char *codec, unsigned threads, struct str *ret, struct write_toc *toc,
                      struct codec_sums *sums)
{
    CLEANUP(codec_writer_freep) struct codec_writer *w = NULL;

    str_clear(ret);
    assert_int_equal(codec_writer_new(codec_by_name(codec), CODEC_LEVEL_DEFAULT, threads, collect,
                                      ret, &w, NULL),
                     0);
    const int r = write_layer(ix, fd, o, w, toc, NULL);
    if (r == 0)
        assert_int_equal(codec_finish(w, sums, NULL), 0);
    return r;
}

/* The archive itself is held against other readers elsewhere; here: what is in it, and that it repeats. */
static void archives_are_written_from_indexes(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct scan_options so = SCAN_OPTIONS_INIT;
    struct write_options o = {.times = WRITE_TIMES_CLAMP, .epoch_s = 1600000000, .check = true};
    struct codec_sums sums;

    put_dir(t.fd, "d", 0755);
    put_file(t.fd, "d/a", "hello", 0644);
    assert_int_equal(linkat(t.fd, "d/a", t.fd, "d/b", 0), 0);
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &so);
    STR_AUTO(first);
    STR_AUTO(second);
    for (unsigned i = 0; i < 2; i++) {
        const struct timespec now[2] = {{1700000009, 0}, {1700000009, 0}};

        assert_int_equal(write_with(ix, t.fd, &o, "none", 1 + i, i ? &second : &first, NULL, &sums),
                         0);
        assert_int_equal(utimensat(t.fd, "d", now, 0), 0);
    }
    assert_true(view_eq(str_view(&first), str_view(&second)));
    assert_int_equal(first.size, 4 * 512 + 1024);
    assert_string_equal(first.at, "d/");
    assert_string_equal(first.at + 512, "d/a");
    assert_memory_equal(first.at + 1024, "hello", 6);
    assert_int_equal(strtol(first.at + 512 + 136, NULL, 8), 1600000000);
    assert_string_equal(first.at + 1536, "d/b");
    assert_int_equal(first.at[1536 + 156], '1');
}

/* Sizes around the borders of chunks, names that need pax records, nothing at all. */
static void make_files(int fd)
{
    static const size_t sizes[] = {0,
                                   1,
                                   CODEC_CHUNK - 512,
                                   CODEC_CHUNK - 1,
                                   CODEC_CHUNK,
                                   CODEC_CHUNK + 1,
                                   3 * CODEC_CHUNK + 700,
                                   511};
    STR_AUTO(text);

    for (uint32_t i = 0, seed = 7; i < 4 * CODEC_CHUNK; i++) {
        seed = seed * 1664525 + 1013904223;
        str_add_char(&text, (char)('a' + (i % 5 ? i % 23 : seed >> 28)));
    }
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        cleanup_free char *name = xasprintf("%zu-%s", i, i % 3 == 1 ? "n\xc3\xa4me" : "name");
        cleanup_free char *content = xstrndup(text.at + i, sizes[i]);
        put_file(fd, name, content, 0644);
    }
    put_dir(fd, "empty", 0700);
}

static void unpack(struct view packed, struct str *ret)
{
    CLEANUP(codec_closep) struct codec_reader *r = codec_open_bytes(packed, 0, NULL);
    struct view piece;
    int e;

    while ((e = codec_next(r, &piece, NULL)) > 0)
        str_add(ret, piece);
    assert_int_equal(e, 0);
}

static void bytes_depend_on_no_thread(void **state)
{
    static const char *const names[] = {"none", "gzip", "zstd", "zstd:chunked", "estargz"};
    (void)state;
    SCRATCH_AUTO(t);
    const struct scan_options so = SCAN_OPTIONS_INIT;
    const struct write_options o = {.check = true};
    struct digest plain = {0};

    make_files(t.fd);
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &so);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct codec_sums one, many;
        struct write_toc tocs[2];
        struct digest got;
        STR_AUTO(first);
        STR_AUTO(again);
        STR_AUTO(back);

        print_message("# %s\n", names[i]);
        assert_int_equal(write_with(ix, t.fd, &o, names[i], 1, &first, &tocs[0], &one), 0);
        assert_int_equal(write_with(ix, t.fd, &o, names[i], 5, &again, &tocs[1], &many), 0);
        assert_true(view_eq(str_view(&first), str_view(&again)));
        assert_memory_equal(&one, &many, sizeof(one));
        assert_memory_equal(&tocs[0], &tocs[1], sizeof(tocs[0]));
        assert_int_equal(digest_is_zero(&tocs[0].digest), i < 3);
        unpack(str_view(&first), &back);
        digest_of(str_view(&back), &got);
        assert_true(digest_eq(&got, &one.plain));
        assert_int_equal(back.size, one.plain_size);
        if (i == 0)
            plain = got;
        assert_int_equal(digest_eq(&got, &plain), i < 4); /* estargz has more in it */
    }
}

/* Only what was touched since the tree was complete is hashed again. */
static void damage_is_found(void **state)
{
    static const struct {
        const char *name, *file;
        struct timespec made;
        bool longer;
        int code;
    } rows[] = {
        {"a small file, touched", "1-n\xc3\xa4me", {0, 0}, false, -EPROTO},
        {"a large one, touched", "6-name", {0, 0}, false, -EPROTO},
        {"another size", "5-name", {INT32_MAX, 0}, true, -EPROTO},
        {"a small one, not touched", "1-n\xc3\xa4me", {INT32_MAX, 0}, false, 0},
        {"a large one, not touched", "6-name", {INT32_MAX, 0}, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        SCRATCH_AUTO(t);
        const struct scan_options so = SCAN_OPTIONS_INIT;
        const struct write_options o = {.check = true, .made = rows[i].made};
        struct codec_sums sums;
        struct stat st;
        STR_AUTO(bytes);

        print_message("# %s\n", rows[i].name);
        make_files(t.fd);
        CLEANUP(index_freep) struct index *ix = scanned(t.fd, &so);
        cleanup_close int fd = fd_open(t.fd, rows[i].file, O_WRONLY, 0, NULL);
        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        assert_int_equal(pwrite(fd, "?", 1, rows[i].longer ? st.st_size : st.st_size - 1), 1);
        assert_int_equal(write_with(ix, t.fd, &o, "zstd", 3, &bytes, NULL, &sums), rows[i].code);
    }
}

UNIT_MAIN(cmocka_unit_test(archives_are_written_from_indexes),
          cmocka_unit_test(bytes_depend_on_no_thread), cmocka_unit_test(damage_is_found))
