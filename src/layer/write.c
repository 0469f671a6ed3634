#include "layer/write.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/chunked.h"
#include "layer/estargz.h"
#include "layer/write_internal.h"

#define END_SIZE (2 * TAR_BLOCK) /* the two zero blocks */

static uint64_t padded(uint64_t size)
{
    return size + (-size & (TAR_BLOCK - 1));
}

/* ---- the plan ---- */

struct entry write_entry(const struct write_plan *p, size_t i)
{
    const struct write_options *o = p->options;
    struct entry e = *index_at(p->index, i);

    if (o->times == WRITE_TIMES_SET || (o->times == WRITE_TIMES_CLAMP && e.mtime_s >= o->epoch_s)) {
        e.mtime_s = o->epoch_s;
        e.mtime_ns = 0;
    }
    return e;
}

static uint64_t content_size(const struct entry *e)
{
    return e->type == ENTRY_FILE ? e->size : 0;
}

uint64_t write_body(const struct write_plan *p, size_t i)
{
    return p->at[i + 1] - padded(content_size(index_at(p->index, i)));
}

void write_cut_at(struct write_plan *p, uint64_t start, size_t entry)
{
    while (p->cuts.size && start - vec_last(&p->cuts)->start > CODEC_CHUNK) {
        const struct write_cut *last = vec_last(&p->cuts);
        const uint64_t next = last->start + CODEC_CHUNK;
        size_t first = last->entry;

        while (first < p->count && p->at[first + 1] <= next)
            first++;
        vec_push(&p->cuts, (struct write_cut){next, first});
    }
    if (p->cuts.size == 0 || start > vec_last(&p->cuts)->start)
        vec_push(&p->cuts, (struct write_cut){start, entry});
}

static int place_entries(struct write_plan *p, bool (*skip)(const struct entry *e),
                         struct error *err)
{
    uint64_t at = p->prefix.size;

    p->at = xcalloc(p->count + 1, sizeof(*p->at));
    p->touched = xcalloc(p->count + 1, sizeof(*p->touched));
    for (size_t i = 0; i < p->count; i++) {
        const struct entry e = write_entry(p, i);

        p->at[i] = at;
        if (skip && skip(&e))
            continue;
        const int64_t head = tar_head_size(&e, err);
        if (head < 0)
            return (int)head;
        at += (uint64_t)head + padded(content_size(&e));
    }
    p->at[p->count] = at;
    return 0;
}

static void plan_done(struct write_plan *p)
{
    free(p->at);
    free(p->touched);
    free(p->pieces);
    free(p->packed_at);
    chunked_free(p->chunked);
    vec_done(&p->cuts);
    for (size_t i = 0; i < ARRAY_SIZE(p->heads); i++)
        str_done(&p->heads[i]);
}

/* ---- filling chunks, on any thread ---- */

struct piece { /* of the archive */
    struct write_plan *plan;
    uint64_t number, from, to;
    unsigned worker;
    uint8_t *out;
};

static uint64_t cut_end(const struct write_plan *p, uint64_t number)
{
    return number + 1 < p->cuts.size ? p->cuts.at[number + 1].start : p->end;
}

static int lied(const struct entry *e, struct error *err)
{
    return error_set(err, -EPROTO, "'%.200s' is not as its index says", e->path);
}

/* What of data, which stands at `at` in the archive, belongs to the piece. */
static void put(const struct piece *p, uint64_t at, struct view data)
{
    const uint64_t from = MAX(at, p->from), to = MIN(at + data.size, p->to);

    if (from < to)
        memcpy(p->out + (from - p->from), data.at + (from - at), (size_t)(to - from));
}

static void put_zeros(const struct piece *p, uint64_t at, uint64_t end)
{
    const uint64_t from = MAX(at, p->from), to = MIN(end, p->to);

    if (from < to)
        memset(p->out + (from - p->from), 0, (size_t)(to - from));
}

