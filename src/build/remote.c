#include "build/remote.h"

#include <errno.h>

#include "base/doc.h"
#include "net/url.h"

void remote_free(struct remote *r)
{
    if (!r)
        return;
    git_ref_done(&r->git);
    free(r->text);
    free(r->shown);
    free(r->name);
    free(r);
}

int remote_new(const char *text, bool context, struct remote **ret, struct error *err)
{
    CLEANUP(remote_freep) struct remote *r = xcalloc(1, sizeof(*r));
    const int is_git = git_ref_parse(text, context, &r->git, err);

    if (is_git < 0 || (!is_git && !url_is_http(text)))
        return is_git;
    r->kind = is_git ? REMOTE_GIT : REMOTE_URL;
    r->text = xstrdup(text);
    r->shown = url_public(text);
    if (is_git) {
        const struct git_ref *g = &r->git;
        r->keep_git_dir = g->keep_git_dir == GIT_YES;
        if (g->ref && git_is_commit(g->ref))
            memcpy(r->commit, g->ref, sizeof(r->commit));
        else if (g->fetch_by_commit && g->checksum && git_is_commit(g->checksum))
            memcpy(r->commit, g->checksum, sizeof(r->commit));
        if (*r->commit && g->checksum && strncmp(r->commit, g->checksum, strlen(g->checksum)) != 0)
            return error_set(err, -EINVAL, "checksum mismatch: the commit is %s, not %s", r->commit,
                             g->checksum);
    } else {
        r->name = url_file_name(text);
    }
    *ret = steal(r);
    return 1;
}

int remote_set_checksum(struct remote *r, const char *text, struct error *err)
{
    int code;

    if (r->kind == REMOTE_GIT) {
        code = git_ref_set_checksum(&r->git, text, err);
        if (code == 0 && *r->commit &&
            strncmp(r->commit, r->git.checksum, strlen(r->git.checksum)) != 0)
            code = error_set(err, -EINVAL, "checksum mismatch: the commit is %s, not %s", r->commit,
                             r->git.checksum);
        return code;
    }
    code = digest_parse(text, &r->checksum, err);
    if (code < 0)
        return error_wrap(err, code, "checksum");
    r->has_checksum = r->has_body = true;
    r->body = r->checksum;
    return 0;
}

bool remote_eq(const struct remote *a, const struct remote *b)
{
    if (a->kind != b->kind || strcmp(a->text, b->text) != 0 || a->keep_git_dir != b->keep_git_dir)
        return false;
    if (a->kind == REMOTE_GIT)
        return strcmp(a->git.checksum ? a->git.checksum : "",
                      b->git.checksum ? b->git.checksum : "") == 0;
    return strcmp(a->name, b->name) == 0 && a->has_checksum == b->has_checksum &&
           digest_eq(&a->checksum, &b->checksum);
}

bool remote_is_known(const struct remote *r)
{
    return r->kind == REMOTE_GIT ? *r->commit : r->has_body;
}

/* ---- secrets of git ---- */

static void add_base64(struct str *to, struct view bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t n = MIN(bytes.size - i, 3u);
        uint32_t v = 0;

        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)bytes.at[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            str_add_char(to, k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
    }
}

static bool is_given(const struct secrets *secrets, const char *id)
{
    const struct strings *ids = secrets_ids(secrets);

    for (size_t i = 0; i < ids->size; i++)
        if (strcmp(ids->at[i], id) == 0)
            return true;
    return false;
}

/* Of http repositories, under the names that BuildKit has for them; that of the host comes first. */
char *remote_git_header(const struct remote *r, const struct secrets *secrets)
{
    static const char *const names[] = {"GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"};
    const char *host = strstr(r->git.remote, "://");
    STR_AUTO(text);

    if (!secrets || !url_is_http(r->git.remote))
        return NULL;
    host += 3;
    const char *at = memchr(host, '@', strcspn(host, "/"));
    host = at ? at + 1 : host;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(names); i++) {
        const bool token = i % 2;
        cleanup_free char *own = xasprintf("%s.%.*s", names[i % 2], (int)strcspn(host, "/"), host);
        const char *id = i < 2 ? own : names[i % 2];
        if (!is_given(secrets, id))
            continue;
        const struct view value = view_trim(secrets_value(secrets, id));
        if (memchr(value.at, '\n', value.size) || memchr(value.at, 0, value.size))
            return NULL;
        str_add_text(&text, token ? "Authorization: basic " : "Authorization: ");
        STR_AUTO(login);
        str_printf(&login, "x-access-token:%.*s", VIEW_ARG(value));
        if (token)
            add_base64(&text, str_view(&login));
        else
            str_add(&text, value);
        return str_take(&text);
    }
    return NULL;
}
