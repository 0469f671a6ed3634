#include "base/ahead.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fd.h"

struct ahead {
    int fd;
    _Atomic uint64_t written; /* since a sync was asked for last */
    pthread_mutex_t lock;
    pthread_cond_t asked;
    bool wanted, ended, started;
    unsigned users; /* whoever began, and the thread: the last one frees it */
};

struct ahead *ahead_begin(int fd)
{
    struct ahead *a = xcalloc(1, sizeof(*a));

    a->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* without it nothing is done ahead */
    a->users = 1;
    atomic_init(&a->written, 0);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->asked, NULL);
    return a;
}

/* The lock is held, and is not afterwards. */
static void leave(struct ahead *a)
{
    const bool last = --a->users == 0;

    pthread_mutex_unlock(&a->lock);
    if (!last)
        return;
    pthread_cond_destroy(&a->asked);
    pthread_mutex_destroy(&a->lock);
    fd_closep(&a->fd);
    free(a);
}

static void *sync_when_asked(void *arg)
{
    struct ahead *a = arg;

    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->wanted && !a->ended)
            pthread_cond_wait(&a->asked, &a->lock);
        if (!a->wanted)
            break;
        a->wanted = false;
        pthread_mutex_unlock(&a->lock);
        (void)syncfs(a->fd); /* what fails here fails again for the one who counts on it */
        pthread_mutex_lock(&a->lock);
    }
    leave(a);
    return NULL;
}

/* The lock is held. Nobody waits for the thread, as nobody needs what it does. */
static void start(struct ahead *a)
{
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    a->users++;
    if (pthread_create(&thread, NULL, sync_when_asked, a) == 0)
        (void)pthread_detach(thread);
    else
        a->users--;
    a->started = true; /* tried once: a process limit is no reason to fail */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The lock is held. */
static void ask(struct ahead *a)
{
    a->wanted = true;
    if (!a->started)
        start(a);
    pthread_cond_signal(&a->asked);
}

void ahead_wrote(struct ahead *a, uint64_t bytes)
{
    const uint64_t before = atomic_fetch_add(&a->written, bytes);

    if (before + bytes < AHEAD_BYTES || before >= AHEAD_BYTES || a->fd < 0)
        return; /* not yet, or somebody else is just asking */
    atomic_store(&a->written, 0);
    pthread_mutex_lock(&a->lock);
    ask(a);
    pthread_mutex_unlock(&a->lock);
}

void ahead_end(struct ahead *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->ended = true;
    if (a->fd >= 0 && atomic_load(&a->written) >= AHEAD_LAST_BYTES)
        ask(a);
    pthread_cond_signal(&a->asked);
    leave(a);
}
