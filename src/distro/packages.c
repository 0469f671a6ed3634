#include "distro/packages.h"

#include <errno.h>

#include "base/hash.h"
#include "base/vec.h"
#include "distro/control.h"

struct numbers {
    uint32_t *at;
    size_t size, cap;
};
struct provider_list {
    struct view name;
    struct numbers who;
};
struct packages {
    char *architecture;
    struct package *at;
    size_t size, cap;
    uint32_t *slots; /* number + 1 of a package, 0: free */
    size_t slot_count;
    struct provider_list *provided; /* sorted by name, once provided_made */
    size_t provided_count;
    bool provided_made;
    uint64_t seed;
};

static uint64_t name_hash(const struct packages *s, struct view name)
{
    uint64_t h = s->seed;

    for (size_t i = 0; i < name.size; i++)
        h = (h ^ (unsigned char)name.at[i]) * 0x100000001b3u;
    return h ^ h >> 29;
}

struct packages *packages_new(const char *architecture)
{
    struct packages *s = xcalloc(1, sizeof(*s));

    s->architecture = xstrdup(architecture);
    /* names come from an index: where memory lies differs in every process, so nobody can choose
     * collisions */
    s->seed = 0xcbf29ce484222325u ^ (uint64_t)(uintptr_t)s << 7;
    return s;
}

static void provided_done(struct packages *s)
{
    for (size_t i = 0; i < s->provided_count; i++)
        free(s->provided[i].who.at);
    free(s->provided);
    s->provided = NULL;
    s->provided_count = 0;
    s->provided_made = false;
}

void packages_free(struct packages *s)
{
    if (!s)
        return;
    provided_done(s);
    free(s->architecture);
    free(s->at);
    free(s->slots);
    free(s);
}

/* The slot of name, or the free one where it would go. */
static uint32_t *find_slot(const struct packages *s, struct view name)
{
    size_t i = name_hash(s, name) & (s->slot_count - 1);

    while (s->slots[i] && !view_eq(s->at[s->slots[i] - 1].name, name))
        i = (i + 1) & (s->slot_count - 1);
    return &s->slots[i];
}

static void grow_slots(struct packages *s)
{
    if (s->slot_count >= 2 * (s->size + 1))
        return;
    s->slot_count = s->slot_count ? 2 * s->slot_count : 1024;
    free(s->slots);
    s->slots = xcalloc(s->slot_count, sizeof(*s->slots));
    for (size_t i = 0; i < s->size; i++)
        *find_slot(s, s->at[i].name) = (uint32_t)(i + 1);
}

static const char *const priorities[] = {
    [PRIORITY_REQUIRED] = "required", [PRIORITY_IMPORTANT] = "important",
    [PRIORITY_STANDARD] = "standard", [PRIORITY_OPTIONAL] = "optional",
    [PRIORITY_EXTRA] = "extra",
};

static enum package_priority priority_of(struct view text)
{
    for (size_t i = 0; i < ARRAY_SIZE(priorities); i++)
        if (view_eq_text(text, priorities[i]))
            return (enum package_priority)i;
    return PRIORITY_EXTRA;
}

/* What is kept of a paragraph: plain views are a table, the rest is converted. */
static const struct {
    const char *name;
    size_t offset;
} fields[] = {
    {"Package", offsetof(struct package, name)},
    {"Version", offsetof(struct package, version)},
    {"Architecture", offsetof(struct package, architecture)},
    {"Filename", offsetof(struct package, filename)},
    {"Multi-Arch", offsetof(struct package, multi_arch)},
    {"Depends", offsetof(struct package, depends)},
    {"Pre-Depends", offsetof(struct package, pre_depends)},
    {"Provides", offsetof(struct package, provides)},
    {"Conflicts", offsetof(struct package, conflicts)},
    {"Breaks", offsetof(struct package, breaks)},
    {"Section", offsetof(struct package, section)},
};

