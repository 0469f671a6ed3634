/* From releases to a plan: indexes are fetched, the job base-select chooses. */
#include <errno.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/progress.h"
#include "distro/internal.h"
#include "distro/packages.h"

#define INDEXES_MAX FRAME_FDS_MAX /* they travel to the job in one frame */

struct choosing {
    struct work *w;
    struct wanteds wanted; /* the indexes */
    json_t *list;          /* for the job, in the same order */
};

/* xz before gzip: a mirror may be far, and libraries for both are everywhere. */
static int find_index(const struct suite *s, const char *stem, char **ret_path, struct digest *ret,
                      uint64_t *ret_size, struct error *err)
{
    static const char *const endings[] = {".xz", ".gz", ""};
    int r = -ENOENT;

    for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(endings); i++) {
        ERROR_AUTO(absent);
        cleanup_free char *path = xasprintf("%s%s", stem, endings[i]);

        r = release_file(&s->release, path, ret, ret_size, &absent);
        if (r >= 0)
            *ret_path = steal(path);
        else if (r != -ENOENT)
            return error_move(err, &absent);
    }
    if (r == -ENOENT)
        return error_set(err, -EINVAL, "suite '%s' has no '%s'", s->source->suite, stem);
    return r;
}

static void add_wanted(struct choosing *c, const struct suite *s, const char *path,
                       const struct digest *digest, uint64_t size)
{
    const struct apt_source *a = s->source;
    cleanup_free char *url = xasprintf("%s/dists/%s/%s", a->uri, a->suite, path);
    char hex[DIGEST_HEX_MAX];
    struct wanted k = {.digest = *digest, .size = size};

    k.name = xasprintf("index %s of suite '%s'", path, a->suite);
    if (s->release.by_hash) { /* a mirror that is being updated still has the old one there */
        const char *slash = strrchr(url, '/');

        k.url =
            xasprintf("%.*s/by-hash/SHA256/%s", (int)(slash - url), url, digest_hex(digest, hex));
        k.fallback = steal(url);
    } else {
        k.url = steal(url);
    }
    vec_push(&c->wanted, k);
}

static int add_component(struct choosing *c, size_t number, const char *component,
                         struct error *err)
{
    const struct suite *s = &c->w->suites.at[number];
    cleanup_free char *stem = xasprintf("%s/binary-%s/Packages", component, c->w->architecture);
    cleanup_free char *path = NULL;
    struct digest digest, plain;
    uint64_t size, plain_size = 0;
    ERROR_AUTO(absent);
    int r = find_index(s, stem, &path, &digest, &size, err);

    if (r < 0)
        return r;
    if (size > PACKAGES_TEXT_MAX)
        return error_set(err, -EDQUOT, "index '%s' has %llu bytes", path, (unsigned long long)size);
    if (c->wanted.size >= INDEXES_MAX)
        return error_set(err, -EDQUOT, "more than %d indexes", INDEXES_MAX);
    if (size == 0)
        return 0;
    if (release_file(&s->release, stem, &plain, &plain_size, &absent) < 0)
        plain_size = 0;
    add_wanted(c, s, path, &digest, size);
    json_t *doc = json_object();
    doc_set_int(doc, "source", (int64_t)number);
    doc_set_int(doc, "pin", s->release.pin);
    doc_set_int(doc, "plain", (int64_t)plain_size);
    doc_set_text(doc, "what", vec_last(&c->wanted)->name);
    doc_push(c->list, doc);
    return 0;
}

static int add_suites(struct choosing *c, struct error *err)
{
    for (size_t i = 0; i < c->w->suites.size; i++)
        vec_each (component, &c->w->suites.at[i].source->components) {
            const int r = add_component(c, i, *component, err);

            if (r < 0)
                return r;
        }
    return 0;
}

static json_t *request_of(const struct choosing *c)
{
    json_t *doc = json_object(), *include = json_array();

    for (size_t i = 0; i < variant_count; i++)
        if (variant_rows[i].variant == c->w->o->variant)
            doc_set_text(doc, "variant", variant_rows[i].name);
    doc_set_text(doc, "architecture", c->w->architecture);
    if (c->w->o->include)
        vec_each (name, c->w->o->include)
            doc_push(include, doc_new_text(*name));
    doc_set(doc, "include", include);
    doc_set(doc, "indexes", json_incref(c->list));
    return doc;
}

