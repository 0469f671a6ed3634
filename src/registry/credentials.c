#include "registry/credentials.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "registry/internal.h"

#define FILES "containers-auth.json" /* among helpers: the files (containers-registries.conf(5)) */

/* ---- which files ---- */

struct source {
    char *path;
    bool legacy;
};
struct sources {
    struct source *at;
    size_t size, cap;
};

static void sources_done(struct sources *s)
{
    vec_each (source, s)
        free(source->path);
    vec_done(s);
}

static const char *set(const char *variable)
{
    const char *text = getenv(variable);

    return text && *text ? text : NULL;
}

static void add(struct sources *s, char *take_path, bool legacy)
{
    if (take_path)
        vec_push(s, (struct source){take_path, legacy});
}

static char *below(const char *directory, const char *name)
{
    return directory ? xasprintf("%s/%s", directory, name) : NULL;
}

char *credentials_docker_file(const struct env *env)
{
    const char *directory = set("DOCKER_CONFIG");

    return directory ? below(directory, "config.json") : below(env->home, ".docker/config.json");
}

/* The first one is where a login goes. */
static void list_sources(const struct env *env, const char *file, struct sources *ret)
{
    const char *asked = set("REGISTRY_AUTH_FILE"), *runtime = set("XDG_RUNTIME_DIR"),
               *config = set("XDG_CONFIG_HOME");

    if (file) {
        add(ret, xstrdup(file), false);
        return;
    }
    if (asked)
        add(ret, xstrdup(asked), false);
    add(ret, credentials_docker_file(env), false);
    if (!asked && runtime)
        add(ret, below(runtime, "containers/auth.json"), false);
    else if (!asked)
        add(ret, xasprintf("/run/containers/%u/auth.json", getuid()), false);
    if (config)
        add(ret, below(config, "containers/auth.json"), false);
    else
        add(ret, below(env->home, ".config/containers/auth.json"), false);
    add(ret, below(env->home, ".dockercfg"), true);
}

/* -ENOENT: there is none. */
static int read_source(const struct source *s, json_t **ret, struct error *err)
{
    STR_AUTO(text);
    ERROR_AUTO(own);
    int r = fd_read_file(AT_FDCWD, s->path, CREDENTIALS_FILE_MAX, &text, &own);

    if (r == -ENOENT || r == -ENOTDIR)
        return -ENOENT;
    if (r < 0)
        return error_move(err, &own);
    r = credentials_parse(str_view(&text), s->legacy, ret, err);
    explicit_bzero(text.at, text.size);
    return r < 0 ? error_at(err, r, "%s", s->path) : 0;
}

/* ---- looking up ---- */

static void warn(const struct env *env, const struct error *err, const char *host)
{
    if (err->where)
        env_warn(env, "%s: %s; no credential for %s from there", err->where, err->text, host);
    else
        env_warn(env, "%s; no credential for %s from there", err->text, host);
}

static bool ask_helper(const struct env *env, const char *name, const char *host,
                       struct registry_credential *ret)
{
    ERROR_AUTO(err);
    const int r = helper_get(name, host, CREDENTIALS_HELPER_MS, ret, &err);

    if (r < 0)
        warn(env, &err, host);
    return r == 1;
}

static bool ask_source(const struct env *env, const struct source *s, const char *host,
                       const char *repository, struct registry_credential *ret, char **ret_source)
{
    cleanup_doc json_t *doc = NULL;
    CLEANUP(credentials_answer_done) struct credentials_answer answer = {0};
    ERROR_AUTO(err);
    int r = read_source(s, &doc, &err);

    if (r == -ENOENT)
        return false;
    if (r == 0 && (r = credentials_look(doc, host, repository, &answer, &err)) < 0)
        (void)error_at(&err, r, "%s", s->path);
    if (r < 0) {
        warn(env, &err, host);
        return false;
    }
    if (answer.helper && ask_helper(env, answer.helper, host, ret)) {
        *ret_source = xasprintf("docker-credential-%s", answer.helper);
        return true;
    }
    if (!answer.found)
        return false;
    *ret = answer.credential;
    answer.credential = (struct registry_credential){0};
    *ret_source = xstrdup(s->path);
    return true;
}

static bool ask_files(const struct env *env, const char *file, const char *host,
                      const char *repository, struct registry_credential *ret, char **ret_source)
{
    CLEANUP(sources_done) struct sources sources = {0};
    bool found = false;

    list_sources(env, file, &sources);
    for (size_t i = 0; !found && i < sources.size; i++)
        found = ask_source(env, &sources.at[i], host, repository, ret, ret_source);
    return found;
}

