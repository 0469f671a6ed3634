#include "net/sink.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/follow.h"

void sinks_done(struct sinks *all)
{
    vec_done(&all->expected);
}

/* ---- digests ---- */

static uint64_t lag(const struct sink *s)
{
    return s->with_hash ? s->at - s->hashed : 0;
}

static void advance(struct sink *s, uint64_t to)
{
    s->all->lag -= to - s->hashed;
    s->hashed = to;
}

/* A few gain nothing by waiting. */
static bool may_lag(const struct sinks *all)
{
    return all->expected.size >= HASH_LANES_MIN && hash_has_lanes();
}

/* Up to `end`, by reads: where there are no others to be side by side with, or no mappings. */
static void hash_alone(struct sink *s, uint64_t end)
{
    cleanup_free char *buf = xmalloc(SINK_WINDOW);

    while (!s->broken && s->hashed < end) {
        const size_t n = (size_t)MIN(end - s->hashed, (uint64_t)SINK_WINDOW);

        s->broken = fd_pread_all(s->fd, buf, n, s->hashed, NULL);
        if (!s->broken)
            hash_add(&s->hash, buf, n);
        advance(s, s->hashed + n);
    }
    advance(s, end);
}

struct window {
    struct sink *sink;
    char *at; /* NULL: it has none */
    size_t before, size;
};

/* Up to a boundary of windows, so that those of all have the same size. Somebody who cuts the file off
 * meanwhile ends this process, and nothing else. */
static struct window window_open(struct sink *s)
{
    const size_t before = (size_t)(s->hashed % SINK_WINDOW);
    const size_t size = (size_t)MIN(lag(s), (uint64_t)SINK_WINDOW - before);
    void *at = mmap(NULL, before + size, PROT_READ, MAP_SHARED | MAP_POPULATE, s->fd,
                    (off_t)(s->hashed - before));

    return (struct window){s, at == MAP_FAILED ? NULL : at, before, size};
}

static void window_close(struct window *w)
{
    const uint64_t end = w->sink->hashed + w->size;

    if (!w->at) {
        hash_alone(w->sink, end);
        return;
    }
    (void)munmap(w->at, w->before + w->size);
    advance(w->sink, end);
}

/* As many windows as go side by side. Bodies that never stop must not keep those that ended from theirs. */
static size_t take_turns(struct sinks *all, struct window ret[static HASH_LANES])
{
    const size_t first = all->next;
    size_t n = 0;

    for (size_t i = 0; i < all->expected.size && n < HASH_LANES; i++) {
        const size_t at = (first + i) % all->expected.size;

        if (lag(all->expected.at[at])) {
            ret[n++] = window_open(all->expected.at[at]);
            all->next = at + 1;
        }
    }
    return n;
}

void sinks_hash(struct sinks *all)
{
    struct window windows[HASH_LANES];
    struct hash_part parts[HASH_LANES];
    const size_t n = take_turns(all, windows);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        const struct window *w = &windows[i];

        if (w->at)
            parts[count++] =
                (struct hash_part){&w->sink->hash, view_make(w->at + w->before, w->size)};
    }
    hash_add_each(parts, count);
    for (size_t i = 0; i < n; i++)
        window_close(&windows[i]);
}

bool sinks_are_due(const struct sinks *all, int64_t since_ms)
{
    bool waits = false;
    size_t n = 0;

    vec_each (s, &all->expected) {
        n += lag(*s) >= SINK_WINDOW;
        waits = waits || ((*s)->ended && lag(*s));
    }
    return all->lag && (!may_lag(all) || n >= MIN(all->expected.size, (size_t)HASH_LANES) ||
                        (waits && since_ms >= SINK_PATIENCE_MS));
}

bool sink_is_hashed(const struct sink *s)
{
    return lag(s) <= SINK_LAG_SMALL;
}

int sink_digest(struct sink *s, uint8_t ret[static SHA256_SIZE], struct error *err)
{
    hash_alone(s, s->at);
    hash_done(&s->hash, ret);
    return s->broken ? error_set(err, s->broken, "read what was fetched: %s", strerror(-s->broken))
                     : 0;
}

/* ---- a file ---- */

void sink_expect(struct sink *s, struct sinks *all)
{
    s->all = all;
    vec_push(&all->expected, s);
}

int sink_open(struct sink *s, struct sinks *all, int fd, int told_fd, uint64_t at, bool with_hash,
              struct error *err)
{
    struct stat st;

    if (with_hash && !s->all)
        sink_expect(s, all);
    *s = (struct sink){.all = all,
                       .fd = fd,
                       .told_fd = told_fd,
                       .is_open = true,
                       .with_hash = with_hash,
                       .at = at,
                       .held = xmalloc(SINK_PIECE)};
    hash_init(&s->hash);
    all->lag += lag(s);
    if (fstat(fd, &st) < 0 || ftruncate(fd, (off_t)at) < 0)
        return error_sys(err, "write");
    if ((uint64_t)st.st_size > at && told_fd >= 0)
        follow_tell(told_fd, FOLLOW_AGAIN);
    if (with_hash && !may_lag(all))
        hash_alone(s, at);
    return 0;
}

int sink_flush(struct sink *s, struct error *err)
{
    const struct view bytes = view_make(s->held, s->held_size);
    const bool at_once = s->with_hash && s->hashed == s->at && !may_lag(s->all);
    int r;

    if (!bytes.size)
        return 0;
    r = fd_pwrite_all(s->fd, bytes, s->at, err);
    if (r < 0)
        return r;
    s->at += bytes.size;
    s->held_size = 0;
    if (s->told_fd >= 0)
        follow_tell(s->told_fd, FOLLOW_MORE);
    if (s->with_hash)
        s->all->lag += bytes.size;
    if (at_once) {
        hash_add(&s->hash, bytes.at, bytes.size);
        advance(s, s->at);
    }
    while (s->all->lag > SINK_LAG_MAX)
        sinks_hash(s->all);
    return 0;
}

int sink_end(struct sink *s, struct error *err)
{
    s->ended = true;
    return sink_flush(s, err);
}

/* Up to whole pieces of the file, so that no page is written twice. */
int sink_add(struct sink *s, struct view bytes, struct error *err)
{
    while (bytes.size) {
        const uint64_t end = sink_size(s);
        const size_t n = MIN(bytes.size, SINK_PIECE - (size_t)(end % SINK_PIECE));

        memcpy(s->held + s->held_size, bytes.at, n);
        s->held_size += n;
        bytes = view_make(bytes.at + n, bytes.size - n);
        if ((end + n) % SINK_PIECE == 0) {
            const int r = sink_flush(s, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

void sink_close(struct sink *s)
{
    if (!s->all)
        return;
    s->all->lag -= lag(s);
    for (size_t i = 0; i < s->all->expected.size; i++)
        if (s->all->expected.at[i] == s)
            s->all->expected.at[i] = s->all->expected.at[--s->all->expected.size];
    free(s->held);
    *s = (struct sink){0};
}
