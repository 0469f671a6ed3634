/* A .deb without its data, and a bare control.tar. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "distro/deb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct deb d = {.control = STR_INIT}, e = {.control = STR_INIT};
    struct digest want;
    cleanup_close int fd = fd_of_bytes("deb", view_make(data, size), NULL);

    digest_of(view_make(data, size), &want);
    if (fd >= 0 && deb_read(fd, &want, NULL, &d, NULL) == 0)
        (void)deb_find(&d, "postinst");
    deb_done(&d);
    CLEANUP(codec_closep)
    struct codec_reader *in = codec_open_bytes(view_make(data, size), 0, NULL);
    (void)!deb_read_control(in, &e, NULL);
    deb_done(&e);
    return 0;
}