bool credentials_find(const struct env *env, const char *file, const struct strings *helpers,
                      const char *host, const char *repository, struct registry_credential *ret,
                      char **ret_source)
{
    cleanup_free char *source = NULL;
    bool found = false, files = false;

    for (size_t i = 0; helpers && !found && i < helpers->size; i++) {
        const char *name = helpers->at[i];
        if (strcmp(name, FILES) == 0) {
            found = ask_files(env, file, host, repository, ret, &source);
            files = true;
        } else if ((found = ask_helper(env, name, host, ret))) {
            source = xasprintf("docker-credential-%s", name);
        }
    }
    if (!found && !files)
        found = ask_files(env, file, host, repository, ret, &source);
    if (found && ret_source)
        *ret_source = steal(source);
    return found;
}

/* ---- changing the first file ---- */

struct keeper {
    char *path, *name; /* name: its last part */
    int dir;           /* locked, so that two logins do not lose one another */
    json_t *doc;
};

static void keeper_done(struct keeper *k)
{
    if (k->dir >= 0)
        (void)close(k->dir);
    free(k->path);
    free(k->name);
    doc_unref(k->doc);
}
#define KEEPER_AUTO(name) CLEANUP(keeper_done) struct keeper name = {.dir = -1}

static int read_kept(struct keeper *k, struct error *err)
{
    const struct source source = {k->path, false};
    int r = read_source(&source, &k->doc, err);

    if (r == -ENOENT) {
        k->doc = json_object();
        r = 0;
    }
    return r;
}

/* make: the directory too, which is nobody else's. -ENOENT: it is not there. */
static int keeper_open(const struct env *env, const char *file, bool make, struct keeper *ret,
                       struct error *err)
{
    CLEANUP(sources_done) struct sources sources = {0};
    ERROR_AUTO(own);
    int r = 0;

    list_sources(env, file, &sources);
    const char *path = sources.at[0].path;
    if (!file && !set("REGISTRY_AUTH_FILE") && !set("DOCKER_CONFIG") && !env->home)
        return error_set(err, -EINVAL, "neither HOME nor DOCKER_CONFIG says where credentials are");
    ret->path = realpath(path, NULL); /* a link stays one */
    if (!ret->path)
        ret->path = xstrdup(path);
    cleanup_free char *copy = xstrdup(ret->path), *other = xstrdup(ret->path);
    const char *directory = dirname(copy);
    ret->name = xstrdup(basename(other));
    if (make)
        r = fd_make_dirs(AT_FDCWD, directory, 0700, err);
    if (r < 0)
        return r;
    ret->dir = fd_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0, &own);
    if (ret->dir < 0)
        return !make && ret->dir == -ENOENT ? -ENOENT : error_move(err, &own);
    if (flock(ret->dir, LOCK_EX) < 0)
        return error_sys(err, "lock '%s'", directory);
    return read_kept(ret, err);
}

static int keeper_write(const struct keeper *k, struct error *err)
{
    STR_AUTO(text);

    doc_print(k->doc, false, &text);
    str_add_char(&text, '\n');
    const int r = fd_replace_file(k->dir, k->name, str_view(&text), 0600, err);
    explicit_bzero(text.at, text.size);
    return r < 0 ? error_wrap(err, r, "'%s'", k->path) : 0;
}

int credentials_store(const struct env *env, const char *file, const char *host,
                      const struct registry_credential *c, char **ret_where, bool *ret_plain,
                      struct error *err)
{
    KEEPER_AUTO(k);
    int r = keeper_open(env, file, true, &k, err);

    if (r < 0)
        return r;
    const char *helper = credentials_helper(k.doc, host);
    if (helper)
        r = helper_store(helper, host, c, CREDENTIALS_HELPER_MS, err);
    if (r < 0)
        return r;
    credentials_set(k.doc, host, helper ? NULL : c);
    r = keeper_write(&k, err);
    if (r < 0)
        return r;
    *ret_plain = !helper;
    *ret_where = helper ? xasprintf("docker-credential-%s", helper) : xstrdup(k.path);
    return 0;
}

int credentials_erase(const struct env *env, const char *file, const char *host, struct error *err)
{
    KEEPER_AUTO(k);
    int r = keeper_open(env, file, false, &k, err), helped = 0;

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    const char *helper = credentials_helper(k.doc, host);
    if (helper)
        helped = helper_erase(helper, host, CREDENTIALS_HELPER_MS, err);
    if (helped < 0)
        return helped;
    const bool written = credentials_unset(k.doc, host);
    if (written)
        r = keeper_write(&k, err);
    return r < 0 ? r : written || helped == 1;
}