static int convert_field(struct package *p, struct view name, struct view value, struct error *err)
{
    if (view_eq_nocase(name, "SHA256")) {
        char hex[DIGEST_HEX_MAX] = "";

        if (value.size >= sizeof(hex))
            return error_set(err, -EINVAL, "SHA256 is not 64 hex digits");
        memcpy(hex, value.at, value.size);
        return digest_parse_hex(hex, &p->sha256, err);
    }
    if (view_eq_nocase(name, "Size") &&
        (!view_to_u64(value, &p->size) || p->size > PACKAGE_SIZE_MAX))
        return error_set(err, -EINVAL, "Size '%.*s' is not a number up to %llu",
                         (int)MIN(value.size, 40), value.at, (unsigned long long)PACKAGE_SIZE_MAX);
    if (view_eq_nocase(name, "Priority"))
        p->priority = priority_of(value);
    if (view_eq_nocase(name, "Essential"))
        p->essential = view_eq_text(value, "yes");
    return 0;
}

static int read_paragraph(struct view paragraph, struct package *ret, struct error *err)
{
    struct view rest = paragraph, name, value;
    int r;

    *ret = (struct package){.paragraph = paragraph, .priority = PRIORITY_EXTRA};
    while ((r = control_field(&rest, &name, &value, err)) > 0) {
        size_t i = 0;

        while (i < ARRAY_SIZE(fields) && !view_eq_nocase(name, fields[i].name))
            i++;
        if (i < ARRAY_SIZE(fields))
            memcpy((char *)ret + fields[i].offset, &value, sizeof(value));
        else
            r = convert_field(ret, name, value, err);
        if (r < 0)
            return r;
    }
    return r;
}

/* Names become file names (cache, dpkg's records) and words of commands. */
static bool name_good(struct view v)
{
    if (v.size < 2 || v.size > 200 ||
        !((v.at[0] >= 'a' && v.at[0] <= 'z') || (v.at[0] >= '0' && v.at[0] <= '9')))
        return false;
    for (size_t i = 0; i < v.size; i++)
        if (!v.at[i] || !strchr("abcdefghijklmnopqrstuvwxyz0123456789+-._", v.at[i]))
            return false;
    return true;
}

static bool filename_good(struct view v)
{
    if (v.size == 0 || v.size > 1024 || v.at[0] == '/' || memmem(v.at, v.size, "..", 2))
        return false;
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.at[i] <= ' ' || (unsigned char)v.at[i] >= 127)
            return false;
    return true;
}

static int check_package(const struct package *p, struct error *err)
{
    if (!name_good(p->name))
        return error_set(err, -EINVAL, "package name '%.*s' is not one", (int)MIN(p->name.size, 60),
                         p->name.at ? p->name.at : "");
    if (!version_valid(p->version))
        return error_set(err, -EINVAL, "package '%.*s': version '%.*s' is not one",
                         VIEW_ARG(p->name), (int)MIN(p->version.size, 60),
                         p->version.at ? p->version.at : "");
    if (!filename_good(p->filename))
        return error_set(err, -EINVAL, "package '%.*s': file name '%.*s' is not one",
                         VIEW_ARG(p->name), (int)MIN(p->filename.size, 60),
                         p->filename.at ? p->filename.at : "");
    if (digest_is_zero(&p->sha256) || p->size == 0)
        return error_set(err, -EINVAL, "package '%.*s' has no Size or no SHA256",
                         VIEW_ARG(p->name));
    return 0;
}

/* True when a is to be taken before b. */
static bool better(const struct package *a, const struct package *b)
{
    if (a->pin != b->pin)
        return a->pin > b->pin;
    return version_cmp(a->version, b->version) > 0;
}

static int keep(struct packages *s, const struct package *p, struct error *err)
{
    grow_slots(s);
    uint32_t *slot = find_slot(s, p->name);

    if (*slot) {
        if (better(p, &s->at[*slot - 1]))
            s->at[*slot - 1] = *p;
        return 0;
    }
    if (s->size >= PACKAGES_COUNT_MAX)
        return error_set(err, -EDQUOT, "more than %d packages", PACKAGES_COUNT_MAX);
    vec_push(s, *p);
    *slot = (uint32_t)s->size;
    return 0;
}

