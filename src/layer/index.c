#include "layer/index_internal.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/vec.h"
#include "layer/tar.h"

/* ---- building ---- */

struct index_builder {
    struct arena *arena;
    VEC(struct entry) entries;
    bool sorted; /* so far: most sources add in order */
};

struct index_builder *index_builder_new(void)
{
    struct index_builder *b = xcalloc(1, sizeof(*b));

    b->arena = arena_new();
    b->sorted = true;
    return b;
}

void index_builder_free(struct index_builder *b)
{
    if (!b)
        return;
    arena_free(b->arena);
    vec_done(&b->entries);
    free(b);
}

static int xattr_cmp(const void *a, const void *b)
{
    const struct xattr *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static struct xattr *copy_xattrs(struct arena *a, const struct xattr *xattrs, size_t count)
{
    if (count == 0)
        return NULL;
    struct xattr *copy = arena_alloc(a, count * sizeof(*copy));

    for (size_t i = 0; i < count; i++) {
        const struct view v = xattrs[i].value;

        copy[i].name = arena_strdup(a, xattrs[i].name);
        copy[i].value = view_make(v.size ? arena_strndup(a, v.at, v.size) : "", v.size);
    }
    qsort(copy, count, sizeof(*copy), xattr_cmp);
    return copy;
}

/* Fields that mean nothing for a type are cleared, so that equal layers are equal bytes. */
static struct entry canonical(const struct entry *e)
{
    struct entry n = *e;

    n.mode &= 07777;
    if (e->type != ENTRY_FILE) {
        n.size = 0;
        n.content = (struct digest){0};
    }
    if (e->type != ENTRY_DIR)
        n.opaque = false;
    if (e->type != ENTRY_CHAR && e->type != ENTRY_BLOCK)
        n.major = n.minor = 0;
    if (e->type == ENTRY_SYMLINK)
        n.mode = 0777;
    if (e->type != ENTRY_SYMLINK && e->type != ENTRY_HARDLINK)
        n.link = NULL;
    if (e->type == ENTRY_WHITEOUT || e->type == ENTRY_HARDLINK) {
        n = (struct entry){.path = e->path, .type = e->type, .link = n.link};
    }
    return n;
}

void index_builder_add(struct index_builder *b, const struct entry *e)
{
    struct entry n = canonical(e);

    n.path = arena_strdup(b->arena, e->path);
    n.link = n.link ? arena_strdup(b->arena, n.link) : NULL;
    n.xattrs = copy_xattrs(b->arena, n.xattrs, n.xattr_count);
    if (b->entries.size > 0 && entry_path_cmp(vec_last(&b->entries)->path, n.path) >= 0)
        b->sorted = false;
    vec_push(&b->entries, n);
}

/* Equal paths keep the order in which they were added, so that the last one can win. */
struct sorting {
    struct entry entry;
    size_t number;
};

static int sorting_cmp(const void *a, const void *b)
{
    const struct sorting *x = a, *y = b;
    const int r = entry_path_cmp(x->entry.path, y->entry.path);

    return r != 0 ? r : (x->number > y->number) - (x->number < y->number);
}

static void sort_entries(struct index_builder *b)
{
    const size_t count = b->entries.size;
    struct sorting *s = xcalloc(count, sizeof(*s));
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        s[i] = (struct sorting){b->entries.at[i], i};
    qsort(s, count, sizeof(*s), sorting_cmp);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || strcmp(s[i].entry.path, s[i + 1].entry.path) != 0)
            b->entries.at[kept++] = s[i].entry;
    b->entries.size = kept;
    free(s);
}

static struct entry *find(const struct index *ix, struct view path)
{
    size_t low = 0, high = ix->count;
    char text[TAR_PATH_MAX + 1];

    if (path.size >= sizeof(text))
        return NULL;
    memcpy(text, path.at ? path.at : "", path.size);
    text[path.size] = '\0';
    if (strlen(text) != path.size)
        return NULL;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int r = entry_path_cmp(text, ix->entries[middle].path);

