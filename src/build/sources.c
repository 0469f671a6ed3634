#include "build/sources.h"

#include <errno.h>
#include <sys/stat.h>

#include "build/remote.h"
#include "build/source_images.h"
#include "image/image.h"
#include "oci/platform.h"
#include "oci/reference.h"

/* docker-image://a where a is a named context again; as BuildKit */
#define NAMED_CONTEXTS_CHAIN_MAX 10

struct named_context {
    char *name; /* as it is compared */
    bool any_platform;
    struct platform platform;
    char *what;
};

struct sources {
    struct image_tools *tools;
    struct local_context *main;
    struct digest main_tree;
    bool has_main_tree;
    char *main_shown;
    VEC(struct remote *) remotes;
    VEC(struct local_context *) locals;
    VEC(struct named_context) named;
    struct source_images *images;
};

/* ---- names ---- */

/* How names of contexts are compared: docker's short form without ":latest". */
static char *plain_name(const char *text)
{
    REFERENCE_AUTO(ref);

    if (reference_parse(text, &ref, NULL) < 0)
        return xstrdup(text);
    if (!ref.has_digest && ref.tag && strcmp(ref.tag, "latest") == 0)
        return reference_familiar_name(&ref);
    return reference_familiar(&ref);
}

/* What is said of one platform wins over what is said of all. */
static const char *find_named(const struct sources *s, const char *name,
                              const struct platform *platform)
{
    cleanup_free char *plain = plain_name(name);
    const char *found = NULL;

    vec_each (n, &s->named) {
        if (strcmp(n->name, plain) != 0)
            continue;
        if (n->any_platform)
            found = found ? found : n->what;
        else if (platform_eq(&n->platform, platform))
            return n->what;
    }
    return found;
}

static bool is_named(void *ctx, const char *name, const struct platform *platform)
{
    return find_named(ctx, name, platform) != NULL;
}

static int read_named(const char *text, struct named_context *ret, struct error *err)
{
    struct view what = view_of(text), name;

    if (!view_cut(&what, '=', &name) || !what.at || name.size == 0 || what.size == 0) {
        (void)error_set(err, -EINVAL, "named context '%s' is not NAME=WHAT", text);
        return error_hint(err, -EINVAL,
                          "WHAT is a directory, a URL, a git repository, docker-image://NAME, "
                          "oci-layout://DIR[:TAG|@DIGEST] or target:STAGE");
    }
    cleanup_free char *copy = view_dup(name);
    struct named_context n = {.any_platform = true};
    char *platform = strstr(copy, "::");
    if (platform) {
        *platform = '\0';
        n.any_platform = false;
        const int r = platform_parse(platform + 2, &n.platform, err);
        if (r < 0)
            return error_wrap(err, r, "named context '%.200s'", text);
    }
    n.name = plain_name(copy);
    n.what = view_dup(what);
    *ret = n;
    return 0;
}

int named_context_check(const char *text, struct error *err)
{
    struct named_context n;
    const int r = read_named(text, &n, err);

    if (r < 0)
        return r;
    free(n.name);
    free(n.what);
    return 0;
}

/* ---- directories ---- */

static int open_local(struct sources *s, const char *name, const char *path, const char *dockerfile,
                      struct local_context **ret, struct error *err)
{
    const int r = local_open(name, path, dockerfile, ret, err);

    if (r >= 0)
        vec_push(&s->locals, *ret);
    return r;
}

int sources_save(struct sources *s, struct error *err)
{
    int r = 0;

    vec_each (c, &s->locals)
        if (r >= 0)
            r = local_save(*c, s->tools, err);
    return r;
}

struct local_context *sources_local(struct sources *s, const struct op *op)
{
    vec_each (c, &s->locals)
        if (strcmp((*c)->path, op->u.local.path) == 0 && (*c)->ignore == op->u.local.ignore)
            return *c;
    return NULL;
}

struct local_context *sources_main_context(struct sources *s)
{
    return s->main;
}

const struct digest *sources_main_tree(const struct sources *s)
{
    return s->has_main_tree ? &s->main_tree : NULL;
}

/* ---- the resolver ---- */

