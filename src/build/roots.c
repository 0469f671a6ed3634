#include "build/roots.h"

#include <assert.h>
#include <errno.h>

#include "build/internal.h"
#include "build/source_images.h"
#include "image/image.h"
#include "layer/fold.h"
#include "sandbox/passwd.h"

#define ROOTS_MAX                                                                                  \
    16 /* as many as stages are built side by side; each has what is below it in common with others */
#define FOLD_MAX 4096 /* entries: folding more costs memory and no longer saves look-ups worth it */

/* The entries of neighbouring layers. */
struct run {
    struct index *index;
    size_t count;
    unsigned users;
};

struct root {
    struct roots *roots;
    struct op_ref ref;
    VEC(struct run *) runs; /* bottom first */
    struct merge *merge;
    uint64_t last_use;
    unsigned users;
};

struct ops_above {
    const struct op **at;
    size_t size, cap;
};

struct account {
    struct digest content;
    struct str text;
};

struct roots {
    struct build *b;
    struct root *at[ROOTS_MAX];
    uint64_t uses;
    VEC(struct account *) accounts;
};

struct roots *roots_new(struct build *b)
{
    struct roots *r = xcalloc(1, sizeof(*r));

    r->b = b;
    return r;
}

static void run_drop(struct run *run)
{
    if (--run->users > 0)
        return;
    index_free(run->index);
    free(run);
}

static void root_free(struct root *root)
{
    if (!root)
        return;
    merge_free(root->merge);
    vec_each (run, &root->runs)
        run_drop(*run);
    vec_done(&root->runs);
    free(root);
}
DEFINE_CLEANUP(struct root *, root_free)

void roots_free(struct roots *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < ROOTS_MAX; i++) {
        assert(!r->at[i] || r->at[i]->users == 0);
        root_free(r->at[i]);
    }
    vec_each (account, &r->accounts) {
        str_done(&(*account)->text);
        free(*account);
    }
    vec_done(&r->accounts);
    free(r);
}

/* ---- making one ---- */

static int load_run(struct roots *r, const struct digest *tree, struct run **ret, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct index *index = NULL;
    cleanup_close int dir = store_tree_open(r->b->tools.store, tree, err);
    const int code = dir < 0 ? dir : index_load_at(dir, "index", &index, err);

    if (code < 0)
        return error_wrap(err, code, "open layer %.12s", digest_hex(tree, hex));
    struct run *run = xcalloc(1, sizeof(*run));
    *run = (struct run){index, index_count(index), 1};
    *ret = run;
    return 0;
}

static int fold_runs(const struct run *upper, const struct run *lower, struct run **ret,
                     struct error *err)
{
    struct index *index = NULL;
    const int r = index_fold(upper->index, lower->index, &index, err);

    if (r < 0)
        return r;
    struct run *run = xcalloc(1, sizeof(*run));
    *run = (struct run){index, index_count(index), 1};
    *ret = run;
    return 0;
}

/* As in a binary counter: neighbours of about the same size become one. */
static int fold_top(struct root *root, struct error *err)
{
    while (root->runs.size > 1) {
        struct run **top = vec_last(&root->runs), **below = top - 1, *both = NULL;

        if ((*below)->count > (*top)->count || (*below)->count + (*top)->count > FOLD_MAX)
            break;
        const int r = fold_runs(*top, *below, &both, err);
        if (r < 0)
            return r;
        run_drop(*top);
        run_drop(*below);
        *below = both;
        root->runs.size--;
    }
    return 0;
}

static int add_layer(struct root *root, const struct digest *tree, struct error *err)
{
    struct run *run = NULL;
    const int r = load_run(root->roots, tree, &run, err);

    if (r < 0)
        return r;
    vec_push(&root->runs, run);
    return fold_top(root, err);
}

static int add_image(struct root *root, const struct op *base, struct error *err)
{
    const struct digest *trees = NULL;
    size_t count = 0;
    int r = source_image_trees(&root->roots->b->tools, base->u.image.image, &trees, &count, err);

    for (size_t i = 0; r >= 0 && i < count; i++)
        r = add_layer(root, &trees[i], err);
    return r;
}

static struct root *find(const struct roots *r, struct op_ref ref)
{
    for (size_t i = 0; i < ROOTS_MAX; i++)
        if (r->at[i] && r->at[i]->ref.op == ref.op && r->at[i]->ref.output == ref.output)
            return r->at[i];
    return NULL;
}

