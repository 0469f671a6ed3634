#include "distro/plan.h"

#include <errno.h>

#define FORMAT 1

const struct variant_row variant_rows[] = {
    {"minbase", "Debian with apt: essential and required packages", VARIANT_MINBASE, "apt"},
    {"distroless", "C library and OpenSSL; no shell", VARIANT_DISTROLESS,
     "base-files netbase tzdata ca-certificates libc6 ?libssl3t64 ?libssl3 ?libssl1.1"},
    {"static", "certificates, time zones, users: for static programs", VARIANT_STATIC,
     "base-files netbase tzdata ca-certificates"},
    {"cc", "distroless and the libraries of C++ programs", VARIANT_CC,
     "base-files netbase tzdata ca-certificates libc6 ?libssl3t64 ?libssl3 ?libssl1.1 libgcc-s1 "
     "libstdc++6 libgomp1"},
    {"python3", "cc and Python", VARIANT_PYTHON3,
     "base-files netbase tzdata ca-certificates libc6 ?libssl3t64 ?libssl3 ?libssl1.1 libgcc-s1 "
     "libstdc++6 libgomp1 python3 libpython3-stdlib"},
};
const size_t variant_count = ARRAY_SIZE(variant_rows);

const struct variant_row *variant_by_name(const char *name)
{
    for (size_t i = 0; i < variant_count; i++)
        if (strcmp(variant_rows[i].name, name) == 0)
            return &variant_rows[i];
    return NULL;
}

static const char *variant_name(enum variant v)
{
    for (size_t i = 0; i < variant_count; i++)
        if (variant_rows[i].variant == v)
            return variant_rows[i].name;
    return "";
}

void plan_done(struct plan *p)
{
    vec_each (k, p) {
        free(k->name);
        free(k->version);
        free(k->architecture);
        free(k->path);
        free(k->suite);
    }
    vec_done(p);
    free(p->suite);
    free(p->architecture);
    free(p->sources);
    free(p->version);
    *p = (struct plan){0};
}

const struct plan_package *plan_find(const struct plan *p, const char *name)
{
    vec_each (k, p) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

static json_t *package_doc(const struct plan_package *k)
{
    char hex[DIGEST_HEX_MAX];
    json_t *doc = json_object();

    doc_set_text(doc, "name", k->name);
    doc_set_text(doc, "version", k->version);
    doc_set_text(doc, "architecture", k->architecture);
    doc_set_text(doc, "sha256", digest_hex(&k->sha256, hex));
    doc_set_int(doc, "size", (int64_t)k->size);
    doc_set_text(doc, "path", k->path);
    doc_set_text(doc, "suite", k->suite);
    doc_set_int(doc, "released", k->date_s);
    if (k->essential)
        doc_set_bool(doc, "essential", true);
    if (k->automatic)
        doc_set_bool(doc, "automatic", true);
    if (k->source)
        doc_set_int(doc, "source", k->source);
    return doc;
}

static json_t *head_doc(const struct plan *p)
{
    json_t *doc = json_object();

    doc_set_int(doc, "format", FORMAT);
    doc_set_text(doc, "variant", variant_name(p->variant));
    doc_set_text(doc, "suite", p->suite);
    doc_set_text(doc, "version", p->version);
    doc_set_text(doc, "architecture", p->architecture);
    doc_set_int(doc, "epoch", p->epoch_s);
    doc_set_text(doc, "sources", p->sources);
    return doc;
}

json_t *plan_to_doc(const struct plan *p)
{
    json_t *doc = head_doc(p), *list = json_array();

    vec_each (k, p)
        doc_push(list, package_doc(k));
    doc_set(doc, "packages", list);
    return doc;
}

void plan_print(const struct plan *p, struct str *ret)
{
    cleanup_doc json_t *head = head_doc(p);

    doc_print(head, true, ret);
    str_truncate(ret,
                 ret->size - 1); /* the brace: packages follow, a line each, for readable diffs */
    str_add_text(ret, ",\n\"packages\":[");
    vec_each (k, p) {
        cleanup_doc json_t *doc = package_doc(k);

        json_object_del(doc, "source");
        str_add_text(ret, k == p->at ? "\n" : ",\n");
        doc_print(doc, true, ret);
    }
    str_add_text(ret, "\n]}\n");
}

static int copy_text(const json_t *doc, const char *key, char **ret, struct error *err)
{
    const char *text;
    const int r = doc_need_text(doc, key, &text, err);

    if (r >= 0)
        *ret = xstrdup(text);
    return r < 0 ? error_wrap(err, -EINVAL, "lock") : 0;
}

/* The path becomes part of a URL, the name part of file names in the image. */
static bool plain_path(const char *s)
{
    if (!*s || *s == '/' || strstr(s, "..") || strlen(s) > 1024)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 127)
            return false;
    return true;
}

