/* The writer of codec streams.
 *
 * Slots form a ring. The caller fills slot `next` (or says which chunk a thread is to fill it with),
 * hands it to the threads and goes on to the slot behind it, which is the oldest one: when that is
 * busy it is waited for, hashed and given to the sink, so packed chunks leave in the order they came,
 * whoever packed them.
 *
 *     FREE --submit()--> FULL --run_thread()--> BUSY --> PACKED --emit()--> FREE */
#include "layer/codec.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "layer/codec_pack.h"

#define THREADS_MAX CODEC_WORKERS_MAX
#define SLOTS_AHEAD 4 /* of what the threads work at: one slow chunk stops nobody */

enum slot_state { SLOT_FREE, SLOT_FULL, SLOT_BUSY, SLOT_PACKED };

struct slot {
    enum slot_state state;
    const struct codec_filler *filler; /* NULL: plain is there */
    uint64_t number;                   /* for the filler */
    size_t plain_size;
    int64_t packed_size; /* or a negative errno */
    uint8_t *plain, *packed;
    struct error error;
};

struct codec_writer {
    const struct codec *codec;
    int level;
    codec_sink *sink;
    void *ctx;
    struct hash plain, packed;
    struct codec_sums sums;
    bool finished;
    int failed;

    struct packer *packers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    unsigned wanted, running; /* threads; 0 wanted: the caller packs */
    unsigned taken;           /* numbers of workers given to threads */
    struct slot *slots;
    unsigned slot_count, next; /* next: being filled */
    uint64_t chunks;
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t filled, packed_one;
};

static unsigned thread_count(unsigned asked)
{
    const long have = sysconf(_SC_NPROCESSORS_ONLN);

    if (asked == 0)
        asked = have > 0 ? (unsigned)have : 1;
    return MIN(asked, THREADS_MAX);
}

int codec_writer_new(const struct codec *codec, int level, unsigned threads, codec_sink *sink,
                     void *ctx, struct codec_writer **ret, struct error *err)
{
    if (level == CODEC_LEVEL_DEFAULT)
        level = codec->level_default;
    if (level < codec->level_min || level > codec->level_max)
        return error_set(err, -EINVAL, "%s has no compression level %d: it has %d to %d",
                         codec->name, level, codec->level_min, codec->level_max);
    CLEANUP(codec_writer_freep) struct codec_writer *w = xcalloc(1, sizeof(*w));
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->filled, NULL);
    pthread_cond_init(&w->packed_one, NULL);
    w->codec = codec;
    w->level = level;
    w->sink = sink;
    w->ctx = ctx;
    w->sums.id = codec->id;
    hash_init(&w->plain);
    hash_init(&w->packed);
    threads = thread_count(threads);
    w->wanted = threads > 1 ? threads : 0;
    w->slot_count = threads > 1 ? threads + SLOTS_AHEAD : 1;
    w->slots = xcalloc(w->slot_count, sizeof(*w->slots));
    for (unsigned i = 0; i < threads && codec->id != CODEC_NONE; i++) {
        const int r = packer_new(codec->id, level, &w->packers[i], err);
        if (r < 0)
            return r;
    }
    *ret = steal(w);
    return 0;
}

void codec_writer_free(struct codec_writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->filled);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->running; i++)
        pthread_join(w->threads[i], NULL);
    for (unsigned i = 0; i < THREADS_MAX; i++)
        packer_free(w->packers[i]);
    for (unsigned i = 0; i < w->slot_count; i++) {
        free(w->slots[i].plain);
        free(w->slots[i].packed);
        error_done(&w->slots[i].error);
    }
    free(w->slots);
    pthread_cond_destroy(&w->filled);
    pthread_cond_destroy(&w->packed_one);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static int64_t fill(struct slot *s, unsigned worker)
{
    if (!s->plain)
        s->plain = xmalloc(CODEC_CHUNK);
    const int64_t n = s->filler->fill(s->filler->ctx, s->number, worker, s->plain, &s->error);
    s->plain_size = n > 0 ? (size_t)n : 0;
    return n;
}

