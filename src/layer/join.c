#include "layer/join.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "base/vec.h"

/* Every index is walked once, all of them in the same order: at[i] is the next entry of layer i. */
struct joining {
    const struct index *const *layers;
    size_t *at;
    size_t count;
    const struct merge *below;
    struct map firsts;  /* file entry with several names -> path that was given first, or NULL */
    const char *opaque; /* the outermost opaque directory that we are in, or NULL */
    struct index_builder *out;
    VEC(size_t) sources;
};

static const struct entry *next_of(const struct joining *j, size_t i)
{
    return j->at[i] < index_count(j->layers[i]) ? index_at(j->layers[i], j->at[i]) : NULL;
}

static struct view link_key(const struct entry *const *e)
{
    return view_make(e, sizeof(*e));
}

/* Files of several names are told by their links: a name may go, the others stay. */
static void find_links(struct joining *j)
{
    for (size_t i = 0; i < j->count; i++)
        for (size_t n = 0; n < index_count(j->layers[i]); n++) {
            const struct entry *e = index_at(j->layers[i], n);
            if (e->type != ENTRY_HARDLINK)
                continue;
            e = index_file(j->layers[i], e);
            map_set(&j->firsts, link_key(&e), NULL);
        }
}

static bool is_in(const char *path, const char *directory)
{
    const size_t size = strlen(directory);

    return size == 0 || (strncmp(path, directory, size) == 0 && path[size] == '/');
}

/* What the layers below have under this name; they are not seen through an opaque directory. */
static bool is_below(struct joining *j, const char *path, bool want_dir)
{
    struct merge_file file;

    if (j->opaque && !is_in(path, j->opaque))
        j->opaque = NULL;
    if (!j->below || j->opaque || merge_lookup(j->below, view_of(path), &file) < 0)
        return false;
    return !want_dir || file.entry->type == ENTRY_DIR;
}

static void put(struct joining *j, size_t layer, const struct entry *e)
{
    index_builder_add(j->out, e);
    vec_push(&j->sources, layer);
}

/* A name of a file: its first one is the file, the others are links to that. */
static void put_file(struct joining *j, size_t layer, const struct entry *name)
{
    const struct entry *file = index_file(j->layers[layer], name);
    struct entry e = *file;

    e.path = name->path;
    if (map_has(&j->firsts, link_key(&file))) {
        const char *first = map_get(&j->firsts, link_key(&file));
        if (first)
            e = (struct entry){.path = name->path, .type = ENTRY_HARDLINK, .link = first};
        else
            map_set(&j->firsts, link_key(&file), (void *)(uintptr_t)name->path);
    }
    put(j, layer, &e);
}

static void put_entry(struct joining *j, size_t layer, const struct entry *top, bool hides)
{
    struct entry e = *top;

    if (e.type == ENTRY_WHITEOUT) {
        if (is_below(j, e.path, false))
            put(j, layer, &e);
        return;
    }
    if (e.type != ENTRY_DIR) {
        put_file(j, layer, top);
        return;
    }
    e.opaque = hides && is_below(j, e.path, true);
    if (e.opaque)
        j->opaque = top->path;
    put(j, layer, &e);
}

/* The name that comes next, and the topmost layer that has it. */
static const struct entry *first_name(const struct joining *j, size_t *ret_layer)
{
    const struct entry *first = NULL;

    for (size_t i = 0; i < j->count; i++) {
        const struct entry *e = next_of(j, i);
        if (e && (!first || entry_path_cmp(e->path, first->path) < 0)) {
            first = e;
            *ret_layer = i;
        }
    }
    return first;
}

/* All layers go past the name. Directories merge until one is opaque or something else shows. */
static bool pass(struct joining *j, const struct entry *top, size_t layer)
{
    bool hides = false, ended = false;

    for (size_t i = layer; i < j->count; i++) {
        const struct entry *e = next_of(j, i);
        if (!e || (e != top && strcmp(e->path, top->path) != 0))
            continue;
        if (ended) {
            j->at[i] = index_end(j->layers[i], j->at[i]);
            continue;
        }
        j->at[i]++;
        ended = e->type != ENTRY_DIR || e->opaque;
        hides = hides || ended;
    }
    return hides && top->type == ENTRY_DIR;
}

