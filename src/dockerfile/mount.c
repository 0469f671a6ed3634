#include "dockerfile/mount.h"

#include <ctype.h>
#include <errno.h>

#include "dockerfile/source.h"

enum key_kind {
    KEY_TYPE,
    KEY_SHARING,
    KEY_TEXT,
    KEY_BOOL,
    KEY_NOT_BOOL,
    KEY_OCTAL,
    KEY_NUMBER,
    KEY_SIZE
};

#define TYPE(t) (1u << MOUNT_##t)
#define ALL_TYPES (TYPE(BIND) | TYPE(CACHE) | TYPE(TMPFS) | TYPE(SECRET) | TYPE(SSH))
#define WITH_OWNER (TYPE(CACHE) | TYPE(SECRET) | TYPE(SSH))

struct key_row {
    const char *name;
    enum key_kind kind;
    unsigned types;             /* that know it */
    size_t offset, flag_offset; /* flag: has_mode and its like */
};

#define FIELD(f) offsetof(struct mount_spec, f)

static const struct key_row keys[] = {
    {"type", KEY_TYPE, ALL_TYPES, FIELD(type), 0},
    {"from", KEY_TEXT, ALL_TYPES & ~TYPE(SECRET), FIELD(from), 0},
    {"source", KEY_TEXT, ALL_TYPES, FIELD(source), 0},
    {"src", KEY_TEXT, ALL_TYPES, FIELD(source), 0},
    {"target", KEY_TEXT, ALL_TYPES, FIELD(target), 0},
    {"dst", KEY_TEXT, ALL_TYPES, FIELD(target), 0},
    {"destination", KEY_TEXT, ALL_TYPES, FIELD(target), 0},
    {"readonly", KEY_BOOL, ALL_TYPES, FIELD(readonly), 0},
    {"ro", KEY_BOOL, ALL_TYPES, FIELD(readonly), 0},
    {"readwrite", KEY_NOT_BOOL, ALL_TYPES, FIELD(readonly), 0},
    {"rw", KEY_NOT_BOOL, ALL_TYPES, FIELD(readonly), 0},
    {"id", KEY_TEXT, ALL_TYPES, FIELD(id), 0},
    {"env", KEY_TEXT, TYPE(SECRET), FIELD(env), 0},
    {"required", KEY_BOOL, TYPE(SECRET) | TYPE(SSH), FIELD(required), 0},
    {"sharing", KEY_SHARING, TYPE(CACHE), FIELD(sharing), 0},
    {"size", KEY_SIZE, TYPE(TMPFS), FIELD(size), 0},
    {"mode", KEY_OCTAL, WITH_OWNER, FIELD(mode), FIELD(has_mode)},
    {"uid", KEY_NUMBER, WITH_OWNER, FIELD(uid), FIELD(has_uid)},
    {"gid", KEY_NUMBER, WITH_OWNER, FIELD(gid), FIELD(has_gid)},
};

static const char *const type_names[] = {"bind", "cache", "tmpfs", "secret", "ssh"};
static const char *const sharing_names[] = {"shared", "private", "locked"};

const char *mount_type_name(enum mount_type type)
{
    return type_names[type];
}

struct parser {
    struct mount_spec spec;
    struct arena *arena;
    bool type_unknown; /* its value holds a variable */
    bool later;        /* a value was not looked at, as it holds a variable */
    bool readonly_set;
    bool seen[ARRAY_SIZE(keys)];
};

static int pick(struct view value, const char *const names[], size_t count, const char *what,
                unsigned *ret, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq_nocase(value, names[i])) {
            *ret = (unsigned)i;
            return 0;
        }
    error_set(err, -EINVAL, "unsupported %s '%.*s'", what, (int)MIN(value.size, 80u), value.at);
    const char *near = source_nearest(value, names, count);
    STR_AUTO(list);
    for (size_t i = 0; i < count; i++)
        str_printf(&list, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
    return near ? error_hint(err, -EINVAL, "did you mean %s?", near)
                : error_hint(err, -EINVAL, "there are %s", list.at);
}

bool mount_bool(struct view v, bool *ret)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        *ret = view_eq_text(v, yes[i]);
        if (*ret || view_eq_text(v, no[i]))
            return true;
    }
    return false;
}