static bool is_touched(const struct write_plan *p, size_t i)
{
    return __atomic_load_n(&p->touched[i], __ATOMIC_RELAXED);
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

static int read_content(const struct piece *p, size_t i, const struct entry *e, uint64_t offset,
                        size_t size, uint8_t *out, struct error *err)
{
    cleanup_close int fd =
        fd_open_beneath(p->plan->fs, e->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "read '%.200s'", e->path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
        return lied(e, err);
    if (!is_before(&st.st_ctim, &p->plan->options->made))
        __atomic_store_n(&p->plan->touched[i], true, __ATOMIC_RELAXED);
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(fd, out + done, size - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read '%.200s'", e->path);
        if (n == 0)
            return lied(e, err);
        done += (size_t)n;
    }
    return 0;
}

/* A file that is whole in its chunk is checked here, others by seen(), in order. */
static int put_content(const struct piece *p, size_t i, const struct entry *e, uint64_t body,
                       struct error *err)
{
    const uint64_t from = MAX(body, p->from), to = MIN(body + e->size, p->to);
    uint8_t *out = p->out + (from - p->from);
    struct write_plan *plan = p->plan;
    struct digest digest;

    if (from >= to)
        return 0;
    const size_t size = (size_t)(to - from);
    const int r = read_content(p, i, e, from - body, size, out, err);
    if (r < 0)
        return r;
    const bool whole = size == e->size;
    if (plan->pieces && !whole)
        hash_of(view_make(out, size), plan->pieces[p->number].sha256);
    if (!whole || !plan->options->check || !is_touched(plan, i))
        return 0;
    hash_of(view_make(out, size), digest.sha256);
    return digest_eq(&digest, &e->content) ? 0 : lied(e, err);
}

static int put_entry(const struct piece *p, size_t i, struct error *err)
{
    const struct write_plan *plan = p->plan;
    const struct entry e = write_entry(plan, i);
    const uint64_t at = plan->at[i], body = write_body(plan, i);
    struct str *head = &p->plan->heads[p->worker];
    int r = 0;

    if (at == plan->at[i + 1])
        return 0;
    if (p->from < body) {
        str_clear(head);
        r = tar_head(&e, head, err);
        if (r < 0)
            return r;
        put(p, at, str_view(head));
    }
    if (content_size(&e) == 0)
        return 0;
    r = put_content(p, i, &e, body, err);
    put_zeros(p, body + e.size, plan->at[i + 1]);
    return r;
}

static int64_t fill(void *ctx, uint64_t number, unsigned worker, uint8_t *out, struct error *err)
{
    struct write_plan *plan = ctx;
    const struct write_cut *cut = &plan->cuts.at[number];
    const struct piece p = {plan, number, cut->start, cut_end(plan, number), worker, out};
    int r = 0;

    put(&p, 0, plan->prefix);
    for (size_t i = cut->entry; r == 0 && i < plan->count && plan->at[i] < p.to; i++)
        r = put_entry(&p, i, err);
    put_zeros(&p, plan->at[plan->count], plan->end);
    return r < 0 ? r : (int64_t)(p.to - p.from);
}

/* ---- seeing them in order ---- */

static int check_piece(struct write_plan *p, size_t i, uint64_t from, struct view plain,
                       struct error *err)
{
    const struct entry *e = index_at(p->index, i);
    const uint64_t body = write_body(p, i), end = body + content_size(e);
    const uint64_t a = MAX(body, from), b = MIN(end, from + plain.size);
    struct digest digest;

    if (a >= b || b - a == end - body)
        return 0;
    if (a == body) {
        hash_init(&p->whole);
        p->hashing = is_touched(p, i);
    }
    if (!p->hashing) /* touched while we read it: nobody knows what the first chunks were */
        return is_touched(p, i) ? lied(e, err) : 0;
    hash_add(&p->whole, plain.at + (a - from), (size_t)(b - a));
    if (b < end)
        return 0;
    hash_done(&p->whole, digest.sha256);
    return digest_eq(&digest, &e->content) ? 0 : lied(e, err);
}

/* Only the first and the last file of a chunk can be in others too. */
static int seen(void *ctx, uint64_t number, struct view plain, uint64_t packed_at,
                struct error *err)
{
    struct write_plan *p = ctx;
    const size_t first = p->cuts.at[number].entry;
    const size_t last = number + 1 < p->cuts.size ? p->cuts.at[number + 1].entry : p->count;
    int r = 0;

    if (p->packed_at)
        p->packed_at[number] = packed_at;
    if (p->chunked)
        chunked_seen(p, number, plain);
    if (!p->options->check)
        return 0;
    if (first < p->count)
        r = check_piece(p, first, p->cuts.at[number].start, plain, err);
    if (r == 0 && last < p->count && last != first)
        r = check_piece(p, last, p->cuts.at[number].start, plain, err);
    return r;
}

/* ---- all of it ---- */

static int write_planned(struct write_plan *p, struct codec_writer *w, struct error *err)
{
    const struct codec_filler filler = {fill, seen, p};

    return codec_fill(w, &filler, p->cuts.size, err);
}

static int write_plain(struct write_plan *p, struct codec_writer *w, struct error *err)
{
    const int r = place_entries(p, NULL, err);

    if (r < 0)
        return r;
    p->end = p->at[p->count] + END_SIZE;
    write_cut_at(p, 0, 0);
    write_cut_at(p, p->end, p->count);
    p->cuts.size--; /* the end is no beginning */
    return write_planned(p, w, err);
}

static int write_estargz(struct write_plan *p, struct codec_writer *w, struct digest *ret_toc,
                         struct error *err)
{
    STR_AUTO(landmark);
    int r = estargz_landmark(&landmark, err);

    p->prefix = str_view(&landmark);
    if (r == 0)
        r = place_entries(p, estargz_skips, err);
    if (r < 0)
        return r;
    p->end = p->at[p->count]; /* the archive ends behind the table of contents */
    estargz_cut(p);
    r = write_planned(p, w, err);
    return r < 0 ? r : estargz_finish(p, w, ret_toc, err);
}

static int write_chunked(struct write_plan *p, struct codec_writer *w, struct write_toc *ret,
                         struct error *err)
{
    int r = place_entries(p, NULL, err);

    if (r < 0)
        return r;
    p->end = p->at[p->count] + END_SIZE;
    chunked_cut(p);
    r = write_planned(p, w, err);
    return r < 0 ? r : chunked_finish(p, w, ret, err);
}

int write_layer(const struct index *ix, int fs, const struct write_options *o,
                struct codec_writer *w, struct write_toc *ret_toc, struct error *err)
{
    struct write_plan p = {.index = ix, .options = o, .fs = fs, .count = index_count(ix)};
    struct write_toc toc = {0};

    for (size_t i = 0; i < ARRAY_SIZE(p.heads); i++)
        p.heads[i] = STR_INIT;
    const enum codec_id id = codec_writer_id(w);
    const int r = id == CODEC_ESTARGZ        ? write_estargz(&p, w, &toc.digest, err)
                  : id == CODEC_ZSTD_CHUNKED ? write_chunked(&p, w, &toc, err)
                                             : write_plain(&p, w, err);
    plan_done(&p);
    if (r == 0 && ret_toc)
        *ret_toc = toc;
    return r;
}
