#include "build/input.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/hash.h"
#include "build/remote.h"
#include "dockerfile/dockerfile.h"
#include "layer/tar.h"

/* In the order in which they are looked for. */
static const char *const file_names[] = {"Dockerfile", "dockerfile", "Containerfile",
                                         "containerfile"};

void input_done(struct input *in)
{
    str_done(&in->text);
    free(in->name);
    free(in->path);
    free(in->context);
    free(in->shown);
}

/* named: by the user, who may give a pipe; else a stranger's, where nothing is waited for. */
static int read_path(const char *path, bool named, struct input *ret, struct error *err)
{
    const char *slash = strrchr(path, '/');
    const int r = named ? fd_read_file(AT_FDCWD, path, DOCKERFILE_SIZE_MAX, &ret->text, err)
                        : fd_read_regular(AT_FDCWD, path, DOCKERFILE_SIZE_MAX, &ret->text, err);

    if (r < 0)
        return r;
    ret->name = xstrdup(slash ? slash + 1 : path);
    ret->path = xstrdup(path);
    return 0;
}

static int find_file(struct input *ret, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(file_names); i++) {
        cleanup_free char *path = xasprintf("%s/%s", ret->context, file_names[i]);
        ERROR_AUTO(why);
        const int r = read_path(path, false, ret, &why);
        if (r >= 0)
            return 0;
        if (r != -ENOENT)
            return error_move(err, &why);
    }
    (void)error_set(err, -ENOENT, "there is no Dockerfile in '%s'", ret->context);
    return error_hint(err, -ENOENT, "name it with -f FILE, or give another context directory");
}

/* -f FILE is looked for where the user stands, then (an archive, say) in the context. */
static int read_given(const char *file, struct input *ret, struct error *err)
{
    ERROR_AUTO(why);
    int r = read_path(file, true, ret, &why);

    if (r == -EISDIR)
        (void)error_hint(&why, r, "FILE of -f is a file; the directory is the context");
    if (r != -ENOENT || !ret->context || *file == '/')
        return r < 0 ? error_move(err, &why) : 0;
    cleanup_free char *path = xasprintf("%s/%s", ret->context, file);
    if (read_path(path, false, ret, NULL) >= 0)
        return 0;
    (void)error_hint(&why, r, "FILE of -f is looked for where you are, then in the context");
    return error_move(err, &why);
}

static int read_stdin(struct input *ret, struct error *err)
{
    const int r = fd_read_all(STDIN_FILENO, DOCKERFILE_SIZE_MAX, &ret->text, err);

    ret->name = xstrdup("Dockerfile");
    return r < 0 ? error_wrap(err, r, "read the Dockerfile from standard input") : 0;
}

/* ---- contexts that are trees of the store ---- */

static int read_from_tree(struct image_tools *t, const struct digest *tree, const char *path,
                          struct str *ret, struct error *err)
{
    cleanup_close int fd = fd_of_bytes("Dockerfile", (struct view){0}, err);
    cleanup_doc json_t *request = json_object();
    struct holder *holder = NULL;
    char hex[DIGEST_HEX_MAX];
    json_t *layers = json_array();

    doc_push(layers, doc_new_text(digest_hex(tree, hex)));
    doc_set(request, "layers", layers);
    doc_set_text(request, "path", path);
    doc_set_int(request, "max", DOCKERFILE_SIZE_MAX);
    int r = fd < 0 ? fd : image_holder(t, &holder, err);
    if (r >= 0)
        r = holder_call(holder, "build-read", request, &fd, 1, NULL, err);
    if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = error_sys(err, "read the Dockerfile again");
    return r < 0 ? r : fd_read_all(fd, DOCKERFILE_SIZE_MAX, ret, err);
}

static int find_in_tree(struct image_tools *t, const char *file, struct input *ret,
                        struct error *err)
{
    const char *const *names = file ? &file : file_names;
    const size_t count = file ? 1 : ARRAY_SIZE(file_names);

    for (size_t i = 0; i < count; i++) {
        const char *slash = strrchr(names[i], '/');
        ERROR_AUTO(why);
        const int r = read_from_tree(t, &ret->tree, names[i], &ret->text, &why);
        if (r < 0 && r != -ENOENT && r != -ENOTDIR)
            return error_move(err, &why);
        if (r < 0)
            continue;
        ret->name = xstrdup(slash ? slash + 1 : names[i]);
        return 0;
    }
    (void)error_set(err, -ENOENT, "there is no %s in '%s'", file ? file : "Dockerfile", ret->shown);
    return error_hint(err, -ENOENT, "-f names a file in the context; -f - reads standard input");
}

