#include "store/gc.h"

#include <signal.h>

#include "store_fixture.h"

static const struct usage_item *find_item(const struct usage *u, enum usage_kind kind,
                                          const struct digest *id)
{
    vec_each (i, u)
        if (i->kind == kind && (!id || digest_eq(&i->id, id)))
            return i;
    return NULL;
}

static void prune_takes_the_oldest_that_nobody_needs(void **state)
{
    static const struct {
        const char *name, *doomed; /* letters of the items below */
        struct prune_policy policy;
    } cases[] = {
        {"everything", "ucdxt", {0, INT64_MAX, false}},
        {"keep the newest",
         "ucxt",
         {250, INT64_MAX, false}}, /* c 100, d 200, t 30, held e 50: 380 */
        {"keep all", "ux", {1000, INT64_MAX, false}},
        {"old only", "ucxt", {0, 25, false}},
        {"mounts", "xt", {0, INT64_MAX, true}},
        {"old mounts", "x", {0, 15, true}},
        {"few mounts", "x", {30, INT64_MAX, true}},
    };
    /* n: needed by a name; u: unnamed image needing c; d: free; e: held; x: left by the dead */
    struct usage_item items[] = {
        {.kind = USAGE_TREE, .name = (char[]){"n"}, .size = 400, .used_s = 1, .named = true},
        {.kind = USAGE_TREE, .name = (char[]){"c"}, .size = 100, .used_s = 10, .unnamed = true},
        {.kind = USAGE_BLOB, .name = (char[]){"d"}, .size = 200, .used_s = 30},
        {.kind = USAGE_TREE, .name = (char[]){"e"}, .size = 50, .used_s = 5, .held = true},
        {.kind = USAGE_TMP, .name = (char[]){"x"}, .size = 7, .used_s = 40},
        {.kind = USAGE_TMP, .name = (char[]){"y"}, .size = 7, .used_s = 40, .held = true},
        {.kind = USAGE_MOUNT, .name = (char[]){"t"}, .size = 30, .used_s = 15},
        {.kind = USAGE_IMAGE, .name = (char[]){"m"}, .used_s = 1, .named = true},
        {.kind = USAGE_IMAGE, .name = (char[]){"u"}, .used_s = 20, .unnamed = true},
    };
    size_t of_m[] = {0}, of_u[] = {1};
    struct usage u = {items, ARRAY_SIZE(items), ARRAY_SIZE(items)};

    (void)state;
    items[7].needs.at = of_m;
    items[8].needs.at = of_u;
    items[7].needs.size = items[8].needs.size = 1;
    for (size_t n = 0; n < ARRAY_SIZE(cases); n++) {
        uint64_t want = 0;

        print_message("# %s\n", cases[n].name);
        const uint64_t freed = prune_plan(&u, &cases[n].policy);
        vec_each (i, &u) {
            assert_int_equal(i->doomed, strchr(cases[n].doomed, i->name[0]) != NULL);
            want += i->doomed ? i->size : 0;
        }
        assert_int_equal(freed, want);
    }
}

static void prune(struct store *s, struct usage *u)
{
    const struct prune_policy all = {.until_s = INT64_MAX};
    ERROR_AUTO(err);

    check(store_usage_read(s, u, &err), &err);
    (void)prune_plan(u, &all);
    check(store_remove(s, u, &err), &err);
    check(store_sweep(s, NULL, &err), &err);
}

static void an_image_that_loses_its_name_goes_with_the_next_prune(void **state)
{
    struct fixture f;
    struct store_image image;
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    const struct digest one = make_tree(s, "one"), two = make_tree(s, "two"),
                        blob = make_blob(s, "blob");
    make_image(s, "docker.io/library/app:1", "{\"n\":1}", &one, &blob);
    make_image(s, "docker.io/library/app:1", "{\"n\":2}", &two, NULL);
    assert_int_equal(count_names(&f, "images"), 2);
    const struct digest id = digest_of_text("{\"n\":1}");
    char hex[DIGEST_HEX_MAX], prefix[8];
    snprintf(prefix, sizeof(prefix), "%.7s", digest_hex(&id, hex));
    check(store_image_find(s, prefix, &image, &err), &err);
    assert_null(image.name);
    assert_string_equal(image.config.at, "{\"n\":1}");
    assert_true(digest_eq(&image.layers.at[0].blobs.at[0].digest, &blob));
    store_image_done(&image);
    store_close(s); /* with its lease: nothing is held any more */

    CLEANUP(usage_done) struct usage u = {0};
    s = fixture_open(&f);
    prune(s, &u);
    const struct usage_item *gone = find_item(&u, USAGE_TREE, &one),
                            *stays = find_item(&u, USAGE_TREE, &two);
    assert_true(gone->doomed && !stays->doomed);
    assert_false(store_tree_has(s, &one));
    assert_false(store_blob_has(s, &blob));
    assert_true(store_tree_has(s, &two));
    assert_int_equal(count_names(&f, "images"), 1);
    assert_int_equal(count_names(&f, "tmp"), 0);
    assert_int_equal(store_image_find(s, prefix, &image, &err), -ENOENT);
    store_close(s);
    fixture_done(&f);
}

