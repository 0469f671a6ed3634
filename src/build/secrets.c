#include "build/secrets.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "build/agent.h"
#include "build/redact.h"

struct secret {
    char *id;
    struct str value; /* of --ssh: the socket's path */
    bool in_key;
    struct agent *agent; /* of --ssh with keys: ours, which has that socket */
};

struct secrets {
    VEC(struct secret) values, sockets;
    struct strings ids, ssh_ids;
};

/* What one --secret says. */
struct given {
    char *id, *type, *file, *variable, *cache_key;
};

static void given_done(struct given *g)
{
    free(g->id);
    free(g->type);
    free(g->file);
    free(g->variable);
    free(g->cache_key);
}

static int usage(const char *text, struct error *err, const char *what)
{
    (void)error_set(err, -EINVAL, "--secret '%.80s': %s", text, what);
    return error_hint(
        err, -EINVAL,
        "it is id=ID,src=FILE or id=ID,env=VARIABLE; with cache-key=content steps that "
        "use it run again when it changed");
}

static int read_field(const char *text, struct view field, struct given *g, struct error *err)
{
    const struct {
        const char *key;
        char **place;
    } keys[] = {{"id", &g->id},       {"type", &g->type},    {"src", &g->file},
                {"source", &g->file}, {"env", &g->variable}, {"cache-key", &g->cache_key}};
    struct view value = field, key;

    if (!view_cut(&value, '=', &key) || !value.at)
        return usage(text, err, "a part is not key=value");
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (view_eq_nocase(key, keys[i].key)) {
            free(*keys[i].place);
            *keys[i].place = view_dup(value);
            return 0;
        }
    return usage(text, err, "a key is not known");
}

/* As docker's: without a source, the variable of that name, else the file. */
static int complete(const char *text, char *const *environ_, struct given *g, struct error *err)
{
    const bool is_env = g->type && strcmp(g->type, "env") == 0;

    if (!g->id || !*g->id)
        return usage(text, err, "it has no id");
    if (g->type && !is_env && strcmp(g->type, "file") != 0)
        return usage(text, err, "the type is neither file nor env");
    if (g->cache_key && strcmp(g->cache_key, "content") != 0)
        return usage(text, err, "cache-key is content or absent");
    if (g->file && g->variable)
        return usage(text, err, "src and env cannot both be given");
    if (is_env && g->file) {
        g->variable = g->file;
        g->file = NULL;
    }
    if (g->file || g->variable)
        return 0;
    const size_t size = strlen(g->id);
    for (; environ_ && *environ_ && (!g->type || is_env); environ_++)
        if (strncmp(*environ_, g->id, size) == 0 && (*environ_)[size] == '=') {
            g->variable = xstrdup(g->id);
            return 0;
        }
    if (is_env)
        g->variable = xstrdup(g->id);
    else
        g->file = xstrdup(g->id);
    return 0;
}

static void wipe(struct str *s)
{
    if (s->cap)
        explicit_bzero(s->at, s->cap);
    str_done(s);
}

static void add(struct secrets *s, const struct given *g, struct str *take_value)
{
    vec_push(&s->values, (struct secret){xstrdup(g->id), *take_value, g->cache_key != NULL, NULL});
    *take_value = STR_INIT;
    strings_add(&s->ids, g->id);
}

static int too_large(const struct given *g, struct error *err)
{
    (void)error_set(err, -EDQUOT, "secret '%s' (%s) is larger than %u bytes", g->id,
                    g->file ? g->file : g->variable, SECRET_SIZE_MAX);
    return error_hint(err, -EDQUOT,
                      "a secret is a key or a password, at most 500 KiB; files come with "
                      "--build-context and RUN --mount=type=bind, which stay out of the image too");
}

static int add_file(struct secrets *s, const struct given *g, struct error *err)
{
    struct str value = STR_INIT;

    str_reserve(&value, SECRET_SIZE_MAX + 1); /* so that no copy is left behind by growing */
    ERROR_AUTO(why);
    const int r = fd_read_file(AT_FDCWD, g->file, SECRET_SIZE_MAX, &value, &why);
    if (r < 0) {
        wipe(&value);
        return r == -EDQUOT ? too_large(g, err)
                            : error_wrap(err, error_move(err, &why), "read secret '%s'", g->id);
    }
    add(s, g, &value);
    return 0;
}

static int add_variable(struct secrets *s, const struct given *g, char *const *environ_,
                        struct error *err)
{
    const size_t size = strlen(g->variable);

    for (; environ_ && *environ_; environ_++) {
        const char *text = *environ_;
        struct str value = STR_INIT;

        if (strncmp(text, g->variable, size) != 0 || text[size] != '=')
            continue;
        if (strlen(text) - size - 1 > SECRET_SIZE_MAX)
            return too_large(g, err);
        str_add_text(&value, text + size + 1);
        add(s, g, &value);
        break;
    }
    return 0;
}

static int read_given(const char *text, char *const *environ_, struct given *ret, struct error *err)
{
    struct view rest = view_of(text), field;
    int r = 0;

    while (r == 0 && view_cut(&rest, ',', &field))
        r = read_field(text, field, ret, err);
    return r < 0 ? r : complete(text, environ_, ret, err);
}

int secrets_check(const struct strings *secrets, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < secrets->size; i++) {
        CLEANUP(given_done) struct given g = {0};
        r = read_given(secrets->at[i], NULL, &g, err);
    }
    return r;
}