/* What an archive of these bytes unpacks to, for the next time. */
static void archive_key(const struct digest *bytes, struct digest *ret)
{
    struct hash h;

    hash_init(&h);
    hash_add_field(&h, VIEW("tree of archive"));
    hash_add(&h, bytes->sha256, sizeof(bytes->sha256));
    hash_done(&h, ret->sha256);
}

static int unpack_tree(struct image_tools *t, int archive, struct digest *ret, struct error *err)
{
    cleanup_doc json_t *request = json_object(), *answer = NULL;
    struct holder *holder = NULL;
    const char *hex = NULL;
    int r = image_holder(t, &holder, err);

    if (r >= 0)
        r = holder_call(holder, "build-unpack", request, &archive, 1, &answer, err);
    if (r >= 0)
        r = doc_need_text(answer, "tree", &hex, err);
    if (r >= 0)
        r = digest_parse_hex(hex, ret, err);
    return r < 0 ? r : store_tree_hold(t->store, ret, err);
}

static int use_archive(struct image_tools *t, int archive, const struct digest *bytes,
                       struct input *ret, struct error *err)
{
    struct digest key;
    STR_AUTO(value);

    archive_key(bytes, &key);
    int r = cache_get(t->cache, &key, &value, err);
    if (r > 0 && value.size == sizeof(ret->tree.sha256)) {
        memcpy(ret->tree.sha256, value.at, value.size);
    } else if (r >= 0) {
        r = unpack_tree(t, archive, &ret->tree, err);
        if (r < 0)
            return error_wrap(err, r, "unpack the build context");
        r = cache_put(t->cache, &key, view_make(ret->tree.sha256, sizeof(ret->tree.sha256)),
                      &ret->tree, 1, err);
    }
    ret->has_tree = r >= 0;
    return r < 0 ? r : 0;
}

/* ---- standard input ---- */

static int spool(int dir, struct digest *ret_digest, struct error *err)
{
    cleanup_close int fd = fd_open_unnamed(dir, ".", 0, err);
    cleanup_free char *buf = xmalloc(65536);
    struct hash h;

    hash_init(&h);
    if (fd < 0)
        return fd;
    for (;;) {
        const ssize_t n = read(STDIN_FILENO, buf, 65536);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read standard input");
        hash_add(&h, buf, (size_t)n);
        const int r = fd_write_all(fd, view_make(buf, (size_t)n), err);
        if (r < 0)
            return r;
    }
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_sys(err, "read standard input again");
    hash_done(&h, ret_digest->sha256);
    return steal_fd(fd);
}

static int read_stdin_context(struct image_tools *t, const char *file, struct input *ret,
                              struct error *err)
{
    struct digest bytes;
    cleanup_close int tmp = store_tmp_dir(t->store, err);
    if (tmp < 0)
        return tmp;
    cleanup_close int fd = spool(tmp, &bytes, err);
    if (fd < 0)
        return fd;
    if (tar_is_archive(fd)) {
        ret->shown = xstrdup("the archive on standard input");
        const int r = use_archive(t, fd, &bytes, ret, err);
        return r < 0 ? r : find_in_tree(t, file, ret, err);
    }
    if (file)
        return error_set(err, -EINVAL,
                         "standard input is no archive, and a Dockerfile was given with -f");
    ret->name = xstrdup("Dockerfile");
    return fd_read_all(fd, DOCKERFILE_SIZE_MAX, &ret->text, err);
}

/* ---- URLs and repositories ---- */

static int open_body(struct image_tools *t, const struct remote *remote, struct error *err)
{
    cleanup_close int dir = store_tree_open(t->store, &remote->tree, err);
    if (dir < 0)
        return dir;
    cleanup_close int fs = fd_open(dir, "fs", O_RDONLY | O_DIRECTORY, 0, err);
    return fs < 0 ? fs : fd_open_beneath(fs, remote->name, O_RDONLY, 0, err);
}

/* What lies at the URL: an archive that is the context, or a Dockerfile, which is then all that the
 * context has, under the name that BuildKit gives it. */