static int resolve_image(struct sources *s, const char *name, const char *layout,
                         const struct platform *platform, struct graph *g, struct source *ret,
                         struct error *err)
{
    ret->kind = SOURCE_IMAGE;
    return source_images_find(s->images, name, layout, platform, g, &ret->image, err);
}

static void answer_local(const struct local_context *c, struct source *ret)
{
    *ret = (struct source){.kind = SOURCE_DIRECTORY,
                           .path = c->path,
                           .ignore = c->ignore,
                           .ignore_name = c->ignore_name};
}

static int resolve_directory(struct sources *s, const char *name, const char *path,
                             struct source *ret, struct error *err)
{
    struct local_context *c = NULL;
    int r = 0;

    vec_each (have, &s->locals)
        if (*have != s->main && strcmp((*have)->name, name) == 0 &&
            strcmp((*have)->path, path) == 0)
            c = *have;
    if (!c)
        r = open_local(s, name, path, NULL, &c, err);
    if (r >= 0)
        answer_local(c, ret);
    return r;
}

static const char *after(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : NULL;
}

static int answer_remote(struct sources *s, struct remote *take_r, struct source *ret)
{
    CLEANUP(remote_freep) struct remote *r = take_r;
    struct remote *found = NULL;

    vec_each (have, &s->remotes)
        if (!found && remote_eq(*have, r))
            found = *have;
    if (!found) {
        found = steal(r);
        vec_push(&s->remotes, found);
    }
    *ret = (struct source){.kind = SOURCE_REMOTE, .remote = found, .name = found->shown};
    return 1;
}

static int resolve_elsewhere(struct sources *s, const char *name, const char *what,
                             struct source *ret, struct error *err)
{
    struct remote *r = NULL;
    const int is_remote = remote_new(what, true, &r, err);

    if (is_remote < 0)
        return error_wrap(err, is_remote, "named context '%.80s'", name);
    if (is_remote)
        return answer_remote(s, r, ret);
    if (after(what, "target:"))
        return error_set(err, -EINVAL,
                         "named context '%.80s' is a stage, which cannot be used here", name);
    return resolve_directory(s, name, what, ret, err);
}

/* A source of ADD. */
static int resolve_remote(void *ctx, const struct source_remote_request *q, struct source *ret,
                          struct error *err)
{
    CLEANUP(remote_freep) struct remote *r = NULL;
    int code = remote_new(q->text, false, &r, err);

    if (code <= 0)
        return code;
    if (r->kind == REMOTE_GIT && q->has_keep_git_dir)
        r->keep_git_dir = q->keep_git_dir;
    if (*q->checksum) {
        code = remote_set_checksum(r, q->checksum, err);
        *q->ret_in_checksum = code < 0;
        if (code < 0)
            return code;
    }
    return answer_remote(ctx, steal(r), ret);
}

/* Names lead to a stage through other names, too. */
static const char *named_stage(void *ctx, const char *name, const struct platform *platform)
{
    for (int depth = 0; depth < NAMED_CONTEXTS_CHAIN_MAX; depth++) {
        const char *what = find_named(ctx, name, platform);
        const char *stage = what ? after(what, "target:") : NULL;
        if (stage || !what)
            return stage;
        name = after(what, "docker-image://");
        if (!name)
            return NULL;
    }
    return NULL;
}

static int resolve(void *ctx, const char *name, const struct platform *platform, struct graph *g,
                   struct source *ret, struct error *err)
{
    struct sources *s = ctx;
    const char *wanted = name;

    for (int depth = 0; depth < NAMED_CONTEXTS_CHAIN_MAX; depth++) {
        const char *what = find_named(s, wanted, platform), *rest;
        if (!what)
            return resolve_image(s, wanted, NULL, platform, g, ret, err);
        if ((rest = after(what, "oci-layout://")))
            return resolve_image(s, name, rest, platform, g, ret, err);
        rest = after(what, "docker-image://");
        if (!rest)
            return resolve_elsewhere(s, name, what, ret, err);
        /* a name that stands for itself is the image, not the context again */
        if (find_named(s, rest, platform) == what)
            return resolve_image(s, rest, NULL, platform, g, ret, err);
        wanted = rest;
    }
    return error_set(err, -ELOOP, "named context '%s' leads through more than %d others", name,
                     NAMED_CONTEXTS_CHAIN_MAX);
}

