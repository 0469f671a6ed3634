#include "layer/fold.h"

struct folding {
    const struct index *upper, *lower;
    size_t i, j; /* where we are in them */
    struct index_builder *b;
};

static void add(struct folding *f, const struct index *ix, const struct entry *e, bool opaque)
{
    struct entry n = *index_file(ix, e);

    n.path = e->path;
    n.opaque |= opaque;
    index_builder_add(f->b, &n);
}

/* Both have the name. A directory over a directory is both; anything else of the upper layer hides all that the lower
 * one has there. */
static void add_both(struct folding *f)
{
    const struct entry *e = index_at(f->upper, f->i), *below = index_at(f->lower, f->j);

    if (e->type == ENTRY_DIR && !e->opaque && below->type == ENTRY_DIR) {
        add(f, f->upper, e, below->opaque);
        f->j++;
    } else {
        /* over a file or whiteout a directory begins anew */
        add(f, f->upper, e, e->type == ENTRY_DIR);
        f->j = index_end(f->lower, f->j);
    }
    f->i++;
}

/* An opaque root hides a lower layer whole, which may have no entry for its own. */
static bool hides_all(const struct index *ix)
{
    return index_count(ix) > 0 && index_at(ix, 0)->path[0] == '\0' && index_at(ix, 0)->opaque;
}

int index_fold(const struct index *upper, const struct index *lower, struct index **ret,
               struct error *err)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
    struct folding f = {.upper = upper, .lower = lower, .b = b};
    const size_t count = index_count(upper), below = hides_all(upper) ? 0 : index_count(lower);

    while (f.i < count || f.j < below) {
        const int c = f.i == count ? 1
                      : f.j == below
                          ? -1
                          : entry_path_cmp(index_at(upper, f.i)->path, index_at(lower, f.j)->path);
        if (c == 0)
            add_both(&f);
        else if (c < 0)
            add(&f, upper, index_at(upper, f.i++), false);
        else
            add(&f, lower, index_at(lower, f.j++), false);
    }
    return index_builder_finish(b, ret, err);
}
