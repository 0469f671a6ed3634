#include "build/input.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
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
    fd_closep(&in->tmp_fd);
}

static int read_path(const char *path, struct input *ret, struct error *err)
{
    const char *slash = strrchr(path, '/');
    const int r = fd_read_file(AT_FDCWD, path, DOCKERFILE_SIZE_MAX, &ret->text, err);

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
        const int r = read_path(path, ret, &why);
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
    int r = read_path(file, ret, &why);

    if (r != -ENOENT || !ret->context || *file == '/')
        return r < 0 ? error_move(err, &why) : 0;
    cleanup_free char *path = xasprintf("%s/%s", ret->context, file);
    if (read_path(path, ret, NULL) >= 0)
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

/* ---- standard input as the context ---- */

static int spool(int dir, struct error *err)
{
    cleanup_close int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    cleanup_free char *buf = xmalloc(65536);

    if (fd < 0)
        return error_sys(err, "make a temporary file");
    for (;;) {
        const ssize_t n = read(STDIN_FILENO, buf, 65536);
        if (n == 0)
            break;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read standard input");
        const int r = fd_write_all(fd, view_make(buf, (size_t)n), err);
        if (r < 0)
            return r;
    }
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_sys(err, "read standard input again");
    return steal_fd(fd);
}

static int unpack_context(struct image_tools *t, int archive, struct input *ret, struct error *err)
{
    struct holder *holder = NULL;
    int r = fd_make_dirs(ret->tmp_fd, "context", 0700, err);

    if (r < 0)
        return r;
    cleanup_close int dir = fd_open(ret->tmp_fd, "context", O_RDONLY | O_DIRECTORY, 0, err);
    if (dir < 0)
        return dir;
    ret->context = fd_name(dir);
    ret->is_temporary = true;
    r = image_holder(t, &holder, err);
    if (r < 0)
        return r;
    const int fds[] = {archive, dir};
    cleanup_doc json_t *request = json_object();
    return holder_call(holder, "build-context", request, fds, ARRAY_SIZE(fds), NULL, err);
}

static int read_stdin_context(struct image_tools *t, struct input *ret, bool has_file,
                              struct error *err)
{
    ret->tmp_fd = store_tmp_dir(t->store, err);
    if (ret->tmp_fd < 0)
        return ret->tmp_fd;
    cleanup_close int fd = spool(ret->tmp_fd, err);
    if (fd < 0)
        return fd;
    if (tar_is_archive(fd))
        return unpack_context(t, fd, ret, err);
    if (has_file)
        return error_set(err, -EINVAL,
                         "standard input is no archive, and a Dockerfile was given with -f");
    ret->name = xstrdup("Dockerfile");
    const int r = fd_read_all(fd, DOCKERFILE_SIZE_MAX, &ret->text, err);
    return r < 0 ? r : 1;
}

static int check_directory(const char *path, struct error *err)
{
    struct stat st;

    if (strstr(path, "://") || strncmp(path, "git@", 4) == 0) {
        error_set(err, -ENOTSUP, "a build context of an URL is not supported yet: '%.80s'", path);
        return error_hint(err, -ENOTSUP, "fetch it and give its directory");
    }
    if (stat(path, &st) < 0)
        return error_sys(err, "build context '%s'", path);
    if (S_ISDIR(st.st_mode))
        return 0;
    error_set(err, -ENOTDIR, "build context '%s' is not a directory", path);
    return error_hint(err, -ENOTDIR, "a Dockerfile is given as -f FILE, an archive as '- <%s'",
                      path);
}

int input_read(struct image_tools *t, const struct build_options *o, struct input *ret,
               struct error *err)
{
    const bool file_is_stdin = o->file && strcmp(o->file, "-") == 0;
    int r = 0;

    if (strcmp(o->context, "-") == 0) {
        if (file_is_stdin)
            return error_set(err, -EINVAL,
                             "the context and the Dockerfile cannot both come from standard input");
        r = read_stdin_context(t, ret, o->file != NULL, err);
        if (r != 0)
            return r < 0 ? r : 0;
    } else {
        r = check_directory(o->context, err);
        if (r < 0)
            return r;
        ret->context = xstrdup(o->context);
    }
    if (file_is_stdin)
        return read_stdin(ret, err);
    return o->file ? read_given(o->file, ret, err) : find_file(ret, err);
}
