#include "store/store.h"

#include <sys/file.h>
#include <sys/mount.h>

#include "store_fixture.h"

static void a_new_store_opens_again(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "/tmp");
    store_close(fixture_open(&f));
    struct store *s = fixture_open(&f);
    const struct digest tree = make_tree(s, "hello"), blob = make_blob(s, "blob");
    assert_true(store_tree_has(s, &tree));
    store_close(s);

    s = fixture_open(&f);
    ERROR_AUTO(err);
    STR_AUTO(text);
    uint64_t size = 0;
    cleanup_close int dir = store_tree_open(s, &tree, &err),
                      fd = store_blob_open(s, &blob, &size, &err);
    check(dir, &err);
    check(fd, &err);
    check(fd_read_file(dir, "fs/file", 100, &text, &err), &err);
    assert_string_equal(text.at, "hello");
    assert_int_equal(size, 4);
    check(store_tree_size(s, &tree, &size, &err), &err);
    assert_int_equal(size, 5);
    store_close(s);
    assert_int_equal(count_names(&f, "leases"), 0);
    assert_int_equal(count_names(&f, "tmp"), 0);
    fixture_done(&f);
}

UNIT_MAIN(cmocka_unit_test(a_new_store_opens_again))
