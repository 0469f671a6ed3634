#include "trust/cbor.h"

static bool take(struct view *rest, size_t size, struct view *ret)
{
    if (rest->size < size)
        return false;
    *ret = view_make(rest->at, size);
    *rest = view_make(rest->at + size, rest->size - size);
    return true;
}

/* The number in or behind the first byte; 31, an indefinite length, is not read. */
static bool read_value(struct view *rest, unsigned low, uint64_t *ret)
{
    struct view bytes;

    *ret = low;
    if (low < 24)
        return true;
    if (low > 27 || !take(rest, (size_t)1 << (low - 24), &bytes))
        return false;
    *ret = 0;
    for (size_t i = 0; i < bytes.size; i++)
        *ret = *ret << 8 | (unsigned char)bytes.at[i];
    return true;
}

bool cbor_next(struct view *rest, struct cbor_item *ret)
{
    struct cbor_item item = {0};
    struct view at = *rest, first;

    if (!take(&at, 1, &first))
        return false;
    const unsigned head = (unsigned char)*first.at;
    item.kind = (enum cbor_kind)(head >> 5);
    if (!read_value(&at, head & 31, &item.value))
        return false;
    if ((item.kind == CBOR_BYTES || item.kind == CBOR_TEXT) &&
        (item.value > at.size || !take(&at, (size_t)item.value, &item.bytes)))
        return false;
    if ((item.kind == CBOR_ARRAY || item.kind == CBOR_MAP) && item.value > CBOR_BREADTH_MAX)
        return false;
    if (item.kind == CBOR_SIMPLE && (head & 31) > 24) /* floats */
        return false;
    *rest = at;
    *ret = item;
    return true;
}

static uint64_t members(const struct cbor_item *item)
{
    return item->kind == CBOR_ARRAY ? item->value
           : item->kind == CBOR_MAP ? 2 * item->value
           : item->kind == CBOR_TAG ? 1
                                    : 0;
}

bool cbor_skip(struct view *rest)
{
    uint64_t left[CBOR_DEPTH_MAX + 1] = {1}; /* items to come, by depth */
    size_t depth = 0;

    for (;;) {
        struct cbor_item item;

        while (left[depth] == 0) {
            if (depth-- == 0)
                return true;
        }
        left[depth]--;
        if (!cbor_next(rest, &item))
            return false;
        if (members(&item) == 0)
            continue;
        if (++depth > CBOR_DEPTH_MAX)
            return false;
        left[depth] = members(&item);
    }
}

bool cbor_expect(struct view *rest, enum cbor_kind kind, struct cbor_item *ret)
{
    struct view at = *rest;

    if (!cbor_next(&at, ret) || ret->kind != kind)
        return false;
    *rest = at;
    return true;
}

void cbor_add(struct str *to, enum cbor_kind kind, uint64_t value)
{
    const int size = value < 24 ? 0 : value < 256 ? 1 : value < 65536 ? 2 : value >> 32 ? 8 : 4;
    const unsigned low = size == 0   ? (unsigned)value
                         : size == 1 ? 24
                         : size == 2 ? 25
                         : size == 4 ? 26
                                     : 27;

    str_add_char(to, (char)((unsigned)kind << 5 | low));
    for (int i = size - 1; i >= 0; i--)
        str_add_char(to, (char)(value >> (8 * i)));
}

void cbor_add_string(struct str *to, enum cbor_kind kind, struct view bytes)
{
    cbor_add(to, kind, bytes.size);
    str_add(to, bytes);
}
