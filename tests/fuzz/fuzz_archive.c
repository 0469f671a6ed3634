/* An archive of images: its members, manifest.json, index.json, configs. Layers are not looked into. */
#include <unistd.h>

#include "base/fd.h"
#include "image/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct platform host = platform_host();
    const struct image_spool spool = {AT_FDCWD, NULL, NULL};
    CLEANUP(image_source_closep) struct image_source *s = NULL;
    char path[64];
    size_t found;
    cleanup_close int fd = fd_of_bytes("archive", view_make(data, size), NULL);

    if (fd < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (image_source_open(path, &spool, &s, NULL) < 0)
        return 0;
    for (size_t i = 0; i < image_source_count(s); i++) {
        struct image_source_image image;

        if (image_source_read(s, i, &host, &image, NULL) == 0)
            image_source_image_done(&image);
    }
    (void)!image_source_find(s, "x:1", &found, NULL);
    return 0;
}
