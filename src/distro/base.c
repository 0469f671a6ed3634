#include "distro/base.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "base/progress.h"
#include "distro/internal.h"
#include "oci/config.h"

#define MAKE_VERSION "base-make 1" /* changes when the same plan makes another tree */

const char *base_architecture(void)
{
    static const char *const names[][2] = {
        {"amd64", "amd64"},     {"arm64", "arm64"},       {"386", "i386"},
        {"arm", "armhf"},       {"ppc64le", "ppc64el"},   {"s390x", "s390x"},
        {"riscv64", "riscv64"}, {"mips64le", "mips64el"}, {"loong64", "loong64"},
    };
    const struct platform host = platform_host();

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(host.architecture, names[i][0]) == 0)
            return names[i][1];
    return NULL;
}

/* ---- the lock ---- */

static int check_lock(const struct work *w, struct error *err)
{
    const struct plan *p = &w->plan;

    if (p->variant != w->o->variant)
        return error_set(err, -EINVAL, "it is of another variant");
    if (strcmp(p->suite, w->o->suite) != 0)
        return error_set(err, -EINVAL, "it is of suite '%s', not '%s'", p->suite, w->o->suite);
    if (strcmp(p->architecture, w->architecture) != 0)
        return error_set(err, -EINVAL, "it is of architecture '%s', not '%s'", p->architecture,
                         w->architecture);
    if (w->o->include)
        vec_each (name, w->o->include) {
            if (!plan_find(p, *name))
                return error_set(err, -EINVAL, "it has no package '%s'", *name);
        }
    return 0;
}

/* 1: the plan is the lock's; 0: there is none yet. */
static int read_lock(struct work *w, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(absent);
    int r = fd_read_file(AT_FDCWD, w->o->lock, PLAN_LOCK_MAX, &text, &absent);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_move(err, &absent);
    r = plan_parse(str_view(&text), &w->plan, err);
    if (r >= 0)
        r = check_lock(w, err);
    if (r < 0) {
        error_wrap(err, r, "lock '%s'", w->o->lock);
        return error_hint(err, r, "remove the file to choose packages anew");
    }
    return 1;
}

static int write_lock(const struct work *w, struct error *err)
{
    STR_AUTO(text);

    plan_print(&w->plan, &text);
    const int r = fd_replace_file(AT_FDCWD, w->o->lock, str_view(&text), 0644, err);
    return r < 0 ? error_wrap(err, r, "write lock '%s'", w->o->lock) : 0;
}

/* ---- packages ---- */

/* A locked package is looked for at the source of its suite, else at the first. */
static const struct apt_source *source_of(const struct work *w, const struct plan_package *p)
{
    if (!w->locked)
        return w->suites.at[p->source].source;
    vec_each (s, &w->sources) {
        if (strcmp(s->suite, p->suite) == 0)
            return s;
    }
    return &w->sources.at[0];
}

/* '%' and whatever else is not plain in a URL; the rest of a pool's names is. */
static char *url_of(const char *uri, const char *path)
{
    STR_AUTO(url);

    str_add_text(&url, uri);
    str_add_char(&url, '/');
    for (; *path; path++)
        if (strchr("%#?[]\"<>\\^`{|}", *path))
            str_printf(&url, "%%%02X", (unsigned char)*path);
        else
            str_add_char(&url, *path);
    return str_take(&url);
}

int work_fetch(struct work *w, struct error *err)
{
    struct wanteds wanted = {0};

    vec_each (p, &w->plan) {
        vec_push(&wanted, (struct wanted){.url = url_of(source_of(w, p)->uri, p->path),
                                          .name = xasprintf("package '%s' %s", p->name, p->version),
                                          .digest = p->sha256,
                                          .size = p->size});
    }
    const int r = work_get(w, &wanted, "fetch packages", err);
    wanteds_done(&wanted);
    return r;
}

/* ---- the tree ---- */

struct making {
    struct work *w;
    struct progress_step *step;
    char *stage;
};

static void end_stage(struct making *m, enum progress_end how)
{
    progress_finish(m->step, how, NULL);
    m->step = NULL;
    free(m->stage);
    m->stage = NULL;
}

static void on_message(void *ctx, const json_t *message)
{
    struct making *m = ctx;
    const char *stage = NULL, *log = NULL;
    int64_t done = 0, total = 0;

    if (doc_text(message, "stage", &stage, NULL) < 0 || doc_text(message, "log", &log, NULL) < 0 ||
        doc_int(message, "done", &done, NULL) < 0 || doc_int(message, "total", &total, NULL) < 0)
        return;
    if (stage && (!m->stage || strcmp(stage, m->stage) != 0)) {
        if (m->step)
            end_stage(m, PROGRESS_DONE);
        cleanup_free char *title = xasprintf("%.40s packages", stage);
        m->stage = xstrdup(stage);
        m->step = progress_begin(m->w->tools->env->progress, title);
    }
    if (log)
        progress_log(m->step, view_of(log));
    else if (done > 0)
        progress_update(m->step, (uint64_t)done, (uint64_t)total, "packages");
}

