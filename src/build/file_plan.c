#include "build/file_plan.h"

#include <errno.h>

#include "build/wildcard.h"

void file_plan_done(struct file_plan *p)
{
    vec_each (step, &p->steps) {
        free(step->source);
        free(step->dest);
        free(step->unpack_dest);
        strings_done(&step->skips);
    }
    vec_done(&p->steps);
    index_builder_free(p->below);
}

void file_matches_done(struct file_matches *m)
{
    vec_each (match, &m->list) {
        free(match->path);
        free(match->name);
    }
    vec_done(&m->list);
}

/* ---- sources ---- */

/* The path as the user means it: no "." and no empty parts, ".." stops at the root. */
static char *clean_source(const char *text)
{
    struct view rest = view_of(text), part;
    STR_AUTO(path);

    while (view_cut(&rest, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (!view_eq_text(part, "..")) {
            view_join(&path, part);
            continue;
        }
        const char *slash = strrchr(path.at, '/');
        str_truncate(&path, slash ? (size_t)(slash - path.at) : 0);
    }
    return str_take(&path);
}

static struct view base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return view_of(slash ? slash + 1 : path);
}

static int add_match(const struct tree_view *v, const char *path, struct file_matches *ret,
                     struct error *err)
{
    struct file_match match = {0};
    STR_AUTO(resolved);
    const int r = view_resolve(v, view_of(path), &resolved, &match.type, err);

    if (r < 0)
        return r;
    match.path = str_take(&resolved);
    match.name = view_dup(base_name(path));
    vec_push(&ret->list, match);
    return 0;
}

struct matching {
    const struct tree_view *view;
    struct view part;      /* of the pattern */
    struct strings *found; /* paths that match so far */
    const char *directory;
    bool last;
    int malformed;
};

static int match_child(void *ctx, struct view name, enum entry_type type)
{
    struct matching *m = ctx;
    const int r = wildcard_match(m->part, name);

    if (r < 0)
        return m->malformed = r;
    if (r == 0 || (!m->last && type != ENTRY_DIR))
        return 0;
    STR_AUTO(path);
    str_add_text(&path, m->directory);
    view_join(&path, name);
    strings_add(m->found, path.at);
    return 0;
}

static void strings_move(struct strings *to, struct strings *from)
{
    strings_done(to);
    *to = *from;
    *from = (struct strings){0};
}

/* The literal beginning of a pattern, links on the way followed (Go's walk begins behind it). */
static struct view literal_part(struct view pattern)
{
    size_t end = 0;

    for (size_t i = 0; i <= pattern.size; i++) {
        if (i < pattern.size && pattern.at[i] != '/')
            continue;
        if (wildcard_in(view_make(pattern.at + end, i - end)))
            break;
        end = i;
    }
    return view_make(pattern.at, end);
}

static int match_parts(const struct tree_view *v, struct view rest, struct strings *found,
                       struct error *err)
{
    struct view part;
    int r = 0;

    while (r >= 0 && found->size && view_cut(&rest, '/', &part)) {
        struct strings next = {0};
        struct matching m = {v, part, &next, NULL, rest.at == NULL, 0};
        for (size_t i = 0; r >= 0 && i < found->size; i++) {
            m.directory = found->at[i];
            r = view_children(v, view_of(found->at[i]), match_child, &m);
        }
        strings_move(found, &next);
        if (m.malformed)
            r = error_set(err, -EINVAL, "pattern '%.*s' is malformed", VIEW_ARG(part));
    }
    return r < 0 ? r : 0;
}

static int match_pattern(const struct tree_view *v, const char *pattern, struct file_matches *ret,
                         struct error *err)
{
    const struct view all = view_of(pattern), literal = literal_part(all);
    struct view rest = view_make(all.at + literal.size, all.size - literal.size);
    struct strings found = {0};
    enum entry_type type;
    STR_AUTO(start);
    int r = view_resolve(v, literal, &start, &type, err);

