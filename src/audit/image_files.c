/* image_files.c - every file of every layer, once: what shows in the container, then what a later layer hides. */
#include <errno.h>

#include "audit/image.h"
#include "sandbox/spawn.h"

#define CHANGED_MIN 65536 /* bytes: below, nobody wants to know whether a hidden file came again */

struct walking {
    struct gathering *g;
    uint8_t **seen;       /* by layer of the view: a bit an entry */
    struct map path_dirs; /* as they really are */
};

bool audit_may_write(const struct image_user *u, const struct entry *e)
{
    if (u->root || !u->known)
        return false;
    if (e->uid == u->uid)
        return true; /* who owns it may make it writable */
    for (size_t i = 0; i < u->group_count; i++)
        if (u->groups[i] == e->gid)
            return e->mode & 0020;
    return e->gid == u->gid ? e->mode & 0020 : e->mode & 0002;
}

void audit_add_text(struct gathering *g, struct image_texts *list, const char *text)
{
    if (!list->at)
        list->at = arena_alloc(g->arena, IMAGE_FILES_MAX * sizeof(*list->at));
    if (list->size < IMAGE_FILES_MAX)
        list->at[list->size++] = text;
}

/* ---- lists ---- */

static void count_file(struct image_files *l, const struct entry *e, bool base)
{
    l->count++;
    l->bytes += e->size;
    l->own += !base;
    l->own_bytes += base ? 0 : e->size;
}

static const char *absolute(struct gathering *g, const char *path)
{
    return arena_printf(g->arena, "/%s", path);
}

struct image_file *audit_add_file(struct gathering *g, enum image_list list, const char *path,
                                  const struct entry *e, uint32_t layer, bool hidden)
{
    struct image_files *l = &g->facts->lists[list];
    const bool base = layer < g->facts->base_layers;

    count_file(l, e, base);
    if (l->size >= IMAGE_FILES_MAX)
        return NULL;
    if (!l->at)
        l->at = arena_alloc(g->arena, IMAGE_FILES_MAX * sizeof(*l->at));
    l->at[l->size] = (struct image_file){
        .path = list == IMAGE_DEV_PACKAGE ? arena_strdup(g->arena, path) : absolute(g, path),
        .mode = e->mode,
        .uid = e->uid,
        .gid = e->gid,
        .size = e->size,
        .layer = layer,
        .base = base,
        .hidden = hidden,
        .is_dir = e->type == ENTRY_DIR};
    return &l->at[l->size++];
}

/* Of hidden files the biggest are kept: those of own layers before those of the base. */
static bool is_smaller(const struct image_file *a, const struct entry *e, bool base)
{
    return a->base != base ? a->base : a->size < e->size;
}

static void add_hidden(struct gathering *g, const struct entry *e, uint32_t layer, bool changed)
{
    struct image_files *l = &g->facts->lists[IMAGE_HIDDEN];
    const bool base = layer < g->facts->base_layers;
    struct image_file f = {.mode = e->mode,
                           .uid = e->uid,
                           .gid = e->gid,
                           .size = e->size,
                           .layer = layer,
                           .base = base,
                           .hidden = true,
                           .changed = changed};
    size_t at;

    count_file(l, e, base);
    g->facts->changed_bytes += changed && !base ? e->size : 0;
    if (!l->at)
        l->at = arena_alloc(g->arena, (IMAGE_FILES_MAX + 1) * sizeof(*l->at));
    for (at = l->size; at > 0 && is_smaller(&l->at[at - 1], e, base); at--)
        ;
    if (at >= IMAGE_FILES_MAX)
        return;
    f.path = e->path; /* most do not stay: name_hidden() makes it the arena's */
    memmove(&l->at[at + 1], &l->at[at], (l->size - at) * sizeof(*l->at));
    l->at[at] = f;
    l->size = MIN(l->size + 1, (size_t)IMAGE_FILES_MAX);
}

/* ---- capabilities ---- */

/* struct vfs_cap_data of the kernel: a word with version and flags, then permitted and inheritable, low halves first. */
static const char *capabilities(struct gathering *g, struct view v)
{
    STR_AUTO(text);
    uint32_t words[5] = {0};

    for (size_t i = 0; i < MIN(v.size / 4, ARRAY_SIZE(words)); i++)
        for (size_t k = 0; k < 4; k++)
            words[i] |= (uint32_t)(uint8_t)v.at[i * 4 + k] << (8 * k);
    const uint64_t permitted = words[1] | (uint64_t)words[3] << 32;
    for (unsigned bit = 0; bit < 64; bit++) {
        const char *name = permitted >> bit & 1 ? spawn_capability_name(bit) : NULL;
        if (name)
            str_printf(&text, "%scap_%s", text.size ? "," : "", name);
    }
    return text.size ? arena_strdup(g->arena, text.at) : "none that is known";
}

