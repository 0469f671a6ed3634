#include "base/frame.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"

/* The head travels with the descriptors in one sendmsg(); pipes, which carry none, take plain
 * writes. */

static int send_head(int fd, uint32_t size, const int *fds, size_t fd_count, struct error *err)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS_MAX)];
    } control = {0};
    struct iovec part = {&size, sizeof(size)};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n;

    if (fd_count == 0)
        return fd_write_all(fd, view_make(&size, sizeof(size)), err);
    m.msg_control = control.bytes;
    m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
    memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    do
        n = sendmsg(fd, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == sizeof(size) ? 0 : error_sys(err, "send descriptors");
}

int frame_send(int fd, struct view data, const int *fds, size_t fd_count, struct error *err)
{
    if (data.size > FRAME_SIZE_MAX || fd_count > FRAME_FDS_MAX)
        return error_set(err, -EDQUOT, "message of %zu bytes, %zu descriptors is too large",
                         data.size, fd_count);
    const int r = send_head(fd, (uint32_t)data.size, fds, fd_count, err);
    return r < 0 ? r : fd_write_all(fd, data, err);
}

static void take_fds(struct msghdr *m, int *fds, size_t *count)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; i < n; i++) {
            int one;

            memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (fds && *count < FRAME_FDS_MAX)
                fds[(*count)++] = one;
            else
                (void)close(one);
        }
    }
}

/* Reads exactly size bytes; 0 at a clean end before the first. */
static int read_exactly(int fd, void *buf, size_t size, int *fds, size_t *count, struct error *err)
{
    for (size_t done = 0; done < size;) {
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(int) * FRAME_FDS_MAX)];
        } control;
        struct iovec part = {(char *)buf + done, size - done};
        struct msghdr m = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof(control.bytes)};
        ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);

        if (n < 0 && errno == ENOTSOCK)
            n = read(fd, part.iov_base, part.iov_len), m.msg_controllen = 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "receive message");
        take_fds(&m, fds, count);
        if (n == 0 && done == 0)
            return 0;
        if (n == 0)
            return error_set(err, -EPROTO, "message ends early");
        done += (size_t)n;
    }
    return 1;
}

static void close_all(int *fds, size_t *count)
{
    while (fds && *count > 0)
        (void)close(fds[--*count]);
}

int frame_recv(int fd, struct str *ret, int *ret_fds, size_t *ret_fd_count, struct error *err)
{
    uint32_t size = 0;
    size_t count = 0;

    int r = read_exactly(fd, &size, sizeof(size), ret_fds, &count, err);
    if (r == 1 && size > FRAME_SIZE_MAX)
        r = error_set(err, -EPROTO, "message claims %u bytes", size);
    if (r == 1 && size > 0) {
        str_clear(ret);
        str_reserve(ret, size);
        r = read_exactly(fd, ret->at, size, ret_fds, &count, err);
        if (r == 0)
            r = error_set(err, -EPROTO, "message ends early");
        if (r == 1) {
            ret->size = size;
            ret->at[size] = '\0';
        }
    } else if (r == 1) {
        str_clear(ret);
    }
    if (r != 1)
        close_all(ret_fds, &count);
    if (ret_fd_count)
        *ret_fd_count = count;
    return r;
}
