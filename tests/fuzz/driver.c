/* tests/fuzz/driver.c - runs a fuzz target once over every file of its corpus directory, without
 * libFuzzer. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    size_t count = 0;
    DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;

    if (!dir) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
        return 2;
    }
    for (const struct dirent *e; (e = readdir(dir));) {
        STR_AUTO(data);

        if (e->d_name[0] == '.' || fd_read_file(dirfd(dir), e->d_name, 64 << 20, &data, NULL) < 0)
            continue;
        /* an exact allocation, so that a sanitizer sees a read past the end */
        uint8_t *exact = xmalloc(data.size + 1);
        memcpy(exact, data.at, data.size);
        LLVMFuzzerTestOneInput(exact, data.size);
        free(exact);
        count++;
    }
    closedir(dir);
    printf("%zu inputs\n", count);
    return count > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
