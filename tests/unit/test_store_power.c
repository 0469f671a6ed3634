/* What a store believes after the power went (store/store.h, invariant 4). */
#include "store/store.h"

#include <sys/resource.h>
#include <time.h>

#include "store_fixture.h"

#define APP "docker.io/library/app:1"
#define APP_FILE "images/docker.io%2Flibrary%2Fapp%3A1"
#define OTHER "docker.io/library/other:1"

/* Each test's own store, open. */
struct power {
    struct fixture f;
    struct store *store;
    unsigned read; /* trees, by the last prove() */
};

static int power_on(void **state)
{
    struct power *p = xcalloc(1, sizeof(*p));

    fixture_init(&p->f, "/tmp");
    p->store = fixture_open(&p->f);
    *state = p;
    return 0;
}

static int power_off(void **state)
{
    struct power *p = *state;

    store_close(p->store);
    fixture_done(&p->f);
    free(p);
    return 0;
}

static void restamp(const struct power *p, const struct digest *tree, const char *stamp)
{
    char hex[DIGEST_HEX_MAX];
    cleanup_free char *path = xasprintf("%s/trees/%s/stamp", p->f.root, digest_hex(tree, hex));

    assert_int_equal(unlink(path), 0);
    if (stamp)
        assert_int_equal(symlink(stamp, path), 0);
}

/* As if the machine had gone down: what is now this boot becomes another. */
static void restart(const struct power *p)
{
    STR_AUTO(durable);
    ERROR_AUTO(err);
    cleanup_close int dir = open(p->f.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cleanup_free char *path = xasprintf("%s/trees", p->f.root);
    DIR *trees = opendir(path);

    check(fd_read_file(dir, "durable", 100, &durable, &err), &err);
    char boot[17] = "";
    memcpy(boot, durable.at, 16);
    memcpy(durable.at, "00000000deadbeef", 16);
    check(fd_replace_file(dir, "durable", str_view(&durable), 0600, &err), &err);
    assert_non_null(trees);
    for (const struct dirent *e; (e = readdir(trees));) {
        struct digest tree;
        char stamp[100] = {0};
        cleanup_free char *link = xasprintf("%s/stamp", e->d_name);

        if (e->d_name[0] == '.' || readlinkat(dirfd(trees), link, stamp, sizeof(stamp) - 1) < 0 ||
            strncmp(stamp, boot, 16) != 0)
            continue;
        memcpy(stamp, "00000000deadbeef", 16);
        check(digest_parse_hex(e->d_name, &tree, &err), &err);
        restamp(p, &tree, stamp);
    }
    (void)closedir(trees);
}

/* The fixture's trees have no index that could be read: the file in them must have the tree's digest. */
static int compare_file(void *ctx, int tree_fd, const struct digest *tree, struct error *err)
{
    unsigned *calls = ctx;
    STR_AUTO(text);
    const int r = fd_read_file(tree_fd, "fs/file", 100, &text, err);
    const struct digest is = digest_of_text(text.at ? text.at : "");

    (*calls)++;
    return r == 0 && digest_eq(&is, tree) ? 0 : error_set(err, -EPROTO, "differs");
}

/* Returns the number of findings. */
static int prove(struct power *p)
{
    const struct verify v = {
        .tree = compare_file, .found = print_finding, .ctx = &p->read, .repair = true};
    ERROR_AUTO(err);
    p->read = 0;
    const int r = store_prove(p->store, &v, &err);

    check(r, &err);
    return r;
}

/* What a file is whose blocks were never written. */
static void spoil(const struct power *p, const char *below, const struct digest *d,
                  const char *file)
{
    char hex[DIGEST_HEX_MAX];
    cleanup_free char *path = xasprintf("%s/%s%s", below, digest_hex(d, hex), file);
    ERROR_AUTO(err);

    cleanup_close int fd = fd_open(store_fd(p->store), path, O_WRONLY | O_TRUNC, 0, &err);
    check(fd, &err);
}

static void write_file(const struct power *p, const char *name, const char *text)
{
    ERROR_AUTO(err);

    check(fd_replace_file(store_fd(p->store), name, view_of(text), 0600, &err), &err);
}

static void sync_store(const struct power *p)
{
    ERROR_AUTO(err);

    check(store_sync(p->store, &err), &err);
}

static void remove_app(const struct power *p)
{
    ERROR_AUTO(err);

    check(store_image_remove(p->store, APP, NULL, &err), &err);
}

/* config: what it must be; NULL: it must not be there. */
static void must_be_app(const struct power *p, const char *config)
{
    struct store_image image;
    ERROR_AUTO(err);
    const int r = store_image_get(p->store, APP, &image, &err);

    if (!config) {
        assert_int_equal(r, -ENOENT);
        return;
    }
    check(r, &err);
    assert_string_equal(image.config.at, config);
    store_image_done(&image);
}

/* --- what is proven --- */

static void after_a_power_cut_only_the_synced_and_the_proven_is_believed(void **state)
{
    static const struct {
        const char *stamp;
        bool spoilt, read, believed;
    } cases[] = {
        {"00000000deadbeef 0000000000000064 5", true, false, true}, /* that boot, before the sync */
        {"00000000deadbeef 0000000000000066 5", false, true, true}, /* that boot, after it */
        {"00000000deadbeef 0000000000000066 5", true, true, false},
        {"00000000cafecafe 0000000000000066 5", true, false, true}, /* an older boot: proven then */
        {"garbage", false, false, false},                           /* nothing */
        {NULL, false, false, false},
    };
    struct digest trees[ARRAY_SIZE(cases)];
    struct power *p = *state;
    unsigned expected = 0;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char text[] = {(char)('a' + i), '\0'};

        trees[i] = make_tree(p->store, text);
        restamp(p, &trees[i], cases[i].stamp);
        if (cases[i].spoilt)
            spoil(p, "trees", &trees[i], "/fs/file");
        expected += cases[i].read;
    }
    write_file(p, "durable", "00000000deadbeef 0000000000000065 0\n");
    assert_int_equal(prove(p), 3);
    assert_int_equal(p->read, expected);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("# %s\n", cases[i].stamp ? cases[i].stamp : "none");
        assert_int_equal(store_tree_has(p->store, &trees[i]), cases[i].believed);
    }
    /* this boot needs no sync: a kill loses nothing */
    const struct digest now = make_tree(p->store, "now");
    assert_int_equal(prove(p), 0);
    assert_int_equal(p->read, 0);
    assert_true(store_tree_has(p->store, &now));
    assert_int_equal(unlinkat(store_fd(p->store), "durable", 0), 0); /* then nothing is known */
    assert_int_equal(prove(p), 2);                                   /* the spoilt ones */
    assert_int_equal(p->read, 4);
}

