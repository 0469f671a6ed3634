/* trust/cbor.h - reading CBOR (RFC 8949), as much as COSE needs: definite lengths, no floats, no
 * depth beyond a limit. Items are handed out one by one; nothing is allocated. */
#pragma once

#include "base/str.h"

#define CBOR_DEPTH_MAX 16
#define CBOR_BREADTH_MAX 1024 /* members of one array or map */

enum cbor_kind {
    CBOR_UINT,
    CBOR_NINT,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_SIMPLE
};

struct cbor_item {
    enum cbor_kind kind;
    uint64_t value; /* the number (of NINT: -1 - value), tag, simple value, or count of members */
    struct view bytes; /* of BYTES and TEXT; a text is not known to be UTF-8 */
};

/* The head of the next item, with the bytes of a string; members of the others follow in *rest. False: there
 * is none, or it is none that is read here. */
MUST_CHECK bool cbor_next(struct view *rest, struct cbor_item *ret);
/* Passes over a whole item with all that is in it. */
MUST_CHECK bool cbor_skip(struct view *rest);
/* The next item if it is of this kind. */
MUST_CHECK bool cbor_expect(struct view *rest, enum cbor_kind kind, struct cbor_item *ret);
/* Appends the head of an item. */
void cbor_add(struct str *to, enum cbor_kind kind, uint64_t value);
/* A whole string. */
void cbor_add_string(struct str *to, enum cbor_kind kind, struct view bytes);