    if (r < 0 || type != ENTRY_DIR)
        return r; /* a missing directory is as wrong as a missing file; in a file nothing matches */
    if (rest.size && *rest.at == '/')
        rest = view_make(rest.at + 1, rest.size - 1);
    strings_add(&found, start.at);
    r = match_parts(v, rest, &found, err);
    for (size_t i = 0; r >= 0 && i < found.size; i++)
        r = add_match(v, found.at[i], ret, err);
    strings_done(&found);
    return r;
}

/* Files that a pattern matched are left out by their names; what is named itself is meant. */
static int drop_excluded(const struct file_action *a, struct file_matches *m, struct error *err)
{
    FILE_FILTER_AUTO(filter);
    const int r = file_filter_init(&filter, NULL, a->excludes, a->exclude_count, err);
    size_t kept = 0;

    if (r < 0)
        return r;
    vec_each (match, &m->list) {
        bool prune;
        if (match->type != ENTRY_DIR &&
            file_filter_skips(&filter, view_of(match->name), false, &prune)) {
            free(match->path);
            free(match->name);
            continue;
        }
        m->list.at[kept++] = *match;
    }
    m->list.size = kept;
    return 0;
}

/* COPY --parents copies out of directories, and follows no links on the way to what is named. */
static int check_included(const struct tree_view *v, const struct file_action *a, bool any,
                          const struct file_matches *m, struct error *err)
{
    const bool literal = !any && !wildcard_in(view_of(a->include)) && !strchr(a->include, '\\');

    vec_each (match, &m->list) {
        STR_AUTO(path);

        if (match->type != ENTRY_DIR)
            return error_set(err, -ENOTDIR, "'%s' is not a directory", match->path);
        str_add_text(&path, match->path);
        view_join(&path, view_of(a->include));
        if (literal && !view_has(v, str_view(&path)))
            return error_set(err, -ENOENT, "'%s' does not exist", path.at);
    }
    return 0;
}

int file_match(const struct tree_view *v, const struct file_action *a, struct file_matches *ret,
               struct error *err)
{
    cleanup_free char *source = clean_source(a->source);

    const bool pattern = a->wildcards && wildcard_in(view_of(source));
    const int r = pattern ? match_pattern(v, source, ret, err) : add_match(v, source, ret, err);

    if (r < 0)
        return r;
    if (a->parents)
        return check_included(v, a, pattern, ret, err);
    return pattern && a->exclude_count ? drop_excluded(a, ret, err) : 0;
}

/* ---- destinations ---- */

struct planning {
    const struct op *op;
    const struct file_plan_input *in;
    struct file_plan *plan;
    struct key *seen;
    struct strings made; /* directories that earlier steps of this op make */
};

static bool was_made(const struct planning *p, const char *path)
{
    for (size_t i = 0; i < p->made.size; i++)
        if (strcmp(p->made.at[i], path) == 0)
            return true;
    return *path == '\0';
}

static void note_below(const struct file_plan *p, const char *path, const struct entry *e)
{
    struct entry n = *e;

    if (!p->below)
        return;
    n.path = path;
    n.opaque = false;
    index_builder_add(p->below, &n);
}

/* What the layer's entry for the directories on the way, and for path itself, depends on. */
static void see_path(const struct file_plan *p, const struct merge *below, const char *path,
                     struct key *seen)
{
    struct merge_file file;
    struct hash h;
    uint8_t digest[32];
    STR_AUTO(name);

    hash_init(&h);
    for (size_t end = 0;; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        cleanup_free char *prefix = xstrndup(path, end);
        if (merge_lookup(below, view_of(prefix), &file) < 0) {
            hash_add_u64(&h, end);
            break;
        }
        note_below(p, prefix, file.entry);
        hash_add_u64(&h, file.entry->type);
        if (file.entry->type == ENTRY_DIR)
            content_add(&h, file.entry, view_of(prefix), CONTENT_ALL);
        if (path[end] == '\0')
            break;
    }
    hash_done(&h, digest);
    if (!seen)
        return;
    str_printf(&name, "destination /%s", path);
    key_add(seen, name.at, view_make(digest, sizeof(digest)));
}