static void look_at_capabilities(struct gathering *g, const char *path, const struct entry *e,
                                 uint32_t layer)
{
    for (size_t i = 0; i < e->xattr_count; i++) {
        if (strcmp(e->xattrs[i].name, "security.capability") != 0)
            continue;
        struct image_file *f = audit_add_file(g, IMAGE_CAPABLE, path, e, layer, false);
        if (f)
            f->note = capabilities(g, e->xattrs[i].value);
    }
}

/* ---- what shows ---- */

/* Directly in a directory of PATH. */
static bool is_on_path(const struct walking *w, const char *path)
{
    const char *slash = strrchr(path, '/');
    const struct view dir = view_make(path, slash ? (size_t)(slash - path) : 0);

    return map_has(&w->path_dirs, dir);
}

/* It is in the list already. */
static bool is_start(const struct image_facts *f, const char *path)
{
    return f->program_path && f->program_path[0] == '/' && strcmp(f->program_path + 1, path) == 0;
}

static void look_at_modes(struct walking *w, const char *path, const struct entry *e,
                          uint32_t layer)
{
    struct gathering *g = w->g;
    const bool program = e->type == ENTRY_FILE && (e->mode & 0111);

    if (program && (e->mode & 06000))
        (void)audit_add_file(g, IMAGE_SETID, path, e, layer, false);
    if (program && (e->mode & 0002))
        (void)audit_add_file(g, IMAGE_WORLD_EXEC, path, e, layer, false);
    else if (program && !is_start(g->facts, path) && is_on_path(w, path) &&
             audit_may_write(&g->facts->user, e))
        (void)audit_add_file(g, IMAGE_USER_EXEC, path, e, layer, false);
    if (e->type == ENTRY_DIR && (e->mode & 0002) && !(e->mode & 01000))
        (void)audit_add_file(g, IMAGE_WORLD_DIR, path, e, layer, false);
}

static void look_at_cache(struct gathering *g, const char *path, const struct entry *e)
{
    const enum image_cache cache =
        e->type == ENTRY_FILE ? image_name_cache(view_of(path)) : IMAGE_CACHES;

    if (cache == IMAGE_CACHES)
        return;
    struct image_kept *kept = &g->facts->kept[cache];
    kept->files++;
    kept->bytes += e->size;
    if (!kept->path || e->size > kept->biggest) {
        kept->path = absolute(g, path);
        kept->biggest = e->size;
    }
}

/* Packages of headers: dpkg's list of their files, "libc6-dev:amd64.list", stands for them. */
static void add_package(struct gathering *g, const char *path, const struct entry *e,
                        uint32_t layer)
{
    const char *name = strrchr(path, '/') + 1;
    const size_t size = strcspn(name, ":");
    cleanup_free char *package = xstrndup(name, name[size] ? size : strlen(name) - strlen(".list"));

    (void)audit_add_file(g, IMAGE_DEV_PACKAGE, package, e, layer, false);
}

static void look_at_name(struct gathering *g, const char *path, const struct entry *e,
                         uint32_t layer, bool hidden)
{
    const bool is_dir = e->type == ENTRY_DIR;
    const bool executable = e->type == ENTRY_SYMLINK || (e->mode & 0111);
    const uint32_t lists = image_name_lists(view_of(path), is_dir, executable);

    for (unsigned list = 0; list < IMAGE_LISTS && lists >> list; list++) {
        const bool want = lists >> list & 1;
        /* a link is a shell where it leads to one; a key is no link, and an empty file no secret */
        const bool link_will_do = list == IMAGE_SHELL || list == IMAGE_MANAGER;
        if (!want || (e->type == ENTRY_SYMLINK && !link_will_do) ||
            (list == IMAGE_SECRET && e->size == 0))
            continue;
        if (list == IMAGE_DEV_PACKAGE && !hidden)
            add_package(g, path, e, layer);
        else if (!hidden || list == IMAGE_SECRET)
            (void)audit_add_file(g, list, path, e, layer, hidden);
    }
}

static void mark(struct walking *w, const struct merge_file *f)
{
    const struct index *ix = w->g->layers->view.indexes[f->layer];

    if (f->entry->path[0] == '\0')
        return; /* the root may be nobody's */
    const size_t at = index_position(ix, f->entry);
    w->seen[f->layer][at / 8] |= (uint8_t)(1u << at % 8);
}

