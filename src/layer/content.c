/* Digests over entries: tree ids and content digests. */
#include <inttypes.h>
#include <stdio.h>

#include "layer/chmod.h"
#include "layer/index_internal.h"
#include "layer/merge.h"

/* Fixed fields first, in one piece: one call of the hash instead of ten. */
static size_t pack(uint8_t *out, const uint64_t *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 8; k++)
            out[8 * i + k] = (uint8_t)(fields[i] >> 8 * k);
    return 8 * count;
}

static void add_entry(struct hash *h, const struct entry *e, struct view name, struct view link,
                      int parts)
{
    const bool linked = e->type == ENTRY_HARDLINK;
    const bool has_owner = (parts & CONTENT_OWNER) && !linked;
    /* the mode of a link is not its own; that of a symlink says nothing */
    const bool has_mode = (parts & CONTENT_MODE) && !linked && e->type != ENTRY_SYMLINK;
    const uint64_t fields[] = {
        (uint64_t)e->type | (uint64_t)e->opaque << 8 | (uint64_t)parts << 16,
        !has_mode                  ? 0
        : parts & CONTENT_PORTABLE ? chmod_portable(e->mode, e->type == ENTRY_DIR)
                                   : e->mode,
        has_owner ? (uint64_t)e->uid << 32 | e->gid : 0,
        (uint64_t)e->major << 32 | e->minor,
        name.size,
        link.size,
        linked ? 0 : e->xattr_count,
    };
    uint8_t head[sizeof(fields)];

    hash_add(h, head, pack(head, fields, ARRAY_SIZE(fields)));
    hash_add(h, name.at, name.size);
    hash_add(h, link.at, link.size);
    for (size_t i = 0; !linked && i < e->xattr_count; i++) {
        hash_add_field(h, view_of(e->xattrs[i].name));
        hash_add_field(h, e->xattrs[i].value);
    }
    if (e->type == ENTRY_FILE)
        hash_add(h, e->content.sha256, sizeof(e->content.sha256));
}

void content_add(struct hash *h, const struct entry *e, struct view name, int parts)
{
    struct entry seen = *e;

    seen.opaque = false; /* how layers come to show it is none of its content */
    add_entry(h, &seen, name, e->type == ENTRY_SYMLINK ? view_of(e->link) : VIEW(""), parts);
}

void content_add_top(struct hash *h, const struct entry *e, int parts)
{
    static const struct entry directory = {.type = ENTRY_DIR};

    content_add(h, e->type == ENTRY_DIR ? &directory : e, VIEW(""), parts);
}

void index_tree_id(const struct index *ix, struct digest *ret)
{
    static const char domain[] = "cooper tree 1\n";
    struct hash h;

    hash_init(&h);
    hash_add(&h, domain, sizeof(domain) - 1);
    for (size_t i = 0; i < index_count(ix); i++) {
        const struct entry *e = index_at(ix, i);

        add_entry(&h, e, view_of(e->path), e->link ? view_of(e->link) : VIEW(""), CONTENT_ALL);
    }
    if (ix->turn) {
        char turn[32];

        hash_add(&h, turn, (size_t)snprintf(turn, sizeof(turn), "turn %" PRIu32 "\n", ix->turn));
    }
    hash_done(&h, ret->sha256);
}

void index_set_turn(struct index *ix, uint32_t turn)
{
    ix->turn = turn;
}

bool index_same_times(const struct index *a, const struct index *b)
{
    bool same = a->count == b->count;

    for (size_t i = 0; same && i < a->count; i++)
        same = a->entries[i].mtime_s == b->entries[i].mtime_s &&
               a->entries[i].mtime_ns == b->entries[i].mtime_ns;
    return same;
}

int index_content(const struct index *ix, struct view path, int parts, struct digest *ret,
                  struct error *err)
{
    struct merge *m = merge_new(&ix, 1);
    const int r = merge_content(m, path, parts, NULL, NULL, ret, err);

    merge_free(m);
    return r;
}