static bool to_octal(struct view v, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < v.size; i++) {
        if (v.at[i] < '0' || v.at[i] > '7' || *ret > UINT32_MAX / 8)
            return false;
        *ret = *ret * 8 + (uint64_t)(v.at[i] - '0');
    }
    return v.size > 0;
}

/* "64m", "1.5 GiB": units of 1024. */
static bool to_size(struct view v, uint64_t *ret)
{
    static const char units[] = "bkmgtp";
    uint64_t whole = 0, tenths = 0;
    size_t n = 0;

    while (n < v.size && isdigit((unsigned char)v.at[n]))
        n++;
    if (!view_to_u64(view_make(v.at, n), &whole))
        return false;
    if (n + 1 < v.size && v.at[n] == '.' && isdigit((unsigned char)v.at[n + 1])) {
        tenths = (uint64_t)(v.at[n + 1] - '0');
        for (n++; n < v.size && isdigit((unsigned char)v.at[n]);)
            n++;
    }
    struct view unit = view_trim(view_make(v.at + n, v.size - n));
    unsigned shift = 0;
    if (unit.size > 0) {
        const char *at = strchr(units, tolower((unsigned char)unit.at[0]));
        if (!at || !unit.at[0])
            return false;
        shift = (unsigned)(at - units) * 10;
        unit = view_make(unit.at + 1, unit.size - 1);
        if (unit.size > 0 &&
            !(shift > 0 && (view_eq_nocase(unit, "b") || view_eq_nocase(unit, "ib"))))
            return false;
    }
    return !mul_overflow(whole, UINT64_C(1) << shift, ret) &&
           !add_overflow(*ret, tenths * (UINT64_C(1) << shift) / 10, ret);
}

static int invalid_value(const struct key_row *key, struct view value, struct error *err)
{
    return error_set(err, -EINVAL, "invalid value for %s: '%.*s'", key->name,
                     (int)MIN(value.size, 80u), value.at);
}

static int set_number(struct parser *p, const struct key_row *key, struct view value,
                      struct error *err)
{
    uint64_t number = 0;
    char *spec = (char *)&p->spec;

    const bool ok = key->kind == KEY_OCTAL  ? to_octal(value, &number)
                    : key->kind == KEY_SIZE ? to_size(value, &number)
                                            : view_to_u64(value, &number) && number <= UINT32_MAX;
    if (!ok)
        return invalid_value(key, value, err);
    *(uint64_t *)(void *)(spec + key->offset) = number;
    if (key->flag_offset > 0)
        *(bool *)(spec + key->flag_offset) = true;
    return 0;
}

static int set_key(struct parser *p, const struct key_row *key, struct view value,
                   struct error *err)
{
    char *spec = (char *)&p->spec;
    unsigned choice = 0;
    bool yes = false;
    int r;

    switch (key->kind) {
    case KEY_TYPE:
        r = pick(value, type_names, ARRAY_SIZE(type_names), "mount type", &choice, err);
        p->spec.type = choice;
        return r;
    case KEY_SHARING:
        r = pick(value, sharing_names, ARRAY_SIZE(sharing_names), "sharing value", &choice, err);
        p->spec.sharing = choice;
        return r;
    case KEY_TEXT:
        *(const char **)(void *)(spec + key->offset) =
            arena_strndup(p->arena, value.at, value.size);
        return 0;
    case KEY_BOOL:
    case KEY_NOT_BOOL:
        if (!mount_bool(value, &yes))
            return invalid_value(key, value, err);
        *(bool *)(spec + key->offset) = yes != (key->kind == KEY_NOT_BOOL);
        p->readonly_set |= key->offset == FIELD(readonly);
        return 0;
    case KEY_OCTAL:
    case KEY_NUMBER:
    case KEY_SIZE:
        break;
    }
    return set_number(p, key, value, err);
}

static const struct key_row *find_key(struct view name)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (view_eq_nocase(name, keys[i].name))
            return &keys[i];
    return NULL;
}

static int unknown_key(struct view name, struct view field, bool has_value, struct error *err)
{
    const char *names[ARRAY_SIZE(keys)];

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        names[i] = keys[i].name;
    if (has_value)
        error_set(err, -EINVAL, "unexpected key '%.*s' in '%.*s'", (int)MIN(name.size, 80u),
                  name.at, (int)MIN(field.size, 80u), field.at);
    else
        error_set(err, -EINVAL, "invalid field '%.*s': must be a key=value pair",
                  (int)MIN(field.size, 80u), field.at);
    const char *near = source_nearest(name, names, ARRAY_SIZE(names));
    if (near)
        return error_hint(err, -EINVAL, "did you mean %s?", near);
    if (view_eq_nocase(name, "z"))
        return error_hint(err, -EINVAL, "labels of SELinux are not set; leave it out");
    return -EINVAL;
}

