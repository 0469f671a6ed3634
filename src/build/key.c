#include "build/key.h"

#include "base/hash.h"
#include "base/map.h"

static const char digits[] = "0123456789abcdef";

void key_begin(struct key *k, const char *what)
{
    *k = (struct key){0};
    key_add_u64(k, "version", KEY_VERSION);
    key_add_text(k, "kind", what);
}

void key_done(struct key *k)
{
    vec_each (part, &k->parts) {
        free(part->name);
        free(part->shown);
    }
    vec_done(&k->parts);
}

/* A line break would forge lines of the printed parts. */
static char *plain_text(struct view text)
{
    char *plain = view_dup(text);

    for (char *c = plain; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    return plain;
}

static void show(struct key *k, struct view value)
{
    STR_AUTO(text);

    str_add(&text, view_make(value.at, MIN(value.size, (size_t)KEY_SHOWN_MAX)));
    if (value.size > KEY_SHOWN_MAX)
        str_add_text(&text, "...");
    vec_last(&k->parts)->shown = plain_text(str_view(&text));
}

static void add_mark(struct key *k, const char *name, const uint8_t value[32])
{
    struct key_part part = {.name = plain_text(view_of(name))};
    struct hash h;

    memcpy(part.mark, value, KEY_MARK_SIZE);
    vec_push(&k->parts, part);
    hash_init(&h);
    hash_add(&h, k->state, sizeof(k->state));
    hash_add_field(&h, view_of(name));
    hash_add(&h, value, 32);
    hash_done(&h, k->state);
}

void key_add(struct key *k, const char *name, struct view value)
{
    uint8_t digest[32];

    hash_of(value, digest);
    add_mark(k, name, digest);
}

void key_add_text(struct key *k, const char *name, const char *text)
{
    key_add(k, name, view_of(text ? text : ""));
    show(k, view_of(text ? text : ""));
}

void key_add_u64(struct key *k, const char *name, uint64_t value)
{
    uint8_t digest[32];
    struct hash h;

    hash_init(&h);
    hash_add_u64(&h, value);
    hash_done(&h, digest);
    add_mark(k, name, digest);
}

void key_add_digest(struct key *k, const char *name, const struct digest *d)
{
    add_mark(k, name, d->sha256);
}

void key_add_texts(struct key *k, const char *name, const char *const *texts, size_t count)
{
    uint8_t digest[32];
    struct hash h;

    hash_init(&h);
    for (size_t i = 0; i < count; i++)
        hash_add_field(&h, view_of(texts[i]));
    hash_done(&h, digest);
    add_mark(k, name, digest);
}

void key_add_pairs(struct key *k, const char *what, const char *const *texts, size_t count)
{
    STR_AUTO(name);

    for (size_t i = 0; i < count; i++) {
        struct view value = view_of(texts[i]), left = {0};
        str_clear(&name);
        (void)view_cut(&value, '=', &left);
        str_printf(&name, "%s %.*s", what, VIEW_ARG(left));
        key_add(k, name.at, value);
        show(k, value);
    }
}

const struct digest *key_end(struct key *k)
{
    memcpy(k->digest.sha256, k->state, sizeof(k->state));
    return &k->digest;
}

static void print_mark(const struct key_part *part, char ret[static 2 * KEY_MARK_SIZE + 1])
{
    for (size_t i = 0; i < KEY_MARK_SIZE; i++) {
        ret[2 * i] = digits[part->mark[i] >> 4];
        ret[2 * i + 1] = digits[part->mark[i] & 15];
    }
    ret[2 * KEY_MARK_SIZE] = '\0';
}

void key_print_parts(const struct key *k, struct str *ret)
{
    char mark[2 * KEY_MARK_SIZE + 1];

    vec_each (part, &k->parts) {
        print_mark(part, mark);
        str_printf(ret, "%s %s", mark, part->name);
        if (part->shown)
            str_printf(ret, "\t%s", part->shown);
        str_add_char(ret, '\n');
    }
}

/* The old parts by name; the value points at the mark's text. A name that comes twice ("link" of
 * two destinations) gets its number, so that each is held against its own. */
static void number_name(struct map *seen, struct view name, struct str *ret)
{
    const size_t before = (size_t)(uintptr_t)map_get(seen, name);

    map_set(seen, name, (void *)(uintptr_t)(before + 1));
    str_clear(ret);
    str_printf(ret, "%.*s", VIEW_ARG(name));
    if (before)
        str_printf(ret, " (%zu)", before + 1);
}

static void read_parts(struct view text, struct map *ret)
{
    struct map seen = {0};
    struct view line;
    STR_AUTO(name);

    while (view_cut(&text, '\n', &line)) {
        if (line.size <= 2 * KEY_MARK_SIZE + 1)
            continue;
        struct view rest = view_make(line.at + 2 * KEY_MARK_SIZE + 1,
                                     line.size - 2 * KEY_MARK_SIZE - 1),
                    part = {0};
        (void)view_cut(&rest, '\t', &part);
        number_name(&seen, part, &name);
        map_set(ret, str_view(&name), (void *)(uintptr_t)line.at);
    }
    map_done(&seen);
}

/* Of a line of printed parts. */
static struct view shown_before(const char *line)
{
    const size_t size = strcspn(line, "\n");
    const char *tab = memchr(line, '\t', size);

    return tab ? view_make(tab + 1, (size_t)(line + size - tab - 1)) : (struct view){0};
}

static void say_changed(const struct key_part *part, const char *name, const char *before,
                        struct str *ret)
{
    const struct view was = before ? shown_before(before) : (struct view){0};

    str_printf(ret, "%s %s", name, before ? "changed" : "is new");
    if (!part->shown)
        return;
    if (!before)
        str_printf(ret, ": \"%s\"", part->shown);
    else if (was.at && !view_eq(was, view_of(part->shown)))
        str_printf(ret, " \"%.*s\" -> \"%s\"", VIEW_ARG(was), part->shown);
}

/* True when a part of now is new or another; *ret says which. Takes what it knows out of old. */
static bool find_changed(const struct key *now, const struct map *old, struct map *known,
                         struct str *ret)
{
    char mark[2 * KEY_MARK_SIZE + 1];
    struct map seen = {0};
    STR_AUTO(name);
    bool found = false;

    vec_each (part, &now->parts) {
        number_name(&seen, view_of(part->name), &name);
        const char *before = map_get(old, str_view(&name));
        map_set(known, str_view(&name), part);
        print_mark(part, mark);
        if (before && memcmp(before, mark, strlen(mark)) == 0)
            continue;
        say_changed(part, name.at, before, ret);
        found = true;
        break;
    }
    map_done(&seen);
    return found;
}

bool key_difference(const struct key *now, struct view before, struct str *ret)
{
    struct map old = {0}, known = {0};
    bool found;

    read_parts(before, &old);
    found = find_changed(now, &old, &known, ret);
    map_each (item, &old) {
        if (found || map_has(&known, item->key))
            continue;
        str_printf(ret, "%.*s is gone", VIEW_ARG(item->key));
        found = true;
    }
    map_done(&old);
    map_done(&known);
    return found;
}
