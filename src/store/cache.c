#include "store/cache.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"
#include "store/sqlite.h"

#define CACHE_FORMAT 1
/* Whoever opens the file alone reads the whole log, some 3 us a page. So a command that leaves more than this behind
 * copies it into the file at its end, once in some 15 small builds; a long one also on its way. */
#define LOG_KEEP_MAX 128
#define LOG_MAX 1000
#define HASH_SIZE ((int)sizeof(struct digest))

enum statement {
    GET_RESULT,
    PUT_RESULT,
    GET_LINK,
    PUT_LINK,
    GET_FORM,
    PUT_FORM,
    GET_PARTS,
    PUT_PARTS,
    STATEMENT_COUNT,
};

static const char *const texts[STATEMENT_COUNT] = {
    [GET_RESULT] = "SELECT value, trees FROM results WHERE key = ?1",
    [PUT_RESULT] = "INSERT OR REPLACE INTO results (key, value, trees) VALUES (?1, ?2, ?3)",
    [GET_LINK] = "SELECT target FROM links WHERE kind = ?1 AND source = ?2",
    [PUT_LINK] = "INSERT OR REPLACE INTO links (kind, source, target) VALUES (?1, ?2, ?3)",
    [GET_FORM] = "SELECT blob, size FROM forms WHERE diff = ?1 AND form = ?2",
    [PUT_FORM] = "INSERT OR REPLACE INTO forms (diff, form, blob, size) VALUES (?1, ?2, ?3, ?4)",
    [GET_PARTS] = "SELECT parts FROM parts WHERE step = ?1",
    [PUT_PARTS] = "INSERT OR REPLACE INTO parts (step, parts) VALUES (?1, ?2)",
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, value BLOB NOT NULL, trees BLOB NOT "
    "NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS links (kind INTEGER, source BLOB, target BLOB NOT NULL, PRIMARY "
    "KEY (kind, source))"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS forms (diff BLOB, form TEXT, blob BLOB NOT NULL, size INTEGER NOT "
    "NULL,"
    " PRIMARY KEY (diff, form)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS parts (step BLOB PRIMARY KEY, parts BLOB NOT NULL) WITHOUT ROWID;";

struct cache {
    const struct env *env;
    struct store *store;
    struct sqlite sql;
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    pid_t pid;
    ino_t inode;   /* of cache.db when it was opened */
    int log_pages; /* in the log after our last write; 0: none */
};

static int failed(const struct cache *c, int code, const char *what, struct error *err)
{
    const int primary = code & 0xff;
    const int r = primary == SQLITE_FULL                                  ? -ENOSPC
                  : primary == SQLITE_BUSY                                ? -EBUSY
                  : primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ? -EUCLEAN
                                                                          : -EIO;

    return store_failed(err, error_set(err, r, "%s cache.db: %s", what,
                                       c->db ? c->sql.errmsg(c->db) : c->sql.errstr(code)));
}

/* --- opening --- */

static int on_write(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct cache *c = ctx;

    c->log_pages = pages;
    if (pages >= LOG_MAX) /* if others read, it goes on growing */
        (void)c->sql.wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK;
}

/* Not while others are at it: the last of them does. */
static void empty_log(struct cache *c)
{
    (void)c->sql.busy_timeout(c->db, 0);
    (void)c->sql.wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static void close_db(struct cache *c)
{
    if (!c->db)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)c->sql.finalize(c->statements[i]);
        c->statements[i] = NULL;
    }
    if (c->log_pages > LOG_KEEP_MAX)
        empty_log(c);
    c->log_pages = 0;
    (void)c->sql.close(c->db);
    c->db = NULL;
}

static int run(struct cache *c, const char *sql, const char *what, struct error *err)
{
    const int code = c->sql.exec(c->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : failed(c, code, what, err);
}

static int read_format(struct cache *c, int *ret, struct error *err)
{
    sqlite3_stmt *st = NULL;
    int code = c->sql.prepare_v2(c->db, "PRAGMA user_version", -1, &st, NULL);

    if (code == SQLITE_OK)
        code = c->sql.step(st);
    if (code == SQLITE_ROW)
        *ret = c->sql.column_int(st, 0);
    (void)c->sql.finalize(st);
    return code == SQLITE_ROW ? 0 : failed(c, code, "read", err);
}

static int create_tables(struct cache *c, struct error *err)
{
    char version[64];
    int r = run(c, "PRAGMA journal_mode = WAL", "open", err);

    if (r == 0)
        r = run(c, "BEGIN IMMEDIATE", "lock", err);
    if (r < 0)
        return r;
    snprintf(version, sizeof(version), "PRAGMA user_version = %d", CACHE_FORMAT);
    r = run(c, schema, "make", err);
    if (r == 0)
        r = run(c, version, "make", err);
    if (r == 0)
        return run(c, "COMMIT", "make", err);
    (void)c->sql.exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

/* SQLite does not wait for readers when it changes the journal mode, so we do; and one process makes
 * the tables, the others find them. */
static int create_locked(struct cache *c, struct error *err)
{
    int format = 0;
    int r = store_lock_exclusive(c->store, err);

    if (r < 0)
        return r;
    r = read_format(c, &format, err);
    for (int waited_ms = 0; r == 0 && format == 0; waited_ms += 5) {
        ERROR_AUTO(why);

        r = create_tables(c, &why);
        if (r != -EBUSY || waited_ms >= CACHE_BUSY_MS) {
            if (r < 0)
                error_move(err, &why);
            break;
        }
        r = 0;
        (void)poll(NULL, 0, 5);
    }
    store_unlock(c->store);
    return r;
}

static int open_db(struct cache *c, struct error *err)
{
    cleanup_free char *dir = fd_name(c->store->fd), *path = xasprintf("%s/cache.db", dir);
    struct stat st;
    int format = 0;
    int r = c->sql.open_v2(path, &c->db,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

    if (r != SQLITE_OK)
        return failed(c, r, "open", err);
    (void)c->sql.busy_timeout(c->db, CACHE_BUSY_MS);
    /* the last one to close would copy the log into the file and sync both, after every command */
    (void)c->sql.db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)c->sql.wal_hook(c->db, on_write, c);
    if ((r = run(c, "PRAGMA synchronous = NORMAL", "open", err)) < 0 ||
        (r = read_format(c, &format, err)) < 0)
        return r;
    if (format == 0 && (r = create_locked(c, err)) < 0)
        return r;
    if (format > CACHE_FORMAT)
        return error_set(err, -EUCLEAN, "cache.db has format %d, this cooper knows %d", format,
                         CACHE_FORMAT);
    c->inode = fstatat(c->store->fd, "cache.db", &st, 0) == 0 ? st.st_ino : 0;
    return 0;
}

/* Deletes the file, unless another process did so since we opened it, and opens a new one. */
static int replace_db(struct cache *c, const struct error *why, struct error *err)
{
    static const char *const files[] = {"cache.db", "cache.db-wal", "cache.db-shm"};
    struct stat st;
    int r;

    c->log_pages = 0; /* nothing of it is to be copied */
    close_db(c);
    if ((r = store_lock_exclusive(c->store, err)) < 0)
        return r;
    const bool same =
        c->inode == 0 || (fstatat(c->store->fd, "cache.db", &st, 0) == 0 && st.st_ino == c->inode);
    for (size_t i = 0; same && i < ARRAY_SIZE(files); i++)
        (void)unlinkat(c->store->fd, files[i], 0);
    if (same)
        env_warn(c->env, "the build cache is damaged and begins anew: %s", why->text);
    c->inode = 0;
    r = open_db(c, err);
    store_unlock(c->store);
    return r;
}

int cache_open(const struct env *env, struct store *s, struct cache **ret, struct error *err)
{
    CLEANUP(cache_closep) struct cache *c = xcalloc(1, sizeof(*c));
    ERROR_AUTO(why);
    int r = store_lease(s, err);

    if (r < 0)
        return r;
    c->env = env;
    c->store = s;
    c->pid = getpid();
    if ((r = sqlite_load(&c->sql, err)) < 0)
        return error_wrap(err, r, "build cache");
    r = open_db(c, &why);
    if (r == -EUCLEAN)
        r = replace_db(c, &why, err);
    else if (r < 0)
        error_move(err, &why);
    if (r < 0)
        return error_wrap(err, r, "build cache");
    *ret = steal(c);
    return 0;
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    if (c->pid == getpid()) /* in a forked child the connection is the parent's: not even closed */
        close_db(c);
    free(c);
}

/* --- statements --- */

static int prepare(struct cache *c, enum statement which, sqlite3_stmt **ret, struct error *err)
{
    assert(c->pid == getpid());
    if (!c->statements[which]) {
        const int code = c->sql.prepare_v3(c->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                           &c->statements[which], NULL);

        if (code != SQLITE_OK)
            return failed(c, code, "read", err);
    }
    *ret = c->statements[which];
    return 0;
}

static void bind(const struct cache *c, sqlite3_stmt *st, int at, struct view bytes)
{
    (void)c->sql.bind_blob64(st, at, bytes.size ? bytes.at : "", bytes.size, SQLITE_STATIC);
}

static void bind_digest(const struct cache *c, sqlite3_stmt *st, int at, const struct digest *d)
{
    (void)c->sql.bind_blob(st, at, d->sha256, HASH_SIZE, SQLITE_STATIC);
}

static struct view column(const struct cache *c, sqlite3_stmt *st, int at)
{
    const void *bytes = c->sql.column_blob(st, at);

    return view_make(bytes, (size_t)c->sql.column_bytes(st, at));
}

static bool column_digest(const struct cache *c, sqlite3_stmt *st, int at, struct digest *ret)
{
    const struct view v = column(c, st, at);

    if (v.size != sizeof(ret->sha256))
        return false;
    memcpy(ret->sha256, v.at, v.size);
    return true;
}

static void reset(const struct cache *c, sqlite3_stmt *st)
{
    (void)c->sql.reset(st);
    (void)c->sql.clear_bindings(st);
}

/* Steps a reader: 1 a row, 0 none. A damaged file is a miss: it is replaced, and st belongs to the
 * past. */
static int step_read(struct cache *c, sqlite3_stmt *st, struct error *err)
{
    ERROR_AUTO(why);
    const int code = c->sql.step(st);

    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE) {
        reset(c, st);
        return 0;
    }
    int r = failed(c, code, "read", &why);
    reset(c, st);
    if (r != -EUCLEAN)
        return error_move(err, &why);
    r = replace_db(c, &why, err);
    return r < 0 ? r : 0;
}

/* One statement is one transaction; SQLite begins it IMMEDIATE by itself, as the first thing that
 * it does is to write. What cannot be written because the file is damaged is only not
 * remembered. */
static int step_write(struct cache *c, sqlite3_stmt *st, struct error *err)
{
    ERROR_AUTO(why);
    const int code = c->sql.step(st);

    if (code == SQLITE_DONE) {
        reset(c, st);
        return 0;
    }
    const int r = failed(c, code, "write", &why);
    reset(c, st);
    return r == -EUCLEAN ? replace_db(c, &why, err) : error_move(err, &why);
}

/* --- results --- */

/* 1 when all trees that the bytes name are there; they are held then. */
static int hold_trees(struct cache *c, struct view trees, struct error *err)
{
    struct digest d;

    if (trees.size % sizeof(d.sha256) != 0)
        return 0;
    for (size_t at = 0; at < trees.size; at += sizeof(d.sha256)) {
        memcpy(d.sha256, trees.at + at, sizeof(d.sha256));
        const int r = store_tree_hold(c->store, &d, err);

        if (r < 0)
            return r == -ENOENT ? 0 : r;
    }
    return 1;
}

int cache_get(struct cache *c, const struct digest *key, struct str *ret_value, struct error *err)
{
    sqlite3_stmt *st = NULL;
    int r = prepare(c, GET_RESULT, &st, err);

    if (r < 0)
        return r;
    bind_digest(c, st, 1, key);
    r = step_read(c, st, err);
    if (r <= 0)
        return r;
    r = hold_trees(c, column(c, st, 1), err);
    if (r == 1) {
        str_clear(ret_value);
        str_add(ret_value, column(c, st, 0));
    }
    reset(c, st);
    return r;
}

int cache_put(struct cache *c, const struct digest *key, struct view value,
              const struct digest *trees, size_t tree_count, struct error *err)
{
    sqlite3_stmt *st = NULL;
    int r = prepare(c, PUT_RESULT, &st, err);

    if (r < 0)
        return r;
    if (value.size > CACHE_VALUE_MAX)
        return error_set(err, -EDQUOT, "a build result has %zu bytes, at most %u are kept",
                         value.size, CACHE_VALUE_MAX);
    bind_digest(c, st, 1, key);
    bind(c, st, 2, value);
    bind(c, st, 3, view_make(trees, tree_count * sizeof(*trees)));
    return step_write(c, st, err);
}

/* --- links, forms, parts --- */

static bool leads_to_tree(enum cache_link kind)
{
    return kind == CACHE_DIFF_TREE || kind == CACHE_CHAIN_TREE;
}

int cache_link_get(struct cache *c, enum cache_link kind, const struct digest *from,
                   struct digest *ret, struct error *err)
{
    sqlite3_stmt *st = NULL;
    struct digest to;
    int r = prepare(c, GET_LINK, &st, err);

    if (r < 0)
        return r;
    (void)c->sql.bind_int(st, 1, (int)kind);
    bind_digest(c, st, 2, from);
    r = step_read(c, st, err);
    if (r <= 0)
        return r;
    const bool good = column_digest(c, st, 0, &to);
    reset(c, st);
    if (!good)
        return 0;
    if (leads_to_tree(kind)) {
        r = store_tree_hold(c->store, &to, err);
        if (r < 0)
            return r == -ENOENT ? 0 : r;
    }
    *ret = to;
    return 1;
}

int cache_link_put(struct cache *c, enum cache_link kind, const struct digest *from,
                   const struct digest *to, struct error *err)
{
    sqlite3_stmt *st = NULL;
    const int r = prepare(c, PUT_LINK, &st, err);

    if (r < 0)
        return r;
    (void)c->sql.bind_int(st, 1, (int)kind);
    bind_digest(c, st, 2, from);
    bind_digest(c, st, 3, to);
    return step_write(c, st, err);
}

int cache_blob_get(struct cache *c, const struct digest *diff_id, const char *form,
                   struct digest *ret_blob, uint64_t *ret_size, struct error *err)
{
    sqlite3_stmt *st = NULL;
    struct digest blob;
    int r = prepare(c, GET_FORM, &st, err);

    if (r < 0)
        return r;
    bind_digest(c, st, 1, diff_id);
    (void)c->sql.bind_text(st, 2, form, -1, SQLITE_STATIC);
    r = step_read(c, st, err);
    if (r <= 0)
        return r;
    const bool good = column_digest(c, st, 0, &blob);
    const uint64_t size = (uint64_t)c->sql.column_int64(st, 1);
    reset(c, st);
    r = good ? store_blob_hold(c->store, &blob, err) : -ENOENT;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    *ret_blob = blob;
    *ret_size = size;
    return 1;
}

int cache_blob_put(struct cache *c, const struct digest *diff_id, const char *form,
                   const struct digest *blob, uint64_t size, struct error *err)
{
    sqlite3_stmt *st = NULL;
    const int r = prepare(c, PUT_FORM, &st, err);

    if (r < 0)
        return r;
    bind_digest(c, st, 1, diff_id);
    (void)c->sql.bind_text(st, 2, form, -1, SQLITE_STATIC);
    bind_digest(c, st, 3, blob);
    (void)c->sql.bind_int64(st, 4, (sqlite3_int64)size);
    return step_write(c, st, err);
}

int cache_parts_get(struct cache *c, const struct digest *step, struct str *ret_parts,
                    struct error *err)
{
    sqlite3_stmt *st = NULL;
    int r = prepare(c, GET_PARTS, &st, err);

    if (r < 0)
        return r;
    bind_digest(c, st, 1, step);
    r = step_read(c, st, err);
    if (r <= 0)
        return r;
    str_clear(ret_parts);
    str_add(ret_parts, column(c, st, 0));
    reset(c, st);
    return 1;
}

int cache_parts_put(struct cache *c, const struct digest *step, struct view parts,
                    struct error *err)
{
    sqlite3_stmt *st = NULL;
    const int r = prepare(c, PUT_PARTS, &st, err);

    if (r < 0)
        return r;
    bind_digest(c, st, 1, step);
    bind(c, st, 2, parts);
    return step_write(c, st, err);
}

/* --- cleaning --- */

/* Deletes the rows of a query (rowless tables: by their keys) whose digest is of nothing that is
 * there. */
struct stale {
    const char *select, *remove;
    bool blob;
};
static const struct stale stale_rows[] = {
    {"SELECT key, trees FROM results", "DELETE FROM results WHERE key = ?1", false},
    {"SELECT source, target, kind FROM links WHERE kind IN (0, 1)",
     "DELETE FROM links WHERE source = ?1 AND kind IN (0, 1)", false},
    /* a tree that is made again may have other times, and then its archive is another one; those
     * with times of SOURCE_DATE_EPOCH hang on no tree and are computed again */
    {"SELECT source, source, kind FROM links WHERE kind = 2",
     "DELETE FROM links WHERE source = ?1 AND kind = 2", false},
    {"SELECT blob, blob FROM forms", "DELETE FROM forms WHERE blob = ?1", true},
};

static bool all_there(struct store *s, struct view names, bool blob)
{
    struct digest d;

    if (names.size % sizeof(d.sha256) != 0)
        return false;
    for (size_t at = 0; at < names.size; at += sizeof(d.sha256)) {
        memcpy(d.sha256, names.at + at, sizeof(d.sha256));
        if (blob ? !store_blob_has(s, &d) : !store_tree_has(s, &d))
            return false;
    }
    return true;
}

static int clean_rows(struct cache *c, const struct stale *rows, struct error *err)
{
    VEC(struct digest) keys = {0};
    sqlite3_stmt *st = NULL;
    int code = c->sql.prepare_v2(c->db, rows->select, -1, &st, NULL);

    while (code == SQLITE_OK && (code = c->sql.step(st)) == SQLITE_ROW) {
        struct digest key;

        code = SQLITE_OK;
        if (!all_there(c->store, column(c, st, 1), rows->blob) && column_digest(c, st, 0, &key))
            vec_push(&keys, key);
    }
    (void)c->sql.finalize(st);
    st = NULL;
    if (code == SQLITE_DONE)
        code = c->sql.prepare_v2(c->db, rows->remove, -1, &st, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < keys.size; i++) {
        bind_digest(c, st, 1, &keys.at[i]);
        code = c->sql.step(st) == SQLITE_DONE ? c->sql.reset(st) : c->sql.errcode(c->db);
    }
    (void)c->sql.finalize(st);
    vec_done(&keys);
    return code == SQLITE_OK ? 0 : failed(c, code, "clean", err);
}

int cache_clean(struct cache *c, bool everything, struct error *err)
{
    static const char all[] =
        "DELETE FROM results; DELETE FROM links; DELETE FROM forms; DELETE FROM parts;";
    int r;

    assert(c->pid == getpid());
    if ((r = run(c, "BEGIN IMMEDIATE", "lock", err)) < 0)
        return r;
    if (everything)
        r = run(c, all, "clean", err);
    for (size_t i = 0; !everything && r == 0 && i < ARRAY_SIZE(stale_rows); i++)
        r = clean_rows(c, &stale_rows[i], err);
    if (r < 0) {
        (void)c->sql.exec(c->db, "ROLLBACK", NULL, NULL, NULL);
        return r;
    }
    r = run(c, "COMMIT", "clean", err);
    return r < 0 ? r : run(c, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", "shrink", err);
}