static void pack(const struct codec_writer *w, unsigned worker, struct slot *s)
{
    s->packed_size = s->filler ? fill(s, worker) : 0;
    if (s->packed_size < 0 || w->codec->id == CODEC_NONE)
        return;
    if (!s->packed)
        s->packed = xmalloc(CODEC_PACKED_MAX(CODEC_CHUNK));
    s->packed_size =
        packer_run(w->packers[worker], view_make(s->plain, s->plain_size), s->packed, &s->error);
}

/* The oldest full slot from the ring, which begins behind `next`. */
static struct slot *full_slot(struct codec_writer *w)
{
    for (unsigned i = 0; i < w->slot_count; i++) {
        struct slot *s = &w->slots[(w->next + i) % w->slot_count];
        if (s->state == SLOT_FULL)
            return s;
    }
    return NULL;
}

static void *run_thread(void *ctx)
{
    struct codec_writer *w = ctx;

    pthread_mutex_lock(&w->lock);
    const unsigned worker = w->taken++;
    while (!w->stop) {
        struct slot *s = full_slot(w);
        if (!s) {
            pthread_cond_wait(&w->filled, &w->lock);
            continue;
        }
        s->state = SLOT_BUSY;
        pthread_mutex_unlock(&w->lock);
        pack(w, worker, s);
        pthread_mutex_lock(&w->lock);
        s->state = SLOT_PACKED;
        pthread_cond_signal(&w->packed_one);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int put_packed(struct codec_writer *w, struct view packed, struct error *err)
{
    hash_add(&w->packed, packed.at, packed.size);
    w->sums.packed_size += packed.size;
    return w->sink(w->ctx, packed, err);
}

/* Plain bytes are hashed here, in order; those of the codec "none" as packed ones, once. */
static int put_slot(struct codec_writer *w, struct slot *s, struct error *err)
{
    const struct view plain = view_make(s->plain, s->plain_size);
    int r = 0;

    if (s->packed_size < 0)
        return error_move(err, &s->error);
    if (s->filler) {
        w->sums.plain_size += plain.size;
        r = s->filler->seen
                ? s->filler->seen(s->filler->ctx, s->number, plain, w->sums.packed_size, err)
                : 0;
    }
    if (r < 0)
        return r;
    if (w->codec->id == CODEC_NONE)
        return put_packed(w, plain, err);
    hash_add(&w->plain, plain.at, plain.size);
    return put_packed(w, view_make(s->packed, (size_t)s->packed_size), err);
}

/* Waits for the slot if it is on its way and gives it to the sink. */
static int emit(struct codec_writer *w, struct slot *s, struct error *err)
{
    pthread_mutex_lock(&w->lock);
    while (s->state == SLOT_FULL || s->state == SLOT_BUSY)
        pthread_cond_wait(&w->packed_one, &w->lock);
    const bool packed = s->state == SLOT_PACKED;
    s->state = SLOT_FREE; /* under the lock: the threads look at the state of every slot */
    pthread_mutex_unlock(&w->lock);
    if (!packed)
        return 0;
    const int r = put_slot(w, s, err);
    s->plain_size = 0;
    s->filler = NULL;
    return r;
}

/* Threads are started by the chunks that need them: small layers need none. */
static int start_thread(struct codec_writer *w, struct error *err)
{
    if (w->running == w->wanted || w->running == w->chunks)
        return 0;
    const int e = pthread_create(&w->threads[w->running], NULL, run_thread, w);
    if (e != 0)
        return error_set(err, -e, "start a thread: %s", strerror(e));
    w->running++;
    return 0;
}

static int submit(struct codec_writer *w, struct error *err)
{
    struct slot *s = &w->slots[w->next];

    w->chunks++;
    if (w->wanted == 0) {
        pack(w, 0, s);
        s->state = SLOT_PACKED;
        return emit(w, s, err);
    }
    const int r = start_thread(w, err);
    if (r < 0)
        return r;
    pthread_mutex_lock(&w->lock);
    s->state = SLOT_FULL;
    w->next = (w->next + 1) % w->slot_count;
    pthread_cond_signal(&w->filled);
    pthread_mutex_unlock(&w->lock);
    return emit(w, &w->slots[w->next], err);
}

static int add_chunked(struct codec_writer *w, struct view plain, struct error *err)
{
    while (plain.size > 0) {
        struct slot *s = &w->slots[w->next];
        const size_t n = MIN(plain.size, CODEC_CHUNK - s->plain_size);

        if (!s->plain)
            s->plain = xmalloc(CODEC_CHUNK);
        memcpy(s->plain + s->plain_size, plain.at, n);
        s->plain_size += n;
        plain = view_make(plain.at + n, plain.size - n);
        if (s->plain_size < CODEC_CHUNK)
            break;
        const int r = submit(w, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int codec_write(struct codec_writer *w, struct view plain, struct error *err)
{
    assert(!w->finished);
    if (w->failed)
        return error_set(err, w->failed, "the archive could not be written");
    w->sums.plain_size += plain.size;
    w->failed = w->codec->id == CODEC_NONE ? put_packed(w, plain, err) : add_chunked(w, plain, err);
    return w->failed;
}

/* Everything that is on its way leaves. */
static int drain(struct codec_writer *w, struct error *err)
{
    int r = 0;

    for (unsigned i = 0; i < w->slot_count && r == 0; i++)
        r = emit(w, &w->slots[(w->next + i) % w->slot_count], err);
    return r;
}

static int flush(struct codec_writer *w, struct error *err)
{
    struct slot *s = &w->slots[w->next];
    int r = 0;

    if (!s->plain)
        s->plain = xmalloc(CODEC_CHUNK);
    if (s->plain_size > 0 || w->chunks == 0) /* nothing at all is an empty member */
        r = submit(w, err);
    return r < 0 ? r : drain(w, err);
}

/* Until no thread works. */
static void abandon(struct codec_writer *w)
{
    pthread_mutex_lock(&w->lock);
    for (unsigned i = 0; i < w->slot_count; i++) {
        struct slot *s = &w->slots[i];
        if (s->state == SLOT_FULL)
            s->state = SLOT_FREE;
        while (s->state == SLOT_BUSY)
            pthread_cond_wait(&w->packed_one, &w->lock);
    }
    pthread_mutex_unlock(&w->lock);
}

int codec_fill(struct codec_writer *w, const struct codec_filler *f, uint64_t count,
               struct error *err)
{
    assert(!w->finished && w->sums.plain_size == 0);
    for (uint64_t i = 0; i < count && w->failed == 0; i++) {
        w->slots[w->next].filler = f;
        w->slots[w->next].number = i;
        w->failed = submit(w, err);
    }
    if (w->failed == 0)
        w->failed = drain(w, err);
    if (w->failed < 0)
        abandon(w); /* the filler may go */
    return w->failed;
}

int codec_put_member(struct codec_writer *w, struct view plain, struct error *err)
{
    cleanup_free uint8_t *packed = xmalloc(CODEC_PACKED_MAX(plain.size));
    const int64_t n = packer_run(w->packers[0], plain, packed, err); /* the threads rest */

    if (n < 0)
        return (int)n;
    w->chunks++;
    w->sums.plain_size += plain.size;
    hash_add(&w->plain, plain.at, plain.size);
    return put_packed(w, view_make(packed, (size_t)n), err);
}

int codec_pack_aside(struct codec_writer *w, struct view plain, struct str *ret, struct error *err)
{
    str_reserve(ret, CODEC_PACKED_MAX(plain.size));
    const int64_t n = packer_run(w->packers[0], plain, (uint8_t *)ret->at + ret->size, err);
    if (n < 0)
        return (int)n;
    ret->size += (size_t)n;
    ret->at[ret->size] = '\0';
    return 0;
}

int codec_put_packed(struct codec_writer *w, struct view packed, struct error *err)
{
    return put_packed(w, packed, err);
}

enum codec_id codec_writer_id(const struct codec_writer *w)
{
    return w->codec->id;
}

uint64_t codec_packed_size(const struct codec_writer *w)
{
    return w->sums.packed_size;
}

int codec_finish(struct codec_writer *w, struct codec_sums *ret, struct error *err)
{
    assert(!w->finished);
    if (w->failed)
        return error_set(err, w->failed, "the archive could not be written");
    w->finished = true;
    if (w->codec->id != CODEC_NONE) {
        w->failed = flush(w, err);
        if (w->failed)
            return w->failed;
        hash_done(&w->plain, w->sums.plain.sha256);
    }
    hash_done(&w->packed, w->sums.packed.sha256);
    if (w->codec->id == CODEC_NONE)
        w->sums.plain = w->sums.packed;
    *ret = w->sums;
    return 0;
}