static int check_texts(const struct plan_package *k, struct error *err)
{
    const bool good = plain_path(k->name) && !strchr(k->name, '/') && plain_path(k->path) &&
                      plain_path(k->version) && !strchr(k->version, '/') &&
                      plain_path(k->architecture) && !strchr(k->architecture, '/');

    return good
               ? 0
               : error_set(err, -EINVAL, "package '%.60s': name, version or path is none", k->name);
}

static int read_numbers(const json_t *doc, struct plan_package *k, struct error *err)
{
    int64_t size = 0, source = 0;
    int r = doc_need_int(doc, "size", &size, err);

    if (r >= 0)
        r = doc_int(doc, "source", &source, err);
    if (r >= 0)
        r = doc_int(doc, "released", &k->date_s, err);
    if (r >= 0)
        r = doc_bool(doc, "essential", &k->essential, err);
    if (r >= 0)
        r = doc_bool(doc, "automatic", &k->automatic, err);
    if (r >= 0 && (size <= 0 || size > INT64_C(4) << 30 || source < 0 || source > UINT16_MAX))
        return error_set(err, -EINVAL, "package '%.60s': size or source is out of range", k->name);
    k->size = (uint64_t)size;
    k->source = (uint32_t)source;
    return r;
}

static int read_package(const json_t *doc, struct plan_package *k, struct error *err)
{
    const char *hex;
    int r = copy_text(doc, "name", &k->name, err);

    if (r >= 0)
        r = copy_text(doc, "version", &k->version, err);
    if (r >= 0)
        r = copy_text(doc, "architecture", &k->architecture, err);
    if (r >= 0)
        r = copy_text(doc, "path", &k->path, err);
    if (r >= 0)
        r = copy_text(doc, "suite", &k->suite, err);
    if (r >= 0)
        r = check_texts(k, err);
    if (r >= 0)
        r = doc_need_text(doc, "sha256", &hex, err);
    if (r >= 0)
        r = digest_parse_hex(hex, &k->sha256, err);
    return r >= 0 ? read_numbers(doc, k, err) : r;
}

static int read_packages(const json_t *doc, struct plan *p, struct error *err)
{
    json_t *list = NULL, *item;
    size_t i;
    int r = doc_need_array(doc, "packages", &list, err);

    if (r < 0)
        return r;
    if (json_array_size(list) > PLAN_PACKAGES_MAX)
        return error_set(err, -EDQUOT, "more than %d packages", PLAN_PACKAGES_MAX);
    json_array_foreach(list, i, item)
    {
        vec_push(p, (struct plan_package){0});
        r = read_package(item, vec_last(p), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_head(const json_t *doc, struct plan *p, struct error *err)
{
    int64_t format = 0;
    const char *name = "", *version = NULL;
    int r = doc_need_int(doc, "format", &format, err);

    if (r >= 0 && format != FORMAT)
        return error_set(err, -EINVAL, "format %lld is not known to this version",
                         (long long)format);
    if (r >= 0)
        r = doc_need_text(doc, "variant", &name, err);
    const struct variant_row *row = variant_by_name(name);
    if (r >= 0 && !row)
        return error_set(err, -EINVAL, "variant '%.40s' is not known", name);
    if (r >= 0)
        r = copy_text(doc, "suite", &p->suite, err);
    if (r >= 0)
        r = copy_text(doc, "architecture", &p->architecture, err);
    if (r >= 0)
        r = copy_text(doc, "sources", &p->sources, err);
    if (r >= 0)
        r = doc_text(doc, "version", &version, err);
    if (r >= 0)
        r = doc_need_int(doc, "epoch", &p->epoch_s, err);
    if (r < 0)
        return r;
    p->variant = row->variant;
    p->version = version ? xstrdup(version) : NULL;
    return 0;
}

int plan_from_doc(const json_t *doc, struct plan *ret, struct error *err)
{
    PLAN_AUTO(p);
    int r = read_head(doc, &p, err);

    if (r >= 0)
        r = read_packages(doc, &p, err);
    if (r < 0)
        return r;
    *ret = p;
    p = (struct plan){0};
    return 0;
}

int plan_parse(struct view text, struct plan *ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const int r = doc_parse(text, PLAN_LOCK_MAX, "lock", &doc, err);

    return r < 0 ? r : plan_from_doc(doc, ret, err);
}