static int run_make(struct work *w, const json_t *request, json_t **ret, struct error *err)
{
    struct making m = {.w = w};
    struct holder *holder;
    struct job *job = NULL;
    int r = image_holder(w->tools, &holder, err);

    if (r >= 0)
        r = holder_submit(holder, "base-make", request, NULL, 0, &job, err);
    if (r < 0)
        return r;
    while ((r = job_step(job, on_message, &m, err)) == 0)
        ;
    if (r < 0) {
        job_cancel(job);
        return r;
    }
    r = job_finish(job, ret, err);
    if (m.step)
        end_stage(&m, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE);
    return r;
}

static void tree_key(const struct work *w, struct digest *ret)
{
    struct hash h;
    STR_AUTO(text);

    plan_print(&w->plan, &text);
    hash_init(&h);
    hash_add_field(&h, VIEW(MAKE_VERSION));
    hash_add_field(&h, view_of(identity_name(w->tools->ids.kind)));
    hash_add_field(&h, str_view(&text));
    hash_done(&h, ret->sha256);
}

/* The tree of an equal plan that is in the store already: 1. */
static int known_tree(struct work *w, const struct digest *key, struct digest *ret)
{
    STR_AUTO(text);

    if (w->o->no_cache || cache_get(w->tools->cache, key, &text, NULL) <= 0)
        return 0;
    return digest_parse(text.at, ret, NULL) >= 0;
}

static int make_tree(struct work *w, struct digest *ret, struct error *err)
{
    struct digest key;
    struct holder *holder;
    cleanup_doc json_t *answer = NULL;
    const char *tree;
    int r = image_holder(w->tools, &holder, err); /* also tells the identity, a part of the key */

    if (r < 0)
        return r;
    tree_key(w, &key);
    if (known_tree(w, &key, ret))
        return 0;
    r = work_fetch(w, err);
    if (r < 0)
        return r;
    cleanup_doc json_t *request = plan_to_doc(&w->plan);
    r = run_make(w, request, &answer, err);
    if (r >= 0)
        r = doc_need_text(answer, "tree", &tree, err);
    if (r >= 0)
        r = digest_parse(tree, ret, err);
    return r < 0 ? r : cache_put(w->tools->cache, &key, view_of(tree), ret, 1, err);
}

/* ---- the image ---- */

static void fill_config(const struct work *w, struct image_config *c)
{
    const struct plan *p = &w->plan;
    const struct platform host = platform_host();
    char created[CONFIG_TIME_MAX];
    const char *variant = "";

    for (size_t i = 0; i < variant_count; i++)
        if (variant_rows[i].variant == p->variant)
            variant = variant_rows[i].name;
    cleanup_free char *title = xasprintf("Debian %s, %s", p->suite, variant);
    cleanup_free char *by =
        xasprintf("cooper base --variant %s --from debian:%s", variant, p->suite);

    config_init(c, &host);
    config_set_text(&c->created, config_time_format(p->epoch_s, created));
    config_set_env(c, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if (p->variant == VARIANT_MINBASE)
        config_set_list(&c->cmd, (const char *[]){"bash"}, 1);
    else
        config_set_env(c, "SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt");
    if (w->o->user)
        config_set_text(&c->user, w->o->user);
    pairs_set(&c->labels, "org.opencontainers.image.title", title);
    if (p->version)
        pairs_set(&c->labels, "org.opencontainers.image.version", p->version);
    config_add_history(c, created, by, NULL, false);
}

static int make_plan(struct work *w, struct error *err)
{
    int r = work_sources(w, err);

    if (r >= 0 && w->o->lock)
        r = read_lock(w, err);
    if (r < 0)
        return r;
    w->locked = r == 1 && w->o->lock;
    if (w->locked)
        return 0;
    r = work_suites(w, err);
    if (r >= 0)
        r = work_choose(w, err);
    return r;
}

static int make_image(struct work *w, struct image **ret, struct error *err)
{
    struct digest tree;
    int r = make_plan(w, err);

    if (r >= 0)
        r = make_tree(w, &tree, err);
    if (r >= 0 && w->o->lock && !w->locked)
        r = write_lock(w, err);
    if (r < 0)
        return r;
    CONFIG_AUTO(config);
    fill_config(w, &config);
    const struct image_layer layer = {.tree = tree};
    return image_new(w->tools, &config, &layer, 1, ret, err);
}

int base_make(struct image_tools *t, const struct base_options *o, struct image **ret,
              struct error *err)
{
    struct work w = {.tools = t, .o = o, .architecture = base_architecture()};

    if (!w.architecture)
        return error_set(err, -ENOTSUP, "Debian has no packages for this machine");
    const int r = make_image(&w, ret, err);
    vec_each (s, &w.suites)
        str_done(&s->text);
    vec_done(&w.suites);
    plan_done(&w.plan);
    apt_sources_done(&w.sources);
    apt_conf_done(&w.conf);
    return r;
}
