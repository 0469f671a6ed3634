#include "base/owned.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

size_t owned_format(const struct owned *o, char buf[static OWNED_TEXT_MAX])
{
    int n = snprintf(buf, OWNED_TEXT_MAX, "%u %u %c", o->uid, o->gid, o->type);

    if (o->type == 'c' || o->type == 'b')
        n += snprintf(buf + n, OWNED_TEXT_MAX - (size_t)n, " %u:%u", o->major, o->minor);
    return (size_t)n;
}

static bool cut_u32(struct view *rest, char separator, uint32_t *ret)
{
    struct view word;
    uint64_t value;

    if (!view_cut(rest, separator, &word) || !view_to_u64(word, &value) || value > UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

int owned_parse(struct view text, struct owned *ret)
{
    struct owned o = {0};
    struct view word;

    if (!cut_u32(&text, ' ', &o.uid) || !cut_u32(&text, ' ', &o.gid) ||
        !view_cut(&text, ' ', &word) || word.size != 1 || !memchr("fdpcb", word.at[0], 5))
        return -EINVAL;
    o.type = word.at[0];
    if ((o.type == 'c' || o.type == 'b') &&
        (!cut_u32(&text, ':', &o.major) || !cut_u32(&text, ' ', &o.minor)))
        return -EINVAL;
    if (text.at)
        return -EINVAL;
    *ret = o;
    return 0;
}

void owned_link_format(const struct owned_link *l, struct str *ret)
{
    str_printf(ret, "%u %u %" PRIu64 " %s", l->uid, l->gid, l->inode, l->path);
    str_add_char(ret, '\0');
}

int owned_link_next(struct view *rest, struct owned_link *ret)
{
    struct owned_link l;
    struct view inode;

    if (rest->size == 0)
        return 0;
    const char *end = memchr(rest->at, '\0', rest->size);
    if (!end)
        return -EINVAL;
    struct view text = view_make(rest->at, (size_t)(end - rest->at));
    if (!cut_u32(&text, ' ', &l.uid) || !cut_u32(&text, ' ', &l.gid) ||
        !view_cut(&text, ' ', &inode) || !view_to_u64(inode, &l.inode) || !text.at ||
        text.size == 0)
        return -EINVAL;
    l.path = text.at;
    *rest = view_make(end + 1, rest->size - (size_t)(end + 1 - rest->at));
    *ret = l;
    return 1;
}
