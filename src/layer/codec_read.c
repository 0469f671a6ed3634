/* The reader of codec streams: packed bytes in, blocks of plain bytes out, on the caller's thread
 * or ahead of it.
 *
 * Invariants of a reader that works ahead:
 *  1. blocks head..head+count-1 (modulo BLOCKS) are full; the one at head is the caller's until
 *     its next call; the others nobody touches; only the thread touches the free one after them.
 *  2. decoder, input, totals and hashes are the thread's until `ended` is set, then the caller's. */
#include "layer/codec_internal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/follow.h"
#include "base/hash.h"

#define BLOCK (256u << 10)
#define BLOCKS 4

struct block {
    uint8_t *at;
    size_t size;
};

struct codec_reader {
    unsigned flags;
    struct codec_limits limits;
    struct codec_input in;
    codec_source *source;
    void *source_ctx;
    int fd, stop_fd; /* stop_fd wakes the thread out of a read */
    struct follow *follow;
    struct view bytes; /* of codec_open_bytes() */

    bool probed, member; /* member: inside one */
    bool tail;           /* what comes is junk */
    const struct decoder *decoder;
    void *state;
    struct hash plain, packed;
    struct codec_sums sums;
    bool summed;

    struct block blocks[BLOCKS];
    struct view rest; /* of the block the caller has, for codec_read() */
    bool held, done;  /* held: the caller has blocks[head] */
    int failed;       /* sticky code of the caller's side */

    bool ahead, ended, stop;
    unsigned head, count;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct error error; /* the thread's */
};

/* Until there is something in fd, or the reader is closed. */
static int wait_for(const struct codec_reader *r, int fd, struct error *err)
{
    struct pollfd p[2] = {{fd, POLLIN, 0}, {r->stop_fd, POLLIN, 0}};

    while (poll(p, 2, -1) < 0)
        if (errno != EINTR)
            return error_sys(err, "wait for data");
    return p[1].revents ? error_set(err, -ECANCELED, "reading was ended") : 0;
}

static int read_some(struct codec_reader *r, void *buf, size_t size, struct error *err)
{
    for (;;) {
        const ssize_t n = read(r->fd, buf, size);
        if (n >= 0)
            return (int)n;
        if (errno != EINTR)
            return error_sys(err, "read archive");
    }
}

/* The end was told before the last of it is read, so that the end of the file is one then. */
static int read_followed(struct codec_reader *r, void *buf, size_t size, struct error *err)
{
    for (;;) {
        const bool ended = r->follow->ended;
        int n = read_some(r, buf, size, err);

        if (n != 0 || ended)
            return n;
        n = wait_for(r, r->follow->fd, err);
        if (n < 0)
            return n;
        follow_take(r->follow);
        if (r->follow->again)
            return error_set(err, -ECANCELED, "the file began anew");
    }
}

static int read_fd(struct codec_reader *r, void *buf, size_t size, struct error *err)
{
    if (r->follow)
        return read_followed(r, buf, size, err);
    const int e = r->stop_fd < 0 ? 0 : wait_for(r, r->fd, err);
    return e < 0 ? e : read_some(r, buf, size, err);
}

/* Below every decoder: counts and hashes what comes in. */
static int read_packed(void *ctx, void *buf, size_t size, struct error *err)
{
    struct codec_reader *r = ctx;
    int n;

    if (r->source) {
        n = r->source(r->source_ctx, buf, size, err);
    } else if (r->fd >= 0) {
        n = read_fd(r, buf, size, err);
    } else {
        n = (int)MIN(size, r->bytes.size);
        memcpy(buf, r->bytes.at, (size_t)n);
        r->bytes = view_make(r->bytes.at + n, r->bytes.size - (size_t)n);
    }
    if (n <= 0)
        return n;
    r->sums.packed_size += (uint64_t)n;
    if (r->flags & CODEC_HASH_PACKED)
        hash_add(&r->packed, buf, (size_t)n);
    return n;
}

static struct codec_reader *reader_new(unsigned flags, const struct codec_limits *limits)
{
    struct codec_reader *r = xcalloc(1, sizeof(*r));

    r->flags = flags;
    if (limits)
        r->limits = *limits;
    if (!r->limits.plain_max)
        r->limits.plain_max = CODEC_PLAIN_MAX;
    if (!r->limits.grace)
        r->limits.grace = CODEC_GRACE;
    if (!r->limits.ratio)
        r->limits.ratio = CODEC_RATIO;
    r->fd = r->stop_fd = -1;
    r->in.read = read_packed;
    r->in.ctx = r;
    hash_init(&r->plain);
    hash_init(&r->packed);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    return r;
}

struct codec_reader *codec_open_fd(int fd, unsigned flags, const struct codec_limits *limits)
{
    struct codec_reader *r = reader_new(flags, limits);

    r->fd = fd;
    return r;
}