/* The destination as the container would resolve it. *ret_is_dir: a directory is there, below or by
 * an earlier step. */
static int resolve_dest(const struct planning *p, const char *dest, struct str *ret,
                        bool *ret_is_dir, struct error *err)
{
    struct merge_file file = {0};
    const int r = merge_resolve(p->in->below, view_of(dest), MERGE_MISSING_OK, ret, &file, err);

    if (r < 0)
        return error_wrap(err, r, "find destination '%.200s'", dest);
    *ret_is_dir = file.entry ? file.entry->type == ENTRY_DIR : was_made(p, ret->at);
    if (!file.entry && p->seen)
        key_add_u64(p->seen, "destination made", *ret_is_dir);
    return 0;
}

/* WORKDIR of a USER that the image does not have: root's, and with a group that it does not have the user's own, as in
 * BuildKit. Images above scratch are built so; a RUN of that user fails, and so does a name in --chown, and WORKDIR above
 * nothing at all. */
static void known_owner(const struct planning *p, const char *owner, struct file_step *step)
{
    const size_t size = strcspn(owner, ":");
    cleanup_free char *user = xasprintf("%.*s", (int)size, owner);
    cleanup_free char *group = xasprintf("0:%s", owner + size + (owner[size] == ':'));
    uint32_t none, gid;

    if (!owner[size] || p->in->owner(p->in->ctx, user, &step->uid, &step->gid, NULL) < 0)
        step->uid = step->gid = 0;
    if (owner[size] && p->in->owner(p->in->ctx, group, &none, &gid, NULL) >= 0)
        step->gid = gid;
}

static int set_owner(const struct planning *p, const struct file_action *a, struct file_step *step,
                     struct error *err)
{
    if (!*a->owner)
        return 0;
    ERROR_AUTO(why);
    const int r = p->in->owner(p->in->ctx, a->owner, &step->uid, &step->gid, &why);
    if (r == -ENOENT && a->kind == FILE_MKDIR && p->op->inputs[0].op)
        known_owner(p, a->owner, step);
    else if (r < 0)
        return error_move(err, &why);
    step->has_owner = true;
    if (p->seen)
        key_add_u64(p->seen, "owner", (uint64_t)step->uid << 32 | step->gid);
    return 0;
}

/* ---- directories onto what is below ---- */

struct descent {
    const struct tree_view *view;
    const struct merge *below;
    const struct file_step *like;
    const struct file_filter *filter;
    struct file_plan *plan;
    struct key *seen;
    struct error *err;
    size_t step_index; /* instead of a pointer, while the plan grows */
};

static struct file_step copy_step_like(const struct file_step *like, const char *source,
                                       const char *dest)
{
    struct file_step step = *like;

    step.source = xstrdup(source);
    step.dest = xstrdup(dest);
    step.unpack_dest = NULL;
    step.skips = (struct strings){0};
    return step;
}

static int plan_directory(struct descent *d, const char *source, const char *dest, bool lazy);

/* A directory of the source lies where a link is below: it is copied to where the link leads, as a
 * shell would. */
static int follow_link(struct descent *d, const char *source, const char *dest, bool lazy)
{
    struct merge_file file = {0};
    STR_AUTO(target);
    const int r = merge_resolve(d->below, view_of(dest), MERGE_MISSING_OK, &target, &file, NULL);

    if (d->seen)
        key_add_text(d->seen, "link", r < 0 ? "" : target.at);
    if (r < 0 || (file.entry && file.entry->type != ENTRY_DIR))
        return 0; /* the copy says that this is no directory */
    const char *top = d->plan->steps.at[d->step_index].source;
    const size_t top_size = strlen(top);
    strings_add(&d->plan->steps.at[d->step_index].skips, source + top_size + (top_size != 0));
    return plan_directory(d, source, target.at, lazy);
}

