#include "oci/reference.h"

#include <errno.h>

static const char alnum[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char hex[] = "0123456789abcdef";
static const char host_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
static const char tag_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
static const char default_host[] = "docker.io";

static bool all_of(struct view v, const char *bytes)
{
    for (size_t i = 0; i < v.size; i++)
        if (!v.at[i] || !strchr(bytes, v.at[i]))
            return false;
    return true;
}

static bool is_alnum(char c)
{
    return c && strchr(alnum, c);
}

/* path-component ::= alnum (separator alnum)*, separator one '.', one or two '_', or any number of
 * '-' */
static bool component_valid(struct view v)
{
    size_t i = 0;

    if (v.size == 0 || !is_alnum(v.at[0]) || !is_alnum(v.at[v.size - 1]))
        return false;
    while (i < v.size) {
        const size_t begin = i;

        if (is_alnum(v.at[i])) {
            i++;
            continue;
        }
        if (!strchr("._-", v.at[i]))
            return false;
        while (i < v.size && v.at[i] == v.at[begin])
            i++;
        const size_t run = i - begin;
        if (!is_alnum(v.at[i]) || (v.at[begin] == '.' && run > 1) ||
            (v.at[begin] == '_' && run > 2))
            return false;
    }
    return true;
}

static bool repository_valid(struct view v)
{
    struct view part;

    if (v.size == 0)
        return false;
    while (view_cut(&v, '/', &part))
        if (!component_valid(part))
            return false;
    return true;
}

static bool label_valid(struct view v)
{
    static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";

    return v.size > 0 && all_of(v, more) && v.at[0] != '-' && v.at[v.size - 1] != '-' &&
           strchr(host_bytes, v.at[0]);
}

/* domain ::= label ('.' label)* | '[' IPv6 ']', then a port */
static bool host_valid(struct view v)
{
    struct view part;

    if (v.size > 0 && v.at[0] == '[') {
        const char *end = memchr(v.at, ']', v.size);
        if (!end || end - v.at < 3 ||
            !all_of(view_make(v.at + 1, (size_t)(end - v.at) - 1), "0123456789abcdefABCDEF:"))
            return false;
        v = view_make(end + 1, v.size - (size_t)(end + 1 - v.at));
        if (v.size == 0)
            return true;
        return v.at[0] == ':' && v.size > 1 &&
               all_of(view_make(v.at + 1, v.size - 1), "0123456789");
    }
    const char *colon = memchr(v.at, ':', v.size);
    if (colon) {
        const struct view port = view_make(colon + 1, v.size - (size_t)(colon + 1 - v.at));

        if (port.size == 0 || !all_of(port, "0123456789"))
            return false;
        v.size = (size_t)(colon - v.at);
    }
    if (v.size == 0)
        return false;
    while (view_cut(&v, '.', &part))
        if (!label_valid(part))
            return false;
    return true;
}

bool reference_tag_valid(struct view tag)
{
    return tag.size > 0 && tag.size <= REFERENCE_TAG_MAX && all_of(tag, tag_bytes) &&
           tag.at[0] != '-' && tag.at[0] != '.';
}

bool reference_is_id(const char *text)
{
    if (strncmp(text, "sha256:", 7) == 0)
        text += 7;
    const size_t size = strlen(text);
    return size >= 4 && size <= 64 && strspn(text, hex) == size;
}

/* A first part with '.', ':' or a capital in it, or "localhost", is a host. */
static bool is_host(struct view first)
{
    if (view_eq_text(first, "localhost"))
        return true;
    for (size_t i = 0; i < first.size; i++)
        if (strchr(".:[", first.at[i]) || (first.at[i] >= 'A' && first.at[i] <= 'Z'))
            return true;
    return false;
}

static void split_host(struct view name, struct view *ret_host, struct view *ret_path)
{
    const char *slash = memchr(name.at, '/', name.size);

    *ret_host = view_of(default_host);
    *ret_path = name;
    if (!slash)
        return;
    const struct view first = view_make(name.at, (size_t)(slash - name.at));
    if (!is_host(first))
        return;
    *ret_path = view_make(slash + 1, name.size - first.size - 1);
    if (!view_eq_text(first, "index.docker.io"))
        *ret_host = first;
}

static int malformed(struct error *err, const char *text, const char *why)
{
    return error_set(err, -EINVAL, "image name '%.120s' is malformed: %s", text, why);
}

static int check_name(const char *text, struct view host, struct view path, struct error *err)
{
    if (!host_valid(host) && strstr(text, "://"))
        return error_hint(err, malformed(err, text, "it is a URL"),
                          "leave out what is before the host: HOST[:PORT]/NAME[:TAG]");
    if (!host_valid(host))
        return malformed(err, text, "the host is not a host name");
    if (!repository_valid(path)) {
        for (size_t i = 0; i < path.size; i++)
            if (path.at[i] >= 'A' && path.at[i] <= 'Z')
                return malformed(err, text, "the repository must be lower case");
        return malformed(err, text,
                         "the repository is words of a-z and 0-9, with '.', '_', '__' or '-' "
                         "between them and '/' between parts");
    }
    if (host.size + 1 + path.size > REFERENCE_NAME_MAX)
        return malformed(err, text, "it is longer than 255 bytes");
    return 0;
}

static bool is_bare_id(const char *text)
{
    if (strncmp(text, "sha256:", 7) == 0)
        text += 7;
    return strlen(text) == 64 && strspn(text, hex) == 64;
}

/* Cuts "@digest" and ":tag" off *name. */
static int cut_tail(const char *text, struct view *name, struct view *ret_tag,
                    struct reference *ret, struct error *err)
{
    const char *at = memchr(name->at, '@', name->size);

    if (at) {
        const int r = digest_parse(at + 1, &ret->digest, err);
        if (r < 0)
            return error_wrap(err, r, "image name '%.120s'", text);
        ret->has_digest = true;
        name->size = (size_t)(at - name->at);
    }
    const char *slash = memrchr(name->at, '/', name->size);
    const char *from = slash ? slash : name->at;
    const char *colon = memchr(from, ':', name->size - (size_t)(from - name->at));
    *ret_tag = view_make(NULL, 0);
    if (!colon)
        return 0;
    *ret_tag = view_make(colon + 1, name->size - (size_t)(colon + 1 - name->at));
    name->size = (size_t)(colon - name->at);
    if (!reference_tag_valid(*ret_tag))
        return malformed(err, text,
                         "a tag is 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -");
    return 0;
}

int reference_parse(const char *text, struct reference *ret, struct error *err)
{
    struct view name = view_of(text), host, path, tag;
    REFERENCE_AUTO(made);
    int r;

    if (!*text)
        return error_set(err, -EINVAL, "image name is empty");
    if (is_bare_id(text))
        return malformed(err, text, "64 hex digits are an image id");
    r = cut_tail(text, &name, &tag, &made, err);
    if (r < 0)
        return r;
    split_host(name, &host, &path);
    r = check_name(text, host, path, err);
    if (r < 0)
        return r;
    made.host = view_dup(host);
    if (view_eq_text(host, default_host) && !memchr(path.at, '/', path.size))
        made.repository = xasprintf("library/%.*s", VIEW_ARG(path));
    else
        made.repository = view_dup(path);
    if (tag.at)
        made.tag = view_dup(tag);
    else if (!made.has_digest)
        made.tag = xstrdup("latest");
    *ret = made;
    made = (struct reference){0};
    return 0;
}

void reference_done(struct reference *r)
{
    free(r->host);
    free(r->repository);
    free(r->tag);
    *r = (struct reference){0};
}

void reference_copy(const struct reference *r, struct reference *ret)
{
    *ret = (struct reference){xstrdup(r->host), xstrdup(r->repository),
                              r->tag ? xstrdup(r->tag) : NULL, r->has_digest, r->digest};
}

static char *with_tail(const struct reference *r, char *take_name)
{
    char text[DIGEST_TEXT_MAX];
    cleanup_free char *name = take_name;

    return xasprintf("%s%s%s%s%s", name, r->tag ? ":" : "", r->tag ? r->tag : "",
                     r->has_digest ? "@" : "",
                     r->has_digest ? digest_format(&r->digest, text) : "");
}

char *reference_name(const struct reference *r)
{
    return xasprintf("%s/%s", r->host, r->repository);
}

char *reference_familiar_name(const struct reference *r)
{
    const struct view first = view_make(r->repository, strcspn(r->repository, "/"));

    /* a user with a dot in the name would be read as a host */
    if (strcmp(r->host, default_host) != 0 || (r->repository[first.size] && is_host(first)))
        return reference_name(r);
    /* library/a/b must stay, or it would be read as user a's b; library/sha256:1, as an image id */
    if (strncmp(r->repository, "library/", 8) == 0 && !strchr(r->repository + 8, '/') &&
        strcmp(r->repository + 8, "sha256") != 0)
        return xstrdup(r->repository + 8);
    return xstrdup(r->repository);
}

char *reference_format(const struct reference *r)
{
    return with_tail(r, reference_name(r));
}

char *reference_familiar(const struct reference *r)
{
    return with_tail(r, reference_familiar_name(r));
}
