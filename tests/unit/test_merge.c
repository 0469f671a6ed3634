#include "layer/fold.h"
#include "layer/merge.h"
#include "trees.h"

#define LAYERS_MAX 4

struct stack {
    const char *layers[LAYERS_MAX]; /* top first */
};
static struct index *indexes[LAYERS_MAX];

static struct merge *merge_of(const char *const *layers)
{
    size_t count = 0;

    for (; count < LAYERS_MAX && layers[count]; count++)
        indexes[count] = index_of(layers[count]);
    return merge_new((const struct index *const *)indexes, count);
}

static void merge_drop(struct merge *m)
{
    merge_free(m);
    for (size_t i = 0; i < LAYERS_MAX; i++) {
        index_free(indexes[i]);
        indexes[i] = NULL;
    }
}

static const struct {
    const char *name, *layers[LAYERS_MAX],
        *want; /* in words of trees.h, digits after '@' are layers */
} walks[] = {
    {"nothing", {NULL}, "./"},
    {"one layer", {"a/ a/x=1 b=1"}, "./ a/ a/x=1 b=1"},
    {"files above files", {"a=22", "a=1 b=1"}, "./ a=2 b=1"},
    {"directories merge", {"d/ d/b=22", "d/ d/a=1 d/b=1 e=1"}, "./ d/ d/a=1 d/b=2 e=1"},
    {"whiteout", {"a~ d/ d/x~", "a=1 d/ d/x/ d/x/y=1 d/z=1"}, "./ d/ d/z=1"},
    {"whiteout of nothing", {"a~", "b=1"}, "./ b=1"},
    {"opaque", {"d! d/b=1", "d/ d/a=1"}, "./ d! d/b=1"},
    {"opaque root", {".! b=1", "a=1"}, ".! b=1"},
    {"opaque in the middle", {"d/ d/c=1", "d! d/b=1", "d/ d/a=1"}, "./ d/ d/b=1 d/c=1"},
    {"file over directory", {"d=1", "d/ d/x=1"}, "./ d=1"},
    {"directory over file over directory", {"d/ d/c=1", "d=1", "d/ d/x=1"}, "./ d/ d/c=1"},
    {"directory over whiteout over directory", {"d/ d/c=1", "d~", "d/ d/x=1"}, "./ d/ d/c=1"},
    {"link over directory", {"lib>usr", "lib/ lib/x=1"}, "./ lib>usr"},
    {"hard links are files", {"a=1 b<a"}, "./ a=1 b=1"},
    {"order of names", {"a-b=1", "a/ a/x=1", "a.b=1"}, "./ a/ a/x=1 a-b=1 a.b=1"},
    {"subtree order",
     {"a/ a/z=1 b=1", "a/ a/y/ a/y/q=1", "a/ a/x=1 c=1"},
     "./ a/ a/x=1 a/y/ a/y/q=1 a/z=1 b=1 c=1"},
};

static void walks_see_what_an_overlay_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
        struct merge *m = merge_of(walks[i].layers);
        CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
        struct merge_file file, again;
        const char *path;
        STR_AUTO(got);

        print_message("# %s\n", walks[i].name);
        assert_int_equal(merge_walk_begin(m, VIEW(""), &w), 0);
        while (merge_walk_next(w, &path, &file) > 0) {
            word_of_entry(file.entry, path, &got);
            assert_int_equal(merge_lookup(m, view_of(path), &again), 0);
            assert_ptr_equal(again.entry, file.entry);
            assert_int_equal(again.layer, file.layer);
        }
        assert_string_equal(got.at, walks[i].want);
        merge_drop(m);
    }
}

/* Opaque or not is no difference to who sees the whole. */
static void walk_text(const struct merge *m, struct str *ret)
{
    CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
    struct merge_file file;
    const char *path;

    assert_int_equal(merge_walk_begin(m, VIEW(""), &w), 0);
    while (merge_walk_next(w, &path, &file) > 0)
        word_of_entry(file.entry, path, ret);
    for (char *c = ret->at; *c; c++)
        if (*c == '!')
            *c = '/';
}

/* Whichever neighbours are folded, the stack shows the same. */
static void folded_layers_mean_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
        for (size_t at = 0; at + 1 < LAYERS_MAX && walks[i].layers[at + 1]; at++) {
            struct merge *m = merge_of(walks[i].layers);
            const struct index *stack[LAYERS_MAX];
            CLEANUP(index_freep) struct index *both = NULL;
            size_t count = 0;
            STR_AUTO(got);
            STR_AUTO(want);

            print_message("# %s, %zu\n", walks[i].name, at);
            walk_text(m, &want);
            assert_int_equal(index_fold(indexes[at], indexes[at + 1], &both, NULL), 0);
            for (size_t j = 0; j < LAYERS_MAX && indexes[j]; j++)
                if (j != at + 1)
                    stack[count++] = j == at ? both : indexes[j];
            struct merge *folded = merge_new(stack, count);
            walk_text(folded, &got);
            assert_string_equal(got.at, want.at);
            merge_free(folded);
            merge_drop(m);
        }
    }
}

static void walks_can_be_pruned_and_begin_below(void **state)
{
    (void)state;
    const char *const layers[] = {"a/ a/b/ a/b/c=1 a/d=1 e=1", "a/ a/b/ a/b/x=1", NULL};
    struct merge *m = merge_of(layers);
    CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
    struct merge_walk *none = NULL;
    struct merge_file file;
    const char *path;
    STR_AUTO(got);

    assert_int_equal(merge_walk_begin(m, VIEW("a"), &w), 0);
    while (merge_walk_next(w, &path, &file) > 0) {
        word_of_entry(file.entry, path, &got);
        if (strcmp(path, "a/b") == 0)
            merge_walk_prune(w);
    }
    assert_string_equal(got.at, "a/ a/b/ a/d=1");
    assert_int_equal(merge_walk_begin(m, VIEW("q"), &none), -ENOENT);
    merge_drop(m);
}

