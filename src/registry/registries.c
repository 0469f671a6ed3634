#include "registry/registries.h"

#include <dirent.h>
#include <errno.h>

#include "base/fd.h"
#include "base/map.h"
#include "base/toml.h"

enum when { WHEN_ALL, WHEN_DIGEST, WHEN_TAG };

struct place {
    char *location; /* without '/' at its end; NULL: as the reference has it */
    bool insecure;
    enum when when;
};
struct table {
    char *prefix;
    struct place own;
    bool blocked;
    VEC(struct place) mirrors;
    unsigned file; /* in which it stood */
};
struct registries {
    struct map tables; /* prefix: struct table */
    struct strings helpers;
    unsigned files;
};

struct registries *registries_new(void)
{
    return xcalloc(1, sizeof(struct registries));
}

static void table_free(struct table *t)
{
    if (!t)
        return;
    vec_each (m, &t->mirrors)
        free(m->location);
    vec_done(&t->mirrors);
    free(t->own.location);
    free(t->prefix);
    free(t);
}
DEFINE_CLEANUP(struct table *, table_free)

void registries_free(struct registries *r)
{
    if (!r)
        return;
    map_each (item, &r->tables)
        table_free(item->value);
    map_done(&r->tables);
    strings_done(&r->helpers);
    free(r);
}

void registry_endpoints_done(struct registry_endpoints *e)
{
    vec_each (p, e) {
        free(p->host);
        free(p->repository);
    }
    vec_done(e);
}

/* ---- reading ---- */

/* "host[:port][/path][:tag|@digest]"; trailing slashes go. */
static int read_location(const char *text, const char *key, char **ret, struct error *err)
{
    size_t size = strlen(text);

    while (size > 0 && text[size - 1] == '/')
        size--;
    if (size == 0)
        return error_set(err, -EINVAL, "%s is empty", key);
    if (strstr(text, "://")) {
        (void)error_set(err, -EINVAL, "%s '%.100s' has a scheme", key, text);
        return error_hint(err, -EINVAL, "write host[:port][/path]; 'insecure = true' allows HTTP");
    }
    *ret = xstrndup(text, size);
    return 0;
}

static int read_prefix(const char *text, char **ret, struct error *err)
{
    cleanup_free char *prefix = NULL;
    const int r = read_location(text, "prefix", &prefix, err);

    if (r < 0)
        return r;
    const char *star = strchr(prefix, '*');
    if (star && (star != prefix || star[1] != '.' || !star[2] || strpbrk(star + 1, "*/:@")))
        return error_set(err, -EINVAL, "prefix '%.100s': a wildcard is '*.' before a whole host",
                         prefix);
    *ret = steal(prefix);
    return 0;
}

static int read_place(const json_t *doc, struct place *ret, struct error *err)
{
    const char *location = NULL;
    int r = doc_text(doc, "location", &location, err);

    if (r == 0)
        r = doc_bool(doc, "insecure", &ret->insecure, err);
    if (r == 0 && location && *location)
        r = read_location(location, "location", &ret->location, err);
    return r;
}

static int read_when(const json_t *doc, bool digest_only, enum when *ret, struct error *err)
{
    static const char *const words[] = {"all", "digest-only", "tag-only"};
    const char *word = NULL;
    const int r = doc_text(doc, "pull-from-mirror", &word, err);

    *ret = digest_only ? WHEN_DIGEST : WHEN_ALL;
    if (r < 0 || !word || !*word)
        return r;
    if (digest_only)
        return error_set(err, -EINVAL,
                         "pull-from-mirror does not go together with mirror-by-digest-only");
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(word, words[i]) == 0) {
            *ret = (enum when)i;
            return 0;
        }
    return error_set(err, -EINVAL, "pull-from-mirror is all, digest-only or tag-only, not '%.40s'",
                     word);
}

static int read_mirror(const json_t *doc, bool digest_only, struct table *t, struct error *err)
{
    struct place place = {0};
    int r = 0;

    if (!json_is_object(doc))
        return error_set(err, -EINVAL, "a mirror is no table");
    if (t->mirrors.size == REGISTRIES_MIRRORS_MAX)
        return error_set(err, -EDQUOT, "more than %d mirrors", REGISTRIES_MIRRORS_MAX);
    r = read_place(doc, &place, err);
    if (r == 0)
        r = read_when(doc, digest_only, &place.when, err);
    if (r == 0 && !place.location)
        r = error_set(err, -EINVAL, "a mirror without a location");
    if (r < 0)
        free(place.location);
    else
        vec_push(&t->mirrors, place);
    return r;
}

