#include "cli/lint_sinks.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same_inode(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* "x" and "./x"; a link and where it leads. */
static bool is_same_file(const char *a, const char *b)
{
    const char *slash_a = strrchr(a, '/'), *slash_b = strrchr(b, '/');
    cleanup_free char *above_a = slash_a ? xstrndup(a, (size_t)(slash_a - a) + 1) : xstrdup(".");
    cleanup_free char *above_b = slash_b ? xstrndup(b, (size_t)(slash_b - b) + 1) : xstrdup(".");
    struct stat x, y;
    const bool has_a = stat(a, &x) == 0, has_b = stat(b, &y) == 0;

    if (strcmp(a, b) == 0)
        return true;
    if (has_a || has_b) /* devices may be written twice */
        return has_a && has_b && S_ISREG(x.st_mode) && is_same_inode(&x, &y);
    return strcmp(slash_a ? slash_a + 1 : a, slash_b ? slash_b + 1 : b) == 0 &&
           stat(above_a, &x) == 0 && stat(above_b, &y) == 0 && is_same_inode(&x, &y);
}

static int add_sink(struct lint_sinks *sinks, const char *format, const char *path,
                    struct error *err)
{
    const struct lint_format *f = lint_format_find(format);
    STR_AUTO(names);

    if (!f) {
        lint_format_names(&names);
        return error_set(err, -EINVAL, "--format is one of %s, not '%.40s'", names.at, format);
    }
    vec_each (s, sinks) {
        if (!path && !s->path)
            return error_set(err, -EINVAL,
                             "two outputs are standard output: their documents would "
                             "be mixed");
        if (path && s->path && is_same_file(path, s->path))
            return error_set(err, -EINVAL,
                             "two outputs are '%.200s': one would overwrite the other", path);
    }
    vec_push(sinks, (struct lint_sink){.format = f, .path = path});
    return 0;
}

int lint_sinks_pair(struct lint_sinks *sinks, const struct strings *formats,
                    const struct strings *outputs, struct error *err)
{
    const char *last = formats->size > 0 ? formats->at[formats->size - 1] : "tty";
    int r = 0;

    for (size_t i = 0; r == 0 && i < outputs->size; i++) {
        const char *path = strcmp(outputs->at[i], "-") == 0 ? NULL : outputs->at[i];
        r = add_sink(sinks, i < formats->size ? formats->at[i] : last, path, err);
    }
    if (r == 0 && (outputs->size == 0 || formats->size > outputs->size))
        r = add_sink(sinks, last, NULL, err);
    return r;
}

/* Columns of a terminal; 0: it is none, and nothing is wrapped. */
static unsigned width_of(FILE *file)
{
    struct winsize w = {0};

    if (!isatty(fileno(file)))
        return 0;
    return ioctl(fileno(file), TIOCGWINSZ, &w) < 0 || w.ws_col == 0 ? 80 : w.ws_col;
}

int lint_sinks_begin(struct lint_sinks *sinks, const struct env *env, bool brief, bool color,
                     struct error *err)
{
    vec_each (s, sinks) {
        s->file = s->path ? fopen(s->path, "we") : env->out;
        if (!s->file)
            return error_sys(err, "write findings to '%s'", s->path);
        lint_output_begin(&s->out, s->format);
        s->out.brief = brief;
        s->out.color = color && !s->path && isatty(fileno(s->file));
        s->out.width = s->path ? 0 : width_of(s->file);
    }
    return 0;
}

static void flush(struct lint_sink *s)
{
    if (fwrite(s->out.text.at, 1, s->out.text.size, s->file) < s->out.text.size && !s->failed)
        s->failed = errno;
    str_clear(&s->out.text);
}

void lint_sinks_add(struct lint_sinks *sinks, bool all, const struct lint_subject *subject)
{
    vec_each (s, sinks) {
        if (s->format->all != all)
            continue;
        lint_output_file(&s->out, s->format, subject);
        flush(s);
    }
}

int lint_sinks_end(struct lint_sinks *sinks, struct error *err)
{
    int r = 0;

    vec_each (s, sinks) {
        if (!s->file)
            continue; /* it could not be opened */
        lint_output_end(&s->out, s->format);
        flush(s);
        if (!s->path)
            continue;
        if (fclose(s->file) != 0 && !s->failed)
            s->failed = errno;
        errno = s->failed;
        if (s->failed && r == 0)
            r = error_sys(err, "write findings to '%s'", s->path);
        s->file = NULL;
    }
    return r;
}

void lint_sinks_done(struct lint_sinks *sinks)
{
    vec_each (s, sinks)
        if (s->out.fired)
            lint_output_done(&s->out);
    vec_done(sinks);
}

bool lint_sinks_want(const struct lint_sinks *sinks, bool all)
{
    vec_each (s, sinks)
        if (s->format->all == all)
            return true;
    return false;
}

bool lint_sinks_never_fail(const struct lint_sinks *sinks)
{
    vec_each (s, sinks)
        if (!s->format->never_fails)
            return false;
    return true;
}