static const char *const linked[] = {
    "lib>usr/lib bin>/usr/bin loop>loop2 loop2>loop up>../../usr dangling>usr/none e=1 deep/ "
    "deep/l>../lib gone~",
    "usr/ usr/lib/ usr/lib/x=1 usr/bin/ usr/bin/sh=22 gone/ gone/x=1", NULL};

static const struct {
    const char *path;
    int flags, r;
    const char *want; /* resolved path; "=": with an entry */
} resolves[] = {
    {"", 0, 0, ""},
    {"/", 0, 0, ""},
    {"lib/x", 0, 0, "usr/lib/x"},
    {"/lib//./x", 0, 0, "usr/lib/x"},
    {"bin/sh", 0, 0, "usr/bin/sh"},
    {"lib", 0, 0, "usr/lib"},
    {"lib", MERGE_NOFOLLOW, 0, "lib"},
    {"lib/", MERGE_NOFOLLOW, 0, "lib"},
    {"../../e", 0, 0, "e"},
    {"up/lib", 0, 0, "usr/lib"},
    {"deep/l/x", 0, 0, "usr/lib/x"},
    {"usr/lib/../bin", 0, 0, "usr/bin"},
    {"loop", 0, -ELOOP, NULL},
    {"loop", MERGE_NOFOLLOW, 0, "loop"},
    {"loop/x", MERGE_MISSING_OK, -ELOOP, NULL},
    {"dangling", 0, -ENOENT, NULL},
    {"dangling/x", MERGE_MISSING_OK, 0, "usr/none/x"},
    {"e/x", 0, -ENOTDIR, NULL},
    {"e/x", MERGE_MISSING_OK, -ENOTDIR, NULL},
    {"e/..", 0, -ENOTDIR, NULL},
    {"gone/x", 0, -ENOENT, NULL},
    {"new/deep/../x", MERGE_MISSING_OK, 0, "new/x"},
    {"lib/new", MERGE_MISSING_OK, 0, "usr/lib/new"},
};

static void paths_resolve_inside_the_root(void **state)
{
    (void)state;
    struct merge *m = merge_of(linked);

    for (size_t i = 0; i < ARRAY_SIZE(resolves); i++) {
        STR_AUTO(path);
        ERROR_AUTO(err);
        struct merge_file file;
        const int r =
            merge_resolve(m, view_of(resolves[i].path), resolves[i].flags, &path, &file, &err);

        print_message("# '%s' %d\n", resolves[i].path, resolves[i].flags);
        assert_int_equal(r, resolves[i].r);
        if (r < 0) {
            assert_non_null(err.text);
            continue;
        }
        assert_string_equal(path.at, resolves[i].want);
        struct merge_file plain = {.entry = NULL};
        (void)!merge_lookup(m, str_view(&path), &plain);
        assert_ptr_equal(plain.entry, file.entry);
    }
    merge_drop(m);
}

static void digest_at(const char *const *layers, const char *path, struct digest *ret)
{
    struct merge *m = merge_of(layers);

    assert_int_equal(merge_content(m, view_of(path), CONTENT_ALL, NULL, NULL, ret, NULL), 0);
    merge_drop(m);
}

static void content_does_not_depend_on_layering(void **state)
{
    (void)state;
    const char *const flat[] = {"d/ d/a=1 d/b=22 d/s/ d/s/x=1", NULL};
    const char *const layered[] = {"d/ d/b=22 d/gone~", "d/ d/gone=1 d/s/ d/s/x=1",
                                   "d/ d/a=1 d/b=1", NULL};
    const char *const moved[] = {"e/ e/f/ e/f/a=1 e/f/b=22 e/f/s/ e/f/s/x=1", NULL};
    const char *const other[] = {"d/ d/a=1 d/b=22 d/s/ d/s/y=1", NULL};
    struct digest a, b;

    digest_at(flat, "d", &a);
    digest_at(layered, "d", &b);
    assert_true(digest_eq(&a, &b));
    digest_at(moved, "e/f", &b);
    assert_true(digest_eq(&a, &b));
    digest_at(other, "d", &b);
    assert_false(digest_eq(&a, &b));
}

static bool skip_s(void *ctx, const char *rel, bool is_dir)
{
    (void)ctx;
    return is_dir && strcmp(rel, "s") == 0;
}

static void content_leaves_out_what_is_skipped(void **state)
{
    (void)state;
    const char *const with[] = {"d/ d/a=1 d/s/ d/s/x=1", NULL}, *const without[] = {"d/ d/a=1",
                                                                                    NULL};
    struct merge *m = merge_of(with);
    struct digest a, b;

    assert_int_equal(merge_content(m, VIEW("d"), CONTENT_ALL, skip_s, NULL, &a, NULL), 0);
    merge_drop(m);
    digest_at(without, "d", &b);
    assert_true(digest_eq(&a, &b));
}

UNIT_MAIN(cmocka_unit_test(walks_see_what_an_overlay_shows),
          cmocka_unit_test(folded_layers_mean_the_same),
          cmocka_unit_test(walks_can_be_pruned_and_begin_below),
          cmocka_unit_test(paths_resolve_inside_the_root),
          cmocka_unit_test(content_does_not_depend_on_layering),
          cmocka_unit_test(content_leaves_out_what_is_skipped))
