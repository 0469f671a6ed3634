#include "net/git_ref.h"

#include <ctype.h>
#include <errno.h>

#include "base/vec.h"
#include "net/url.h"

#define CHECKSUM_MIN 4 /* digits: as few as git takes */

void git_ref_done(struct git_ref *g)
{
    free(g->remote);
    free(g->ref);
    free(g->subdir);
    free(g->checksum);
    *g = (struct git_ref){0};
}

bool git_is_commit(const char *text)
{
    return strlen(text) == GIT_COMMIT_HEX && strspn(text, "0123456789abcdef") == GIT_COMMIT_HEX;
}

/* ---- its parts ---- */

static bool is_clean(struct view text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f)
            return false;
    return true;
}

/* What git-check-ref-format(1) allows, and a little less. */
static bool is_ref(const char *text)
{
    const struct view v = view_of(text);

    return v.size > 0 && is_clean(v) && !strpbrk(text, " ~^:?*[\\") && !strstr(text, "..") &&
           !strstr(text, "@{") && !strstr(text, "//") && !strstr(text, "/.") && *text != '-' &&
           *text != '/' && *text != '.' && !view_ends(v, "/") && !view_ends(v, ".") &&
           !view_ends(v, ".lock");
}

static int set_ref(struct git_ref *g, const char *prefix, const char *text, struct error *err)
{
    cleanup_free char *ref =
        xasprintf("%s%s", strncmp(text, prefix, strlen(prefix)) == 0 ? "" : prefix, text);

    if (!is_ref(ref))
        return error_set(err, -EINVAL, "'%.100s' is no branch, tag or commit", text);
    if (g->ref && strcmp(g->ref, ref) != 0)
        return error_set(err, -EINVAL, "two refs: '%.100s' and '%.100s'", g->ref, ref);
    free(g->ref);
    g->ref = steal(ref);
    return 0;
}

