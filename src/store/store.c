#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "store/internal.h"

#define STORE_FORMAT 1
/* The kernel writes what is older than 30 s, and looks every 5 s: a sync after that has little to wait for. */
#define SETTLED_S 40

static const char *const directories[] = {"images", "blobs", "blobs/sha256", "trees", "contexts",
                                          "mounts", "keys",  "leases",       "tmp"};

int store_failed(struct error *err, int r)
{
    if (r == -ENOSPC || r == -EDQUOT)
        return error_hint(
            err, r,
            "free space on the disk of the store; 'cooper prune' removes old build results");
    if (r == -EROFS)
        return error_hint(err, r,
                          "the store needs a writable directory: --root DIR or COOPER_ROOT");
    return r;
}

uint64_t store_now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int store_each_name(int dirfd, const char *path,
                    int (*call)(void *ctx, int dirfd, const char *name, struct error *err),
                    void *ctx, struct error *err)
{
    const int fd = fd_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);
    int r = 0;

    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        r = error_sys(err, "read directory '%s'", path);
        (void)close(fd);
        return r;
    }
    for (const struct dirent *e; r >= 0 && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = call(ctx, fd, e->d_name, err);
    (void)closedir(dir);
    return r < 0 ? r : 0;
}

static int read_boot(char ret[static BOOT_SIZE], struct error *err)
{
    STR_AUTO(text);
    const int r = fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, err);
    size_t n = 0;

    if (r < 0)
        return r;
    for (const char *p = text.at; *p && n < BOOT_SIZE - 1; p++)
        if (*p != '-' && *p != '\n')
            ret[n++] = *p;
    ret[n] = '\0';
    return n == BOOT_SIZE - 1 ? 0
                              : error_set(err, -EINVAL, "boot id '%.40s' is too short", text.at);
}

/* --- durable: fixed width, so that it is rewritten in place within one sector --- */

int store_durable_read(struct store *s, struct stamp *ret, struct error *err)
{
    STR_AUTO(text);
    int r = fd_read_file(s->fd, "durable", STORE_FILE_MAX, &text, err);

    if (r < 0)
        return r;
    if (text.size > 0 && text.at[text.size - 1] == '\n')
        str_truncate(&text, text.size - 1);
    r = stamp_parse(text.at, ret);
    return r < 0 ? error_set(err, r, "file 'durable' of the store is damaged: '%.40s'", text.at)
                 : 0;
}

static int durable_put(int fd, const char *boot, uint64_t ns, struct error *err)
{
    char text[STAMP_SIZE_MAX];
    const int n = snprintf(text, sizeof(text), "%s %016" PRIx64 " 0\n", boot, ns);

    if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n) < 0 || fdatasync(fd) < 0)
        return error_sys(err, "write 'durable'");
    return 0;
}

int store_durable_write(struct store *s, uint64_t ns, struct error *err)
{
    cleanup_close int fd = fd_open(s->fd, "durable", O_RDWR | O_CREAT, 0600, err);

    return fd < 0 ? fd : durable_put(fd, s->boot, ns, err);
}

/* Until a sync covers a blob, its mode says that it is to be hashed should the machine go down. The blobs are listed before
 * the sync and marked after it: a list of inodes, as another may have the name by then. */
struct uncovered {
    struct name_inode {
        char name[DIGEST_HEX_MAX];
        ino_t inode;
    } * at;
    size_t size, cap;
};

static void uncovered_done(struct uncovered *u)
{
    vec_done(u);
}

static int list_uncovered(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct uncovered *u = ctx;
    struct name_inode n = {.name = ""};
    struct stat st;

    (void)err;
    if (strlen(name) >= sizeof(n.name) || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !store_blob_is_uncovered(&st))
        return 0;
    memcpy(n.name, name, strlen(name) + 1);
    n.inode = st.st_ino;
    vec_push(u, n);
    return 0;
}

static void mark_covered(struct store *s, const struct uncovered *u)
{
    vec_each (n, u) {
        struct stat st;
        cleanup_close int fd = openat(s->blobs_fd, n->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == n->inode)
            (void)fchmod(fd, BLOB_MODE); /* else it is hashed once for nothing */
    }
}

int store_sync_all(struct store *s, struct error *err)
{
    CLEANUP(uncovered_done) struct uncovered blobs = {0};
    const int r = store_each_name(s->fd, "blobs/sha256", list_uncovered, &blobs, err);

    if (r < 0)
        return r;
    if (syncfs(s->fd) < 0)
        return error_sys(err, "sync the store");
    mark_covered(s, &blobs);
    return 0;
}

int store_sync(struct store *s, struct error *err)
{
    const uint64_t now = store_now_ns();
    struct timespec times[2];
    struct stamp old;

    (void)clock_gettime(CLOCK_REALTIME, &times[1]);
    times[0] = times[1];
    int r = store_sync_all(s, err);
    if (r < 0)
        return store_failed(err, r);
    cleanup_close int fd = fd_open(s->fd, "durable", O_RDWR, 0, err);
    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX) < 0) /* two that sync: the later moment stays */
        return error_sys(err, "lock 'durable'");
    r = store_durable_read(s, &old, err);
    if (r == 0 && (strcmp(old.boot, s->boot) != 0 || old.ns < now)) {
        r = durable_put(fd, s->boot, now, err);
        (void)futimens(fd, times); /* what store_wants_sync() looks at */
    }
    return store_failed(err, r);
}

