#include "build/sources.h"

#include <assert.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/map.h"
#include "build/remote.h"
#include "dockerfile/ignore.h"
#include "image/guard.h"
#include "image/load.h"
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

/* An image that was asked for, with all that its answer borrows. */
struct found_image {
    struct source_image answer;
    struct image *image;        /* of the store, or once loaded; NULL while it is elsewhere only */
    char *layout, *tag;         /* where to load it from */
    struct reference reference; /* or the registry's image, by digest; host NULL: none */
    char *name;                 /* of it in the store; NULL: by digest alone it has none */
    struct image_origin from;   /* of an image that is elsewhere */
    struct image_config config; /* of an image that is elsewhere */
    struct digest *trees;
};

struct sources {
    struct image_tools *tools;
    enum build_pull pull;
    struct local_context *main;
    struct digest main_tree;
    bool has_main_tree;
    char *main_shown;
    VEC(struct remote *) remotes;
    VEC(struct local_context *) locals;
    VEC(struct named_context) named;
    struct map images; /* name -> struct found_image * */
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

/* ---- images ---- */

static void found_free(struct found_image *f)
{
    if (!f)
        return;
    image_free(f->image);
    config_done(&f->config);
    free(f->layout);
    free(f->tag);
    free(f->name);
    reference_done(&f->reference);
    image_origin_done(&f->from);
    free(f->trees);
    free(f);
}
DEFINE_CLEANUP(struct found_image *, found_free)

static void take_trees(struct found_image *f)
{
    const struct store_image *record = &f->image->record;

    f->trees = xcalloc(record->layers.size + 1, sizeof(*f->trees));
    for (size_t i = 0; i < record->layers.size; i++)
        f->trees[i] = record->layers.at[i].tree;
    f->answer.layer_count = record->layers.size;
    f->answer.layers = f->trees;
}

/* Where there is none for the platform, the one that has the name: the front end warns, as BuildKit does. */
static int open_in_store(struct sources *s, const char *name, const struct platform *platform,
                         struct image **ret, struct error *err)
{
    if (image_open_for(s->tools, name, platform, ret, NULL) == 0)
        return 0;
    return image_open(s->tools, name, ret, err);
}

static int find_in_store(struct sources *s, const char *name, const struct platform *platform,
                         struct found_image **ret, struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = xcalloc(1, sizeof(*f));
    int r = open_in_store(s, name, platform, &f->image, err);

    if (r == 0)
        r = guard_present(s->tools->env, f->image, name, err);
    if (r < 0)
        return r;
    f->answer.id = f->image->record.id;
    const char *manifest = json_string_value(json_object_get(f->image->record.extra, "manifest"));
    if (manifest)
        digest_of(view_of(manifest), &f->answer.manifest);
    f->answer.config = &f->image->config;
    /* as it was known while it was in its registry only: what was built on it then stays known */
    f->answer.packed = manifest && f->image->config.diff_ids.size == f->image->record.layers.size;
    take_trees(f);
    *ret = steal(f);
    return 0;
}

/* The key under which the trees of a layout's image are remembered, by its configuration. */
static void layout_key(const struct digest *config, struct digest *ret)
{
    struct hash h;

    hash_init(&h);
    hash_add_field(&h, VIEW("trees of image configuration"));
    hash_add(&h, config->sha256, sizeof(config->sha256));
    hash_done(&h, ret->sha256);
}

static int recall_trees(struct sources *s, struct found_image *f, struct error *err)
{
    const size_t count = f->config.diff_ids.size;
    struct digest key;
    STR_AUTO(value);

    layout_key(&f->answer.id, &key);
    const int r = cache_get(s->tools->cache, &key, &value, err);
    if (r > 0 && value.size == count * sizeof(struct digest)) {
        f->trees = xmemdup(value.at, value.size + 1);
        f->answer.layers = f->trees;
    }
    f->answer.layer_count = count;
    return r < 0 ? r : 0;
}

/* "/srv/base", "/srv/base:tag", "/srv/base@sha256:..." */
static void split_layout(const char *text, char **ret_path, char **ret_tag)
{
    const char *at = strstr(text, "@sha256:");
    const char *slash = strrchr(text, '/');
    const char *colon = at ? at : strchr(slash ? slash : text, ':');

    *ret_path = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
    *ret_tag = colon ? xstrdup(colon + 1) : NULL;
}

/* What the policy is asked about a layout; a registry's image it was asked about before. */
static int ask_policy(struct sources *s, struct found_image *f,
                      const struct image_source_image *found, struct error *err)
{
    const struct strings no_names = {0};

    if (!f->layout) {
        image_origin_of_reference(&f->from, &f->reference, &found->root);
        image_origin_set_image(&f->from, str_view(&found->manifest));
        return 0;
    }
    image_origin_of_file(&f->from, "oci", f->layout, f->tag, &found->root);
    image_origin_set_image(&f->from, str_view(&found->manifest));
    return guard_arriving(s->tools->env, &f->from, false, &no_names, err);
}

/* What it is, without its layers. */
static int read_source(struct sources *s, struct found_image *f, const struct platform *platform,
                       struct error *err)
{
    CLEANUP(image_source_closep) struct image_source *source = NULL;
    struct image_source_image found = {.config = STR_INIT, .manifest = STR_INIT};
    const struct image_spool none = {.dir_fd = -1};
    size_t number = 0;
    int r = f->layout ? image_source_open(f->layout, &none, &source, err)
                      : image_source_open_registry(image_wire(s->tools), &f->reference, platform,
                                                   false, &source, err);

