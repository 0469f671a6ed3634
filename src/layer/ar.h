/* layer/ar.h - ar archives, as .deb files are (deb(5)): a few members, one after the other. */
#pragma once

#include "layer/codec.h"

#define AR_NAME_MAX 16
#define AR_MEMBER_MAX (16ull << 30) /* of one member; the largest .deb of Debian is 1.5 GB */
#define AR_MEMBERS_MAX 64           /* a .deb has three, signed ones four or five */

struct ar_reader {
    codec_source *read; /* or NULL: fd */
    void *ctx;
    int fd;
    uint64_t left; /* of the current member */
    bool pad, begun;
    unsigned count;
};
struct ar_member {
    char name[AR_NAME_MAX + 1]; /* "debian-binary"; a final '/' (System V) is cut */
    uint64_t size;
};

/* Neither allocates. fd is borrowed. */
void ar_init_fd(struct ar_reader *r, int fd);
void ar_init_source(struct ar_reader *r, codec_source *read, void *ctx);
/* 1 with a member, 0 at the end; what was not read of the one before is skipped. */
MUST_CHECK int ar_next(struct ar_reader *r, struct ar_member *ret, struct error *err);
/* Bytes of the member, as a codec_source with ctx = the struct ar_reader: so that
 * codec_open_source(ar_read, &reader, ...) unpacks data.tar.zst while it is read. */
int ar_read(void *ctx, void *buf, size_t size, struct error *err);