static int read_mirrors(const json_t *doc, struct table *t, struct error *err)
{
    json_t *mirrors = NULL, *mirror;
    bool digest_only = false;
    size_t i;
    int r = doc_bool(doc, "mirror-by-digest-only", &digest_only, err);

    if (r == 0)
        r = doc_array(doc, "mirror", &mirrors, err);
    json_array_foreach(mirrors, i, mirror)
    {
        if (r == 0)
            r = read_mirror(mirror, digest_only, t, err);
    }
    return r;
}

static int read_table(const json_t *doc, struct table *t, struct error *err)
{
    const char *prefix = NULL;
    int r = json_is_object(doc) ? 0 : error_set(err, -EINVAL, "it is no table");

    if (r == 0)
        r = doc_text(doc, "prefix", &prefix, err);
    if (r == 0)
        r = doc_bool(doc, "blocked", &t->blocked, err);
    if (r == 0)
        r = read_place(doc, &t->own, err);
    if (r == 0 && json_object_get(doc, "pull-from-mirror"))
        r = error_set(err, -EINVAL, "pull-from-mirror belongs to a mirror");
    if (r == 0 && !(prefix && *prefix) && !t->own.location)
        r = error_set(err, -EINVAL, "neither prefix nor location");
    if (r == 0)
        r = read_prefix(prefix && *prefix ? prefix : t->own.location, &t->prefix, err);
    if (r == 0 && !t->own.location && t->prefix[0] != '*')
        t->own.location = xstrdup(t->prefix);
    if (r == 0)
        r = read_mirrors(doc, t, err);
    return r;
}

/* One table a prefix: of a later file it replaces, in the same file it is a mistake. */
static int add_table(struct registries *r, struct table *take_t, struct error *err)
{
    CLEANUP(table_freep) struct table *t = take_t;
    const struct view key = view_of(t->prefix);
    struct table *old = map_get(&r->tables, key);

    if (old && old->file == t->file)
        return error_set(err, -EINVAL, "prefix '%.100s' has two tables", t->prefix);
    if (!old && r->tables.size == REGISTRIES_COUNT_MAX)
        return error_set(err, -EDQUOT, "more than %d registries", REGISTRIES_COUNT_MAX);
    map_set(&r->tables, key, steal(t));
    table_free(old);
    return 0;
}

static int add_tables(struct registries *r, const json_t *tables, struct error *err)
{
    const json_t *doc;
    size_t i;
    int q = 0;

    json_array_foreach(tables, i, doc)
    {
        CLEANUP(table_freep) struct table *t = xcalloc(1, sizeof(*t));

        t->file = r->files;
        q = read_table(doc, t, err);
        if (q == 0)
            q = add_table(r, steal(t), err);
        if (q < 0)
            return error_wrap(err, q, "[[registry]] table %zu", i + 1);
    }
    return 0;
}

/* Version 1: [registries.insecure] registries = [...] and the like. */
static int add_version_1(struct registries *r, const json_t *lists, const char *name,
                         struct error *err)
{
    json_t *list = NULL, *names = NULL, *text;
    size_t i;
    int q = doc_object(lists, name, &list, err);

    if (q == 0 && list)
        q = doc_array(list, "registries", &names, err);
    json_array_foreach(names, i, text)
    {
        CLEANUP(table_freep) struct table *t = xcalloc(1, sizeof(*t));
        const char *word = json_string_value(text);
        const struct table *old;

        if (q == 0 && !word)
            q = error_set(err, -EINVAL, "registries.%s: no list of texts", name);
        if (q == 0)
            q = read_prefix(word, &t->prefix, err);
        if (q < 0)
            return q;
        t->own.location = xstrdup(t->prefix);
        if ((old = map_get(&r->tables, view_of(t->prefix)))) {
            t->own.insecure = old->own.insecure;
            t->blocked = old->blocked;
        }
        *(strcmp(name, "block") == 0 ? &t->blocked : &t->own.insecure) = true;
        t->file = ++r->files; /* the same name may be in both lists */
        q = add_table(r, steal(t), err);
    }
    return q;
}

/* A later file's list takes the place of an earlier one's; an empty one says nothing, as in c/image. */
static int add_helpers(struct registries *r, const json_t *doc, struct error *err)
{
    json_t *list = NULL, *item;
    size_t i;
    const int q = doc_array(doc, "credential-helpers", &list, err);

    if (q < 0 || json_array_size(list) == 0)
        return q;
    strings_done(&r->helpers);
    r->helpers = (struct strings){0};
    json_array_foreach(list, i, item)
    {
        if (!json_is_string(item))
            return error_set(err, -EINVAL, "credential-helpers: no list of texts");
        strings_add(&r->helpers, json_string_value(item));
    }
    return 0;
}

