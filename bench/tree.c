/* bench/tree.c - tree DIRECTORY FILES MEAN-SIZE: a tree of files with bytes that compress like
 * source text. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t state = 88172645463325252u;

static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32);
}

int main(int argc, char **argv)
{
    static char buf[1 << 20];
    static const char letters[] = "etaoin shrdlu\n(){};=_0123456789";
    const int files = argc == 4 ? atoi(argv[2]) : 0, mean = argc == 4 ? atoi(argv[3]) : 0;

    if (files < 1 || mean < 1 || mean > 1 << 18 || chdir(argv[1]) < 0)
        return 2;
    for (int i = 0; i < files; i++) {
        char path[64];
        const size_t size = (size_t)mean / 2 + next() % (unsigned)mean;

        if (i % 6 == 0) {
            snprintf(path, sizeof(path), "d%d", i / 600);
            mkdir(path, 0755);
            snprintf(path, sizeof(path), "d%d/s%d", i / 600, i / 6);
            mkdir(path, 0755);
        }
        for (size_t at = 0; at < size; at++)
            buf[at] = letters[next() % (sizeof(letters) - 1)];
        snprintf(path, sizeof(path), "d%d/s%d/file-%d.txt", i / 600, i / 6, i);
        const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        if (fd < 0 || write(fd, buf, size) != (ssize_t)size)
            return 1;
        close(fd);
    }
    return 0;
}