/* A directory that an archive names takes the place of a link. */
static bool replaces_link(const struct descent *d, const char *source)
{
    struct merge_file file;

    return d->like->replace && merge_lookup(d->view->merge, view_of(source), &file) >= 0 &&
           !file.entry->implied;
}

static int note_child(void *ctx, struct view name, enum entry_type type)
{
    struct strings *list = ctx;
    STR_AUTO(item);

    str_add_char(&item, type == ENTRY_DIR ? 'd' : 'f');
    str_add(&item, name);
    strings_add(list, item.at);
    return 0;
}

static int look_at_child(struct descent *d, const char *source, const char *dest,
                         const char *child);

/* Only directories that exist below are looked into: a new one costs nothing. */
static int look_into(struct descent *d, const char *source, const char *dest)
{
    struct strings children = {0};
    int r = view_children(d->view, view_of(source), note_child, &children);

    for (size_t i = 0; r >= 0 && i < children.size; i++)
        r = look_at_child(d, source, dest, children.at[i]);
    strings_done(&children);
    return r < 0 ? r : 0;
}

/* Of what the filter leaves out with all below it nothing matters. */
static bool is_left_out(const struct descent *d, const char *path, bool is_dir, bool *ret_prune)
{
    const size_t base = d->like->filter_base;

    *ret_prune = false;
    return d->filter &&
           file_filter_skips(d->filter, view_of(path + base + (base != 0)), is_dir, ret_prune);
}

static int look_at_child(struct descent *d, const char *source, const char *dest, const char *child)
{
    struct merge_file file = {0};
    bool prune;
    STR_AUTO(from);
    STR_AUTO(to);

    str_add_text(&from, source);
    view_join(&from, view_of(child + 1));
    str_add_text(&to, dest);
    view_join(&to, view_of(child + 1));
    const bool left_out = is_left_out(d, from.at, *child == 'd', &prune);
    if ((left_out && prune) || merge_lookup(d->below, str_view(&to), &file) < 0)
        return 0;
    note_below(d->plan, to.at, file.entry);
    if (d->seen) {
        key_add_text(d->seen, "below", to.at);
        key_add_u64(d->seen, "below is", file.entry->type);
    }
    if (*child != 'd')
        return 0;
    if (file.entry->type == ENTRY_DIR)
        return look_into(d, from.at, to.at);
    if (file.entry->type != ENTRY_SYMLINK || replaces_link(d, from.at))
        return 0;
    return follow_link(d, from.at, to.at, left_out);
}

static int plan_directory(struct descent *d, const char *source, const char *dest, bool lazy)
{
    const size_t outer = d->step_index;
    struct merge_file file = {0};
    int r = 0;

    vec_push(&d->plan->steps, copy_step_like(d->like, source, dest));
    d->step_index = d->plan->steps.size - 1;
    d->plan->steps.at[d->step_index].lazy = lazy;
    see_path(d->plan, d->below, dest, d->seen);
    if (merge_lookup(d->below, view_of(dest), &file) >= 0 && file.entry->type == ENTRY_DIR)
        r = look_into(d, source, dest);
    d->step_index = outer;
    return r;
}

int file_plan_directory(const struct tree_view *v, const struct merge *below,
                        const struct file_step *like, const struct file_filter *filter,
                        const char *source, const char *dest, struct file_plan *ret,
                        struct key *seen, struct error *err)
{
    struct descent d = {.view = v,
                        .below = below,
                        .like = like,
                        .filter = filter,
                        .plan = ret,
                        .seen = seen,
                        .err = err};
    const int r = plan_directory(&d, source, dest, false);

    return r < 0 ? error_set(err, r, "read directory '%s'", source) : 0;
}

/* ---- actions ---- */