int join_layers(const struct index *const *layers, size_t count, const struct merge *below,
                struct joined *ret, struct error *err)
{
    cleanup_free size_t *at = xcalloc(count + 1, sizeof(*at));
    CLEANUP(index_builder_freep) struct index_builder *out = index_builder_new();
    struct joining j = {.layers = layers, .at = at, .count = count, .below = below, .out = out};
    struct index *index = NULL;
    const struct entry *top;
    size_t layer = 0;

    find_links(&j);
    while ((top = first_name(&j, &layer)))
        put_entry(&j, layer, top, pass(&j, top, layer));
    map_done(&j.firsts);
    const int r = index_builder_finish(out, &index, err);
    if (r < 0) {
        vec_done(&j.sources);
        return r;
    }
    *ret = (struct joined){index, j.sources.at};
    return 0;
}

void joined_done(struct joined *j)
{
    index_free(j->index);
    free(j->layers);
    *j = (struct joined){0};
}

/* ---- the files ---- */

struct placing {
    const struct joined *j;
    const int *fs;
    int to, parent;
    char *parent_path; /* siblings come one after the other */
    enum owner_mode owner;
};

static int open_parent(struct placing *p, const char *path, const char **ret_name,
                       struct error *err)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);

    *ret_name = slash ? slash + 1 : path;
    if (p->parent_path && strcmp(p->parent_path, parent) == 0)
        return 0;
    const int fd = fd_open_beneath(p->to, *parent ? parent : ".", O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    if (p->parent >= 0)
        close(p->parent);
    p->parent = fd;
    free(p->parent_path);
    p->parent_path = steal(parent);
    return 0;
}

static int place(struct placing *p, size_t i, struct error *err)
{
    const struct entry *e = index_at(p->j->index, i);
    const char *name;

    if (!e->path[0])
        return 0;
    int r = open_parent(p, e->path, &name, err);
    if (r < 0)
        return r;
    if (e->type == ENTRY_FILE || e->type == ENTRY_HARDLINK) {
        if (linkat(p->fs[p->j->layers[i]], e->path, p->parent, name, 0) < 0)
            return error_sys(err, "link '%.200s'", e->path);
        return 0;
    }
    r = meta_make(p->parent, name, e, p->owner, err);
    if (r < 0 || e->type == ENTRY_DIR || e->type == ENTRY_WHITEOUT)
        return r;
    r = meta_set(p->parent, name, -1, e, p->owner, NULL, err);
    return r < 0 ? r : meta_set_time(p->parent, name, -1, e, err);
}

/* When it is full: search permission would be gone, and times would change. */
static int close_directory(struct placing *p, const struct entry *e, struct error *err)
{
    cleanup_close int fd =
        fd_open_beneath(p->to, e->path[0] ? e->path : ".", O_RDONLY | O_DIRECTORY, 0, err);
    int r = fd < 0 ? fd : 0;

    if (r == 0 && e->opaque)
        r = meta_set_opaque(fd, err);
    if (r == 0)
        r = meta_set(-1, e->path, fd, e, p->owner, NULL, err);
    return r < 0 ? r : meta_set_time(-1, e->path, fd, e, err);
}

int join_files(const struct joined *j, const int *fs, int to, enum owner_mode owner,
               struct error *err)
{
    struct placing p = {.j = j, .fs = fs, .to = to, .parent = -1, .owner = owner};
    int r = 0;

    for (size_t i = 0; r == 0 && i < index_count(j->index); i++)
        r = place(&p, i, err);
    for (size_t i = index_count(j->index); r == 0 && i-- > 0;)
        if (index_at(j->index, i)->type == ENTRY_DIR)
            r = close_directory(&p, index_at(j->index, i), err);
    if (p.parent >= 0)
        close(p.parent);
    free(p.parent_path);
    return r;
}
