/* What COPY, ADD, WORKDIR and heredocs come down to, above trees that are tables. */
#include "build/file_plan.h"

#include "unit.h"

struct file {
    const char *path;
    enum entry_type type;
    const char *link;
};

/* A merged Debian, reduced to what matters: links where directories were, an /opt that exists. */
static const struct file below_files[] = {
    {"bin", ENTRY_SYMLINK, "usr/bin"}, {"data", ENTRY_SYMLINK, "/var/data"},
    {"etc", ENTRY_DIR, NULL},          {"etc/conf", ENTRY_FILE, NULL},
    {"opt", ENTRY_DIR, NULL},          {"opt/app", ENTRY_DIR, NULL},
    {"tmp", ENTRY_DIR, NULL},          {"usr", ENTRY_DIR, NULL},
    {"usr/bin", ENTRY_DIR, NULL},      {"usr/bin/sh", ENTRY_FILE, NULL},
    {"var", ENTRY_DIR, NULL},          {"var/data", ENTRY_DIR, NULL},
};
static const struct file source_files[] = {
    {"a.txt", ENTRY_FILE, NULL},
    {"b.txt", ENTRY_FILE, NULL},
    {"dir", ENTRY_DIR, NULL},
    {"dir/one", ENTRY_FILE, NULL},
    {"dir/sub", ENTRY_DIR, NULL},
    {"dir/sub/two", ENTRY_FILE, NULL},
    {"link", ENTRY_SYMLINK, "a.txt"},
    {"linkdir", ENTRY_SYMLINK, "dir"},
    {"root", ENTRY_DIR, NULL},
    {"root/bin", ENTRY_DIR, NULL},
    {"root/bin/tool", ENTRY_FILE, NULL},
    {"root/etc", ENTRY_DIR, NULL},
    {"[x]", ENTRY_FILE, NULL},
    {"dangling", ENTRY_SYMLINK, "gone"},
    {"device", ENTRY_CHAR, NULL},
};

static struct index *build_index(const struct file *files, size_t count)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
    struct index *ix = NULL;

    for (size_t i = 0; i < count; i++) {
        struct entry e = {
            .path = files[i].path, .type = files[i].type, .mode = 0755, .link = files[i].link};
        if (e.type == ENTRY_FILE)
            digest_of(view_of(e.path), &e.content);
        index_builder_add(b, &e);
    }
    assert_int_equal(index_builder_finish(b, &ix, NULL), 0);
    return ix;
}

struct world {
    struct index *below_index, *source_index;
    struct merge *below, *source;
    struct graph *g;
    struct op *op;
    struct tree_view views[2];
};

static int find_owner(void *ctx, const char *text, uint32_t *ret_uid, uint32_t *ret_gid,
                      struct error *err)
{
    if (strcmp(text, "app") != 0)
        return error_set(err, -ENOENT, "no user '%s'", text);
    *ret_uid = 7;
    *ret_gid = 8;
    return 0;
}

static void world_open(struct world *w)
{
    w->below_index = build_index(below_files, ARRAY_SIZE(below_files));
    w->source_index = build_index(source_files, ARRAY_SIZE(source_files));
    w->below = merge_new((const struct index *const *)&w->below_index, 1);
    w->source = merge_new((const struct index *const *)&w->source_index, 1);
    w->g = graph_new();
    struct op *source = graph_add(w->g, OP_SOURCE_IMAGE);
    w->op = graph_add(w->g, OP_FILE);
    graph_add_input(w->g, w->op, (struct op_ref){0});
    graph_add_input(w->g, w->op, (struct op_ref){source, 0});
    w->views[0] = (struct tree_view){.merge = w->below};
    w->views[1] = (struct tree_view){.merge = w->source};
}

static void world_close(struct world *w)
{
    merge_free(w->below);
    merge_free(w->source);
    index_free(w->below_index);
    index_free(w->source_index);
    graph_free(w->g);
}

