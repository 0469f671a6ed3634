#include "store/sqlite.h"

#include "base/library.h"
#include "base/vec.h"

int sqlite_load(struct sqlite *ret, struct error *err)
{
    const struct library_call calls[] = {
#define CALL(name) {"sqlite3_" #name, &ret->name},
        SQLITE_CALLS(CALL)
#undef CALL
    };

    return library_load("libsqlite3.so.0", "libsqlite3-0", calls, ARRAY_SIZE(calls), err);
}