int packages_add(struct packages *s, struct view text, uint32_t suite, int pin, struct error *err)
{
    struct view paragraph;

    provided_done(s);
    if (text.size > PACKAGES_TEXT_MAX)
        return error_set(err, -EDQUOT, "an index of %zu bytes, more than %u", text.size,
                         PACKAGES_TEXT_MAX);
    while (control_paragraph(&text, &paragraph)) {
        struct package p;
        int r = read_paragraph(paragraph, &p, err);

        if (r < 0)
            return error_wrap(err, r, "package '%.*s'", (int)MIN(p.name.size, 60),
                              p.name.at ? p.name.at : "");
        if (!view_eq_text(p.architecture, s->architecture) && !view_eq_text(p.architecture, "all"))
            continue;
        r = check_package(&p, err);
        if (r < 0)
            return r;
        p.suite = suite;
        p.pin = pin;
        r = keep(s, &p, err);
        if (r < 0)
            return r;
    }
    return 0;
}

size_t packages_count(const struct packages *s)
{
    return s->size;
}

const char *packages_architecture(const struct packages *s)
{
    return s->architecture;
}

const struct package *packages_at(const struct packages *s, size_t i)
{
    return &s->at[i];
}

const struct package *packages_find(const struct packages *s, struct view name)
{
    const uint32_t *slot = s->slot_count ? find_slot(s, name) : NULL;

    return slot && *slot ? &s->at[*slot - 1] : NULL;
}

size_t packages_number(const struct packages *s, const struct package *p)
{
    return (size_t)(p - s->at);
}

struct view package_field(const struct package *p, const char *name)
{
    return control_get(p->paragraph, name);
}

/* ---- Provides ---- */

struct claim {
    struct view name;
    uint32_t who;
};
struct claims {
    struct claim *at;
    size_t size, cap;
};

static void add_claims(const struct package *p, uint32_t who, struct claims *ret)
{
    struct view rest = p->provides, group;
    struct term t;

    while (relation_next(&rest, &group))
        if (relation_term(&group, &t, NULL) > 0)
            vec_push(ret, (struct claim){t.name, who});
}

static int claim_cmp(const void *a, const void *b, void *ctx)
{
    const struct claim *x = a, *y = b;
    const struct packages *s = ctx;
    const struct package *p = &s->at[x->who], *q = &s->at[y->who];
    int r = view_cmp(x->name, y->name);

    if (r == 0 && p->essential != q->essential)
        r = p->essential ? -1 : 1;
    if (r == 0)
        r = (int)p->priority - (int)q->priority;
    return r != 0 ? r : view_cmp(p->name, q->name);
}

static void make_provided(struct packages *s)
{
    struct claims all = {0};

    for (size_t i = 0; i < s->size; i++)
        if (s->at[i].provides.size)
            add_claims(&s->at[i], (uint32_t)i, &all);
    if (all.size)
        qsort_r(all.at, all.size, sizeof(*all.at), claim_cmp, s);
    s->provided = xcalloc(all.size + 1, sizeof(*s->provided));
    for (size_t i = 0; i < all.size; i++) {
        if (i == 0 || !view_eq(all.at[i].name, all.at[i - 1].name))
            s->provided[s->provided_count++].name = all.at[i].name;
        struct numbers *who = &s->provided[s->provided_count - 1].who;

        if (who->size == 0 || *vec_last(who) != all.at[i].who)
            vec_push(who, all.at[i].who);
    }
    s->provided_made = true;
    vec_done(&all);
}

static int provided_cmp(const void *key, const void *item)
{
    const struct view *name = key;
    const struct provider_list *p = item;

    return view_cmp(*name, p->name);
}

size_t packages_providers(struct packages *s, struct view name, const uint32_t **ret)
{
    if (!s->provided_made)
        make_provided(s);
    const struct provider_list *p =
        bsearch(&name, s->provided, s->provided_count, sizeof(*s->provided), provided_cmp);

    *ret = p ? p->who.at : NULL;
    return p ? p->who.size : 0;
}