static int read_field(struct parser *p, const struct words *expand, struct view field,
                      struct error *err)
{
    struct view value = field, name;
    STR_AUTO(expanded);
    int r = 0;

    const bool has_value = memchr(field.at, '=', field.size) != NULL;
    (void)view_cut(&value, '=', &name);
    const struct key_row *key = find_key(name);
    if (!key || (!has_value && key->kind != KEY_BOOL && key->kind != KEY_NOT_BOOL))
        return unknown_key(name, field, has_value, err);
    p->seen[key - keys] = true;
    if (!has_value)
        return set_key(p, key, VIEW("true"), err);
    if (!value.at)
        value = VIEW("");
    if (memchr(value.at, '$', value.size)) {
        if (key->offset == FIELD(from)) {
            error_set(err, -EINVAL, "from does not take variables");
            return error_hint(err, -EINVAL,
                              "name a stage with FROM $NAME AS alias, and use the alias");
        }
        p->type_unknown |= key->kind == KEY_TYPE;
        p->later |= !expand;
        if (!expand)
            return 0;
    }
    if (expand) {
        r = words_expand(expand, value, &expanded, err);
        value = str_view(&expanded);
    }
    return r < 0 ? r : set_key(p, key, value, err);
}

/* One field of CSV: up to ',', or in double quotes, "" for one of them. */
static int next_field(struct view *rest, struct str *ret, bool *ret_more, struct error *err)
{
    str_clear(ret);
    if (rest->size > 0 && rest->at[0] == '"') {
        size_t i = 1;

        for (; i < rest->size &&
               (rest->at[i] != '"' || view_starts(view_make(rest->at + i, rest->size - i), "\"\""));
             i++) {
            str_add_char(ret, rest->at[i]);
            i += rest->at[i] == '"';
        }
        if (i++ >= rest->size || (i < rest->size && rest->at[i] != ','))
            return error_set(err, -EINVAL, "a quoted field does not end");
        *ret_more = i < rest->size;
        *rest = *ret_more ? view_make(rest->at + i + 1, rest->size - i - 1) : VIEW("");
        return 0;
    }
    struct view field;
    if (!view_cut(rest, ',', &field))
        field = VIEW("");
    if (memchr(field.at, '"', field.size))
        return error_set(err, -EINVAL, "a quote inside of a field");
    *ret_more = rest->at != NULL;
    str_add(ret, field);
    return 0;
}

static int check_keys(const struct parser *p, struct error *err)
{
    const struct mount_spec *s = &p->spec;

    if (p->type_unknown)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (p->seen[i] && !(keys[i].types & 1u << s->type))
            return error_set(err, -EINVAL, "a %s mount does not know '%s'", type_names[s->type],
                             keys[i].name);
    if (s->type == MOUNT_SECRET && !p->later && !*s->source && !*s->target && !*s->id)
        return error_set(err, -EINVAL, "a secret mount needs one of id, source and target");
    if (s->type == MOUNT_SECRET && *s->source && *s->id)
        return error_set(err, -EINVAL, "a secret mount takes either id or source, not both");
    return 0;
}

int mount_parse(struct view text, const struct words *expand, struct arena *arena,
                struct mount_spec *ret, struct error *err)
{
    struct parser p = {.arena = arena,
                       .spec = {.from = "", .source = "", .target = "", .id = "", .env = ""}};
    STR_AUTO(field);
    bool more = true;
    int r = 0;

    while (more && r == 0) {
        r = next_field(&text, &field, &more, err);
        if (r == 0)
            r = read_field(&p, expand, str_view(&field), err);
    }
    if (r == 0)
        r = check_keys(&p, err);
    if (r < 0)
        return error_wrap(err, r, "--mount");
    if (!p.readonly_set)
        p.spec.readonly = p.spec.type != MOUNT_CACHE && p.spec.type != MOUNT_TMPFS;
    *ret = p.spec;
    return 0;
}