/* "source > dest" of each step, skips in brackets. */
static void print_plan(const struct file_plan *p, struct str *ret)
{
    vec_each (step, &p->steps) {
        str_printf(ret, "%s%s > %s", ret->size ? ", " : "", step->source, step->dest);
        if (step->unpack_dest)
            str_printf(ret, " or into %s", step->unpack_dest);
        for (size_t i = 0; i < step->skips.size; i++)
            str_printf(ret, " [%s]", step->skips.at[i]);
    }
}

static const struct {
    const char *name, *sources[3], *dest; /* dest with a final '/' is a directory */
    bool unpack;
    const char *want, *complaint;
} cases[] = {
    {"a file to a new name", {"a.txt"}, "/new", false, "a.txt > new", NULL},
    {"a file into a directory that is there", {"a.txt"}, "/opt", false, "a.txt > opt/a.txt", NULL},
    {"a file into a new directory", {"a.txt"}, "/new/", false, "a.txt > new/a.txt", NULL},
    {"over a file", {"a.txt"}, "/etc/conf", false, "a.txt > etc/conf", NULL},
    {"the destination's links are followed",
     {"a.txt"},
     "/data/",
     false,
     "a.txt > var/data/a.txt",
     NULL},
    {"and those on the way", {"a.txt"}, "/bin/x", false, "a.txt > usr/bin/x", NULL},
    {"dots stay inside", {"../../a.txt"}, "/../../new", false, "a.txt > new", NULL},
    {"a directory gives its contents", {"dir"}, "/opt/app", false, "dir > opt/app", NULL},
    {"the whole source", {""}, "/new", false, " > new", NULL},
    {"a named link is followed and keeps its name",
     {"link"},
     "/opt/",
     false,
     "a.txt > opt/link",
     NULL},
    {"a named link to a directory", {"linkdir"}, "/new", false, "dir > new", NULL},
    {"a directory over a link goes where it leads",
     {"root"},
     "/",
     false,
     "root >  [bin], root/bin > usr/bin",
     NULL},
    {"two files, no slash: the same name twice",
     {"a.txt", "b.txt"},
     "/new",
     false,
     "a.txt > new, b.txt > new",
     NULL},
    {"two files into a directory",
     {"a.txt", "b.txt"},
     "/n/",
     false,
     "a.txt > n/a.txt, b.txt > n/b.txt",
     NULL},
    {"a directory first: then it is there",
     {"dir", "a.txt"},
     "/new",
     false,
     "dir > new, a.txt > new/a.txt",
     NULL},
    {"a pattern", {"*.txt"}, "/n/", false, "a.txt > n/a.txt, b.txt > n/b.txt", NULL},
    {"a pattern without match", {"*.none"}, "/n/", false, "", NULL},
    {"a pattern in a directory", {"dir/s*/t??"}, "/n/", false, "dir/sub/two > n/two", NULL},
    {"behind a link", {"linkdir/o*"}, "/n/", false, "dir/one > n/one", NULL},
    {"a star does not cross slashes", {"*/two"}, "/n/", false, "", NULL},
    {"an optional file", {"a[.]txt"}, "/n/", false, "a.txt > n/a.txt", NULL},
    {"a name with brackets", {"[[]x]"}, "/n/", false, "[x] > n/[x]", NULL},
    {"an archive, perhaps", {"a.txt"}, "/opt", true, "a.txt > opt/a.txt or into opt", NULL},
    {"a device is no archive", {"device"}, "/opt", true, "device > opt/device", NULL},
    {"a missing source", {"none"}, "/n", false, NULL, "none"},
    {"a dangling link", {"dangling"}, "/n", false, NULL, "gone"},
    {"a malformed pattern", {"[a"}, "/n", false, NULL, "malformed"},
};

