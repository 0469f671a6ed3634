#include "layer/context.h"

void context_xattrs_digest(const struct xattr *xattrs, size_t count, struct digest *ret)
{
    struct hash h;

    *ret = (struct digest){0};
    if (count == 0)
        return;
    hash_init(&h);
    for (size_t i = 0; i < count; i++) {
        hash_add_field(&h, view_of(xattrs[i].name));
        hash_add_field(&h, xattrs[i].value);
    }
    hash_done(&h, ret->sha256);
}
