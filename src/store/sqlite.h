/* store/sqlite.h - what the cache calls of SQLite, loaded when it is opened: binding the library's 1,500 symbols
 * was a sixth of the start of every process, and only main opens the cache. */
#pragma once

#include <sqlite3.h>

#include "base/error.h"

#define SQLITE_CALLS(X)                                                                            \
    X(bind_blob)                                                                                   \
    X(bind_blob64)                                                                                 \
    X(bind_int)                                                                                    \
    X(bind_int64)                                                                                  \
    X(bind_text)                                                                                   \
    X(busy_timeout)                                                                                \
    X(clear_bindings)                                                                              \
    X(close)                                                                                       \
    X(column_blob)                                                                                 \
    X(column_bytes)                                                                                \
    X(column_int)                                                                                  \
    X(column_int64)                                                                                \
    X(db_config)                                                                                   \
    X(errcode)                                                                                     \
    X(errmsg)                                                                                      \
    X(errstr)                                                                                      \
    X(exec)                                                                                        \
    X(finalize)                                                                                    \
    X(open_v2)                                                                                     \
    X(prepare_v2)                                                                                  \
    X(prepare_v3)                                                                                  \
    X(reset)                                                                                       \
    X(step)                                                                                        \
    X(wal_checkpoint_v2)                                                                           \
    X(wal_hook)

struct sqlite {
#define SQLITE_MEMBER(name) typeof(sqlite3_##name) *name;
    SQLITE_CALLS(SQLITE_MEMBER)
#undef SQLITE_MEMBER
};

/* -ENOTSUP where the library is not installed. */
MUST_CHECK int sqlite_load(struct sqlite *ret, struct error *err);
