/* InRelease and Release files, gpgv's answer, key blocks. */
#include "distro/release.h"
#include "distro/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct view file = view_make(data, size);
    STR_AUTO(text);
    STR_AUTO(key);
    struct release r;
    struct digest d;
    uint64_t n;

    (void)!verify_dearmour(file, &key, NULL);
    (void)!verify_status(file, "x", NULL);
    if (inrelease_text(file, true, &text, NULL) < 0)
        return 0;
    if (release_parse(str_view(&text), &r, NULL) < 0)
        return 0;
    (void)!release_file(&r, "main/binary-amd64/Packages.xz", &d, &n, NULL);
    (void)!release_check_suite(&r, "bookworm/updates", NULL);
    (void)!release_check_valid_until(&r, 0, NULL);
    return 0;
}