        if (r == 0)
            return &ix->entries[middle];
        if (r < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* So that no chain is walked twice: a stranger may send a million links to links. */
static void shorten(struct index *ix, struct entry *e, const struct entry *file)
{
    while (e->type == ENTRY_HARDLINK) {
        struct entry *next = find(ix, view_of(e->link));

        e->link = file->path;
        e = next;
    }
}

/* The file that a chain of hard links ends at. Links to links are allowed while building: a link to
 * a name that has become one itself when its group was turned round. */
static struct entry *chase(struct index *ix, struct entry *e, struct error *err)
{
    struct entry *first = e;

    for (size_t hops = 0; e && e->type == ENTRY_HARDLINK; hops++) {
        if (!e->link || hops > ix->count) {
            e = NULL;
            break;
        }
        e = find(ix, view_of(e->link));
    }
    if (e && e->type != ENTRY_DIR && e->type != ENTRY_WHITEOUT) {
        shorten(ix, first, e);
        return e;
    }
    error_set(err, -EINVAL,
              "'%.200s' is a hard link to '%.200s', which is not a file of this layer", first->path,
              first->link ? first->link : "");
    return NULL;
}

/* Makes the first name of each group the file, the others links to it. */
static int turn_links(struct index *ix, struct error *err)
{
    for (size_t i = 0; i < ix->count; i++) {
        struct entry *e = &ix->entries[i];

        if (e->type != ENTRY_HARDLINK)
            continue;
        struct entry *file = chase(ix, e, err);
        if (!file)
            return -EINVAL;
        if (file < e) {
            e->link = file->path;
            continue;
        }
        const char *path = e->path;
        *e = *file;
        e->path = path;
        *file = (struct entry){.path = file->path, .type = ENTRY_HARDLINK, .link = path};
    }
    for (size_t i = 0; i < ix->count;
         i++) { /* a link has the attributes of its file, as tar has them */
        struct entry *e = &ix->entries[i];

        if (e->type == ENTRY_HARDLINK) {
            const struct entry *file = find(ix, view_of(e->link));

            e->mode = file->mode;
            e->uid = file->uid;
            e->gid = file->gid;
            e->mtime_s = file->mtime_s;
            e->mtime_ns = file->mtime_ns;
        }
    }
    return 0;
}

int index_builder_finish(struct index_builder *b, struct index **ret, struct error *err)
{
    CLEANUP(index_freep) struct index *ix = xcalloc(1, sizeof(*ix));

    if (!b->sorted)
        sort_entries(b);
    ix->arena = b->arena;
    ix->entries = b->entries.at;
    ix->count = b->entries.size;
    *b = (struct index_builder){.arena = arena_new(), .sorted = true};
    int r = turn_links(ix, err);
    if (r == 0)
        r = index_check(ix, err);
    if (r < 0)
        return r;
    *ret = steal(ix);
    return 0;
}

void index_free(struct index *ix)
{
    if (!ix)
        return;
    free(ix->entries);
    free(ix->ends);
    free(ix->xattrs);
    arena_free(ix->arena);
    if (ix->map)
        munmap(ix->map, ix->map_size);
    free(ix);
}

/* ---- invariants ---- */

static int bad(const struct entry *e, const char *what, struct error *err)
{
    return error_set(err, -EINVAL, "index: '%.200s' %s", e->path, what);
}

/* Each part of path on its own; used for the part behind the parent, which was checked before. */
static bool plain_name(const char *name, size_t size)
{
    if (size == 0 || size > TAR_NAME_MAX || memchr(name, '/', size))
        return false;
    return name[0] != '.' || (size != 1 && !(size == 2 && name[1] == '.'));
}

static int check_fields(const struct index *ix, const struct entry *e, struct error *err)
{
    if (e->type > ENTRY_WHITEOUT || e->mode > 07777 || e->mtime_ns > 999999999)
        return bad(e, "has impossible fields", err);
    if ((e->type == ENTRY_SYMLINK || e->type == ENTRY_HARDLINK) != (e->link != NULL))
        return bad(e, e->link ? "has a link text but is no link" : "is a link without text", err);
    if (e->opaque && e->type != ENTRY_DIR)
        return bad(e, "is opaque but no directory", err);
    if (e->type != ENTRY_FILE && (e->size != 0 || !digest_is_zero(&e->content)))
        return bad(e, "has content but is no file", err);
    if (e->type == ENTRY_SYMLINK && e->link[0] == '\0')
        return bad(e, "is a symbolic link without text", err);
    for (size_t i = 0; i < e->xattr_count; i++)
        if (e->xattrs[i].name[0] == '\0' ||
            (i > 0 && strcmp(e->xattrs[i - 1].name, e->xattrs[i].name) >= 0))
            return bad(e, "has attributes out of order", err);
    if (e->type == ENTRY_HARDLINK) {
        const struct entry *file = find(ix, view_of(e->link));

        if (!file || file >= e || file->type == ENTRY_DIR || file->type == ENTRY_WHITEOUT ||
            file->type == ENTRY_HARDLINK)
            return bad(e, "is a hard link to nothing before it", err);
    }
    return 0;
}

/* The directories from the root to the entry that is looked at. */
struct open_dir {
    size_t at;   /* its index */
    size_t size; /* of its path */
};
struct check {
    struct index *ix;
    VEC(struct open_dir) dirs;
};

static bool below(const struct check *c, const struct open_dir *d, const char *path, size_t size)
{
    const char *parent = c->ix->entries[d->at].path;

    return size > d->size && path[d->size] == '/' && memcmp(parent, path, d->size) == 0;
}

/* Since siblings are looked at in order, an entry need only be compared with the sibling before it:
 * the last directory that ended here, or the entry just before. */
static int check_place(struct check *c, size_t i, const char **prev, struct error *err)
{
    struct index *ix = c->ix;
    const struct entry *e = &ix->entries[i];
    const size_t size = strlen(e->path);
    const char *before = NULL; /* path of the sibling */

    while (c->dirs.size > 0 && !below(c, vec_last(&c->dirs), e->path, size)) {
        const size_t ended = vec_last(&c->dirs)->at;

        ix->ends[ended] = (uint32_t)i;
        before = ix->entries[ended].path;
        c->dirs.size--;
    }
    const size_t parent = c->dirs.size > 0 ? vec_last(&c->dirs)->size + 1 : 0;
    if (!before)
        before = *prev; /* a sibling that is no directory; NULL: the first child */
    if (size > TAR_PATH_MAX || !plain_name(e->path + parent, size - parent))
        return bad(e, "has no parent directory before it, or is no plain path", err);
    if (before && strcmp(before + parent, e->path + parent) >= 0)
        return bad(e, "is out of order", err);
    *prev = e->type == ENTRY_DIR ? NULL : e->path;
    if (e->type == ENTRY_DIR)
        vec_push(&c->dirs, (struct open_dir){i, size});
    return 0;
}

static int check_all(struct check *c, struct error *err)
{
    struct index *ix = c->ix;
    const char *prev = NULL;

    for (size_t i = 0; i < ix->count; i++) {
        const struct entry *e = &ix->entries[i];
        int r = 0;

        ix->ends[i] = (uint32_t)i + 1;
        if (i > 0 || e->path[0] != '\0')
            r = check_place(c, i, &prev, err);
        else if (e->type != ENTRY_DIR)
            r = error_set(err, -EINVAL, "index: the root is not a directory");
        if (r == 0)
            r = check_fields(ix, e, err);
        if (r < 0)
            return r;
    }
    vec_each (d, &c->dirs)
        ix->ends[d->at] = (uint32_t)ix->count;
    if (ix->count > 0 && ix->entries[0].path[0] == '\0')
        ix->ends[0] = (uint32_t)ix->count;
    return 0;
}

int index_check(struct index *ix, struct error *err)
{
    struct check c = {.ix = ix};

    if (ix->count > INDEX_ENTRIES_MAX)
        return error_set(err, -EDQUOT, "index: more than %u entries", INDEX_ENTRIES_MAX);
    ix->ends = xcalloc(ix->count + 1, sizeof(*ix->ends));
    const int r = check_all(&c, err);
    vec_done(&c.dirs);
    return r;
}

/* ---- looking ---- */

size_t index_count(const struct index *ix)
{
    return ix->count;
}

const struct entry *index_at(const struct index *ix, size_t i)
{
    return &ix->entries[i];
}

const struct entry *index_find(const struct index *ix, struct view path)
{
    return find(ix, path);
}

size_t index_position(const struct index *ix, const struct entry *e)
{
    return (size_t)(e - ix->entries);
}

size_t index_end(const struct index *ix, size_t i)
{
    return ix->ends[i];
}

void index_range(const struct index *ix, struct view path, size_t *ret_first, size_t *ret_end)
{
    if (path.size == 0) {
        *ret_first = 0;
        *ret_end = ix->count;
        return;
    }
    const struct entry *e = find(ix, path);
    *ret_first = e ? index_position(ix, e) : 0;
    *ret_end = e ? ix->ends[*ret_first] : 0;
}

const struct entry *index_file(const struct index *ix, const struct entry *e)
{
    return e->type == ENTRY_HARDLINK ? find(ix, view_of(e->link)) : e;
}

uint64_t index_size(const struct index *ix)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < ix->count; i++)
        if (add_overflow(sum, ix->entries[i].size, &sum))
            return UINT64_MAX;
    return sum;
}
