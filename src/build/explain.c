/* Why a step runs: the parts of its key as they were the last time, and what it made then. */
#include "build/internal.h"

#include "image/image.h"

#define NAMES_MAX 5 /* files that are named, of those that differ */

/* What makes a step the same one from build to build, though its text and line changed. */
static void step_id(const struct build *b, const struct op *op, const char *what,
                    struct digest *ret)
{
    const char *stage = op->stage ? op->stage : "";
    uint64_t number = 0;
    struct hash h;

    for (size_t i = 0; i < op->id; i++) {
        const struct op *other = b->graph->ops.at[i];
        number += other->stage && strcmp(other->stage, stage) == 0;
    }
    hash_init(&h);
    hash_add_field(&h, view_of(b->identity));
    hash_add_field(&h, view_of(stage));
    hash_add_u64(&h, number);
    hash_add_field(&h, view_of(what));
    hash_done(&h, ret->sha256);
}

/* The same instruction in a build of another directory: a clone, a runner's next workspace. */
static void step_id_anywhere(const struct op *op, const char *what, struct digest *ret)
{
    struct hash h;

    hash_init(&h);
    hash_add_field(&h, view_of("anywhere"));
    hash_add_field(&h, view_of(op->stage ? op->stage : ""));
    hash_add_field(&h, view_of(op->line ? op->line : op->title));
    hash_add_field(&h, view_of(what));
    hash_done(&h, ret->sha256);
}

/* What was kept last under `what`: of this directory, else of another. */
static void recall(const struct build *b, const struct op *op, const char *what, struct str *ret)
{
    struct digest id;

    /* words only: a cache that cannot say why is no reason to fail a build */
    step_id(b, op, what, &id);
    (void)!cache_parts_get(b->tools.cache, &id, ret, NULL);
    if (ret->size > 0)
        return;
    step_id_anywhere(op, what, &id);
    (void)!cache_parts_get(b->tools.cache, &id, ret, NULL);
}

static int keep(const struct build *b, const struct op *op, const char *what, struct view value,
                struct error *err)
{
    struct digest id;

    step_id(b, op, what, &id);
    const int r = cache_parts_put(b->tools.cache, &id, value, err);
    if (r < 0)
        return r;
    step_id_anywhere(op, what, &id);
    return cache_parts_put(b->tools.cache, &id, value, err);
}

static void say(struct build *b, const struct op *op, const char *why)
{
    cleanup_free char *text = xasprintf("%s: %s", op->title, why);

    if (progress_is_json(b->env->progress)) {
        progress_say(b->env->progress, "explain", text);
        return;
    }
    progress_hide(b->env->progress);
    fprintf(b->env->err, "%s\n", text);
    progress_show(b->env->progress);
}

/* ---- the key ---- */

static bool is_arg(const struct op *op, struct view name)
{
    for (size_t i = 0; op->kind == OP_EXEC && i < op->u.exec.arg_count; i++)
        if (view_eq_text(name, op->u.exec.args[i]))
            return true;
    return false;
}

/* "env X changed" as who wrote the Dockerfile knows it. */
static void add_reason(const struct op *op, const char *reason, struct str *ret)
{
    const char *rest = strncmp(reason, "env ", 4) == 0 ? reason + 4 : NULL;

    if (rest)
        str_printf(ret, "%s ", is_arg(op, view_make(rest, strcspn(rest, " "))) ? "ARG" : "ENV");
    str_add_text(ret, rest ? rest : reason);
}

void explain_miss(struct build *b, const struct op *op, const struct key *definition)
{
    STR_AUTO(before);
    STR_AUTO(reason);
    STR_AUTO(why);

    recall(b, op, "key", &before);
    str_add_text(&why, "ran because ");
    if (op->no_cache)
        str_add_text(&why, "the cache is not asked (--no-cache)");
    else if (before.size == 0)
        str_add_text(&why, "it has not been built before");
    else if (key_difference(definition, str_view(&before), &reason))
        add_reason(op, reason.at, &why);
    else
        str_add_text(&why, "its result is no longer in the store");
    say(b, op, why.at);
}