bool store_wants_sync(struct store *s)
{
    struct stat images, durable;
    struct stamp stamp;
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (fstatat(s->fd, "images", &images, 0) < 0 || fstatat(s->fd, "durable", &durable, 0) < 0 ||
        store_durable_read(s, &stamp, NULL) < 0)
        return false;
    return strcmp(stamp.boot, s->boot) == 0 && images.st_mtim.tv_sec >= durable.st_mtim.tv_sec &&
           now.tv_sec - images.st_mtim.tv_sec >= SETTLED_S;
}

/* --- store.json --- */

static void description_print(const char *identity, struct str *ret)
{
    cleanup_doc json_t *doc = json_object();

    doc_set_int(doc, "format", STORE_FORMAT);
    doc_set_int(doc, "owner", geteuid());
    if (identity)
        doc_set_text(doc, "identity", identity);
    doc_print(doc, false, ret);
    str_add_char(ret, '\n');
}

static int description_check(const json_t *doc, struct error *err)
{
    int64_t format = 0, owner = 0;
    int r = doc_need_int(doc, "format", &format, err);

    if (r == 0)
        r = doc_need_int(doc, "owner", &owner, err);
    if (r < 0)
        return r;
    if (format != STORE_FORMAT) {
        error_set(err, -EINVAL, "the store has format %" PRId64 ", this cooper knows %d", format,
                  STORE_FORMAT);
        return error_hint(err, -EINVAL,
                          "use another directory with --root, or the cooper that made it");
    }
    if (owner != geteuid()) {
        error_set(err, -EPERM, "the store was made by user %" PRId64 ", this is user %u", owner,
                  geteuid());
        return error_hint(err, -EPERM, "use a store of your own: --root DIR or COOPER_ROOT");
    }
    return 0;
}

/* 1 with the document, 0 when there is no store.json, or an empty one, as a power cut leaves it. */
static int description_read(struct store *s, json_t **ret, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(why);
    cleanup_doc json_t *doc = NULL;
    int r = fd_read_file(s->fd, "store.json", STORE_FILE_MAX, &text, &why);

    if (r == -ENOENT || (r == 0 && text.size == 0))
        return 0;
    if (r < 0)
        return error_move(err, &why);
    r = doc_parse(str_view(&text), STORE_FILE_MAX, "store.json", &doc, err);
    if (r == 0)
        r = description_check(doc, err);
    if (r < 0)
        return r;
    *ret = steal(doc);
    return 1;
}

/* --- creation --- */

static int refuse_foreign(void *ctx, int dirfd, const char *name, struct error *err)
{
    static const char *const files[] = {"lock", "durable", "oci-layout", "index.json",
                                        "store.json"};

    for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
        if (strcmp(name, directories[i]) == 0)
            return 0;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (strcmp(name, files[i]) == 0)
            return 0;
    if (view_ends(view_of(name), ".tmp")) /* of a creation that was killed */
        return 0;
    error_set(err, -ENOTEMPTY, "the directory is not a store and not empty: it has '%.80s'", name);
    return error_hint(err, -ENOTEMPTY, "name an empty or new directory with --root or COOPER_ROOT");
}

static int create_files(struct store *s, struct error *err)
{
    STR_AUTO(text);
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
        if (mkdirat(s->fd, directories[i], 0700) < 0 && errno != EEXIST)
            return error_sys(err, "make directory '%s'", directories[i]);
    r = fd_replace_file(s->fd, "oci-layout", VIEW("{\"imageLayoutVersion\":\"1.0.0\"}"), 0600, err);
    if (r == 0)
        r = fd_replace_file(s->fd, "index.json", VIEW("{\"schemaVersion\":2,\"manifests\":[]}"),
                            0600, err);
    if (r == 0)
        r = store_durable_write(s, 0, err);
    description_print(NULL, &text);
    if (r == 0)
        r = fd_replace_file(s->fd, "store.json", str_view(&text), 0600, err);
    return r == 0 && syncfs(s->fd) < 0 ? error_sys(err, "sync the store") : r;
}

/* A directory that is neither empty nor ours gets no file from us. */
static int lock_for_creation(struct store *s, struct error *err)
{
    ERROR_AUTO(why);

    s->lock_fd = openat(s->fd, "lock", O_RDWR | O_CLOEXEC);
    if (s->lock_fd < 0) {
        const int r = store_each_name(s->fd, ".", refuse_foreign, NULL, &why);

        s->lock_fd = openat(s->fd, "lock", O_RDWR | O_CLOEXEC | (r == 0 ? O_CREAT : 0), 0600);
        if (r < 0 && s->lock_fd < 0)
            return error_move(err, &why);
    }
    return s->lock_fd < 0 ? error_sys(err, "make 'lock'") : store_lock_exclusive(s, err);
}

