#include "store/cache.h"

#include <time.h>

#include "store_fixture.h"

static void a_result_whose_tree_is_gone_is_a_miss(void **state)
{
    const struct digest key = digest_of_text("key"), absent = digest_of_text("absent");
    struct fixture f;
    struct cache *c;
    struct digest to;
    uint64_t size;
    STR_AUTO(value);
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    check(cache_open(&f.env, s, &c, &err), &err);
    const struct digest tree = make_tree(s, "tree"), blob = make_blob(s, "blob");
    const struct digest both[] = {tree, absent};
    assert_int_equal(cache_get(c, &key, &value, &err), 0);
    check(cache_put(c, &key, VIEW("a\0b"), &tree, 1, &err), &err);
    assert_int_equal(cache_get(c, &key, &value, &err), 1);
    assert_int_equal(value.size, 3);
    check(cache_put(c, &key, VIEW("x"), both, 2, &err), &err);
    assert_int_equal(cache_get(c, &key, &value, &err), 0);
    check(cache_link_put(c, CACHE_CHAIN_TREE, &key, &tree, &err), &err);
    assert_int_equal(cache_link_get(c, CACHE_CHAIN_TREE, &key, &to, &err), 1);
    assert_true(digest_eq(&to, &tree));
    assert_int_equal(cache_link_get(c, CACHE_DIFF_TREE, &key, &to, &err), 0);
    check(cache_link_put(c, CACHE_DIFF_TREE, &key, &absent, &err), &err);
    assert_int_equal(cache_link_get(c, CACHE_DIFF_TREE, &key, &to, &err), 0);
    check(cache_link_put(c, CACHE_TREE_DIFF, &tree, &absent, &err),
          &err); /* a diff id is no thing */
    assert_int_equal(cache_link_get(c, CACHE_TREE_DIFF, &tree, &to, &err), 1);
    check(cache_blob_put(c, &key, "gzip:1", &blob, 4, &err), &err);
    assert_int_equal(cache_blob_get(c, &key, "gzip:1", &to, &size, &err), 1);
    assert_int_equal(cache_blob_get(c, &key, "gzip:6", &to, &size, &err), 0);
    check(cache_parts_put(c, &key, VIEW("parts"), &err), &err);
    assert_int_equal(cache_parts_get(c, &key, &value, &err), 1);
    assert_string_equal(value.at, "parts");
    check(cache_clean(c, true, &err), &err);
    assert_int_equal(cache_parts_get(c, &key, &value, &err), 0);
    cache_close(c);
    store_close(s);
    fixture_done(&f);
}

static void a_damaged_or_deleted_cache_begins_anew(void **state)
{
    static const struct {
        const char *name, *text; /* NULL: deleted */
        bool warns;
    } cases[] = {{"deleted", NULL, false},
                 {"not a database", "SQLite? no, and long enough to say so", true}};
    const struct digest key = digest_of_text("key");

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture f;
        struct cache *c;
        STR_AUTO(value);
        ERROR_AUTO(err);

        print_message("# %s\n", cases[i].name);
        fixture_init(&f, "/tmp");
        struct store *s = fixture_open(&f);
        const struct digest tree = make_tree(s, "tree");
        check(cache_open(&f.env, s, &c, &err), &err);
        check(cache_put(c, &key, VIEW("x"), &tree, 1, &err), &err);
        cache_close(c);
        assert_int_equal(unlinkat(store_fd(s), "cache.db", 0), 0);
        if (cases[i].text) /* the log alone would bring everything back */
            assert_int_equal(unlinkat(store_fd(s), "cache.db-wal", 0), 0);
        if (cases[i].text)
            check(fd_replace_file(store_fd(s), "cache.db", view_of(cases[i].text), 0600, &err),
                  &err);
        check(cache_open(&f.env, s, &c, &err), &err);
        assert_int_equal(cache_get(c, &key, &value, &err), 0);
        check(cache_put(c, &key, VIEW("y"), &tree, 1, &err), &err);
        assert_int_equal(cache_get(c, &key, &value, &err), 1);
        cache_close(c);
        store_close(s);
        fflush(f.words);
        assert_int_equal(f.said_size > 0, cases[i].warns);
        fixture_done(&f);
    }
}

static void a_hit_costs_little(void **state)
{
    const struct digest key = digest_of_text("key");
    struct fixture f;
    struct timespec a, b;
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    (void)clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < 101; i++) { /* the first makes everything */
        struct cache *c;
        STR_AUTO(value);
        struct store *s = fixture_open(&f);

        check(cache_open(&f.env, s, &c, &err), &err);
        if (i == 0) {
            const struct digest tree = make_tree(s, "tree");

            check(cache_put(c, &key, VIEW("x"), &tree, 1, &err), &err);
            (void)clock_gettime(CLOCK_MONOTONIC, &a);
        }
        assert_int_equal(cache_get(c, &key, &value, &err), 1);
        cache_close(c);
        store_close(s);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &b);
    print_message("# open, one hit, close: %ld us\n",
                  ((b.tv_sec - a.tv_sec) * 1000000L + (b.tv_nsec - a.tv_nsec) / 1000) / 100);
    fixture_done(&f);
}

static off_t log_size(struct store *s)
{
    struct stat st;

    assert_int_equal(fstatat(store_fd(s), "cache.db-wal", &st, 0), 0);
    return st.st_size;
}

/* Opening reads all of the log: what a build of many steps wrote is in the file when it ends, and what
 * a small one wrote is not worth two syncs. */
static void the_log_stays_short(void **state)
{
    struct fixture f;
    struct digest last = {0};
    struct cache *c;
    STR_AUTO(value);
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    const struct digest tree = make_tree(s, "tree");
    for (int round = 0; round < 2; round++) {
        check(cache_open(&f.env, s, &c, &err), &err);
        for (int i = 0; i < (round ? 200 : 2); i++) {
            char text[32];

            (void)snprintf(text, sizeof(text), "key %d %d", round, i);
            last = digest_of_text(text);
            check(cache_put(c, &last, VIEW("x"), &tree, 1, &err), &err);
        }
        assert_true(log_size(s) > 0);
        cache_close(c);
        assert_int_equal(log_size(s) > 0, round == 0);
    }
    check(cache_open(&f.env, s, &c, &err), &err);
    assert_int_equal(cache_get(c, &last, &value, &err), 1);
    cache_close(c);
    store_close(s);
    fixture_done(&f);
}

UNIT_MAIN(cmocka_unit_test(a_result_whose_tree_is_gone_is_a_miss),
          cmocka_unit_test(a_damaged_or_deleted_cache_begins_anew),
          cmocka_unit_test(the_log_stays_short), cmocka_unit_test(a_hit_costs_little))
