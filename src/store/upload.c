/* tmp/upload-<hex>: how far an upload came, for the process after us. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

#define UPLOAD_NAME_SIZE (sizeof(UPLOAD_PREFIX) + DIGEST_HEX_MAX)

static void name_of(const struct digest *id, char ret[static UPLOAD_NAME_SIZE])
{
    char hex[DIGEST_HEX_MAX];

    snprintf(ret, UPLOAD_NAME_SIZE, UPLOAD_PREFIX "%s", digest_hex(id, hex));
}

int store_upload_open(struct store *s, const struct digest *id, struct error *err)
{
    char name[UPLOAD_NAME_SIZE];
    struct stat st, named;

    name_of(id, name);
    cleanup_close int fd = fd_open(s->tmp_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, err);
    if (fd < 0)
        return store_failed(err, fd);
    /* its owner may have removed it meanwhile */
    const bool ours = fd_take_over(fd) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                      fstatat(s->tmp_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                      named.st_ino == st.st_ino;
    return ours ? steal_fd(fd) : -EAGAIN;
}

void store_upload_remove(struct store *s, const struct digest *id)
{
    char name[UPLOAD_NAME_SIZE];

    name_of(id, name);
    (void)unlinkat(s->tmp_fd, name, 0);
}
