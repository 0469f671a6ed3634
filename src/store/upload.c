/* tmp/upload-<hex>: how far an upload came, for the process after us.
 *
 * The flock belongs to the open file, so that whoever was given the descriptor holds it beyond our
 * death; the lock of fcntl() belongs to this process and goes with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

#define HEIRS_MS 5000 /* that the heirs of a dead process are waited for */
#define STEP_MS 10
#define UPLOAD_NAME_SIZE (sizeof(UPLOAD_PREFIX) + DIGEST_HEX_MAX)

static void name_of(const struct digest *id, char ret[static UPLOAD_NAME_SIZE])
{
    char hex[DIGEST_HEX_MAX];

    snprintf(ret, UPLOAD_NAME_SIZE, UPLOAD_PREFIX "%s", digest_hex(id, hex));
}

static bool owner_lives(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

bool store_lock_ours(int fd)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
    struct flock mine = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += STEP_MS) {
        if (owner_lives(fd) || waited >= HEIRS_MS)
            return false;
        (void)nanosleep(&step, NULL);
    }
    return fcntl(fd, F_SETLK, &mine) == 0;
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
    const bool ours = store_lock_ours(fd) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
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