static void steps_are_as_the_reference_says(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct world w;
        FILE_PLAN_AUTO(plan);
        STR_AUTO(text);
        ERROR_AUTO(err);

        print_message("# %s\n", cases[i].name);
        world_open(&w);
        const size_t size = strlen(cases[i].dest);
        for (size_t j = 0; j < 3 && cases[i].sources[j]; j++) {
            struct file_action *a = graph_add_action(w.g, w.op, FILE_COPY);
            a->input = 1;
            a->source = cases[i].sources[j];
            a->wildcards = true;
            a->dest = cases[i].dest;
            a->dest_is_dir = size > 1 && cases[i].dest[size - 1] == '/';
            a->unpack = cases[i].unpack;
        }
        const struct file_plan_input in = {w.below, w.views, find_owner, NULL};
        const int r = file_plan_make(w.op, &in, &plan, NULL, &err);
        if (cases[i].want) {
            assert_int_equal(r, 0);
            print_plan(&plan, &text);
            assert_string_equal(text.at, cases[i].want);
        } else {
            assert_true(r < 0);
            assert_non_null(strstr(err.text, cases[i].complaint));
        }
        world_close(&w);
    }
}

static void owners_are_looked_up_and_unknown_ones_refused(void **state)
{
    struct world w;
    FILE_PLAN_AUTO(plan);
    FILE_PLAN_AUTO(bad);
    ERROR_AUTO(err);

    world_open(&w);
    struct file_action *a = graph_add_action(w.g, w.op, FILE_MKDIR);
    a->dest = "/data/x";
    a->owner = "app";
    const struct file_plan_input in = {w.below, w.views, find_owner, NULL};
    assert_int_equal(file_plan_make(w.op, &in, &plan, NULL, NULL), 0);
    assert_int_equal(plan.steps.at[0].uid, 7);
    assert_int_equal(plan.steps.at[0].gid, 8);
    assert_string_equal(plan.steps.at[0].dest, "var/data/x");
    a->owner = "nobody-here";
    assert_int_equal(file_plan_make(w.op, &in, &bad, NULL, &err), -ENOENT);
    world_close(&w);
}

static void seen(const struct file *extra, struct digest *ret)
{
    struct world w;
    FILE_PLAN_AUTO(plan);
    KEY_AUTO(key);
    struct file files[ARRAY_SIZE(below_files) + 1];

    world_open(&w);
    memcpy(files, below_files, sizeof(below_files));
    files[ARRAY_SIZE(below_files)] = *extra;
    merge_free(w.below);
    index_free(w.below_index);
    w.below_index = build_index(files, ARRAY_SIZE(files));
    w.below = merge_new((const struct index *const *)&w.below_index, 1);
    struct file_action *a = graph_add_action(w.g, w.op, FILE_COPY);
    a->input = 1;
    a->source = "dir";
    a->dest = "/opt/app";
    const struct file_plan_input in = {w.below, w.views, find_owner, NULL};
    key_begin(&key, "test");
    assert_int_equal(file_plan_make(w.op, &in, &plan, &key, NULL), 0);
    *ret = *key_end(&key);
    world_close(&w);
}

/* The content key: what is below matters exactly where the copy lands. */
static void only_what_the_copy_meets_is_seen(void **state)
{
    static const struct file none = {"etc/other", ENTRY_FILE, NULL},
                             elsewhere = {"usr/lib", ENTRY_DIR, NULL},
                             beside = {"opt/other", ENTRY_FILE, NULL},
                             met = {"opt/app/sub", ENTRY_DIR, NULL},
                             linked = {"opt/app/sub", ENTRY_SYMLINK, "/tmp"};
    struct digest a, b;

    seen(&none, &a);
    seen(&elsewhere, &b);
    assert_true(digest_eq(&a, &b));
    seen(&beside, &b);
    assert_true(digest_eq(&a, &b));
    seen(&met, &b);
    assert_false(digest_eq(&a, &b));
    struct digest c;
    seen(&linked, &c);
    assert_false(digest_eq(&b, &c));
}

UNIT_MAIN(cmocka_unit_test(steps_are_as_the_reference_says),
          cmocka_unit_test(owners_are_looked_up_and_unknown_ones_refused),
          cmocka_unit_test(only_what_the_copy_meets_is_seen))
