#include "layer/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#define POOL_THREADS_MAX 4
#define POOL_QUEUE 32

struct worker {
    struct pool *pool;
    unsigned number;
    pthread_t thread;
};

struct pool {
    struct pool_calls calls;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    void *queue[POOL_QUEUE];
    size_t first, count;
    unsigned busy; /* threads that run an item, and may push more */
    bool closed;
    atomic_bool failed;
    struct error error; /* the first, under the lock */
    int code;
    struct worker workers[POOL_THREADS_MAX];
    unsigned wanted;  /* threads besides the caller's */
    unsigned started; /* of them: the next begins when an item waits while another is pushed */
};

unsigned pool_threads(unsigned wanted)
{
    cpu_set_t set;
    unsigned have = 1;

    if (wanted > 0)
        return MIN(wanted, POOL_THREADS_MAX);
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        have = (unsigned)CPU_COUNT(&set);
    return MIN(MAX(have, 1u), POOL_THREADS_MAX);
}

bool pool_failed(const struct pool *p)
{
    return atomic_load_explicit(&p->failed, memory_order_relaxed);
}

static void work(struct pool *p, void *item, unsigned number)
{
    ERROR_AUTO(err);
    const int r = pool_failed(p) ? 0 : p->calls.run(p->calls.ctx, item, number, &err);

    if (p->calls.drop)
        p->calls.drop(p->calls.ctx, item);
    if (r >= 0)
        return;
    pthread_mutex_lock(&p->lock);
    if (p->code == 0) {
        p->code = r;
        error_move(&p->error, &err);
    }
    atomic_store(&p->failed, true);
    pthread_mutex_unlock(&p->lock);
}

/* The lock is held. */
static void *take(struct pool *p)
{
    void *item = p->queue[p->first];

    p->first = (p->first + 1) % POOL_QUEUE;
    p->count--;
    return item;
}

/* Until the pool is closed and nobody can push any more. */
static void work_off(struct pool *p, unsigned number)
{
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->count == 0 && !(p->closed && p->busy == 0))
            pthread_cond_wait(&p->filled, &p->lock);
        if (p->count == 0)
            break;
        void *item = take(p);
        p->busy++;
        pthread_mutex_unlock(&p->lock);
        work(p, item, number);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0 && p->closed && p->count == 0)
            pthread_cond_broadcast(&p->filled);
    }
    pthread_mutex_unlock(&p->lock);
}

static void *thread_main(void *arg)
{
    const struct worker *w = arg;

    work_off(w->pool, w->number);
    return NULL;
}

struct pool *pool_new(unsigned threads, const struct pool_calls *calls)
{
    struct pool *p = xcalloc(1, sizeof(*p));

    p->calls = *calls;
    p->wanted = pool_threads(threads) - 1;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->filled, NULL);
    return p;
}

/* The lock is held. */
static void start_thread(struct pool *p)
{
    struct worker *w = &p->workers[p->started];
    sigset_t all, before;

    *w = (struct worker){.pool = p, .number = p->started + 1};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&w->thread, NULL, thread_main, w) == 0)
        p->started++;
    else
        p->wanted = p->started; /* a process limit: fewer threads do it too */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void pool_push_more(struct pool *p, void *item, unsigned worker)
{
    pthread_mutex_lock(&p->lock);
    const bool full = p->wanted == 0 || p->count == POOL_QUEUE;
    if (!full) {
        p->queue[(p->first + p->count++) % POOL_QUEUE] = item;
        pthread_cond_signal(&p->filled);
        if (p->count > 1 && p->started < p->wanted)
            start_thread(p);
    }
    pthread_mutex_unlock(&p->lock);
    if (full)
        work(p, item, worker);
}

void pool_push(struct pool *p, void *item)
{
    pool_push_more(p, item, 0);
}

int pool_finish(struct pool *p, struct error *err)
{
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    pthread_cond_broadcast(&p->filled);
    pthread_mutex_unlock(&p->lock);
    work_off(p, 0);
    for (unsigned i = 0; i < p->started; i++)
        pthread_join(p->workers[i].thread, NULL);
    const int r = p->code;
    if (r < 0)
        error_move(err, &p->error);
    error_done(&p->error);
    pthread_cond_destroy(&p->filled);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return r;
}
