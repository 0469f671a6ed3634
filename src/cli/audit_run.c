/* audit_run.c - `cooper audit` of run configurations: options, files. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/audit.h"
#include "image/image.h"

/* What the store knows of an image; what it does not know is asked of nobody. */
static void join_image(struct image_tools *t, struct run_list *list, struct run_facts *f)
{
    CLEANUP(image_freep) struct image *i = NULL;

    if (f->image.said == RUN_YES && !f->exec && image_open(t, f->image.text, &i, NULL) == 0)
        runconfig_join(list, f, &i->config);
}

/* A store that is not there is not made for this. */
static void join_images(struct audit_work *w, struct run_list *list)
{
    IMAGE_TOOLS_AUTO(tools);

    if (access(w->env->store_root, R_OK) < 0 || image_tools_open_store(w->env, &tools, NULL) < 0)
        return;
    vec_each (f, &list->runs)
        join_image(&tools, list, *f);
}

static void judge(struct audit_work *w, const char *name, struct run_list *list)
{
    join_images(w, list);
    vec_each (note, &list->notes)
        env_warn(w->env, "%s", *note);
    audit_judge_runs(w, name, list);
}

/* ---- docker run ---- */

static int read_named(void *ctx, const char *path, size_t limit, struct str *ret, struct error *err)
{
    (void)ctx;
    return fd_read_file(AT_FDCWD, path, limit, ret, err);
}

int audit_run(struct audit_work *w, const struct docker_options *o, struct error *err)
{
    static const struct run_opener opener = {read_named, NULL};
    RUN_LIST_AUTO(list);
    const char *image = o->command[0];
    cleanup_free char *name =
        xasprintf("%s%s%s", o->exec ? "exec" : "run", image ? " " : "", image ? image : "");

    list.opener = &opener;
    list.title = name;
    const int r = runconfig_options(o, &list, err);
    if (r == 0)
        judge(w, name, &list);
    return r == -EINVAL ? EXIT_USAGE : r;
}

/* ---- files ---- */

static int read_input(const char *path, struct str *ret, struct error *err)
{
    return strcmp(path, "-") == 0 ? fd_read_all(0, RUNCONFIG_SIZE_MAX, ret, err)
                                  : fd_read_file(AT_FDCWD, path, RUNCONFIG_SIZE_MAX, ret, err);
}

/* The directory of a project, which is opened when a file in it is asked for. */
struct project {
    const char *first; /* file of it */
    int fd;
};

static int open_project(struct project *p, struct error *err)
{
    const char *slash = strrchr(p->first, '/');
    cleanup_free char *dir =
        slash ? xstrndup(p->first, (size_t)(slash - p->first) + 1) : xstrdup(".");

    if (p->fd < 0)
        p->fd = fd_open(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0, err);
    return p->fd;
}

/* Plain files below it, through no link: a compose file may be anybody's. */
static int read_beneath(void *ctx, const char *path, size_t limit, struct str *ret,
                        struct error *err)
{
    const int dir = open_project(ctx, err);
    struct stat st;

    if (dir < 0)
        return dir;
    cleanup_close int fd = fd_open_beneath(dir, path, O_RDONLY | O_NONBLOCK, 0, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "it is no plain file");
    return fd_read_all(fd, limit, ret, err);
}

int audit_merged(struct audit_work *w, const struct strings *paths, struct error *err)
{
    struct str *texts = xcalloc(paths->size, sizeof(*texts));
    cleanup_free struct run_input *inputs = xcalloc(paths->size, sizeof(*inputs));
    struct project project = {paths->at[0], -1};
    const struct run_opener opener = {read_beneath, &project};
    RUN_LIST_AUTO(list);
    const char *name = paths->at[0];
    int r = 0;

    list.opener = &opener;
    for (size_t i = 0; r == 0 && i < paths->size; i++) {
        name = paths->at[i];
        texts[i] = STR_INIT;
        r = read_input(name, &texts[i], err);
        inputs[i] = (struct run_input){str_view(&texts[i]), name};
    }
    if (r == 0) {
        name = paths->at[0];
        r = runconfig_merged(inputs, paths->size, &list, err);
    }
    if (r == 0)
        judge(w, name, &list);
    else
        (void)error_wrap(err, r, "audit '%s'", name);
    if (project.fd >= 0)
        (void)close(project.fd);
    for (size_t i = 0; i < paths->size; i++)
        str_done(&texts[i]);
    free(texts);
    return r;
}

int audit_file(struct audit_work *w, const char *path, struct error *err)
{
    struct strings one = {0};

    strings_add(&one, path);
    const int r = audit_merged(w, &one, err);
    strings_done(&one);
    return r;
}