static int walk_visible(struct walking *w, struct error *err)
{
    CLEANUP(merge_walk_freep) struct merge_walk *walk = NULL;
    struct merge_file f;
    const char *path;
    int r = merge_walk_begin(w->g->layers->view.merge, VIEW(""), &walk);

    while (r >= 0 && (r = merge_walk_next(walk, &path, &f)) > 0) {
        const uint32_t layer = path[0] ? audit_layer_number(w->g->layers, f.layer) : 0;
        if (path[0] == '\0')
            continue;
        mark(w, &f);
        look_at_modes(w, path, f.entry, layer);
        look_at_capabilities(w->g, path, f.entry, layer);
        look_at_cache(w->g, path, f.entry);
        look_at_name(w->g, path, f.entry, layer, false);
    }
    return r < 0 ? error_set(err, r, "walk the image's files") : 0;
}

/* ---- what is hidden ---- */

/* The same bytes again above, as chmod and chown in a later RUN leave them. Where no digest is known (archives), size and
 * time have to do. */
static bool came_again(const struct gathering *g, const struct entry *e)
{
    struct merge_file above = {0};

    if (e->size < CHANGED_MIN ||
        merge_lookup(g->layers->view.merge, view_of(e->path), &above) < 0 || !above.entry ||
        above.entry->type != ENTRY_FILE || above.entry->size != e->size)
        return false;
    if (!digest_is_zero(&e->content))
        return digest_eq(&e->content, &above.entry->content);
    return e->mtime_s == above.entry->mtime_s;
}

static void look_below(struct walking *w, size_t of_view)
{
    struct gathering *g = w->g;
    const struct index *ix = g->layers->view.indexes[of_view];
    const uint32_t layer = audit_layer_number(g->layers, of_view);

    for (size_t i = 0; i < index_count(ix); i++) {
        const struct entry *e = index_at(ix, i);
        if (e->type != ENTRY_FILE)
            continue;
        g->facts->files++;
        g->facts->bytes += e->size;
        if (w->seen[of_view][i / 8] >> i % 8 & 1)
            continue;
        add_hidden(g, e, layer, came_again(g, e));
        look_at_name(g, e->path, e, layer, true);
    }
}

static void name_hidden(struct gathering *g)
{
    struct image_files *l = &g->facts->lists[IMAGE_HIDDEN];

    for (size_t i = 0; i < l->size; i++)
        l->at[i].path = absolute(g, l->at[i].path);
}

static void look_at_keys(struct walking *w)
{
    const struct audit_layers *l = w->g->layers;

    vec_each (pick, &l->picks) {
        const size_t of_view = l->view.count - 1 - pick->layer;
        const struct index *ix =
            pick->key && pick->layer < l->view.count ? l->view.indexes[of_view] : NULL;
        const struct entry *e = ix ? index_find(ix, view_of(pick->path)) : NULL;
        if (!e) /* what an archive names twice is there once */
            continue;
        const size_t at = index_position(ix, index_file(ix, e));
        const bool hidden = !(w->seen[of_view][at / 8] >> at % 8 & 1);
        struct image_file *f = audit_add_file(w->g, IMAGE_KEY, pick->path, e, pick->layer, hidden);
        if (f)
            f->note = pick->key;
    }
}

/* ---- all ---- */

static void read_path_dirs(struct walking *w)
{
    CLEANUP(map_done) struct map dirs = {0};

    audit_path_dirs(w->g, &dirs);
    map_each (dir, &dirs) {
        STR_AUTO(real);
        struct merge_file f = {0};
        if (dir->key.at[0] != '/' ||
            merge_resolve(w->g->layers->view.merge, dir->key, 0, &real, &f, NULL) < 0 || !f.entry ||
            map_has(&w->path_dirs, str_view(&real)))
            continue;
        map_set(&w->path_dirs, str_view(&real), NULL);
        if (f.entry->type == ENTRY_DIR && audit_may_write(&w->g->facts->user, f.entry))
            (void)audit_add_file(w->g, IMAGE_USER_EXEC, real.at, f.entry,
                                 audit_layer_number(w->g->layers, f.layer), false);
    }
}

int audit_gather_files(struct gathering *g, struct error *err)
{
    const struct image_view *v = &g->layers->view;
    struct walking w = {g, xcalloc(v->count + 1, sizeof(uint8_t *)), {0}};

    for (size_t i = 0; i < v->count; i++)
        w.seen[i] = xcalloc(index_count(v->indexes[i]) / 8 + 1, 1);
    read_path_dirs(&w);
    const int r = walk_visible(&w, err);
    for (size_t i = v->count; r == 0 && i-- > 0;) /* bottom first */
        look_below(&w, i);
    name_hidden(g);
    if (r == 0)
        look_at_keys(&w);
    for (size_t i = 0; i < v->count; i++)
        free(w.seen[i]);
    free(w.seen);
    map_done(&w.path_dirs);
    return r;
}
