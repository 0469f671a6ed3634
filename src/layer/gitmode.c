#include "layer/gitmode.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX 64 /* directories that are looked at: none that was met is deeper */

/* Of a directory .git, or of the file that a work tree or submodule has there. */
static mode_t umask_of(const struct stat *git)
{
    const mode_t missing = ~git->st_mode & (S_ISDIR(git->st_mode) ? 0777 : 0666);

    return S_ISDIR(git->st_mode) ? missing : missing | (missing & 0444) >> 2;
}

mode_t gitmode_of(int dirfd)
{
    cleanup_close int dir = fd_open(dirfd, ".", O_RDONLY | O_DIRECTORY, 0, NULL);
    struct stat here, git, above;

    for (int i = 0; i < DEPTH_MAX && dir >= 0 && fstat(dir, &here) == 0; i++) {
        if (fstatat(dir, ".git", &git, AT_SYMLINK_NOFOLLOW) == 0 &&
            (S_ISDIR(git.st_mode) || S_ISREG(git.st_mode)))
            return umask_of(&git) | GITMODE_KNOWN;
        const int up = fd_open(dir, "..", O_PATH | O_DIRECTORY, 0, NULL);
        fd_closep(&dir);
        dir = up;
        /* as git, not into another file system; and / is its own parent */
        if (dir < 0 || fstat(dir, &above) < 0 || above.st_dev != here.st_dev ||
            above.st_ino == here.st_ino)
            break;
    }
    return 0;
}

mode_t gitmode_apply(mode_t gitmode, mode_t mode)
{
    const mode_t type = mode & S_IFMT, bits = mode & 07777, umask = gitmode & 0777;

    if (!(gitmode & GITMODE_KNOWN) || (type != S_IFREG && type != S_IFDIR))
        return mode;
    if (bits == (0777 & ~umask))
        return type | 0755;
    return type == S_IFREG && bits == (0666 & ~umask) ? type | 0644 : mode;
}
