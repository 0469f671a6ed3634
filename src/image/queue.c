#include "image/queue.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/progress.h"
#include "image/keep.h"

#define IDLE_MS 10        /* until somebody who has nothing to do now is asked again */
#define QUEUE_WIDTH_MAX 8 /* a job that compresses has threads of its own */

struct slot {
    struct queue_item *item; /* NULL: free */
    struct job *job;
    struct progress_step *step;
};

struct queue {
    struct image_tools *tools;
    struct holder *holder;
    struct slot slots[QUEUE_WIDTH_MAX];
    size_t width, running;
    const struct queue_idle *idle; /* NULL: there is nothing to do meanwhile */
};

static void end_slot(struct queue *q, struct slot *s, enum progress_end end)
{
    progress_finish(s->step, end, NULL);
    *s = (struct slot){0};
    q->running--;
}

static void cancel_all(struct queue *q)
{
    if (!q->running)
        return;
    for (size_t i = 0; i < q->width; i++) {
        if (!q->slots[i].item)
            continue;
        job_cancel(q->slots[i].job);
        end_slot(q, &q->slots[i], PROGRESS_CANCELED);
    }
    image_end_jobs(q->tools);
}

static int start(struct queue *q, struct queue_item *item, struct error *err)
{
    struct slot *s = q->slots;
    int fds[FRAME_FDS_MAX];
    const size_t first = item->fd >= 0;

    while (s->item)
        s++;
    assert(first + item->also_count <= ARRAY_SIZE(fds));
    fds[0] = item->fd;
    if (item->also_count)
        memcpy(fds + first, item->also, item->also_count * sizeof(*fds));
    const int r = holder_submit(q->holder, item->job, item->request, fds, first + item->also_count,
                                &s->job, err);
    if (r < 0)
        return r;
    s->item = item;
    if (item->title)
        s->step = progress_begin(q->tools->env->progress, item->title);
    q->running++;
    return 0;
}

static void on_message(void *ctx, const json_t *message)
{
    struct progress_step *step = ctx;
    int64_t done = 0, total = 0;
    const char *log = NULL;

    if (doc_int(message, "done", &done, NULL) == 0 && doc_int(message, "total", &total, NULL) == 0)
        progress_update(step, (uint64_t)done, (uint64_t)total, "MB");
    if (doc_text(message, "log", &log, NULL) == 0 && log)
        progress_log(step, view_of(log));
}

static int step(struct queue *q, struct slot *s, struct error *err)
{
    int r = job_step(s->job, on_message, s->step, err);

    if (r == 0)
        return 0;
    if (r > 0)
        r = job_finish(s->job, &s->item->answer, err);
    else
        job_cancel(s->job);
    if (r == 0 && !s->item->answer)
        r = error_set(err, -EPROTO, "job '%s' gave no answer", s->item->job);
    s->item->failed = r < 0;
    end_slot(q, s, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE);
    return r;
}

static int wait_any(struct queue *q, struct error *err)
{
    const int more = q->idle ? q->idle->step(q->idle->ctx, err) : 0;
    int delay = progress_delay_ms(q->tools->env->progress);
    struct pollfd fds[QUEUE_WIDTH_MAX + 1];
    int r;

    if (more < 0)
        return more;
    if (q->idle && (delay < 0 || delay > IDLE_MS))
        delay = IDLE_MS;
    for (size_t i = 0; i < q->width; i++)
        fds[i] = (struct pollfd){q->slots[i].item ? job_fd(q->slots[i].job) : -1, POLLIN, 0};
    fds[q->width] =
        (struct pollfd){q->idle && q->idle->fd ? q->idle->fd(q->idle->ctx) : -1, POLLIN, 0};
    r = poll(fds, q->width + 1, more ? 0 : delay);
    if (r < 0 && errno != EINTR)
        return error_sys(err, "wait for jobs");
    progress_tick(q->tools->env->progress);
    for (size_t i = 0; r > 0 && i < q->width; i++) {
        if (!fds[i].revents)
            continue;
        const int stepped = step(q, &q->slots[i], err);
        if (stepped < 0)
            return stepped;
    }
    return 0;
}

static struct queue_item *next_ready(struct queue_item *items, size_t count)
{
    struct queue_item *early = NULL;

    for (size_t i = 0; i < count; i++) {
        if (items[i].started)
            continue;
        if (!items[i].ready || *items[i].ready)
            return &items[i];
        if (items[i].early && !early)
            early = &items[i];
    }
    return early;
}

int queue_run(struct image_tools *t, struct queue_item *items, size_t count, struct error *err)
{
    return queue_run_beside(t, items, count, NULL, err);
}

int queue_run_beside(struct image_tools *t, struct queue_item *items, size_t count,
                     const struct queue_idle *idle, struct error *err)
{
    struct queue q = {.tools = t, .idle = idle};
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t started = 0;
    int r = count ? image_holder(t, &q.holder, err) : 0;

    q.width = (size_t)MIN(MAX(cpus, 1), QUEUE_WIDTH_MAX);
    while (r == 0 && (started < count || q.running)) {
        struct queue_item *next = q.running < q.width ? next_ready(items, count) : NULL;

        if (next) {
            next->started = true;
            started++;
            r = start(&q, next, err);
        } else {
            r = wait_any(&q, err);
        }
    }
    cancel_all(&q);
    return r;
}

static int wire_on(void *ctx, struct error *err)
{
    const int r = wire_step(ctx, 0, err); /* MIN() would take two steps, and lose a failure */

    return MIN(r, 0); /* its descriptor says when there is more */
}

static int wire_readable(void *ctx)
{
    return wire_fd(ctx);
}

struct queue_idle queue_idle_wire(struct wire *w)
{
    return (struct queue_idle){wire_on, w, wire_readable};
}

void queue_items_done(struct queue_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        doc_unref(items[i].request);
        doc_unref(items[i].answer);
    }
}
