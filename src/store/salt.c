/* A random number of the store, made when it is first asked for: what is hashed with it means nothing elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

#define SALT_FILE "salt"

static int read_salt(struct store *s, uint8_t ret[static STORE_SALT_SIZE], struct error *err)
{
    cleanup_close int fd = openat(s->fd, SALT_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? -ENOENT : error_sys(err, "open the store's salt");
    return fd_pread_all(fd, ret, STORE_SALT_SIZE, 0, err);
}

int store_salt(struct store *s, uint8_t ret[static STORE_SALT_SIZE], struct error *err)
{
    char name[TMP_NAME_SIZE];
    uint8_t salt[STORE_SALT_SIZE];
    int r = read_salt(s, ret, err);

    if (r != -ENOENT)
        return r;
    if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
        return error_sys(err, "make a salt");
    cleanup_close int fd = store_tmp_new(s, true, name, err);
    if (fd < 0)
        return fd;
    r = fd_write_all(fd, view_make(salt, sizeof(salt)), err);
    if (r == 0 && fdatasync(fd) < 0) /* once in a store's life: nobody could tell a torn one */
        r = error_sys(err, "sync the store's salt");
    /* the first of several processes makes it */
    if (r == 0 && linkat(s->tmp_fd, name, s->fd, SALT_FILE, 0) < 0 && errno != EEXIST)
        r = error_sys(err, "make the store's salt");
    (void)unlinkat(s->tmp_fd, name, 0);
    return r < 0 ? store_failed(err, r) : read_salt(s, ret, err);
}