static int set_subdir(struct git_ref *g, const char *text, struct error *err)
{
    struct view rest = view_of(text), part;
    STR_AUTO(path);

    if (!is_clean(rest))
        return error_set(err, -EINVAL, "the directory in the repository is no name");
    while (view_cut(&rest, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (view_eq_text(part, ".."))
            return error_set(err, -EINVAL, "directory '%.100s' leaves the repository", text);
        if (path.size > 0)
            str_add_char(&path, '/');
        str_add(&path, part);
    }
    if (path.size == 0)
        return 0;
    if (g->subdir && strcmp(g->subdir, path.at) != 0)
        return error_set(err, -EINVAL, "two directories: '%.100s' and '%.100s'", g->subdir,
                         path.at);
    free(g->subdir);
    g->subdir = str_take(&path);
    return 0;
}

int git_ref_set_checksum(struct git_ref *g, const char *text, struct error *err)
{
    cleanup_free char *sum = xstrdup(text);
    const size_t size = strlen(text);

    for (char *c = sum; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (size < CHECKSUM_MIN || size > GIT_COMMIT_HEX || strspn(sum, "0123456789abcdef") != size) {
        error_set(err, -EINVAL, "checksum '%.80s' is no commit", text);
        return error_hint(err, -EINVAL,
                          "that of a repository is the first 4 to 40 hex digits of "
                          "the commit's name");
    }
    if (g->checksum && strncmp(g->checksum, sum, MIN(size, strlen(g->checksum))) != 0)
        return error_set(err, -EINVAL, "two checksums: '%s' and '%s'", g->checksum, sum);
    if (g->checksum && strlen(g->checksum) >= size)
        return 0;
    free(g->checksum);
    g->checksum = steal(sum);
    return 0;
}

static int set_choice(enum git_choice *choice, const char *key, const char *value,
                      struct error *err)
{
    static const char *const yes[] = {"", "1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        if (strcmp(value, yes[i]) == 0)
            return *choice = GIT_YES, 0;
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        if (strcmp(value, no[i]) == 0)
            return *choice = GIT_NO, 0;
    return error_set(err, -EINVAL, "%s '%.80s' is neither true nor false", key, value);
}

/* ---- the query ---- */

static int set_key(struct git_ref *g, const char *key, const char *value, struct error *err)
{
    enum git_choice choice = GIT_NO;
    int r;

    if (strcmp(key, "keep-git-dir") == 0)
        return set_choice(&g->keep_git_dir, key, value, err);
    if (strcmp(key, "submodules") == 0)
        return set_choice(&g->submodules, key, value, err);
    if (!*value)
        return error_set(err, -EINVAL, "'%.80s' has no value", key);
    if (strcmp(key, "ref") == 0)
        return set_ref(g, "", value, err);
    if (strcmp(key, "tag") == 0)
        return set_ref(g, "refs/tags/", value, err);
    if (strcmp(key, "branch") == 0)
        return set_ref(g, "refs/heads/", value, err);
    if (strcmp(key, "subdir") == 0)
        return set_subdir(g, value, err);
    if (strcmp(key, "checksum") == 0 || strcmp(key, "commit") == 0)
        return git_ref_set_checksum(g, value, err);
    if (strcmp(key, "fetch-by-commit") == 0) {
        r = set_choice(&choice, key, value, err);
        g->fetch_by_commit = choice == GIT_YES;
        return r;
    }
    if (strcmp(key, "mtime") == 0 &&
        (strcmp(value, "checkout") == 0 || strcmp(value, "commit") == 0)) {
        g->checkout_time = strcmp(value, "checkout") == 0;
        return 0;
    }
    error_set(err, -EINVAL, "'%.80s=%.80s' is not known", key, value);
    return error_hint(err, -EINVAL,
                      "known are ref, tag, branch, subdir, checksum, commit, keep-git-dir, "
                      "submodules, mtime=checkout|commit and fetch-by-commit");
}

static int read_query(struct git_ref *g, struct view query, struct error *err)
{
    CLEANUP(strings_done) struct strings keys = {0};
    struct view part;
    int r = 0;

    while (r == 0 && view_cut(&query, '&', &part)) {
        struct view key;
        STR_AUTO(name);
        STR_AUTO(value);

        if (part.size == 0)
            continue;
        (void)view_cut(&part, '=', &key);
        if (!url_unescape(key, true, &name) || (part.at && !url_unescape(part, true, &value)) ||
            strlen(name.at) != name.size || strlen(value.at) != value.size)
            return error_set(err, -EINVAL, "the query is malformed");
        for (size_t i = 0; i < keys.size; i++)
            if (strcmp(keys.at[i], name.at) == 0)
                return error_set(err, -EINVAL, "'%.80s' comes twice", name.at);
        strings_add(&keys, name.at);
        r = set_key(g, name.at, value.at, err);
    }
    return r;
}

/* "REF:DIRECTORY" behind the '#'. */
static int read_fragment(struct git_ref *g, struct view fragment, struct error *err)
{
    STR_AUTO(text);

    if (!url_unescape(fragment, false, &text) || strlen(text.at) != text.size)
        return error_set(err, -EINVAL, "what follows '#' is malformed");
    char *colon = strchr(text.at, ':');
    if (colon)
        *colon = '\0';
    int r = *text.at ? set_ref(g, "", text.at, err) : 0;
    if (r == 0 && colon)
        r = set_subdir(g, colon + 1, err);
    return r;
}

/* ---- the whole ---- */

static const char *const schemes[] = {"http://", "https://", "git://", "ssh://"};

static const char *scheme_of(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            return schemes[i];
    return NULL;
}

/* "user@host:path" */
static bool is_scp_style(const char *text)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const size_t user = strspn(text, letters);

    if (user == 0 || *text == '-' || text[user] != '@')
        return false;
    const char *host = text + user + 1;
    const size_t size = strcspn(host, ":");
    return size > 0 && *host != '-' && host[size] == ':' && !memchr(host, '/', size);
}

/* Of an URL that git takes; the path of http must end in ".git". */
static bool is_repository(const char *scheme, struct view remote)
{
    const bool http = strncmp(scheme, "http", 4) == 0;
    STR_AUTO(path);

    return !http || (url_unescape(remote, false, &path) && view_ends(str_view(&path), ".git"));
}

static int check_host(const char *scheme, struct view remote, struct error *err)
{
    struct view rest = view_make(remote.at + strlen(scheme), remote.size - strlen(scheme)), host;

    (void)view_cut(&rest, '/', &host);
    const char *at = memrchr(host.at, '@', host.size);
    if (at)
        host = view_make(at + 1, (size_t)(host.at + host.size - at - 1));
    if (host.size == 0 || *host.at == '-')
        return error_set(err, -EINVAL, "'%.*s' names no host", (int)MIN(remote.size, 100u),
                         remote.at);
    return 0;
}

static int read_parts(struct git_ref *g, struct view remote, struct view query,
                      struct view fragment, struct error *err)
{
    if (!is_clean(remote))
        return error_set(err, -EINVAL, "the repository's URL has control characters");
    g->remote = view_dup(remote);
    int r = query.at ? read_query(g, query, err) : 0;
    if (r == 0 && fragment.at)
        r = read_fragment(g, fragment, err);
    if (r == 0 && g->checksum && !g->ref && git_is_commit(g->checksum))
        r = set_ref(g, "", g->checksum, err);
    return r;
}

int git_ref_parse(const char *text, bool context, struct git_ref *ret, struct error *err)
{
    const bool github = context && strncmp(text, "github.com/", 11) == 0;
    cleanup_free char *whole = xasprintf("%s%s", github ? "https://" : "", text);
    const char *scheme = scheme_of(whole);
    struct view fragment = view_of(whole), query, remote;
    GIT_REF_AUTO(g);
    int r;

    if (!scheme && !is_scp_style(whole))
        return 0;
    (void)view_cut(&fragment, '#', &query);
    (void)view_cut(&query, '?', &remote);
    if (scheme && !github && !is_repository(scheme, remote))
        return 0;
    r = strlen(text) > GIT_REF_MAX
            ? error_set(err, -EINVAL, "a repository's URL is longer than %d bytes", GIT_REF_MAX)
            : 0;
    if (r == 0 && scheme)
        r = check_host(scheme, remote, err);
    if (r == 0)
        r = read_parts(&g, remote, query, fragment, err);
    if (r < 0)
        return error_wrap(err, r, "git repository '%.*s'", (int)MIN(remote.size, 200u), remote.at);
    *ret = g;
    g = (struct git_ref){0};
    return 1;
}
