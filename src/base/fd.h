/* base/fd.h - descriptors, files and directories. Every descriptor is O_CLOEXEC from birth. */
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/str.h"

/* Opens path as if dirfd were "/": symlinks and .. stay inside (openat2 RESOLVE_IN_ROOT |
 * NO_MAGICLINKS). Returns the descriptor. */
MUST_CHECK int fd_open_in_root(int dirfd, const char *path, int flags, mode_t mode,
                               struct error *err);
/* Opens path below dirfd; leaving it, or any symlink on the way, is -ELOOP or -EXDEV. Returns the
 * descriptor. */
MUST_CHECK int fd_open_beneath(int dirfd, const char *path, int flags, mode_t mode,
                               struct error *err);
/* openat() with O_CLOEXEC and an error text; for paths that are ours. Returns the descriptor. */
MUST_CHECK int fd_open(int dirfd, const char *path, int flags, mode_t mode, struct error *err);

MUST_CHECK int fd_write_all(int fd, struct view data, struct error *err);
MUST_CHECK int fd_pwrite_all(int fd, struct view data, uint64_t offset, struct error *err);
/* Reads to the end; more than limit bytes is -EDQUOT. */
MUST_CHECK int fd_read_all(int fd, size_t limit, struct str *ret, struct error *err);
MUST_CHECK int fd_read_file(int dirfd, const char *path, size_t limit, struct str *ret,
                            struct error *err);
/* The same in a stranger's directory: what is no plain file (a pipe would be waited for) is -EINVAL. */
MUST_CHECK int fd_read_regular(int dirfd, const char *path, size_t limit, struct str *ret,
                               struct error *err);
/* Exactly size bytes at offset or -EPROTO. */
MUST_CHECK int fd_pread_all(int fd, void *buf, size_t size, uint64_t offset, struct error *err);
/* Replaces path by data in one step (temporary file beside it, rename); no fsync. */
MUST_CHECK int fd_replace_file(int dirfd, const char *path, struct view data, mode_t mode,
                               struct error *err);

/* mkdir -p below dirfd, mode for each new one; existing directories are fine. For paths that are
 * ours. */
MUST_CHECK int fd_make_dirs(int dirfd, const char *path, mode_t mode, struct error *err);
/* 1: the directory has no entries, 0: it has some. */
MUST_CHECK int fd_is_empty(int fd, struct error *err);
/* rm -rf of any depth, without following anything; an absent name is fine. Makes directories
 * writable on its way; one on another file system is -EXDEV. */
MUST_CHECK int fd_remove_tree(int dirfd, const char *name, struct error *err);

/* A file that another process may have left for us: ours alone from here on. Once its owner is dead,
 * those whom he gave the descriptor to are waited for. False: he lives, or they do not end. */
bool fd_take_over(int fd);
/* A file without a name on the file system of the directory, O_RDWR. */
MUST_CHECK int fd_open_unnamed(int dirfd, const char *directory, int flags, struct error *err);
/* In-memory file (memfd) holding data, offset 0. Returns the descriptor. */
MUST_CHECK int fd_of_bytes(const char *name, struct view data, struct error *err);
MUST_CHECK int fd_pipe(int ret[2], struct error *err);
/* recvmsg(): one message, and in *ret_fd the descriptor that came with it (SCM_RIGHTS), or -1. */
MUST_CHECK ssize_t fd_receive(int socket, void *ret, size_t size, int *ret_fd);
/* Text of a path for messages: readlink of /proc/self/fd. Caller frees. */
char *fd_name(int fd);
