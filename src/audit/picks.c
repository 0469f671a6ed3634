#include "audit/picks.h"

#include <errno.h>

#include "base/doc.h"
#include "lint/facts_image.h"

#define PROGRAM_WORDS 8 /* "tini -- /bin/sh /entry.sh": who wraps more than that hides it */

void picks_done(struct picks *p)
{
    vec_each (pick, p) {
        free(pick->path);
        str_done(&pick->bytes);
    }
    vec_done(p);
    strings_done(&p->programs);
    *p = (struct picks){0};
}

static struct view base_name(struct view path)
{
    const char *slash = path.size ? memrchr(path.at, '/', path.size) : NULL;

    return slash ? view_make(slash + 1, (size_t)(path.at + path.size - slash - 1)) : path;
}

void picks_name_programs(struct picks *p, const struct strings *command)
{
    for (size_t i = 0; i < MIN(command->size, PROGRAM_WORDS); i++) {
        const struct view name = base_name(view_of(command->at[i]));
        if (name.size > 0 && name.at[0] != '-' && !memchr(name.at, ' ', name.size))
            strings_add(&p->programs, name.at);
    }
}

/* ---- which ---- */

enum kind { KIND_NONE, KIND_KEY, KIND_TEXT, KIND_PACKAGES, KIND_PROGRAM };

/* "python3" may be a link to "python3.12". */
static bool is_program(const struct picks *p, struct view name)
{
    vec_each (program, &p->programs)
        if (view_starts(name, *program))
            return true;
    return false;
}

/* Code, pages, pictures and archives: none of them is a key of anybody. */
static bool is_no_key(struct view name)
{
    static const char *const ends[] = {
        ".py",   ".pyc",   ".js",   ".ts",   ".mjs",     ".cjs",  ".map",  ".h",   ".hpp", ".c",
        ".html", ".css",   ".so",   ".o",    ".a",       ".gz",   ".xz",   ".zst", ".zip", ".jar",
        ".mo",   ".png",   ".svg",  ".gif",  ".jpg",     ".rb",   ".pl",   ".pm",  ".php", ".go",
        ".rs",   ".md",    ".rst",  ".list", ".md5sums", ".conf", ".json", ".tcl", ".ttf", ".woff",
        ".wasm", ".class", ".java", ".lua",  ".el",      ".elc",  ".crt",  ".pub"};
    const char *dot = name.size ? memrchr(name.at, '.', name.size) : NULL;

    if (!dot || dot == name.at)
        return false;
    const struct view end = view_make(dot, (size_t)(name.at + name.size - dot));
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (view_eq_text(end, ends[i]))
            return true;
    return false;
}

static enum kind kind_of(const struct picks *p, struct view path, uint32_t mode, uint64_t size)
{
    const struct view name = base_name(path);

    if (view_eq_text(name, "passwd") || view_eq_text(name, "shadow") ||
        view_eq_text(name, "group") || view_eq_text(name, "os-release"))
        return KIND_TEXT;
    if (view_eq_text(path, "lib/apk/db/installed") ||
        view_eq_text(path, "usr/lib/apk/db/installed"))
        return KIND_PACKAGES;
    if ((mode & 0111) && is_program(p, name))
        return KIND_PROGRAM;
    if (size < PICK_KEY_MIN || size > PICK_KEY_MAX || image_name_is_sample(path) || is_no_key(name))
        return KIND_NONE;
    return KIND_KEY;
}

size_t picks_want(const struct picks *p, struct view path, uint32_t mode, uint64_t size)
{
    static const size_t most[] = {[KIND_NONE] = 0,
                                  [KIND_KEY] = PICK_KEY_MAX,
                                  [KIND_TEXT] = PICK_TEXT_MAX,
                                  [KIND_PACKAGES] = PICK_PACKAGES_MAX,
                                  [KIND_PROGRAM] = PICK_PROGRAM_MAX};

    return (size_t)MIN(size, (uint64_t)most[kind_of(p, path, mode, size)]);
}