static int resolve_context(void *ctx, struct graph *g, struct source *ret, struct error *err)
{
    const struct sources *s = ctx;

    if (s->has_main_tree) {
        *ret = (struct source){.kind = SOURCE_REMOTE, .tree = &s->main_tree, .name = s->main_shown};
        return 0;
    }
    if (!s->main) {
        (void)error_set(err, -ENOENT, "this build has no context to copy from");
        return error_hint(err, -ENOENT,
                          "give a directory instead of '-', or an archive on standard input");
    }
    answer_local(s->main, ret);
    return 0;
}

/* Of an archive or a commit: its newest file. */
static int tree_epoch(const struct sources *s, int64_t *ret, struct error *err)
{
    IMAGE_VIEW_AUTO(view);
    const int r = image_view_open(s->tools->store, &s->main_tree, 1, false, &view, err);
    const size_t count = r < 0 ? 0 : index_count(view.indexes[0]);

    for (size_t i = 0; i < count; i++) {
        const int64_t mtime = index_at(view.indexes[0], i)->mtime_s;
        *ret = i == 0 || mtime > *ret ? mtime : *ret;
    }
    return r < 0 ? r : count > 0;
}

/* An archive's files are as old as it says; a directory's are as old as the checkout. */
static int epoch(void *ctx, const char *name, int64_t *ret, struct error *err)
{
    struct sources *s = ctx;
    const struct local_context *c = name ? NULL : s->main;

    if (!name && s->has_main_tree)
        return tree_epoch(s, ret, err);
    vec_each (have, &s->locals)
        if (name && *have != s->main && strcmp((*have)->name, name) == 0)
            c = *have;
    return c ? checkout_epoch(c->path, ret, err) : 0;
}

struct source_resolver sources_resolver(struct sources *s)
{
    return (struct source_resolver){.ctx = s,
                                    .is_named = is_named,
                                    .stage = named_stage,
                                    .resolve = resolve,
                                    .context = resolve_context,
                                    .remote = resolve_remote,
                                    .epoch = epoch};
}

/* A directory that is not there is an error though nothing asks for it: the name was mistyped. */
static int check_named(const struct named_context *n, struct error *err)
{
    CLEANUP(remote_freep) struct remote *remote = NULL;
    struct stat st;

    if (after(n->what, "docker-image://") || after(n->what, "oci-layout://") ||
        after(n->what, "target:") || remote_new(n->what, true, &remote, NULL) != 0)
        return 0;
    if (stat(n->what, &st) < 0)
        return error_sys(err, "named context '%s': look at '%s'", n->name, n->what);
    if (!S_ISDIR(st.st_mode))
        return error_set(err, -ENOTDIR, "named context '%s': '%s' is not a directory", n->name,
                         n->what);
    return 0;
}

int sources_open(struct image_tools *tools, const struct main_context *main,
                 const struct strings *build_contexts, enum build_pull pull, struct sources **ret,
                 struct error *err)
{
    CLEANUP(sources_closep) struct sources *s = xcalloc(1, sizeof(*s));
    int r = 0;

    s->tools = tools;
    s->images = source_images_new(tools, pull);
    for (size_t i = 0; r >= 0 && i < build_contexts->size; i++) {
        struct named_context n;
        r = read_named(build_contexts->at[i], &n, err);
        if (r >= 0) {
            vec_push(&s->named, n);
            r = check_named(&n, err);
        }
    }
    s->main_shown = xstrdup(main->shown ? main->shown : "context");
    if (main->tree) {
        s->main_tree = *main->tree;
        s->has_main_tree = true;
    }
    if (r >= 0 && main->directory)
        r = open_local(s, "context", main->directory, main->dockerfile, &s->main, err);
    if (r < 0)
        return r;
    *ret = steal(s);
    return 0;
}

void sources_close(struct sources *s)
{
    if (!s)
        return;
    vec_each (c, &s->locals)
        local_free(*c);
    vec_done(&s->locals);
    vec_each (n, &s->named) {
        free(n->name);
        free(n->what);
    }
    vec_done(&s->named);
    vec_each (r, &s->remotes)
        remote_free(*r);
    vec_done(&s->remotes);
    free(s->main_shown);
    source_images_free(s->images);
    free(s);
}
