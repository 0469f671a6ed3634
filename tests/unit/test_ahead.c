/* When the disk is asked to begin. */
#include <fcntl.h>
#include <semaphore.h>
#include <unistd.h>

#include "base/ahead.h"
#include "unit.h"

static sem_t synced;
static int last_fd;

/* libc's is not asked. */
int syncfs(int fd)
{
    last_fd = fcntl(fd, F_GETFD) >= 0 ? fd : -1;
    (void)sem_post(&synced);
    return 0;
}

static int count(void)
{
    int n = 0;

    (void)sem_getvalue(&synced, &n);
    return n;
}

static void wait_for_one(void)
{
    while (sem_wait(&synced) < 0)
        ;
}

static void every_so_many_bytes(void **state)
{
    (void)state;
    sem_init(&synced, 0, 0);
    const int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ahead *a = ahead_begin(fd);

    assert_true(fd >= 0);
    (void)close(fd); /* it has its own */
    ahead_wrote(a, AHEAD_BYTES - 1);
    assert_int_equal(count(), 0);
    ahead_wrote(a, 1);
    wait_for_one();
    assert_true(last_fd >= 0);
    ahead_wrote(a, 3 * AHEAD_BYTES); /* once, however much */
    wait_for_one();
    ahead_wrote(a, AHEAD_LAST_BYTES);
    assert_int_equal(count(), 0);
    ahead_end(a);
    wait_for_one(); /* the rest */
}

static void little_is_left_alone(void **state)
{
    (void)state;
    sem_init(&synced, 0, 0);
    struct ahead *a = ahead_begin(0);

    ahead_wrote(a, AHEAD_LAST_BYTES - 1);
    ahead_end(a);
    ahead_end(NULL);
    a = ahead_begin(-1); /* no descriptor: nothing is done, nothing fails */
    ahead_wrote(a, AHEAD_BYTES);
    ahead_wrote(a, AHEAD_BYTES);
    ahead_end(a);
    assert_int_equal(count(), 0);
}

UNIT_MAIN(cmocka_unit_test(every_so_many_bytes), cmocka_unit_test(little_is_left_alone))