void explain_keyed(struct build *b, const struct op *op, const struct key *definition)
{
    struct digest id;
    STR_AUTO(before);
    STR_AUTO(now);

    step_id(b, op, "key", &id);
    (void)!cache_parts_get(b->tools.cache, &id, &before, NULL);
    key_print_parts(definition, &now);
    if (view_eq(str_view(&before), str_view(&now)))
        return;
    free(b->parts[op->id]);
    b->parts[op->id] = str_take(&now);
}

/* ---- what it made ---- */

static bool entry_differs(const struct entry *a, const struct entry *b)
{
    return a->type != b->type || a->mode != b->mode || a->uid != b->uid || a->gid != b->gid ||
           a->size != b->size || !digest_eq(&a->content, &b->content) ||
           (a->link && b->link && strcmp(a->link, b->link) != 0);
}

struct difference {
    struct str text;
    size_t count;
};

static void add_name(struct difference *d, const char *verb, const char *path)
{
    if (d->count++ >= NAMES_MAX)
        return;
    str_printf(&d->text, "%s%s '/%.200s'", d->count > 1 ? ", " : "", verb, path);
}

static void compare(const struct index *old, const struct index *new, struct difference *ret)
{
    size_t i = 0, j = 0;

    while (i < index_count(old) || j < index_count(new)) {
        const struct entry *a = i < index_count(old) ? index_at(old, i) : NULL;
        const struct entry *b = j < index_count(new) ? index_at(new, j) : NULL;
        const int c = !a ? 1 : !b ? -1 : entry_path_cmp(a->path, b->path);

        i += c <= 0;
        j += c >= 0;
        if (c < 0)
            add_name(ret, "removed", a->path);
        else if (c > 0)
            add_name(ret, "added", b->path);
        else if (entry_differs(a, b))
            add_name(ret, "changed", b->path);
    }
}

static int open_index(struct build *b, const struct digest *tree, struct index **ret)
{
    cleanup_close int dir = store_tree_open(b->tools.store, tree, NULL);

    return dir < 0 ? dir : index_load_at(dir, "index", ret, NULL);
}

/* Of COPY and the like: which files are others than those of the last time. */
static void explain_files(struct build *b, const struct op *op, const struct digest *before,
                          const struct digest *now)
{
    CLEANUP(index_freep) struct index *old = NULL;
    CLEANUP(index_freep) struct index *new = NULL;
    struct difference d = {.text = STR_INIT};

    if (open_index(b, before, &old) == 0 && open_index(b, now, &new) == 0)
        compare(old, new, &d);
    if (d.count > NAMES_MAX)
        str_printf(&d.text, " and %zu more", d.count - NAMES_MAX);
    if (d.count)
        say(b, op, d.text.at);
    str_done(&d.text);
}

bool explain_last_tree(struct build *b, const struct op *op, struct digest *ret)
{
    STR_AUTO(before);

    recall(b, op, "tree", &before);
    if (before.size != sizeof(ret->sha256))
        return false;
    memcpy(ret->sha256, before.at, sizeof(ret->sha256));
    return store_tree_hold(b->tools.store, ret, NULL) == 0;
}

int explain_remember(struct build *b, const struct op *op, const struct digest *tree,
                     struct error *err)
{
    struct digest last;

    if (!b->parts[op->id])
        return 0;
    if (b->options->explain && op->kind == OP_FILE && explain_last_tree(b, op, &last))
        explain_files(b, op, &last, tree);
    int r = keep(b, op, "tree", view_make(tree->sha256, sizeof(tree->sha256)), err);
    if (r >= 0)
        r = keep(b, op, "key", view_of(b->parts[op->id]), err);
    free(b->parts[op->id]);
    b->parts[op->id] = NULL;
    return r;
}