static int plan_file_source(struct planning *p, const struct file_action *a,
                            const struct file_match *match, const struct file_step *like,
                            struct error *err)
{
    struct file_step step = copy_step_like(like, match->path, "");
    bool is_dir = false;
    STR_AUTO(dest);
    int r = resolve_dest(p, a->dest, &dest, &is_dir, err);

    if (r >= 0) {
        /* A device is not so much as opened. */
        if (a->unpack && (match->type == ENTRY_FILE || match->type == ENTRY_HARDLINK))
            step.unpack_dest = xstrdup(dest.at);
        if (is_dir || a->dest_is_dir)
            view_join(&dest, view_of(match->name));
        see_path(p->plan, p->in->below, dest.at, p->seen);
        free(step.dest);
        step.dest = str_take(&dest);
    }
    vec_push(&p->plan->steps, step);
    return r;
}

static int plan_match(struct planning *p, const struct file_action *a,
                      const struct file_match *match, struct file_step *like, struct error *err)
{
    FILE_FILTER_AUTO(filter);
    bool is_dir = false;
    STR_AUTO(dest);

    if (match->type != ENTRY_DIR)
        return plan_file_source(p, a, match, like, err);
    int r = resolve_dest(p, a->dest, &dest, &is_dir, err);
    if (r >= 0)
        r = file_filter_init(&filter, a->include, a->excludes, a->exclude_count, err);
    if (r < 0)
        return r;
    strings_add(&p->made, dest.at);
    like->filtering = a->exclude_count || a->parents ? a : NULL;
    like->filter_base = strlen(match->path);
    return file_plan_directory(&p->in->inputs[a->input], p->in->below, like, &filter, match->path,
                               dest.at, p->plan, p->seen, err);
}

static int plan_copy(struct planning *p, const struct file_action *a, struct error *err)
{
    struct file_step like = {.kind = FILE_COPY,
                             .input = a->input,
                             .mode = a->mode,
                             .whole = a->whole,
                             .keep_owner = a->keep_owner};
    FILE_MATCHES_AUTO(matches);
    int r = set_owner(p, a, &like, err);

    if (r >= 0)
        r = file_match(&p->in->inputs[a->input], a, &matches, err);
    for (size_t i = 0; r >= 0 && i < matches.list.size; i++)
        r = plan_match(p, a, &matches.list.at[i], &like, err);
    if (r >= 0 && matches.list.size && a->dest_is_dir) {
        STR_AUTO(dest);
        bool is_dir;
        r = resolve_dest(p, a->dest, &dest, &is_dir, err);
        if (r >= 0)
            strings_add(&p->made, dest.at);
    }
    return r;
}

/* WORKDIR, heredocs, removals: one step each. */
static int plan_simple(struct planning *p, const struct file_action *a, struct error *err)
{
    struct file_step step = {
        .kind = a->kind, .mode = a->mode, .make_mode = a->write_mode, .data = a->data};
    bool is_dir = false;
    STR_AUTO(dest);
    int r = set_owner(p, a, &step, err);

    if (r >= 0)
        r = resolve_dest(p, a->dest, &dest, &is_dir, err);
    if (r < 0)
        return r;
    if (a->kind == FILE_WRITE && (is_dir || a->dest_is_dir)) {
        strings_add(&p->made, dest.at);
        view_join(&dest, view_of(a->source));
    }
    if (a->kind == FILE_MKDIR)
        strings_add(&p->made, dest.at);
    see_path(p->plan, p->in->below, dest.at, p->seen);
    step.dest = str_take(&dest);
    step.source = xstrdup("");
    vec_push(&p->plan->steps, step);
    return 0;
}

int file_plan_make(const struct op *op, const struct file_plan_input *in, struct file_plan *ret,
                   struct key *seen, struct error *err)
{
    struct planning p = {op, in, ret, seen, {0}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < op->u.file.action_count; i++) {
        const struct file_action *a = &op->u.file.actions[i];
        r = a->kind == FILE_COPY ? plan_copy(&p, a, err) : plan_simple(&p, a, err);
    }
    strings_done(&p.made);
    return r;
}