    if (r >= 0)
        r = image_source_find(source, f->tag, &number, err);
    if (r >= 0)
        r = image_source_read(source, number, platform, &found, err);
    if (r < 0)
        return r;
    digest_of(str_view(&found.config), &f->answer.id);
    digest_of(str_view(&found.manifest), &f->answer.manifest);
    r = ask_policy(s, f, &found, err);
    if (r >= 0)
        r = config_parse(str_view(&found.config), &f->config, err);
    f->answer.config = &f->config;
    f->answer.packed = true;
    image_source_image_done(&found);
    return r < 0 ? r : recall_trees(s, f, err);
}

static int find_layout(struct sources *s, const char *text, const struct platform *platform,
                       struct found_image **ret, struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = xcalloc(1, sizeof(*f));

    split_layout(text, &f->layout, &f->tag);
    const int r = read_source(s, f, platform, err);
    if (r < 0)
        return error_wrap(err, r, "read OCI layout '%s'", text);
    *ret = steal(f);
    return 0;
}

/* The image of a name in its registry; its layers are fetched when a step has to run on them. */
static int find_in_registry(struct sources *s, const char *name, const struct platform *platform,
                            struct found_image **ret, struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = xcalloc(1, sizeof(*f));
    int r = reference_parse(name, &f->reference, err);

    if (r >= 0)
        r = read_source(s, f, platform, err);
    if (r < 0)
        return r;
    /* from now on it is this one, whatever becomes of its tag; one of the store it may be already */
    if (f->reference.tag && !f->reference.has_digest)
        f->name = reference_format(&f->reference);
    f->reference.digest = f->answer.manifest;
    f->reference.has_digest = true;
    *ret = steal(f);
    return 0;
}

static int not_found(const char *name, struct error *why, struct error *err)
{
    const int r = why->code ? why->code : -ENOENT;

    (void)error_set(err, r, "image '%s' is neither in the store nor a named context%s%s", name,
                    why->code ? ": " : "", why->code ? why->text : "");
    if (why->hint)
        (void)error_hint(err, r, "%s", why->hint);
    return error_hint(
        err, r,
        "bring it in with 'cooper pull' or 'cooper load', make one with 'cooper base', or name one "
        "with --build-context %s=oci-layout://DIR:TAG",
        name);
}

/* --pull: the store was not looked into. */
static int not_answered(const char *name, struct error *why, struct error *err)
{
    const int r = error_set(err, why->code, "ask for image '%s': %s", name, why->text);

    return error_hint(err, r, "%s",
                      why->hint ? why->hint : "--pull=missing takes what the store has");
}

static bool is_for(const struct found_image *f, const struct platform *p)
{
    return platform_rank(p, &f->image->config.platform) >= 0;
}

/* The store first, then the registry, as --pull has it. One for another platform is better than none:
 * the front end warns, as BuildKit does. */
static int find_image(struct sources *s, const char *name, const struct platform *platform,
                      struct found_image **ret, struct error *err)
{
    CLEANUP(found_freep) struct found_image *f = NULL;
    ERROR_AUTO(here);
    ERROR_AUTO(there);
    const bool always = s->pull == BUILD_PULL_ALWAYS && !reference_is_id(name);
    int r = always ? -ENOENT : find_in_store(s, name, platform, &f, &here);

