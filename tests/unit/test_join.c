#include "layer/join.h"

#include "trees.h"

#define LAYERS_MAX 5

static const struct {
    const char *name, *layers[LAYERS_MAX]; /* top first */
    const char *below;                     /* or NULL */
    const char *want;
} rows[] = {
    {"nothing", {NULL}, NULL, ""},
    {"one layer stays", {"a/ a/x=1 b=1"}, "a/ c=1", "a/ a/x=1 b=1"},
    {"the top one counts", {"a=22", "a=1 b=1"}, "a=1", "a=2 b=1"},
    {"what came and went is gone", {"a~", "a=1 b=1"}, "c=1", "b=1"},
    {"what was below goes", {"a~", "a=1 b=1"}, "a=1", "a~ b=1"},
    {"nothing below: no whiteouts", {"a~ d/ d/x~", "b=1 d! d/x=1"}, NULL, "b=1 d/"},
    {"a whiteout of nothing", {"d/ d/x~ d/y~"}, "d/ d/y/ d/y/z=1", "d/ d/y~"},
    {"opaque where a directory is", {"d! d/a=1"}, "d/ d/b=1", "d! d/a=1"},
    {"opaque where none is", {"d! d/a=1 e!"}, "d=1", "d/ d/a=1 e/"},
    {"made again after removal", {"d/ d/c=1", "d~"}, "d/ d/x=1", "d! d/c=1"},
    {"directory over file", {"d/ d/c=1", "d=1"}, "d/ d/x=1", "d! d/c=1"},
    {"opaque over what we had", {"d! d/b=1", "d/ d/a=1"}, NULL, "d/ d/b=1"},
    {"whiteouts in an opaque one",
     {"d/ d/x~ d/e/ d/e/y~", "d! d/x=1 d/e! d/e/y=1"},
     "d/ d/x=1 d/e/ d/e/y=1",
     "d! d/e/"},
    {"file over directory", {"d=1", "d/ d/x=1 d/y/ d/y/z=1 e=1"}, "d/", "d=1 e=1"},
    {"the first name goes", {"a~", "a=1 b<a c<a"}, NULL, "b=1 c<b"},
    {"the first name becomes another", {"a=22", "a=1 b<a"}, NULL, "a=2 b=1"},
    {"groups of two layers", {"c=22 d<c", "a=1 b<a"}, NULL, "a=1 b<a c=2 d<c"},
    {"roots", {"./ a=1", ".! b=1"}, "c=1", ".! a=1 b=1"},
};

static struct index *indexes[LAYERS_MAX + 1];

static size_t read_layers(const char *const *words, size_t max)
{
    size_t count = 0;

    for (; count < max && words[count]; count++)
        indexes[count] = index_of(words[count]);
    return count;
}

static void drop_layers(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(indexes); i++) {
        index_free(indexes[i]);
        indexes[i] = NULL;
    }
}

static void layers_join(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const size_t count = read_layers(rows[i].layers, LAYERS_MAX);
        struct merge *below = NULL;
        struct joined j = {0};
        STR_AUTO(got);

        print_message("# %s\n", rows[i].name);
        if (rows[i].below) {
            indexes[LAYERS_MAX] = index_of(rows[i].below);
            below = merge_new((const struct index *const *)&indexes[LAYERS_MAX], 1);
        }
        assert_int_equal(join_layers((const struct index *const *)indexes, count, below, &j, NULL),
                         0);
        words_of_index(j.index, &got);
        assert_string_equal(got.at, rows[i].want);
        for (size_t n = 0; n < index_count(j.index); n++)
            assert_true(j.layers[n] < count);
        joined_done(&j);
        merge_free(below);
        drop_layers();
    }
}

static uint32_t seed = 1;
static uint32_t roll(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % sides;
}

/* A layer of up to three levels of three names: every kind at every place. */
static void add_random(struct index_builder *b, const char *parent, unsigned depth)
{
    for (char name = 'a'; name <= 'c'; name++) {
        cleanup_free char *path = xasprintf("%s%s%c", parent, *parent ? "/" : "", name);
        struct entry e = {.path = path, .type = ENTRY_FILE, .mode = 0600 + roll(64)};

        switch (roll(6)) {
        case 0:
            e.size = roll(1000);
            break;
        case 1:
            e.type = ENTRY_WHITEOUT;
            e.mode = 0;
            break;
        case 2:
        case 3:
            e.type = ENTRY_DIR;
            e.opaque = roll(3) == 0;
            break;
        default:
            continue;
        }
        index_builder_add(b, &e);
        if (e.type == ENTRY_DIR && depth < 3)
            add_random(b, path, depth + 1);
    }
}

static void print_merged(const struct index *const *layers, size_t count, struct str *ret)
{
    struct merge *m = merge_new(layers, count);
    CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
    struct merge_file file;
    const char *path;

    assert_int_equal(merge_walk_begin(m, view_of(""), &w), 0);
    while (merge_walk_next(w, &path, &file) > 0)
        str_printf(ret, "%s %d %o %u\n", path, file.entry->type, file.entry->mode,
                   (unsigned)file.entry->size);
    merge_free(m);
}

/* However the layers are cut, joined on top of the rest they show what they show one by one. */
static void joined_layers_look_the_same(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        const size_t count = 1 + roll(LAYERS_MAX);
        const size_t cut = roll((uint32_t)count + 1);
        struct joined j = {0};
        STR_AUTO(want);
        STR_AUTO(got);

        for (size_t i = 0; i < count; i++) {
            CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
            add_random(b, "", 1);
            assert_int_equal(index_builder_finish(b, &indexes[i], NULL), 0);
        }
        const struct index *const *layers = (const struct index *const *)indexes;
        struct merge *below = merge_new(layers + cut, count - cut);
        assert_int_equal(join_layers(layers, cut, cut < count ? below : NULL, &j, NULL), 0);
        const struct index *both[LAYERS_MAX + 1] = {j.index};
        for (size_t i = cut; i < count; i++)
            both[1 + i - cut] = layers[i];
        print_merged(layers, count, &want);
        print_merged(both, 1 + count - cut, &got);
        assert_string_equal(got.at, want.at);
        joined_done(&j);
        merge_free(below);
        drop_layers();
    }
}

UNIT_MAIN(cmocka_unit_test(layers_join), cmocka_unit_test(joined_layers_look_the_same))