const struct strings *registries_helpers(const struct registries *r)
{
    return &r->helpers;
}

int registries_add(struct registries *r, struct view text, const char *what, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    json_t *tables = NULL, *lists = NULL;
    int q = toml_parse(text, REGISTRIES_FILE_MAX, what, &doc, err);

    if (q < 0)
        return q;
    r->files++;
    q = doc_array(doc, "registry", &tables, err);
    if (q == 0)
        q = doc_object(doc, "registries", &lists, err);
    if (q == 0 && tables && lists)
        q = error_set(err, -EINVAL, "versions 1 and 2 of the format in one file");
    if (q == 0)
        q = add_helpers(r, doc, err);
    if (q == 0)
        q = add_tables(r, tables, err);
    if (q == 0 && lists)
        q = add_version_1(r, lists, "insecure", err);
    if (q == 0 && lists)
        q = add_version_1(r, lists, "block", err);
    return q < 0 ? error_at(err, q, "%s", what) : 0;
}

/* ---- files ---- */

static int add_file(struct registries *r, const char *path, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(own);
    const int q = fd_read_file(AT_FDCWD, path, REGISTRIES_FILE_MAX, &text, &own);

    if (q < 0)
        return error_move(err, &own);
    return registries_add(r, str_view(&text), path, err);
}