void picks_take(struct picks *p, uint32_t layer, struct view path, uint32_t mode, uint64_t size,
                struct view bytes)
{
    const enum kind kind = kind_of(p, path, mode, size);
    const char *key =
        bytes.size <= PICK_KEY_MAX && size <= PICK_KEY_MAX ? image_key_kind(bytes) : NULL;

    if (kind == KIND_NONE || (kind == KIND_KEY && !key))
        return;
    const size_t keep = kind == KIND_KEY ? 0 : bytes.size;
    if (p->size >= PICK_COUNT_MAX || p->bytes + keep > PICK_BYTES_MAX) {
        p->full = true;
        return;
    }
    struct pick pick = {layer, view_dup(path), key, STR_INIT, keep == size};
    str_add(&pick.bytes, view_make(bytes.at, keep));
    p->bytes += keep;
    vec_push(p, pick);
}

/* ---- between processes ---- */

json_t *picks_print(const struct picks *p)
{
    json_t *list = json_array();

    vec_each (pick, p) {
        json_t *doc = json_object();
        STR_AUTO(path);
        STR_AUTO(bytes);

        str_add_base64(&path, view_of(pick->path)); /* names are bytes, JSON is UTF-8 */
        str_add_base64(&bytes, str_view(&pick->bytes));
        doc_set_int(doc, "layer", pick->layer);
        doc_set_text(doc, "path", path.at);
        doc_set_text(doc, "key", pick->key);
        doc_set_text(doc, "bytes", bytes.at);
        doc_set_bool(doc, "whole", pick->whole);
        doc_push(list, doc);
    }
    json_t *doc = json_object();
    doc_set(doc, "picks", list);
    doc_set_bool(doc, "full", p->full);
    return doc;
}

/* The kinds are constants of ours: any text that is there says that there is a key. */
static const char *known_kind(const char *text)
{
    static const char *const kinds[] = {"RSA", "DSA", "EC", "OPENSSH", "ENCRYPTED", "PGP"};

    for (size_t i = 0; text && i < ARRAY_SIZE(kinds); i++)
        if (strcmp(text, kinds[i]) == 0)
            return kinds[i];
    return text ? "PKCS #8" : NULL;
}

static int parse_pick(const json_t *doc, struct picks *ret, struct error *err)
{
    const char *path = NULL, *key = NULL, *bytes = "";
    int64_t layer = 0;
    bool whole = false;
    STR_AUTO(plain_path);
    STR_AUTO(plain_bytes);
    int r = doc_need_text(doc, "path", &path, err);

    if (r == 0)
        r = doc_need_int(doc, "layer", &layer, err);
    if (r == 0)
        r = doc_text(doc, "key", &key, err);
    if (r == 0)
        r = doc_text(doc, "bytes", &bytes, err);
    if (r == 0)
        r = doc_bool(doc, "whole", &whole, err);
    if (r < 0)
        return r;
    if (!str_add_unbase64(&plain_path, view_of(path)) ||
        !str_add_unbase64(&plain_bytes, view_of(bytes)) || layer < 0 || layer > UINT32_MAX)
        return error_set(err, -EPROTO, "the audit's job answers nonsense");
    struct pick pick = {(uint32_t)layer, str_take(&plain_path), known_kind(key), plain_bytes,
                        whole};
    plain_bytes = STR_INIT;
    ret->bytes += pick.bytes.size;
    vec_push(ret, pick);
    return 0;
}

int picks_parse(const json_t *doc, struct picks *ret, struct error *err)
{
    json_t *list = NULL, *item;
    size_t i;
    int r = doc_need_array(doc, "picks", &list, err);

    json_array_foreach(list, i, item)
    {
        if (r == 0)
            r = parse_pick(item, ret, err);
    }
    return r < 0 ? r : doc_bool(doc, "full", &ret->full, err);
}
