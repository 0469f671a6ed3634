#include "distro/curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"

int curl_load(struct curl *ret, struct error *err)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    const struct {
        const char *name;
        void *at; /* of the function pointer */
    } calls[] = {
        {"curl_global_init", &ret->global_init},
        {"curl_easy_init", &ret->easy_init},
        {"curl_easy_setopt", &ret->easy_setopt},
        {"curl_easy_getinfo", &ret->easy_getinfo},
        {"curl_easy_cleanup", &ret->easy_cleanup},
        {"curl_easy_strerror", &ret->easy_strerror},
        {"curl_multi_init", &ret->multi_init},
        {"curl_multi_setopt", &ret->multi_setopt},
        {"curl_multi_add_handle", &ret->multi_add_handle},
        {"curl_multi_remove_handle", &ret->multi_remove_handle},
        {"curl_multi_perform", &ret->multi_perform},
        {"curl_multi_poll", &ret->multi_poll},
        {"curl_multi_info_read", &ret->multi_info_read},
        {"curl_multi_cleanup", &ret->multi_cleanup},
    };
    void *library = NULL;

    for (size_t i = 0; !library && i < ARRAY_SIZE(names); i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        error_set(err, -ENOTSUP, "libcurl is not installed");
        return error_hint(err, -ENOTSUP, "apt-get install libcurl4");
    }
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        void *symbol = dlsym(library, calls[i].name);

        if (!symbol)
            return error_set(err, -ENOTSUP, "libcurl is too old: it has no %s", calls[i].name);
        memcpy(calls[i].at, &symbol, sizeof(symbol));
    }
    return ret->global_init(CURL_GLOBAL_DEFAULT) == CURL_OK
               ? 0
               : error_set(err, -EIO, "libcurl does not start");
}
