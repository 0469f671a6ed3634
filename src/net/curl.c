#include "net/curl.h"

#include <errno.h>

#include "base/library.h"
#include "base/mem.h"

int curl_load(struct curl *ret, struct error *err)
{
    const struct library_call calls[] = {
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
        {"curl_slist_append", &ret->slist_append},
        {"curl_slist_free_all", &ret->slist_free_all},
    };
    int r = library_load("libcurl.so.4", "libcurl4", calls, ARRAY_SIZE(calls), NULL);

    if (r < 0)
        r = library_load("libcurl-gnutls.so.4", "libcurl4", calls, ARRAY_SIZE(calls), err);
    if (r < 0)
        return r;
    return ret->global_init(CURL_GLOBAL_DEFAULT) == CURL_OK
               ? 0
               : error_set(err, -EIO, "libcurl does not start");
}