/* The same indexes, variant and names make the same choice: the answer is kept under their
 * digest. */
static void choice_key(const struct choosing *c, const json_t *request, struct digest *ret)
{
    STR_AUTO(text);
    struct hash h;

    doc_print_sorted(request, &text);
    hash_init(&h);
    hash_add_field(&h, VIEW("base-select 1"));
    hash_add_field(&h, str_view(&text));
    vec_each (k, &c->wanted)
        hash_add_field(&h, view_make(k->digest.sha256, SHA256_SIZE));
    hash_done(&h, ret->sha256);
}

static int call_job(struct choosing *c, const json_t *request, json_t **ret, struct error *err)
{
    struct image_tools *t = c->w->tools;
    int fds[INDEXES_MAX];
    size_t n = 0;
    struct holder *holder;
    int r = image_holder(t, &holder, err);

    for (; r >= 0 && n < c->wanted.size; n++) {
        fds[n] = store_blob_open(t->store, &c->wanted.at[n].digest, NULL, err);
        if (fds[n] < 0) {
            r = fds[n];
            break;
        }
    }
    struct progress_step *step = progress_begin(t->env->progress, "choose packages");
    if (r >= 0)
        r = holder_call(holder, "base-select", request, fds, n, ret, err);
    progress_finish(step, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
    for (size_t i = 0; i < n; i++)
        (void)close(fds[i]);
    return r;
}

static int choose(struct choosing *c, json_t **ret, struct error *err)
{
    cleanup_doc json_t *request = request_of(c);
    struct cache *cache = c->w->tools->cache;
    struct digest key;
    STR_AUTO(text);

    choice_key(c, request, &key);
    if (!c->w->o->no_cache && cache && cache_get(cache, &key, &text, NULL) > 0 &&
        doc_parse(str_view(&text), PLAN_LOCK_MAX, "choice", ret, NULL) >= 0)
        return 0;
    int r = work_get(c->w, &c->wanted, "fetch package indexes", err);
    if (r >= 0)
        r = call_job(c, request, ret, err);
    if (r < 0)
        return r;
    str_clear(&text);
    doc_print(*ret, true, &text);
    if (cache && text.size <= CACHE_VALUE_MAX)
        r = cache_put(cache, &key, str_view(&text), NULL, 0, err);
    return r;
}

/* The release that files made by scripts are dated by: the suite's own. Those of -security and
 * -updates are signed anew every day and would change the image with no package changed. */
static const struct suite *main_suite(const struct work *w)
{
    vec_each (s, &w->suites) {
        if (strcmp(s->source->suite, w->o->suite) == 0)
            return s;
    }
    return &w->suites.at[0];
}

static int complete(struct work *w, struct error *err)
{
    const struct suite *main = main_suite(w);
    STR_AUTO(sources);

    vec_each (k, &w->plan) {
        if (k->source >= w->suites.size)
            return error_set(err, -EPROTO, "package '%s' of source %u", k->name, k->source);
        free(k->suite);
        k->suite = xstrdup(w->suites.at[k->source].source->suite);
        k->date_s = w->suites.at[k->source].release.date_s;
    }
    sources_print(&w->sources, &sources);
    free(w->plan.sources);
    w->plan.sources = str_take(&sources);
    free(w->plan.suite);
    w->plan.suite = xstrdup(w->o->suite);
    w->plan.epoch_s = main->release.date_s;
    w->plan.version = main->release.version.at ? view_dup(main->release.version) : NULL;
    return 0;
}

int work_choose(struct work *w, struct error *err)
{
    struct choosing c = {.w = w, .list = json_array()};
    cleanup_doc json_t *answer = NULL;
    int r = add_suites(&c, err);

    if (r >= 0)
        r = choose(&c, &answer, err);
    if (r >= 0)
        r = plan_from_doc(answer, &w->plan, err);
    if (r >= 0)
        r = complete(w, err);
    wanteds_done(&c.wanted);
    doc_unref(c.list);
    return r;
}