    if (r < 0 && r != -ENOENT)
        return error_move(err, &here);
    const bool ask = s->pull != BUILD_PULL_NEVER && !reference_is_id(name);
    if ((r < 0 || !is_for(f, platform)) && ask) {
        struct found_image *remote = NULL;
        const int asked = find_in_registry(s, name, platform, &remote, &there);
        if (asked >= 0) {
            *ret = remote;
            return 0;
        }
    }
    if (!f)
        return always && there.code ? not_answered(name, &there, err)
                                    : not_found(name, &there, err);
    *ret = steal(f);
    return 0;
}

static int load_elsewhere(struct sources *s, struct found_image *f, struct error *err)
{
    const struct load_options o = {.path = f->layout,
                                   .tag = f->tag,
                                   .reference = f->layout ? NULL : &f->reference,
                                   .allowed = !f->layout, /* when it was found */
                                   .origin = f->layout ? NULL : &f->from,
                                   .name = f->name,
                                   .platform = &f->config.platform,
                                   .unnamed = !f->name};
    struct load_result loaded = {0};
    struct digest key;
    int r = image_load(s->tools, &o, &loaded, err);

    if (r < 0)
        return error_wrap(err, r, "load '%s'", f->answer.name);
    f->image = loaded.at[0];
    loaded.at[0] = NULL;
    load_result_done(&loaded);
    if (!digest_eq(&f->image->record.id, &f->answer.id))
        return error_set(err, -ESTALE, "'%s' became another image while it was built upon",
                         f->answer.name);
    take_trees(f);
    layout_key(&f->answer.id, &key);
    return cache_put(s->tools->cache, &key,
                     view_make(f->trees, f->answer.layer_count * sizeof(*f->trees)), f->trees,
                     f->answer.layer_count, err);
}

int sources_image_trees(struct sources *s, const struct source_image *image,
                        const struct digest **ret, size_t *ret_count, struct error *err)
{
    struct found_image *f = image->origin;
    int r = 0;

    (void)s;
    if (!f->trees && f->config.diff_ids.size)
        r = load_elsewhere(s, f, err);
    *ret = f->trees;
    *ret_count = f->answer.layer_count;
    return r;
}

void sources_image_origins(const struct source_image *image, struct image_origins *ret)
{
    const struct found_image *f = image->origin;
    CLEANUP(image_origins_done) struct image_origins own = {0};

    if (f->from.name) {
        image_origins_add(ret, &f->from);
        return;
    }
    image_origins_read(&f->image->record, &own);
    vec_each (o, &own)
        image_origins_add(ret, o);
    if (own.known)
        return;
    /* a record of before that was written down: as far as anybody knows it is what its name says */
    const struct image_origin named = {.transport = (char *)(uintptr_t) "docker",
                                       .name = (char *)(uintptr_t)image->name};
    image_origins_add(ret, &named);
}

const struct store_layer *sources_image_layer(const struct source_image *image, size_t layer)
{
    const struct found_image *f = image->origin;

    return f->image && layer < f->image->record.layers.size ? &f->image->record.layers.at[layer]
                                                            : NULL;
}

/* ---- the resolver ---- */

static int answer_image(struct found_image *f, struct graph *g, struct source *ret)
{
    f->answer.origin = f;
    ret->kind = SOURCE_IMAGE;
    ret->image = &f->answer;
    return 0;
}

static int resolve_image(struct sources *s, const char *name, const char *layout,
                         const struct platform *platform, struct graph *g, struct source *ret,
                         struct error *err)
{
    char text[PLATFORM_TEXT_MAX];
    cleanup_free char *key = xasprintf("%s %s", platform_format(platform, text), name);
    struct found_image *f = map_get(&s->images, view_of(key));
    int r = 0;

    if (f)
        return answer_image(f, g, ret);
    r = layout ? find_layout(s, layout, platform, &f, err) : find_image(s, name, platform, &f, err);
    if (r < 0)
        return r;
    assert(f);
    map_set(&s->images, view_of(key), f);
    f->answer.name = arena_strdup(g->arena, name);
    return answer_image(f, g, ret);
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
    s->pull = pull;
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
    map_each (item, &s->images)
        found_free(item->value);
    map_done(&s->images);
    free(s);
}
