/* audit_run.c - `cooper audit` of run configurations: options, files. */
#include <errno.h>
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

static void judge(struct audit_work *w, const char *name, struct view source, struct run_list *list)
{
    cleanup_free struct lint_facts *facts = xcalloc(list->runs.size + 1, sizeof(*facts));

    join_images(w, list);
    for (size_t i = 0; i < list->runs.size; i++)
        facts[i].run = list->runs.at[i];
    audit_judge(w, name, source, facts, list->runs.size);
}

int audit_run(struct audit_work *w, const struct docker_options *o, struct error *err)
{
    RUN_LIST_AUTO(list);
    const char *image = o->command[0];
    cleanup_free char *name =
        xasprintf("%s%s%s", o->exec ? "exec" : "run", image ? " " : "", image ? image : "");
    const int r = runconfig_options(o, &list, err);

    if (r == 0)
        judge(w, name, VIEW(""), &list);
    return r;
}

int audit_file(struct audit_work *w, const char *path, struct error *err)
{
    RUN_LIST_AUTO(list);
    STR_AUTO(text);
    int r = strcmp(path, "-") == 0 ? fd_read_all(0, RUNCONFIG_SIZE_MAX, &text, err)
                                   : fd_read_file(AT_FDCWD, path, RUNCONFIG_SIZE_MAX, &text, err);

    if (r == 0)
        r = runconfig_parse(str_view(&text), path, &list, err);
    if (r < 0)
        return error_wrap(err, r, "audit '%s'", path);
    judge(w, path, str_view(&text), &list);
    return 0;
}
