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

/* The archive itself is held against other readers elsewhere; here: what is in it, and that it repeats. */
static void archives_are_written_from_indexes(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct scan_options so = SCAN_OPTIONS_INIT;
    struct write_options o = {.times = WRITE_TIMES_CLAMP, .epoch_s = 1600000000, .check = true};

    put_dir(t.fd, "d", 0755);
    put_file(t.fd, "d/a", "hello", 0644);
    assert_int_equal(linkat(t.fd, "d/a", t.fd, "d/b", 0), 0);
    CLEANUP(index_freep) struct index *ix = scanned(t.fd, &so);
    STR_AUTO(first);
    STR_AUTO(second);
    for (int i = 0; i < 2; i++) {
        struct tar_writer w = TAR_WRITER_INIT(collect, i ? &second : &first);

        assert_int_equal(write_tar(ix, t.fd, &o, &w, NULL), 0);
        assert_int_equal(tar_finish(&w, NULL), 0);
        tar_writer_done(&w);
        const struct timespec now[2] = {{1700000009, 0}, {1700000009, 0}};
        assert_int_equal(utimensat(t.fd, "d", now, 0), 0);
    }
    assert_true(view_eq(str_view(&first), str_view(&second)));
    assert_int_equal(first.size % 512, 0);
    assert_string_equal(first.at, "d/");
    assert_string_equal(first.at + 512, "d/a");
    assert_memory_equal(first.at + 1024, "hello", 6);
    assert_int_equal(strtol(first.at + 512 + 136, NULL, 8), 1600000000);
    assert_string_equal(first.at + 1536, "d/b");
    assert_int_equal(first.at[1536 + 156], '1');

    struct tar_writer w = TAR_WRITER_INIT(collect, &first);
    put_file(t.fd, "d/a", "jello", 0644);
    assert_int_equal(write_tar(ix, t.fd, &o, &w, NULL), -EPROTO);
    tar_writer_done(&w);
}

UNIT_MAIN(cmocka_unit_test(archives_are_written_from_indexes))
