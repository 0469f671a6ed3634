/* Layers over each other in one directory: what one of them hides of the earlier ones goes when it has
 * been read. A name that the layer has itself stays, whatever its whiteouts say (layer-cases w09,
 * w10). */
#include <assert.h>
#include <errno.h>

#include "layer/unpack_internal.h"

/* In opaque directories only what this layer has stays. As deep as paths are long. */
static int leave_own(struct unpack *u, struct node *dir, bool hidden, struct error *err)
{
    int r = 0;

    hidden |= dir->opaque;
    dir->opaque = false;
    for (struct node *child = dir->child, *next; r == 0 && child; child = next) {
        next = child->next;
        if (child->layer == u->layer)
            r = leave_own(u, child, hidden, err);
        else if (hidden)
            r = unpack_remove(u, child, err);
    }
    return r;
}

static int take_away(struct unpack *u, const char *path, struct error *err)
{
    cleanup_walk struct walk w = WALK_INIT;
    ERROR_AUTO(why);
    const int r = unpack_walk(u, u->base, path, WALK_NOFOLLOW, &w, &why);

    if (r == -ENOTDIR) /* below a file there is nothing */
        return 0;
    if (r < 0)
        return error_move(err, &why);
    return w.node && w.node->layer < u->layer ? unpack_remove(u, w.node, err) : 0;
}

int unpack_end_layer(struct unpack *u, struct error *err)
{
    int r = u->has_opaque ? leave_own(u, u->nodes.root, false, err) : 0;

    assert(u->o.flat && !u->finished);
    for (size_t i = 0; r == 0 && i < u->whiteouts.size; i++)
        r = take_away(u, u->whiteouts.at[i], err);
    strings_done(&u->whiteouts);
    u->has_opaque = false;
    u->layer++;
    return r < 0 ? error_wrap(err, r, "take away what a layer hides") : 0;
}