static void a_lease_keeps_what_it_names_until_its_process_dies(void **state)
{
    struct fixture f;
    struct usage u = {0};
    ERROR_AUTO(err);
    int ready[2], status;
    char byte;

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    const struct digest tree = make_tree(s, "tree");
    store_close(s);
    assert_int_equal(pipe(ready), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        s = fixture_open(&f);
        if (store_tree_hold(s, &tree, &err) == 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    s = fixture_open(&f);
    prune(s, &u);
    usage_done(&u);
    assert_true(store_tree_has(s, &tree));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    prune(s, &u);
    usage_done(&u);
    assert_false(store_tree_has(s, &tree));
    store_close(s);
    close(ready[0]);
    close(ready[1]);
    fixture_done(&f);
}

static void damage_is_found_and_repaired(void **state)
{
    const struct verify look = {0}, mend = {.repair = true};
    struct fixture f;
    struct store_image image;
    char hex[DIGEST_HEX_MAX];
    ERROR_AUTO(err);

    (void)state;
    fixture_init(&f, "/tmp");
    struct store *s = fixture_open(&f);
    const struct digest tree = make_tree(s, "tree"), lost = make_tree(s, "lost"),
                        blob = make_blob(s, "blob");
    make_image(s, "docker.io/library/good:1", "{}", &tree, &blob);
    make_image(s, "docker.io/library/lost:1", "{\"x\":1}", &lost, NULL);
    check(fd_replace_file(store_fd(s), "images/broken", VIEW("{"), 0600, &err), &err);
    cleanup_free char *index = xasprintf("trees/%s/index", digest_hex(&lost, hex));
    assert_int_equal(unlinkat(store_fd(s), index, 0), 0);
    cleanup_free char *path = xasprintf("blobs/sha256/%s", digest_hex(&blob, hex));
    check(fd_replace_file(store_fd(s), path, VIEW("blub"), 0600, &err), &err);

    assert_int_equal(store_verify(s, &look, &err), 3); /* blob, tree, record */
    assert_int_equal(store_verify(s, &mend, &err), 5); /* and the two images that named them */
    assert_int_equal(store_verify(s, &look, &err), 0);
    check(store_image_get(s, "docker.io/library/good:1", &image, &err), &err);
    assert_int_equal(image.layers.at[0].blobs.size, 0); /* a compressed form can be made again */
    store_image_done(&image);
    assert_int_equal(store_image_get(s, "docker.io/library/lost:1", &image, &err), -ENOENT);
    store_close(s);
    fixture_done(&f);
}

static void a_record_is_read_with_suspicion(void **state)
{
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        {"{\"format\":1,\"config\":\"{}\",\"layers\":[]}", NULL},
        {"{\"format\":2,\"config\":\"{}\",\"layers\":[]}", "has format 2"},
        {"{\"config\":\"{}\",\"layers\":[]}", "'format' is missing"},
        {"{\"format\":1,\"config\":\"{}\"}", "'layers' is missing"},
        {"{\"format\":1,\"layers\":[]}", "'config' is missing"},
        {"{\"format\":1,\"config\":{},\"layers\":[]}", "'config' is not a string"},
        {"{\"format\":1,\"config\":\"{}\",\"layers\":[{}]}", "layer 0: 'tree' is missing"},
        {"{\"format\":1,\"config\":\"{}\",\"layers\":[7]}", "layer 0"},
        {"{\"format\":1,\"config\":\"{}\",\"layers\":[],\"id\":\"sha256:0\"}", "'id': digest"},
        {"{\"format\":1,\"config\":\"{}\",\"layers\":[],\"extra\":[]}", "'extra' is not an object"},
        {"{\"format\":1,\"config\":\"{}\",\"layers\":[{\"tree\":\"sha256:" HEX
         "\",\"blobs\":[{\"digest\":\"sha256:" HEX "\",\"size\":-1,\"mediaType\":\"m\"}]}]}",
         "size -1"},
        {"[]", "not an object"},
        {"", "not valid JSON"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct store_image image = {0};
        ERROR_AUTO(err);
        const int r = record_parse(view_of(cases[i].text), &image, &err);

        print_message("# %s\n", cases[i].text);
        assert_int_equal(r, cases[i].complaint ? -EINVAL : 0);
        if (r < 0)
            assert_non_null(strstr(err.text, cases[i].complaint));
        store_image_done(&image);
    }
}

UNIT_MAIN(cmocka_unit_test(prune_takes_the_oldest_that_nobody_needs),
          cmocka_unit_test(an_image_that_loses_its_name_goes_with_the_next_prune),
          cmocka_unit_test(a_lease_keeps_what_it_names_until_its_process_dies),
          cmocka_unit_test(damage_is_found_and_repaired),
          cmocka_unit_test(a_record_is_read_with_suspicion))