static int use_body(struct image_tools *t, const struct remote *remote, const char *file,
                    struct input *ret, struct error *err)
{
    cleanup_close int fd = open_body(t, remote, err);
    if (fd < 0)
        return fd;
    if (tar_is_archive(fd))
        return use_archive(t, fd, &remote->body, ret, err);
    ret->tree = remote->tree;
    ret->has_tree = true;
    if (file && strcmp(file, "-") != 0)
        return error_set(err, -EINVAL, "'%s' is a Dockerfile and no archive, so -f has no meaning",
                         ret->shown);
    ret->name = xstrdup("Dockerfile");
    const int r = file ? 0 : fd_read_all(fd, DOCKERFILE_SIZE_MAX, &ret->text, err);
    return r < 0 ? r : 1;
}

static int read_remote(struct image_tools *t, const struct secrets *secrets, struct remote *remote,
                       const char *file, struct input *ret, struct error *err)
{
    if (remote->kind == REMOTE_URL) {
        free(remote->name);
        remote->name = xstrdup("context");
    }
    ret->shown = xstrdup(remote->shown);
    int r = remote_resolve(t, secrets, &remote, 1, true, NULL, err);
    if (r < 0)
        return error_wrap(err, r, "build context");
    if (remote->kind == REMOTE_URL) {
        r = use_body(t, remote, file, ret, err);
    } else {
        ret->tree = remote->tree;
        ret->has_tree = true;
    }
    if (r < 0 || (r > 0 && !file))
        return r;
    if (file && strcmp(file, "-") == 0)
        return read_stdin(ret, err);
    return find_in_tree(t, file, ret, err);
}

/* -f URL beside a directory, as buildx takes it. It has no .dockerignore of its own. */
static int read_file_of_url(struct image_tools *t, const struct secrets *secrets,
                            struct remote *remote, struct input *ret, struct error *err)
{
    if (remote->kind != REMOTE_URL)
        return error_set(err, -EINVAL, "-f '%s' is a repository, not a file", remote->shown);
    free(remote->name);
    remote->name = xstrdup("Dockerfile");
    const int r = remote_resolve(t, secrets, &remote, 1, true, NULL, err);
    cleanup_close int fd = r < 0 ? r : open_body(t, remote, err);
    if (fd < 0)
        return error_wrap(err, fd, "-f");
    ret->name = xstrdup("Dockerfile");
    return fd_read_all(fd, DOCKERFILE_SIZE_MAX, &ret->text, err);
}

/* ---- which of these ---- */

static int refuse(const char *path, struct error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return error_sys(err, "build context '%s'", path);
    error_set(err, -ENOTDIR, "build context '%s' is not a directory", path);
    return error_hint(err, -ENOTDIR, "a Dockerfile is given as -f FILE, an archive as '- <%s'",
                      path);
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int input_read(struct image_tools *t, const struct secrets *secrets, const struct build_options *o,
               struct input *ret, struct error *err)
{
    const bool file_is_stdin = o->file && strcmp(o->file, "-") == 0;
    CLEANUP(remote_freep) struct remote *remote = NULL;

    if (strcmp(o->context, "-") == 0)
        return file_is_stdin
                   ? error_set(
                         err, -EINVAL,
                         "the context and the Dockerfile cannot both come from standard input")
                   : read_stdin_context(t, o->file, ret, err);
    if (!is_directory(o->context)) {
        const int r = remote_new(o->context, true, &remote, err);
        if (r > 0 && remote->kind == REMOTE_GIT && remote->git.keep_git_dir == GIT_UNSAID &&
            build_arg_is_true(o, "BUILDKIT_CONTEXT_KEEP_GIT_DIR"))
            remote->keep_git_dir = true;
        if (r > 0)
            return read_remote(t, secrets, remote, o->file, ret, err);
        return r < 0 ? error_wrap(err, r, "build context") : refuse(o->context, err);
    }
    ret->context = xstrdup(o->context);
    ret->shown = xstrdup(o->context);
    if (file_is_stdin)
        return read_stdin(ret, err);
    if (!o->file)
        return find_file(ret, err);
    if (access(o->file, F_OK) < 0 && view_starts(view_of(o->file), "http")) {
        const int r = remote_new(o->file, true, &remote, err);
        if (r != 0)
            return r < 0 ? error_wrap(err, r, "-f")
                         : read_file_of_url(t, secrets, remote, ret, err);
    }
    return read_given(o->file, ret, err);
}