static void a_sync_saves_the_reading(void **state)
{
    struct power *p = *state;
    struct stat st;
    char hex[DIGEST_HEX_MAX];

    const struct digest tree = make_tree(p->store, "layer"), blob = make_blob(p->store, "blob");
    sync_store(p);
    const struct digest late = make_tree(p->store, "late"),
                        late_blob = make_blob(p->store, "late blob");
    cleanup_free char *path = xasprintf("blobs/sha256/%s", digest_hex(&blob, hex));
    assert_int_equal(fstatat(store_fd(p->store), path, &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0400);
    restart(p);
    spoil(p, "blobs/sha256", &blob, ""); /* it is covered: nobody looks */
    spoil(p, "blobs/sha256", &late_blob, "");
    assert_int_equal(prove(p), 1);
    assert_int_equal(p->read, 1); /* late */
    assert_true(store_tree_has(p->store, &tree) && store_tree_has(p->store, &late));
    assert_true(store_blob_has(p->store, &blob));
    assert_false(store_blob_has(p->store, &late_blob));
    restart(p);
    assert_int_equal(prove(p), 0); /* what was proven once is */
}

static void age(const struct power *p, const char *name, time_t seconds)
{
    const struct timespec at = {.tv_sec = time(NULL) - seconds}, times[2] = {at, at};

    assert_int_equal(utimensat(store_fd(p->store), name, times, 0), 0);
}

static void a_sync_is_wanted_when_it_is_cheap(void **state)
{
    static const struct {
        time_t images_s, durable_s; /* how long ago they changed */
        bool wanted;
    } cases[] = {
        {0, 100, false}, /* just now: it would have to write all of it */
        {30, 100, false}, {60, 100, true}, {60, 20, false}, {-100, 200, false},
    };
    const struct power *p = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("# %zu\n", i);
        age(p, "images", cases[i].images_s);
        age(p, "durable", cases[i].durable_s);
        assert_true(store_wants_sync(p->store) == cases[i].wanted);
    }
    age(p, "images", 60);
    age(p, "durable", 100);
    sync_store(p);
    assert_false(store_wants_sync(p->store));
    age(p, "durable", 100);
    restart(p);
    assert_false(store_wants_sync(p->store)); /* what another boot left is to be proven */
}

/* --- images --- */

