#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int library_load(const char *name, const char *package, const struct library_call *calls,
                 size_t count, struct error *err)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        (void)error_set(err, -ENOTSUP, "%s is needed here and is not installed", name);
        return error_hint(err, -ENOTSUP, "apt-get install %s", package);
    }
    for (size_t i = 0; i < count; i++) {
        void *symbol = dlsym(library, calls[i].name);

        if (!symbol)
            return error_set(err, -ENOTSUP, "%s is too old: it has no %s", name, calls[i].name);
        /* ISO C has no cast from an object to a function pointer */
        memcpy(calls[i].at, &symbol, sizeof(symbol));
    }
    return 0;
}
