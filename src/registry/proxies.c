#include "registry/proxies.h"

#include <errno.h>

#include "base/doc.h"
#include "base/fd.h"
#include "registry/credentials.h"
#include "registry/internal.h"

/* Absent, or of the wrong kind in err. */
static int choose(const json_t *doc, json_t **ret, struct error *err)
{
    const char *daemon = getenv("DOCKER_HOST");
    json_t *all = NULL;
    int r = doc_object(doc, "proxies", &all, err);

    if (r < 0 || !all)
        return r;
    if (!daemon || !*daemon)
        daemon = "unix:///var/run/docker.sock";
    r = doc_object(all, daemon, ret, err);
    return r < 0 || *ret ? r : doc_object(all, "default", ret, err);
}

static int read_proxies(const char *path, struct strings *ret, struct error *err)
{
    static const struct {
        const char *key, *name;
    } words[] = {{"httpProxy", "HTTP_PROXY"},
                 {"httpsProxy", "HTTPS_PROXY"},
                 {"ftpProxy", "FTP_PROXY"},
                 {"noProxy", "NO_PROXY"},
                 {"allProxy", "ALL_PROXY"}};
    cleanup_doc json_t *doc = NULL;
    json_t *chosen = NULL;
    STR_AUTO(text);
    int r = fd_read_file(AT_FDCWD, path, CREDENTIALS_FILE_MAX, &text, err);

    if (r < 0)
        return r;
    r = credentials_parse(str_view(&text), false, &doc, err);
    explicit_bzero(text.at, text.size);
    if (r >= 0)
        r = choose(doc, &chosen, err);
    for (size_t i = 0; r >= 0 && chosen && i < ARRAY_SIZE(words); i++) {
        const char *value = NULL;

        r = doc_text(chosen, words[i].key, &value, err);
        if (r >= 0 && value && *value)
            strings_take(ret, xasprintf("%s=%s", words[i].name, value));
    }
    return r;
}

void proxies_read(const struct env *env, struct strings *ret)
{
    cleanup_free char *path = credentials_docker_file(env);
    ERROR_AUTO(err);
    const int r = path ? read_proxies(path, ret, &err) : 0;

    if (r < 0 && r != -ENOENT && r != -ENOTDIR)
        env_warn(env, "%s: %s; no proxies from there", path, err.text);
}