/* Begins with what the nearest known root below has; the steps since then are added to *ret, top first. */
static int begin_root(struct root *root, struct op_ref ref, struct ops_above *ret,
                      struct error *err)
{
    const struct solver *s = root->roots->b->solver;
    const struct op *base = solver_base(s, ref);

    for (const struct op *op = solver_step(s, ref); op;
         op = op->input_count ? solver_step(s, op->inputs[0]) : NULL) {
        const struct op_ref at = {root->roots->b->graph->ops.at[op->id], 0};
        const struct root *known = find(root->roots, at);
        if (known) {
            vec_each (run, &known->runs) {
                (*run)->users++;
                vec_push(&root->runs, *run);
            }
            return 0;
        }
        vec_push(ret, op);
    }
    return base ? add_image(root, base, err) : 0;
}

static int make_root(struct roots *r, struct op_ref ref, struct root **ret, struct error *err)
{
    CLEANUP(root_freep) struct root *root = xcalloc(1, sizeof(*root));
    struct ops_above above = {0};

    root->roots = r;
    root->ref = ref;
    int code = begin_root(root, ref, &above, err);
    for (size_t i = above.size; code >= 0 && i-- > 0;)
        code = add_layer(root, &solver_layer(r->b->solver, above.at[i])->tree, err);
    vec_done(&above);
    if (code < 0)
        return code;
    const struct index **top_first = xcalloc(root->runs.size + 1, sizeof(*top_first));
    for (size_t i = 0; i < root->runs.size; i++)
        top_first[i] = root->runs.at[root->runs.size - 1 - i]->index;
    root->merge = merge_new(top_first, root->runs.size);
    free(top_first);
    *ret = steal(root);
    return 0;
}

/* ---- keeping them ---- */

/* The place of the root that was not used for the longest time; NULL when all are in use. */
static struct root **oldest(struct roots *r)
{
    struct root **found = NULL;

    for (size_t i = 0; i < ROOTS_MAX; i++) {
        if (!r->at[i])
            return &r->at[i];
        if (r->at[i]->users == 0 && (!found || r->at[i]->last_use < (*found)->last_use))
            found = &r->at[i];
    }
    return found;
}

int root_open(struct roots *r, struct op_ref ref, struct root **ret, struct error *err)
{
    struct root *root = find(r, ref);

    if (!root) {
        const int code = make_root(r, ref, &root, err);
        if (code < 0)
            return code;
        struct root **place = oldest(r);
        if (place) {
            root_free(*place);
            *place = root;
        }
    }
    root->users++;
    root->last_use = ++r->uses;
    *ret = root;
    return 0;
}

void root_close(struct root *root)
{
    if (root && --root->users == 0 && find(root->roots, root->ref) != root)
        root_free(root);
}

const struct merge *root_merge(const struct root *root)
{
    return root->merge;
}

/* ---- small files ---- */

static int read_from_layers(const struct root *root, const char *path, struct str *ret,
                            struct error *err)
{
    IMAGE_VIEW_AUTO(view);
    cleanup_free struct digest *trees = NULL;
    struct build *b = root->roots->b;
    size_t count = 0;
    int r = build_trees(b, root->ref, &trees, &count, err);

    if (r >= 0)
        r = image_view_open(b->tools.store, trees, count, true, &view, err);
    return r < 0 ? r
                 : merge_read_file(view.merge, view.fs, view_of(path), PASSWD_SIZE_MAX, ret, err);
}

int root_read(struct root *root, const char *path, struct view *ret, struct error *err)
{
    struct roots *r = root->roots;
    struct merge_file file = {0};
    STR_AUTO(resolved);
    int code = merge_resolve(root->merge, view_of(path), 0, &resolved, &file, NULL);

    *ret = (struct view){0};
    if (code == -ENOENT || code == -ENOTDIR)
        return 0;
    if (code < 0)
        return error_set(err, code, "read /%s of the stage", path);
    vec_each (known, &r->accounts) {
        if (digest_eq(&(*known)->content, &file.entry->content)) {
            *ret = str_view(&(*known)->text);
            return 0;
        }
    }
    STR_AUTO(text);
    code = read_from_layers(root, path, &text, err);
    if (code < 0)
        return error_wrap(err, code, "read /%s of the stage", path);
    struct account *account = xcalloc(1, sizeof(*account));
    *account = (struct account){file.entry->content, text};
    text = (struct str)STR_INIT;
    vec_push(&r->accounts, account);
    *ret = str_view(&account->text);
    return 0;
}
