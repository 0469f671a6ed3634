/* docker-credential-NAME (docker-credential-helpers): one word of what to do as argument, the
 * question on standard input, the answer or a complaint on standard output. */
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "registry/credentials.h"

static const char absent[] = "credentials not found in native keychain"; /* its fixed words */

/* Helpers know docker.io by the address that docker always gave them. */
static const char *url_of(const char *host)
{
    return strcmp(host, "docker.io") == 0 ? "https://index.docker.io/v1/" : host;
}

/* It becomes a part of a program's name: no path. */
static bool name_valid(const char *name)
{
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return *name && strspn(name, bytes) == strlen(name);
}

/* The complaint's first line, if there is one. */
static int complain(const char *name, const char *word, int status, const struct str *out,
                    struct error *err)
{
    const struct view text = view_trim(str_view(out));
    struct view rest = text, line = text;

    (void)view_cut(&rest, '\n', &line);
    if (text.size == 0)
        return error_set(err, -EIO, "docker-credential-%s %s: ended with status %d", name, word,
                         status);
    return error_set(err, -EIO, "docker-credential-%s %s: %.*s", name, word,
                     (int)MIN(line.size, 300), line.at);
}

/* 1: done, 0: it knows of none. */
static int ask(const char *name, const char *word, struct view question, int timeout_ms,
               struct str *out, struct error *err)
{
    struct proc_options o = PROC_OPTIONS_INIT;
    cleanup_free char *program = xasprintf("docker-credential-%s", name);
    const char *const argv[] = {program, word, NULL};

    if (!name_valid(name))
        return error_set(err, -EINVAL, "'%.40s' is no name of a credential helper", name);
    cleanup_close int in = fd_of_bytes("question", question, err);
    if (in < 0)
        return in;
    o.in = in;
    o.timeout_ms = timeout_ms;
    const int status = proc_run(argv, &o, CREDENTIALS_SECRET_MAX, out, err);
    if (status < 0)
        return error_wrap(err, status, "credential helper");
    if (status == 0)
        return 1;
    if (view_starts(view_trim(str_view(out)), absent))
        return 0;
    return complain(name, word, status, out, err);
}

static int read_answer(struct view text, struct registry_credential *ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const char *user = "", *secret = "";
    int r = doc_parse(text, CREDENTIALS_SECRET_MAX, "its answer", &doc, err);

    if (r == 0)
        r = doc_text(doc, "Username", &user, err);
    if (r == 0)
        r = doc_text(doc, "Secret", &secret, err);
    if (r < 0 || !*secret)
        return r;
    const bool is_token = strcmp(user, "<token>") == 0;
    if (is_token)
        ret->identity_token = xstrdup(secret);
    else
        *ret = (struct registry_credential){.user = xstrdup(user), .password = xstrdup(secret)};
    return 1;
}

int helper_get(const char *name, const char *host, int timeout_ms, struct registry_credential *ret,
               struct error *err)
{
    STR_AUTO(out);
    int r = ask(name, "get", view_of(url_of(host)), timeout_ms, &out, err);

    if (r == 1) {
        r = read_answer(str_view(&out), ret, err);
        if (r < 0)
            r = error_wrap(err, r, "docker-credential-%s get", name);
    }
    explicit_bzero(out.at, out.size);
    return r;
}

int helper_store(const char *name, const char *host, const struct registry_credential *c,
                 int timeout_ms, struct error *err)
{
    cleanup_doc json_t *doc = json_object();
    STR_AUTO(question);
    STR_AUTO(out);

    doc_set_text(doc, "ServerURL", url_of(host));
    doc_set_text(doc, "Username", c->identity_token ? "<token>" : c->user);
    doc_set_text(doc, "Secret", c->identity_token ? c->identity_token : c->password);
    doc_print(doc, true, &question);
    const int r = ask(name, "store", str_view(&question), timeout_ms, &out, err);
    explicit_bzero(question.at, question.size);
    return r == 0 ? error_set(err, -EIO, "docker-credential-%s store: it kept nothing", name)
                  : MIN(r, 0);
}

int helper_erase(const char *name, const char *host, int timeout_ms, struct error *err)
{
    STR_AUTO(out);

    return ask(name, "erase", view_of(url_of(host)), timeout_ms, &out, err);
}
