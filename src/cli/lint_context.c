#include "cli/lint_context.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX 64      /* directories: each level is a call */
#define NAMES_MAX 100000u /* of a context: a lint is no backup */

/* ---- .dockerignore ---- */

static void forget(struct lint_directory *p)
{
    free(p->file);
    ignore_free(p->ignore);
    lint_context_free(p->sent);
    p->file = NULL;
    p->ignore = NULL;
    p->sent = NULL;
}

void lint_directory_done(struct lint_directory *p)
{
    forget(p);
}

/* 1: it is there. */
static int read_ignore(const char *path, struct lint_directory *p, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(e);
    const int r = fd_read_regular(AT_FDCWD, path, IGNORE_SIZE_MAX, &text, &e);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return error_move(err, &e);
    const int parsed = ignore_parse(str_view(&text), path, &p->ignore, err);
    if (parsed < 0)
        return parsed;
    p->file = xstrdup(path);
    return 1;
}

/* ---- what is sent ---- */

struct walk {
    const struct env *env;
    const struct ignore *ignore;
    struct lint_context *sent;
    size_t names;
};

static void walk(struct walk *w, int dirfd, const char *below, unsigned depth);

static void enter(struct walk *w, int parent, const char *name, const char *path, unsigned depth)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0) /* what nobody may read is not sent either */
        walk(w, fd, path, depth + 1);
}

/* What cannot be read, or is too large, says nothing. */
static void read_text(struct walk *w, int dirfd, const char *name, struct view path)
{
    STR_AUTO(text);

    if (fd_read_regular(dirfd, name, REQUIREMENTS_SIZE_MAX, &text, NULL) == 0)
        lint_context_text(w->sent, path, str_view(&text));
}

static void look_at(struct walk *w, int dirfd, const char *name, const char *path, unsigned depth)
{
    const struct view v = view_of(path);
    struct stat st;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (S_ISREG(st.st_mode) && !ignore_match(w->ignore, v) && lint_context_wants(w->sent, v))
        read_text(w, dirfd, name, v);
    const bool directory = S_ISDIR(st.st_mode), out = ignore_match(w->ignore, v);
    if (!out &&
        lint_context_add(w->sent, v, directory, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0))
        return;
    if (directory && depth < DEPTH_MAX && (!out || ignore_may_reach_below(w->ignore, v)))
        enter(w, dirfd, name, path, depth);
}

/* Takes dirfd. */
static void walk(struct walk *w, int dirfd, const char *below, unsigned depth)
{
    DIR *dir = fdopendir(dirfd);
    const struct dirent *e;

    if (!dir) {
        (void)close(dirfd);
        return;
    }
    while ((e = readdir(dir)) && w->names < NAMES_MAX) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        cleanup_free char *path = xasprintf("%s%s%s", below, *below ? "/" : "", e->d_name);
        if (++w->names == NAMES_MAX)
            env_warn(w->env, "the build context is looked at as far as its first %u names",
                     NAMES_MAX);
        look_at(w, dirfd, e->d_name, path, depth);
    }
    (void)closedir(dir);
}

static int look_through(const struct env *env, struct lint_directory *p, struct error *err)
{
    cleanup_free char *real = realpath(p->named, NULL);
    const int fd = real ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd < 0)
        return error_sys(err, "open '%s'", p->named);
    p->sent = lint_context_new(real, env->home, p->file, ignore_count(p->ignore));
    struct walk w = {.env = env, .ignore = p->ignore, .sent = p->sent};
    walk(&w, fd, "", 0);
    lint_context_sort(p->sent);
    return 0;
}

int lint_context_read(const struct env *env, struct lint_directory *p, const char *file,
                      struct error *err)
{
    const char *slash = strrchr(file, '/');
    const bool input = strcmp(file, "-") == 0;
    cleanup_free char *own = xasprintf("%s.dockerignore", file);
    cleanup_free char *directory = p->named ? xstrdup(p->named)
                                   : slash  ? xstrndup(file, (size_t)(slash - file))
                                            : xstrdup(".");
    cleanup_free char *shared = xasprintf("%s/.dockerignore", directory);
    struct stat st;

    const bool has_own = !input && lstat(own, &st) == 0;
    if (p->read && !has_own)
        return 0; /* the same as for the file before */
    forget(p);
    int r = has_own ? read_ignore(own, p, err) : 0;
    if (r == 0 && (p->named || !input))
        r = read_ignore(shared, p, err);
    if (r < 0)
        return r;
    p->read = p->named && !has_own;
    return p->named ? look_through(env, p, err) : 0;
}
