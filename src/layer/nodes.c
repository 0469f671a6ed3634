#include "layer/nodes.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/tar.h"

struct file *file_new(const struct entry *e)
{
    struct file *f = xcalloc(1, sizeof(*f));
    size_t size = 0;

    f->entry = *e;
    f->entry.path = "";
    f->entry.link = e->link ? xstrdup(e->link) : NULL;
    f->entry.xattrs = NULL;
    for (size_t i = 0; i < e->xattr_count; i++)
        size += sizeof(struct xattr) + strlen(e->xattrs[i].name) + 1 + e->xattrs[i].value.size;
    if (size == 0)
        return f;
    f->entry.xattrs = xmalloc(size); /* one block: the array, then names and values */
    char *at = (char *)(f->entry.xattrs + e->xattr_count);
    for (size_t i = 0; i < e->xattr_count; i++) {
        struct xattr *x = &f->entry.xattrs[i];
        const struct view v = e->xattrs[i].value;

        x->name = at;
        at = stpcpy(at, e->xattrs[i].name) + 1;
        x->value = view_make(at, v.size);
        if (v.size > 0)
            memcpy(at, v.at, v.size);
        at += v.size;
    }
    return f;
}

void file_free(struct file *f)
{
    if (!f)
        return;
    free((char *)(uintptr_t)f->entry.link); /* our copy, const for its readers */
    free(f->entry.xattrs);
    free(f);
}

/* ---- the table of names ---- */

/* The seed is secret and multiplies everything, so nobody can choose names that collide. */
static uint64_t hash_name(const struct nodes *n, const struct node *dir, struct view name)
{
    uint64_t h = (uint64_t)(uintptr_t)dir ^ n->seed;

    for (size_t i = 0; i < name.size; i += 8) {
        uint64_t chunk = 0;
        memcpy(&chunk, name.at + i, MIN(name.size - i, 8u));
        h = (h ^ chunk) * (n->seed | 1);
        h ^= h >> 29;
    }
    h = (h ^ name.size) * 0x9e3779b97f4a7c15;
    return h ^ h >> 32;
}

static struct node **bucket(const struct nodes *n, const struct node *dir, struct view name)
{
    return &n->buckets[hash_name(n, dir, name) & (n->bucket_count - 1)];
}

static void link_hash(struct nodes *n, struct node *node)
{
    struct node **at = bucket(n, node->parent, view_of(node->name));

    node->hash_next = *at;
    *at = node;
}

static void grow(struct nodes *n)
{
    struct node **old = n->buckets;
    const size_t count = n->bucket_count;

    n->bucket_count = count * 4;
    n->buckets = xcalloc(n->bucket_count, sizeof(*n->buckets));
    for (size_t i = 0; i < count; i++) {
        for (struct node *node = old[i], *next; node; node = next) {
            next = node->hash_next;
            link_hash(n, node);
        }
    }
    free(old);
}

void nodes_init(struct nodes *n, int root_fd)
{
    *n = (struct nodes){.root_fd = root_fd, .bucket_count = 1024};
    n->buckets = xcalloc(n->bucket_count, sizeof(*n->buckets));
    if (getrandom(&n->seed, sizeof(n->seed), 0) < 0)
        n->seed = (uint64_t)(uintptr_t)n->buckets; /* before the first seed of the kernel */
    n->root = xcalloc(1, sizeof(*n->root) + 1);
    n->root->slot = -1;
    n->root->implied = true;
    n->root->file = file_new(&(struct entry){.type = ENTRY_DIR, .mode = 0755});
    n->root->file->links = 1;
    for (size_t i = 0; i < NODES_FDS; i++)
        n->fds[i].fd = -1;
}

void nodes_done(struct nodes *n)
{
    if (!n->root)
        return;
    while (n->root->child) /* NOLINT(clang-analyzer-unix.Malloc): node_remove() unlinks it */
        node_remove(n, n->root->child);
    file_free(n->root->file);
    free(n->root);
    for (size_t i = 0; i < NODES_FDS; i++)
        fd_closep(&n->fds[i].fd);
    free(n->buckets);
    n->root = NULL;
}

struct node *node_find(const struct nodes *n, const struct node *dir, struct view name)
{
    for (struct node *node = *bucket(n, dir, name); node; node = node->hash_next)
        if (node->parent == dir && view_eq_text(name, node->name))
            return node;
    return NULL;
}

