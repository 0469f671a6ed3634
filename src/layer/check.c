#include "layer/check.h"

#include <errno.h>
#include <sys/xattr.h>

struct checking {
    int fs_fd;
    enum owner_mode owner;
    enum { UNKNOWN, NO, YES } trusted; /* whether we could have trusted.* there: asked at need */
};

/* Removing what nobody has fails either way: for want of the right, or of the attribute. */
static bool can_have_trusted(struct checking *c)
{
    if (c->trusted == UNKNOWN) {
        const bool denied = fremovexattr(c->fs_fd, "trusted.cooper.probe") < 0 &&
                            (errno == EPERM || errno == EOPNOTSUPP);

        c->trusted = denied ? NO : YES;
    }
    return c->trusted == YES;
}

/* Attributes that meta_set() has to leave out: the tree has them in its index only. */
static bool cannot_be_on_disk(struct checking *c, const struct entry *e, const char *name)
{
    if (strncmp(name, "trusted.", 8) == 0)
        return !can_have_trusted(c);
    if (strncmp(name, "user.", 5) != 0 || e->type == ENTRY_FILE || e->type == ENTRY_DIR)
        return false;
    return c->owner == OWNER_REAL || e->type == ENTRY_SYMLINK; /* xattr(7) */
}

static bool xattrs_eq(struct checking *c, const struct entry *is, const struct entry *want)
{
    size_t k = 0;

    for (size_t i = 0; i < want->xattr_count; i++) {
        const struct xattr *x = &want->xattrs[i];

        if (k < is->xattr_count && strcmp(is->xattrs[k].name, x->name) == 0 &&
            view_eq(is->xattrs[k].value, x->value))
            k++;
        else if (!cannot_be_on_disk(c, want, x->name))
            return false;
    }
    return k == is->xattr_count;
}

static bool owner_is_on_disk(const struct entry *e, enum owner_mode owner)
{
    return owner == OWNER_REAL || (e->type != ENTRY_SYMLINK && e->type != ENTRY_FIFO);
}

/* What differs between two entries of one path; NULL: nothing. */
static const char *difference(struct checking *c, const struct entry *is, const struct entry *want)
{
    if (is->type != want->type || is->major != want->major || is->minor != want->minor)
        return "type";
    if ((is->link || want->link) && (!is->link || !want->link || strcmp(is->link, want->link) != 0))
        return "link";
    if (is->type == ENTRY_HARDLINK)
        return NULL;
    if (is->type == ENTRY_FILE &&
        (is->size != want->size || !digest_eq(&is->content, &want->content)))
        return "content";
    if (is->opaque != want->opaque)
        return "opaque mark";
    if (is->type != ENTRY_SYMLINK && is->mode != want->mode)
        return "mode";
    if (owner_is_on_disk(want, c->owner) && (is->uid != want->uid || is->gid != want->gid))
        return "owner";
    return xattrs_eq(c, is, want) ? NULL : "extended attributes";
}

static int check_entry(struct checking *c, const struct entry *is, const struct entry *want,
                       struct error *err)
{
    const int order = !is ? 1 : !want ? -1 : entry_path_cmp(is->path, want->path);

    if (order < 0)
        return error_set(err, -EPROTO, "'%.200s' is not in the index", is->path);
    if (order > 0)
        return error_set(err, -EPROTO, "'%.200s' is missing", want->path);
    const char *what = difference(c, is, want);
    return what ? error_set(err, -EPROTO, "the %s of '%.200s' is not as the index says", what,
                            want->path)
                : 0;
}

int check_tree(int fs_fd, const struct index *want, enum owner_mode owner, struct error *err)
{
    CLEANUP(index_freep) struct index *is = NULL;
    struct checking c = {.fs_fd = fs_fd, .owner = owner};
    struct scan_options o = SCAN_OPTIONS_INIT;

    o.owner = owner;
    o.with_root = index_find(want, VIEW("")) != NULL;
    int r = scan_tree(fs_fd, &o, &is, err);
    const size_t is_count = r < 0 ? 0 : index_count(is), want_count = index_count(want);

    for (size_t i = 0; r == 0 && i < MAX(is_count, want_count); i++)
        r = check_entry(&c, i < is_count ? index_at(is, i) : NULL,
                        i < want_count ? index_at(want, i) : NULL, err);
    return r;
}