/* How a power cut may leave what was named last: without its layer, or with an empty record. */
static void a_lost_image_gives_its_name_back(void **state)
{
    struct power *p = *state;

    const struct digest old = make_tree(p->store, "old");
    make_image(p->store, APP, "{\"n\":2}", &old, NULL);
    make_image(p->store, OTHER, "{\"n\":0}", &old, NULL);
    make_image(p->store, OTHER, "{\"n\":9}", &old, NULL);
    sync_store(p);
    const struct digest new = make_tree(p->store, "new");
    make_image(p->store, APP, "{\"n\":3}", &new, NULL);
    restart(p);
    spoil(p, "trees", &new, "/fs/file");
    assert_int_equal(prove(p), 2); /* the layer and the image */
    must_be_app(p, "{\"n\":2}");
    assert_int_equal(count_names(&p->f, "images"), 3);

    make_image(p->store, APP, "{\"n\":4}", &old, NULL);
    restart(p);
    write_file(p, APP_FILE, "");
    assert_int_equal(prove(p), 1); /* the record */
    must_be_app(p, "{\"n\":2}");

    remove_app(p);
    restart(p);
    assert_int_equal(prove(p), 0); /* what was removed is not given back */
    must_be_app(p, NULL);
}

/* The image of before is the same, and only its record is new: of which blobs it came. */
static void a_lost_record_of_the_same_image_is_not_the_end_of_it(void **state)
{
    struct power *p = *state;

    const struct digest tree = make_tree(p->store, "layer"), blob = make_blob(p->store, "blob");
    make_image(p->store, APP, "{\"n\":1}", &tree, NULL);
    make_image(p->store, APP, "{\"n\":1}", &tree, &blob);
    restart(p);
    write_file(p, APP_FILE, "");
    assert_int_equal(prove(p), 1);
    must_be_app(p, "{\"n\":1}");

    make_image(p->store, APP, "{\"n\":1}", &tree, &blob);
    remove_app(p);
    assert_int_equal(count_names(&p->f, "images"), 0); /* the one of before went with it */
    must_be_app(p, NULL);
}

/* --- what is in the way --- */

/* The disk may be full after a restart, and prune is to mend that: nothing is written but what is lost. */
static void proving_needs_no_room(void **state)
{
    struct power *p = *state;

    const struct digest tree = make_tree(p->store, "layer");
    store_close(p->store);
    restart(p);
    p->store = fixture_open(&p->f);
    assert_int_equal(prove(p), 0);
    assert_int_equal(p->read, 1);
    assert_true(store_tree_has(p->store, &tree));
    assert_int_equal(count_names(&p->f, "leases"), 0);
    assert_int_equal(count_names(&p->f, "keys"), 0);
    assert_int_equal(count_names(&p->f, "tmp"), 0);
}

static void strangers_of_one_name_are_taken_out_both(void **state)
{
    struct power *p = *state;

    write_file(p, "blobs/sha256/stranger", "x");
    assert_int_equal(mkdirat(store_fd(p->store), "trees/stranger", 0700), 0);
    restart(p);
    assert_int_equal(prove(p), 2);
    assert_int_equal(count_names(&p->f, "blobs/sha256"), 0);
    assert_int_equal(count_names(&p->f, "trees"), 0);
}

/* Tried with one descriptor more each time, until they suffice. */
static unsigned count_proofs_without_descriptors(struct store *s)
{
    struct rlimit was, few;
    unsigned calls, failures = 0;
    int r;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    few = was;
    do {
        const struct verify v = {.tree = compare_file, .ctx = &calls, .repair = true};
        ERROR_AUTO(why);

        few.rlim_cur = failures + 3;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        r = store_prove(s, &v, &why);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
        assert_true(r == 0 || r == -EMFILE);
        failures += r < 0;
    } while (r < 0);
    return failures;
}

static void what_cannot_be_read_now_is_kept(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) { /* a blob or a record is what the descriptors end at */
        void *own;
        struct digest blob;

        assert_int_equal(power_on(&own), 0);
        const struct power *p = own;
        const struct digest tree = make_tree(p->store, "layer");
        if (!late)
            blob = make_blob(p->store, "blob");
        sync_store(p);
        if (late)
            blob = make_blob(p->store, "blob");
        make_image(p->store, APP, "{\"n\":2}", &tree, NULL);
        restart(p);
        assert_true(count_proofs_without_descriptors(p->store) > 3);
        assert_true(store_blob_has(p->store, &blob));
        must_be_app(p, "{\"n\":2}");
        assert_int_equal(power_off(&own), 0);
    }
}

#define POWERED(test) cmocka_unit_test_setup_teardown(test, power_on, power_off)

UNIT_MAIN(POWERED(after_a_power_cut_only_the_synced_and_the_proven_is_believed),
          POWERED(a_sync_saves_the_reading), POWERED(a_sync_is_wanted_when_it_is_cheap),
          POWERED(a_lost_image_gives_its_name_back), POWERED(proving_needs_no_room),
          cmocka_unit_test(what_cannot_be_read_now_is_kept),
          POWERED(strangers_of_one_name_are_taken_out_both),
          POWERED(a_lost_record_of_the_same_image_is_not_the_end_of_it))
