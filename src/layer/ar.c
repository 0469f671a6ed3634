#include "layer/ar.h"

#include <errno.h>
#include <unistd.h>

#define HEADER 60

static const char magic[] = "!<arch>\n";

void ar_init_fd(struct ar_reader *r, int fd)
{
    *r = (struct ar_reader){.fd = fd};
}

void ar_init_source(struct ar_reader *r, codec_source *read, void *ctx)
{
    *r = (struct ar_reader){.read = read, .ctx = ctx, .fd = -1};
}

static int read_some(struct ar_reader *r, void *buf, size_t size, struct error *err)
{
    if (r->read)
        return r->read(r->ctx, buf, size, err);
    for (;;) {
        const ssize_t n = read(r->fd, buf, MIN(size, (size_t)INT32_MAX));
        if (n >= 0)
            return (int)n;
        if (errno != EINTR)
            return error_sys(err, "read ar archive");
    }
}

/* How many bytes there were, up to size. */
static int read_full(struct ar_reader *r, void *buf, size_t size, struct error *err)
{
    size_t have = 0;

    while (have < size) {
        const int n = read_some(r, (char *)buf + have, size - have, err);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (int)have;
}

int ar_read(void *ctx, void *buf, size_t size, struct error *err)
{
    struct ar_reader *r = ctx;

    if (r->left == 0)
        return 0;
    const int n = read_some(r, buf, (size_t)MIN((uint64_t)size, r->left), err);
    if (n == 0)
        return error_set(err, -EPROTO, "ar archive ends within a member");
    if (n > 0)
        r->left -= (uint64_t)n;
    return n;
}

static int skip_rest(struct ar_reader *r, struct error *err)
{
    char buf[16384];

    while (r->left > 0) {
        const int n = ar_read(r, buf, sizeof(buf), err);
        if (n < 0)
            return n;
    }
    if (r->pad) {
        const int n = read_full(r, buf, 1, err); /* the last pad byte may be missing */
        if (n < 0)
            return n;
    }
    r->pad = false;
    return 0;
}

static int begin(struct ar_reader *r, struct error *err)
{
    char head[sizeof(magic) - 1];
    const int n = read_full(r, head, sizeof(head), err);

    if (n < 0)
        return n;
    if ((size_t)n < sizeof(head) || memcmp(head, magic, sizeof(head)) != 0)
        return error_set(err, -EINVAL, "not an ar archive");
    r->begun = true;
    return 0;
}

static int parse_header(const char *head, struct ar_member *ret, struct error *err)
{
    struct view name = view_trim(view_make(head, AR_NAME_MAX));

    if (name.size > 1 && name.at[name.size - 1] == '/')
        name.size--;
    if (memcmp(head + 58, "`\n", 2) != 0 || name.size == 0 || memchr(name.at, '\0', name.size) ||
        !view_to_u64(view_trim(view_make(head + 48, 10)), &ret->size))
        return error_set(err, -EINVAL, "ar archive has a bad header");
    if (ret->size > AR_MEMBER_MAX)
        return error_set(err, -EDQUOT, "ar archive has a member of more than %llu bytes",
                         AR_MEMBER_MAX);
    memcpy(ret->name, name.at, name.size);
    ret->name[name.size] = '\0';
    return 0;
}

int ar_next(struct ar_reader *r, struct ar_member *ret, struct error *err)
{
    char head[HEADER];
    struct ar_member m = {0};
    int e = r->begun ? skip_rest(r, err) : begin(r, err);

    if (e < 0)
        return e;
    e = read_full(r, head, sizeof(head), err);
    if (e <= 0)
        return e;
    if (e < HEADER)
        return error_set(err, -EPROTO, "ar archive ends within a header");
    if (++r->count > AR_MEMBERS_MAX)
        return error_set(err, -EDQUOT, "ar archive has more than %d members", AR_MEMBERS_MAX);
    e = parse_header(head, &m, err);
    if (e < 0)
        return e;
    r->left = m.size;
    r->pad = m.size % 2;
    *ret = m;
    return 1;
}