static int add_secret(struct secrets *s, const char *text, char *const *environ_, struct error *err)
{
    CLEANUP(given_done) struct given g = {0};
    const int r = read_given(text, environ_, &g, err);

    if (r < 0)
        return r;
    return g.file ? add_file(s, &g, err) : add_variable(s, &g, environ_, err);
}

static const char *find_variable(char *const *environ_, const char *name)
{
    const size_t size = strlen(name);

    for (; environ_ && *environ_; environ_++)
        if (strncmp(*environ_, name, size) == 0 && (*environ_)[size] == '=')
            return *environ_ + size + 1;
    return NULL;
}

/* What one --ssh says. */
struct given_ssh {
    struct strings paths; /* one socket, or keys */
    bool is_socket;
};

static int look_at_path(const char *text, const char *path, struct given_ssh *g, struct error *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return error_sys(err, "--ssh '%.80s': look at '%s'", text, path);
    if (g->paths.size > 0 && (g->is_socket || S_ISSOCK(st.st_mode))) {
        (void)error_set(err, -EINVAL, "--ssh '%.80s': a socket stands beside something else", text);
        return error_hint(err, -EINVAL, "it is ID, ID=SOCKET or ID=KEY[,KEY...]");
    }
    g->is_socket = S_ISSOCK(st.st_mode);
    strings_add(&g->paths, path);
    return 0;
}

static int look_at_ssh(const char *text, struct view paths, char *const *environ_,
                       struct given_ssh *g, struct error *err)
{
    const char *agent = find_variable(environ_, "SSH_AUTH_SOCK");
    struct view path;
    int r = 0;

    if (paths.at && paths.size) {
        while (r == 0 && view_cut(&paths, ',', &path)) {
            cleanup_free char *name = view_dup(path);
            r = look_at_path(text, name, g, err);
        }
        return r;
    }
    if (agent && *agent)
        return look_at_path(text, agent, g, err);
    (void)error_set(err, -ENOENT, "--ssh '%.80s': there is no agent", text);
    return error_hint(err, -ENOENT,
                      "start one (eval $(ssh-agent)), or name its socket or a key: --ssh "
                      "%.80s=SOCKET",
                      text);
}

static int add_ssh(struct secrets *s, const char *text, char *const *environ_, struct error *err)
{
    struct view rest = view_of(text), id;
    struct given_ssh g = {0};
    struct secret one = {.value = STR_INIT};

    (void)view_cut(&rest, '=', &id);
    int r = look_at_ssh(text, rest, environ_, &g, err);
    if (r == 0 && !g.is_socket) {
        r = agent_start(&g.paths, environ_, &one.agent, err);
        if (r < 0)
            r = error_wrap(err, r, "--ssh '%.80s'", text);
    }
    if (r == 0) {
        one.id = view_dup(id);
        str_add_text(&one.value, g.is_socket ? g.paths.at[0] : agent_socket(one.agent));
        strings_add(&s->ssh_ids, one.id);
        vec_push(&s->sockets, one);
    }
    strings_done(&g.paths);
    return r;
}

int secrets_open(const struct strings *secrets, const struct strings *ssh, char *const *environ_,
                 struct secrets **ret, struct error *err)
{
    CLEANUP(secrets_closep) struct secrets *s = xcalloc(1, sizeof(*s));
    int r = 0;

    for (size_t i = 0; r == 0 && i < secrets->size; i++)
        r = add_secret(s, secrets->at[i], environ_, err);
    for (size_t i = 0; r == 0 && i < ssh->size; i++)
        r = add_ssh(s, ssh->at[i], environ_, err);
    if (r < 0)
        return r;
    *ret = steal(s);
    return 0;
}

void secrets_close(struct secrets *s)
{
    if (!s)
        return;
    vec_each (one, &s->values) {
        free(one->id);
        wipe(&one->value);
    }
    vec_each (one, &s->sockets) {
        free(one->id);
        agent_stop(one->agent);
        str_done(&one->value);
    }
    vec_done(&s->values);
    vec_done(&s->sockets);
    strings_done(&s->ids);
    strings_done(&s->ssh_ids);
    free(s);
}

const struct strings *secrets_ids(const struct secrets *s)
{
    return &s->ids;
}

const struct strings *secrets_ssh_ids(const struct secrets *s)
{
    return &s->ssh_ids;
}

static const struct secret *find_value(const struct secrets *s, const char *id)
{
    const struct secret *found = NULL;

    vec_each (one, &s->values) /* the last one counts */
        if (strcmp(one->id, id) == 0)
            found = one;
    assert(found);
    return found;
}

struct view secrets_value(const struct secrets *s, const char *id)
{
    return str_view(&find_value(s, id)->value);
}

bool secrets_in_key(const struct secrets *s, const char *id)
{
    return find_value(s, id)->in_key;
}

struct redactor *secrets_redactor(const struct secrets *s)
{
    struct redactor *r = s && s->values.size ? redactor_new() : NULL;

    for (size_t i = 0; r && i < s->values.size; i++)
        redactor_add(r, str_view(&s->values.at[i].value));
    return r;
}

const char *secrets_socket(const struct secrets *s, const char *id)
{
    const struct secret *found = NULL;

    vec_each (one, &s->sockets)
        if (strcmp(one->id, id) == 0)
            found = one;
    assert(found);
    return found->value.at;
}