int node_add(struct nodes *n, struct node *dir, struct view name, struct file *file,
             struct node **ret, struct error *err)
{
    const size_t path_size = dir->path_size + (dir->parent ? 1 : 0) + name.size;

    if (path_size > TAR_PATH_MAX)
        return error_set(err, -ENAMETOOLONG, "path of %zu bytes", path_size);
    struct node *node = xcalloc(1, sizeof(*node) + name.size + 1);
    memcpy(node->name, name.at, name.size);
    node->path_size = (uint32_t)path_size;
    node->parent = dir;
    node->slot = -1;
    node->file = file;
    file->links++;
    node->next = dir->child;
    node->prev = &dir->child;
    if (node->next)
        node->next->prev = &node->next;
    dir->child = node;
    if (++n->count > n->bucket_count)
        grow(n);
    link_hash(n, node);
    *ret = node;
    return 0;
}

static void forget(struct nodes *n, struct node *node)
{
    struct node **at = bucket(n, node->parent, view_of(node->name));

    while (*at != node)
        at = &(*at)->hash_next;
    *at = node->hash_next;
    n->count--;
    if (node->slot >= 0) {
        fd_closep(&n->fds[node->slot].fd);
        n->fds[node->slot].fd = -1;
        n->fds[node->slot].node = NULL;
    }
    *node->prev = node->next;
    if (node->next)
        node->next->prev = node->prev;
    if (--node->file->links == 0)
        file_free(node->file);
    free(node);
}

void node_remove(struct nodes *n, struct node *node)
{
    for (struct node *at = node;;) { /* leaves first; not recursive, trees may be deep */
        if (at->child) {
            at = at->child;
            continue;
        }
        struct node *parent = at->parent;
        const bool last = at == node;

        forget(n, at);
        if (last)
            return;
        at = parent;
    }
}

void node_path(const struct node *node, struct str *ret)
{
    str_clear(ret);
    str_reserve(ret, node->path_size + 1);
    ret->size = node->path_size;
    ret->at[ret->size] = '\0';
    for (char *end = ret->at + ret->size; node->parent; node = node->parent) {
        const size_t size = strlen(node->name);

        end -= size;
        memcpy(end, node->name, size);
        if (end > ret->at)
            *--end = '/';
    }
}

/* ---- descriptors ---- */

static size_t oldest_slot(const struct nodes *n)
{
    size_t best = 0;

    for (size_t i = 0; i < NODES_FDS; i++) {
        if (n->fds[i].fd < 0)
            return i;
        if (n->fds[i].used < n->fds[best].used)
            best = i;
    }
    return best;
}

int node_fd(struct nodes *n, struct node *dir, struct error *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd;

    if (!dir->parent)
        return n->root_fd;
    if (dir->slot >= 0) {
        n->fds[dir->slot].used = ++n->tick;
        return n->fds[dir->slot].fd;
    }
    if (dir->parent->slot >= 0 || !dir->parent->parent) {
        const int above = dir->parent->parent ? n->fds[dir->parent->slot].fd : n->root_fd;
        fd = openat(above, dir->name, flags);
        if (fd < 0)
            return error_sys(err, "open directory '%s'", dir->name);
    } else {
        STR_AUTO(path);
        node_path(dir, &path);
        fd = fd_open_beneath(n->root_fd, path.at, flags, 0, err);
        if (fd < 0)
            return fd;
    }
    const size_t slot = oldest_slot(n);
    if (n->fds[slot].node)
        n->fds[slot].node->slot = -1;
    fd_closep(&n->fds[slot].fd);
    n->fds[slot].node = dir;
    n->fds[slot].fd = fd;
    n->fds[slot].used = ++n->tick;
    dir->slot = (int)slot;
    return fd;
}

/* ---- order ---- */

static int by_name(const void *a, const void *b)
{
    const struct node *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

struct node **node_children(const struct node *dir, size_t *ret_count)
{
    size_t count = 0, i = 0;

    for (const struct node *c = dir->child; c; c = c->next)
        count++;
    struct node **all = xmalloc((count + 1) * sizeof(*all)); /* never NULL */
    for (struct node *c = dir->child; c; c = c->next)
        all[i++] = c;
    qsort(all, count, sizeof(*all), by_name);
    *ret_count = count;
    return all;
}