static int create(struct store *s, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    int r = lock_for_creation(s, err);

    if (r == 0)
        r = description_read(s, &doc, err); /* another process may have been faster */
    if (r == 0)
        r = store_each_name(s->fd, ".", refuse_foreign, NULL, err);
    if (r == 0)
        r = create_files(s, err);
    fd_closep(&s->lock_fd); /* the lock goes with it */
    s->lock_fd = -1;
    return r < 0 ? r : 0;
}

/* --- opening --- */

static struct store *store_new(void)
{
    struct store *s = xcalloc(1, sizeof(*s));

    s->fd = s->lock_fd = s->trees_fd = s->blobs_fd = s->tmp_fd = s->lease_fd = -1;
    return s;
}

static int open_parts(struct store *s, struct error *err)
{
    const int flags = O_RDONLY | O_DIRECTORY;

    if ((s->lock_fd = fd_open(s->fd, "lock", O_RDWR, 0, err)) < 0)
        return s->lock_fd;
    if ((s->trees_fd = fd_open(s->fd, "trees", flags, 0, err)) < 0)
        return s->trees_fd;
    if ((s->blobs_fd = fd_open(s->fd, "blobs/sha256", flags, 0, err)) < 0)
        return s->blobs_fd;
    s->tmp_fd = fd_open(s->fd, "tmp", flags, 0, err);
    return s->tmp_fd < 0 ? s->tmp_fd : 0;
}

static int open_root(struct store *s, const char *path, struct error *err)
{
    struct stat st;

    s->fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->fd < 0 && errno == ENOENT) {
        const int r = fd_make_dirs(AT_FDCWD, path, 0700, err);

        if (r < 0)
            return r;
        s->fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (s->fd < 0 || fstat(s->fd, &st) < 0) {
        const int r = error_sys(err, "open");
        return r == -EACCES
                   ? error_hint(err, r, "use a store of your own: --root DIR or COOPER_ROOT")
                   : r;
    }
    if (st.st_uid != geteuid()) {
        error_set(err, -EPERM, "the directory belongs to user %u, this is user %u", st.st_uid,
                  geteuid());
        return error_hint(err, -EPERM, "use a store of your own: --root DIR or COOPER_ROOT");
    }
    return 0;
}

static int open_checked(struct store *s, const char *path, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    int r = open_root(s, path, err);

    if (r < 0)
        return r;
    if ((r = read_boot(s->boot, err)) < 0 || (r = description_read(s, &doc, err)) < 0)
        return r;
    if (r == 0) {
        if ((r = create(s, err)) < 0)
            return r;
        if ((r = description_read(s, &doc, err)) < 0)
            return r;
    }
    return open_parts(s, err);
}

int store_open(const struct env *env, struct store **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = store_new();
    const int r = open_checked(s, env->store_root, err);

    if (r < 0)
        return store_failed(err, error_wrap(err, r, "store '%s'", env->store_root));
    *ret = steal(s);
    return 0;
}

int store_attach(int fd, struct store **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = store_new();

    s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (s->fd < 0)
        return error_sys(err, "attach to the store");
    struct stamp durable = {.boot = ""};
    int r = open_parts(s, err);
    if (r == 0)
        r = store_durable_read(s, &durable, err); /* main has seen to it that it names this boot */
    if (r < 0)
        return error_wrap(err, r, "attach to the store");
    memcpy(s->boot, durable.boot, sizeof(s->boot));
    s->attached = true;
    *ret = steal(s);
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_lease_drop(s);
    map_done(&s->held);
    fd_closep(&s->tmp_fd);
    fd_closep(&s->blobs_fd);
    fd_closep(&s->trees_fd);
    fd_closep(&s->lock_fd);
    fd_closep(&s->fd);
    free(s);
}

int store_fd(const struct store *s)
{
    return s->fd;
}

/* --- identity --- */

static int identity_set(struct store *s, const char *text, struct error *err)
{
    STR_AUTO(bytes);
    cleanup_doc json_t *doc = NULL;
    const char *have = NULL;
    int r = description_read(s, &doc, err);

    if (r <= 0)
        return r < 0 ? r : error_set(err, -ENOENT, "store.json has vanished");
    if ((r = doc_text(doc, "identity", &have, err)) < 0)
        return r;
    if (!have) {
        description_print(text, &bytes);
        return store_replace(s, s->fd, "store.json", str_view(&bytes), true, err);
    }
    if (strcmp(have, text) == 0)
        return 0;
    error_set(err, -EPERM, "the store was made with the identity '%.200s', this is '%.200s'", have,
              text);
    return error_hint(
        err, -EPERM,
        "files in it belong to other ids: use another store (--root), or restore /etc/subuid and "
        "/etc/subgid (COOPER_IDENTITY)");
}

int store_set_identity(struct store *s, const char *text, struct error *err)
{
    int r = store_lock_exclusive(s, err);

    if (r < 0)
        return r;
    r = identity_set(s, text, err);
    store_unlock(s);
    return store_failed(err, r);
}
