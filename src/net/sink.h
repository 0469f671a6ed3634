/* net/sink.h - bodies on their way into files and digests, within @net.
 *
 * What comes is held until it is a piece of whole pages, and written then. With few sinks it is hashed
 * at once, while it is in the cache. With many the digests lag behind, and read the files once more:
 * bodies come in bursts, one after the other, but are hashed side by side in half the time
 * (hash_add_each()). */
#pragma once

#include "base/hash.h"
#include "base/vec.h"

#define SINK_PIECE (64u << 10)      /* libcurl hands out 16 KiB at a time; a write takes more */
#define SINK_WINDOW (256u << 10)    /* of a file, mapped to be hashed */
#define SINK_LAG_MAX (64u << 20)    /* of all together: it has to be in the page cache still */
#define SINK_LAG_SMALL (256u << 10) /* of one that ended: not worth waiting for others */

#define SINK_PATIENCE_MS 5 /* of one that ended with more, for a window of it */

/* All of one process. Zeroed memory is none. */
struct sinks {
    VEC(struct sink *) expected; /* those that have, or will have, something to hash */
    size_t next;                 /* of them: whose turn it is */
    uint64_t lag;
};
void sinks_done(struct sinks *all);
/* Whether there are enough that wait, or one that ended does, and nothing was hashed for since_ms. */
bool sinks_are_due(const struct sinks *all, int64_t since_ms);
/* Hashes a window of each that lags behind, or of HASH_LANES of them in turn. */
void sinks_hash(struct sinks *all);

/* Zeroed memory is one that is not open. */
struct sink {
    struct sinks *all;
    int fd, told_fd; /* the caller's */
    bool is_open, with_hash, ended;
    int broken;          /* -errno: what is in the file cannot be read */
    uint64_t at, hashed; /* ends of what is in the file, and in the digest */
    char *held;          /* what goes into it next */
    size_t held_size;
    struct hash hash;
};
/* Optional, before sink_open(). */
void sink_expect(struct sink *s, struct sinks *all);
/* Cuts the file off at `at`; what is before it goes into the digest. told_fd: base/follow.h, or -1. */
MUST_CHECK int sink_open(struct sink *s, struct sinks *all, int fd, int told_fd, uint64_t at,
                         bool with_hash, struct error *err);
static inline bool sink_is_open(const struct sink *s)
{
    return s->is_open;
}
/* Of the file, when all that is held is in it. */
static inline uint64_t sink_size(const struct sink *s)
{
    return s->at + s->held_size;
}
MUST_CHECK int sink_add(struct sink *s, struct view bytes, struct error *err);
/* Writes what is held: as far as it came. */
MUST_CHECK int sink_flush(struct sink *s, struct error *err);
/* The same, and nothing comes after it: somebody waits for the digest. */
MUST_CHECK int sink_end(struct sink *s, struct error *err);
/* The digest of what was flushed would come at once, or nearly so. */
bool sink_is_hashed(const struct sink *s);
/* Once, at the end. */
MUST_CHECK int sink_digest(struct sink *s, uint8_t ret[static SHA256_SIZE], struct error *err);
void sink_close(struct sink *s);