void codec_follow(struct codec_reader *r, struct follow *f)
{
    r->follow = f && f->fd >= 0 ? f : NULL;
}

struct codec_reader *codec_open_source(codec_source *read, void *ctx, unsigned flags,
                                       const struct codec_limits *limits)
{
    struct codec_reader *r = reader_new(flags, limits);

    r->source = read;
    r->source_ctx = ctx;
    return r;
}

struct codec_reader *codec_open_bytes(struct view data, unsigned flags,
                                      const struct codec_limits *limits)
{
    struct codec_reader *r = reader_new(flags, limits);

    r->bytes = data;
    return r;
}

static void end_thread(struct codec_reader *r)
{
    if (!r->ahead)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->stop_fd >= 0)
        (void)eventfd_write(r->stop_fd, 1);
    pthread_join(r->thread, NULL);
    r->ahead = false;
}

void codec_close(struct codec_reader *r)
{
    if (!r)
        return;
    end_thread(r);
    if (r->decoder)
        r->decoder->close(r->state);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(r->blocks[i].at);
    free(r->in.buf);
    fd_closep(&r->stop_fd);
    error_done(&r->error);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    free(r);
}

/* ---- one block of plain bytes ---- */

static int probe(struct codec_reader *r, struct error *err)
{
    r->in.buf = xmalloc(CODEC_INPUT);
    const int n = codec_input_peek(&r->in, CODEC_MAGIC_MAX, err);
    if (n < 0)
        return n;
    r->probed = true;
    const struct decoder *d = decoder_find(r->in.buf, (size_t)n);
    r->sums.id = d ? d->id : CODEC_NONE;
    if (!d)
        return 0;
    const int e = d->open(&r->state, err);
    r->decoder = d; /* also when open() failed: close() takes half-built states */
    return e;
}

/* Between members: 1 when there is another one, 0 at the end. tape programs and signers pad with
 * zeros (gzip(1) accepts that silently); other bytes mean that something is wrong. */
static int next_member(struct codec_reader *r, struct error *err)
{
    for (;;) {
        const int n = codec_input_peek(&r->in, CODEC_MAGIC_MAX, err);
        if (n <= 0)
            return n;
        const uint8_t *head = r->in.buf + r->in.at;
        if (!r->tail && r->decoder->probe(head, (size_t)n)) {
            const int e = r->decoder->begin(r->state, err);
            r->member = e == 0;
            return e < 0 ? e : 1;
        }
        r->tail |= *head != 0;
        if (r->tail && !(r->flags & CODEC_TAIL))
            return error_set(err, -EPROTO, "%s data is followed by bytes that are none",
                             r->decoder->name);
        while (r->in.at < r->in.end && (r->tail || r->in.buf[r->in.at] == 0))
            r->in.at++;
    }
}

static size_t block_size(const struct codec_reader *r)
{
    return r->flags & CODEC_GLANCE ? CODEC_GLANCE_SIZE : BLOCK;
}

static int decode_block(struct codec_reader *r, uint8_t *out, size_t *ret_size, struct error *err)
{
    const size_t room = block_size(r);
    size_t size = 0;

    while (size < room) {
        size_t made = 0;

        if (!r->member) {
            const int more = next_member(r, err);
            if (more < 0)
                return more;
            if (!more)
                break;
        }
        const int e = r->decoder->decode(r->state, &r->in, out + size, room - size, &made, err);
        if (e < 0)
            return e;
        size += made;
        r->member = e > 0;
    }
    *ret_size = size;
    return 0;
}

/* Plain bytes go from the source into the block; what the probe had read comes first. */
static int copy_block(struct codec_reader *r, uint8_t *out, size_t *ret_size, struct error *err)
{
    const size_t room = block_size(r);
    size_t size = MIN(room, r->in.end - r->in.at);

    memcpy(out, r->in.buf + r->in.at, size);
    r->in.at += size;
    while (size < room && !r->in.eof) {
        const int n = r->in.read(r->in.ctx, out + size, room - size, err);
        if (n < 0)
            return n;
        r->in.eof = n == 0;
        size += (size_t)n;
    }
    *ret_size = size;
    return 0;
}

static int check_limits(const struct codec_reader *r, struct error *err)
{
    const uint64_t plain = r->sums.plain_size, packed = r->sums.packed_size;

    if (plain > r->limits.plain_max)
        return error_set(err, -EDQUOT, "archive unpacks to more than %llu bytes",
                         (unsigned long long)r->limits.plain_max);
    if (plain > r->limits.grace && plain / r->limits.ratio > packed)
        return error_set(err, -EDQUOT,
                         "archive unpacks to more than %llu times its size: a decompression bomb",
                         (unsigned long long)r->limits.ratio);
    return 0;
}

