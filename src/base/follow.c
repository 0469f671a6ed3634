#include "base/follow.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

int follow_open(struct error *err)
{
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return fd < 0 ? error_sys(err, "eventfd") : fd;
}

void follow_tell(int fd, uint64_t word)
{
    (void)eventfd_write(fd, word);
}

void follow_take(struct follow *f)
{
    eventfd_t words = 0;

    if (f->fd < 0 || eventfd_read(f->fd, &words) < 0)
        return;
    f->ended = f->ended || words >= FOLLOW_END;
    f->again = f->again || words % FOLLOW_END >= FOLLOW_AGAIN;
}

int follow_wait(struct follow *f, struct error *err)
{
    struct pollfd p = {f->fd, POLLIN, 0};

    for (follow_take(f); f->fd >= 0 && !f->ended && !f->again; follow_take(f))
        if (poll(&p, 1, -1) < 0 && errno != EINTR)
            return error_sys(err, "wait for data");
    return 0;
}