static int is_drop_in(const struct dirent *e)
{
    return view_ends(view_of(e->d_name), ".conf") && e->d_type != DT_DIR;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_drop_ins(struct registries *r, const char *directory, struct error *err)
{
    struct dirent **names = NULL;
    const int count = scandir(directory, &names, is_drop_in, by_bytes);
    int q = 0;

    for (int i = 0; i < count; i++) {
        cleanup_free char *path = xasprintf("%s/%s", directory, names[i]->d_name);

        if (q == 0)
            q = add_file(r, path, err);
        free(names[i]);
    }
    free(names);
    return q;
}

/* An absent file is as good as an empty one. */
static int add_if_there(struct registries *r, const char *path, struct error *err)
{
    ERROR_AUTO(own);
    const int q = add_file(r, path, &own);

    return q == 0 || q == -ENOENT || q == -ENOTDIR ? q : error_move(err, &own);
}

static int load(struct registries *r, const char *home, struct error *err)
{
    static const char etc[] = "/etc/containers";
    const char *asked = getenv("CONTAINERS_REGISTRIES_CONF");
    cleanup_free char *user = home ? xasprintf("%s/.config/containers", home) : NULL;
    cleanup_free char *file = user ? xasprintf("%s/registries.conf", user) : NULL;
    cleanup_free char *drop_ins = user ? xasprintf("%s/registries.conf.d", user) : NULL;
    bool of_user = false;
    int q = 0;

    if (asked && *asked) {
        q = add_file(r, asked, err);
    } else {
        q = file ? add_if_there(r, file, err) : -ENOENT;
        of_user = q == 0;
        if (q == -ENOENT || q == -ENOTDIR) {
            q = add_if_there(r, "/etc/containers/registries.conf", err);
            q = q == -ENOENT || q == -ENOTDIR ? 0 : q;
        }
    }
    if (q == 0 && !of_user) {
        cleanup_free char *system = xasprintf("%s/registries.conf.d", etc);

        q = add_drop_ins(r, system, err);
    }
    if (q == 0 && drop_ins)
        q = add_drop_ins(r, drop_ins, err);
    return q;
}

int registries_load(const struct env *env, struct registries **ret, struct error *err)
{
    CLEANUP(registries_freep) struct registries *r = registries_new();
    const int q = load(r, env->home, err);

    if (q == 0)
        *ret = steal(r);
    return q;
}

/* ---- looking up ---- */

/* How much of the name the prefix covers; 0: it is another one's. */
static size_t match(const char *name, const char *prefix)
{
    size_t size = strlen(prefix);

    if (prefix[0] == '*') {
        const size_t host = strcspn(name, "/"), bare = strcspn(name, ":/");
        const char *tail = prefix + 1;

        size--;
        return bare > size && memcmp(name + bare - size, tail, size) == 0 ? host : 0;
    }
    if (strncmp(name, prefix, size) != 0)
        return 0;
    /* a ':' behind a host is a port, and that another registry */
    const bool ends = !name[size] || name[size] == '/' || name[size] == '@' ||
                      (name[size] == ':' && strchr(prefix, '/'));
    return ends ? size : 0;
}

/* Wildcards all cover a whole host: a name without one says more, and so does a longer one. */
static bool is_better(const struct table *a, const struct table *b)
{
    const bool wild = a->prefix[0] == '*', other = b->prefix[0] == '*';

    return wild != other ? other : strlen(a->prefix) > strlen(b->prefix);
}

static const struct table *find(const struct registries *r, const char *name, size_t *ret_size)
{
    const struct table *best = NULL;

    *ret_size = 0;
    map_each (item, &r->tables) {
        const struct table *t = item->value;
        const size_t size = match(name, t->prefix);

        if (size > *ret_size || (size > 0 && size == *ret_size && is_better(t, best))) {
            *ret_size = size;
            best = t;
        }
    }
    return best;
}

/* Splits what the rewriting made, which has to name its registry. */
static int add_endpoint(struct registry_endpoints *to, const char *name, bool insecure, bool mirror,
                        struct error *err)
{
    REFERENCE_AUTO(ref);
    ERROR_AUTO(own);
    const int r = reference_parse(name, &ref, &own);
    const size_t host = strcspn(name, "/");

    const bool hub = strncmp(name, "index.docker.io/", 16) == 0; /* docker.io's other name */

    if (r < 0 || (!hub && (strlen(ref.host) != host || strncmp(name, ref.host, host) != 0)))
        return error_set(err, -EINVAL, "registries.conf makes '%.300s' of it, which names no image",
                         name);
    vec_push(to, (struct registry_endpoint){.host = steal(ref.host),
                                            .repository = steal(ref.repository),
                                            .insecure = insecure,
                                            .mirror = mirror});
    return 0;
}

static int add_place(struct registry_endpoints *to, const struct place *p, bool mirror,
                     const char *name, size_t covered, struct error *err)
{
    cleanup_free char *moved =
        p->location ? xasprintf("%s%s", p->location, name + covered) : xstrdup(name);

    return add_endpoint(to, moved, p->insecure, mirror, err);
}

static int find_allowed(const struct registries *r, const char *name, const struct table **ret,
                        size_t *ret_covered, struct error *err)
{
    const struct table *t = find(r, name, ret_covered);

    if (t && t->blocked) {
        (void)error_set(err, -EPERM, "'%s' is blocked", name);
        return error_hint(err, -EPERM, "registries.conf says so for the prefix '%s'", t->prefix);
    }
    *ret = t;
    return 0;
}

static bool is_for(const struct place *mirror, bool has_digest)
{
    return mirror->when == WHEN_ALL || (mirror->when == WHEN_DIGEST) == has_digest;
}

int registries_pull(const struct registries *r, const struct reference *reference,
                    struct registry_endpoints *ret, struct error *err)
{
    static const struct place itself = {0};
    CLEANUP(registry_endpoints_done) struct registry_endpoints list = {0};
    cleanup_free char *name = reference_format(reference);
    const struct table *t = NULL;
    size_t covered = 0;
    int q = find_allowed(r, name, &t, &covered, err);

    for (size_t i = 0; q == 0 && t && i < t->mirrors.size; i++)
        if (is_for(&t->mirrors.at[i], reference->has_digest))
            q = add_place(&list, &t->mirrors.at[i], true, name, covered, err);
    if (q == 0)
        q = add_place(&list, t ? &t->own : &itself, false, name, covered, err);
    if (q < 0)
        return q;
    vec_each (e, &list)
        e->named = strcmp(e->host, reference->host) == 0;
    *ret = list;
    list = (struct registry_endpoints){0};
    return 0;
}

int registries_push(const struct registries *r, const struct reference *reference,
                    struct registry_endpoints *ret, struct error *err)
{
    CLEANUP(registry_endpoints_done) struct registry_endpoints list = {0};
    cleanup_free char *name = reference_format(reference);
    const struct table *t = NULL;
    size_t covered = 0;
    int q = find_allowed(r, name, &t, &covered, err);

    if (q < 0)
        return q;
    vec_push(&list, (struct registry_endpoint){.host = xstrdup(reference->host),
                                               .repository = xstrdup(reference->repository),
                                               .insecure = t && t->own.insecure,
                                               .named = true,
                                               .push = true});
    *ret = list;
    list = (struct registry_endpoints){0};
    return 0;
}