/* Makes the next block: size 0 at the end. */
static int make_block(struct codec_reader *r, struct block *b, struct error *err)
{
    int e = r->probed ? 0 : probe(r, err);

    if (e < 0)
        return e;
    if (!b->at)
        b->at = xmalloc(block_size(r));
    e = r->decoder ? decode_block(r, b->at, &b->size, err) : copy_block(r, b->at, &b->size, err);
    if (e < 0)
        return e;
    r->sums.plain_size += b->size;
    /* plain bytes that are hashed as packed ones already need no second hash */
    if (r->flags & CODEC_HASH_PLAIN && (r->decoder || !(r->flags & CODEC_HASH_PACKED)))
        hash_add(&r->plain, b->at, b->size);
    return check_limits(r, err);
}

/* ---- the thread ---- */

static struct block *free_block(struct codec_reader *r)
{
    struct block *b = NULL;

    pthread_mutex_lock(&r->lock);
    while (r->count == BLOCKS && !r->stop)
        pthread_cond_wait(&r->changed, &r->lock);
    if (!r->stop)
        b = &r->blocks[(r->head + r->count) % BLOCKS];
    pthread_mutex_unlock(&r->lock);
    return b;
}

static void *run_ahead(void *ctx)
{
    struct codec_reader *r = ctx;
    int e = 0;

    for (struct block *b; e == 0 && (b = free_block(r));) {
        e = make_block(r, b, &r->error);
        pthread_mutex_lock(&r->lock);
        if (e == 0 && b->size > 0)
            r->count++;
        else
            r->ended = true;
        const bool ended = r->ended;
        pthread_cond_broadcast(&r->changed);
        pthread_mutex_unlock(&r->lock);
        if (ended)
            break;
    }
    return NULL;
}

static int start_ahead(struct codec_reader *r, struct error *err)
{
    if (r->fd >= 0 && (r->stop_fd = eventfd(0, EFD_CLOEXEC)) < 0)
        return error_sys(err, "eventfd");
    const int e = pthread_create(&r->thread, NULL, run_ahead, r);
    if (e != 0)
        return error_set(err, -e, "start a thread: %s", strerror(e));
    r->ahead = true;
    return 0;
}

static int next_ahead(struct codec_reader *r, struct view *ret, struct error *err)
{
    if (!r->ahead) {
        const int e = start_ahead(r, err);
        if (e < 0)
            return e;
    }
    pthread_mutex_lock(&r->lock);
    if (r->held) {
        r->head = (r->head + 1) % BLOCKS;
        r->count--;
        pthread_cond_broadcast(&r->changed);
    }
    while (r->count == 0 && !r->ended)
        pthread_cond_wait(&r->changed, &r->lock);
    r->held = r->count > 0;
    if (r->held)
        *ret = view_make(r->blocks[r->head].at, r->blocks[r->head].size);
    pthread_mutex_unlock(&r->lock);
    if (r->held)
        return 1;
    return r->error.code ? error_move(err, &r->error) : 0;
}

/* ---- the caller's side ---- */

int codec_next(struct codec_reader *r, struct view *ret, struct error *err)
{
    int e;

    if (r->failed)
        return error_set(err, r->failed, "the archive could not be read");
    if (r->rest.size > 0) { /* left by codec_read() */
        *ret = r->rest;
        r->rest.size = 0;
        return 1;
    }
    if (r->done)
        return 0;
    if (r->flags & CODEC_AHEAD) {
        e = next_ahead(r, ret, err);
    } else {
        e = make_block(r, &r->blocks[0], err);
        if (e == 0 && r->blocks[0].size > 0) {
            *ret = view_make(r->blocks[0].at, r->blocks[0].size);
            e = 1;
        }
    }
    r->failed = MIN(e, 0);
    r->done = e == 0;
    return e;
}

int codec_read(struct codec_reader *r, void *buf, size_t size, struct error *err)
{
    if (r->rest.size == 0) {
        struct view next = {0};
        const int e = codec_next(r, &next, err);
        if (e <= 0)
            return e;
        r->rest = next;
    }
    const size_t n = MIN(MIN(size, r->rest.size), (size_t)INT32_MAX);
    memcpy(buf, r->rest.at, n);
    r->rest = view_make(r->rest.at + n, r->rest.size - n);
    return (int)n;
}

int codec_drain(struct codec_reader *r, struct codec_sums *ret, struct error *err)
{
    struct view skipped;
    int e;

    while ((e = codec_next(r, &skipped, err)) > 0)
        ;
    if (e < 0)
        return e;
    end_thread(r);
    if (!r->summed) {
        if (r->flags & CODEC_HASH_PACKED)
            hash_done(&r->packed, r->sums.packed.sha256);
        if (r->flags & CODEC_HASH_PLAIN) {
            if (!r->decoder && r->flags & CODEC_HASH_PACKED)
                r->sums.plain = r->sums.packed;
            else
                hash_done(&r->plain, r->sums.plain.sha256);
        }
        r->summed = true;
    }
    *ret = r->sums;
    return 0;
}
