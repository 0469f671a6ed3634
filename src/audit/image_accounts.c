/* image_accounts.c - /etc/passwd, shadow, group and os-release; who the image runs as. */
#include "audit/image.h"
#include "base/map.h"
#include "sandbox/passwd.h"

static struct view text_of(const struct gathering *g, const char *path)
{
    const struct pick *pick = audit_layers_file(g->layers, path, NULL);

    return pick ? str_view(&pick->bytes) : VIEW("");
}

/* ---- lines ---- */

static bool next_line(struct view *text, struct view *fields, size_t count)
{
    struct view line;

    if (!text->at || !view_cut(text, '\n', &line))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!line.at || !view_cut(&line, ':', &fields[i]))
            fields[i] = VIEW("");
    return true;
}

/* Whoever has it empty in passwd needs none, whatever shadow says: he is in one list, once. */
static void note_open(struct gathering *g, struct map *open, struct image_texts *list,
                      struct view name)
{
    if (!map_has(open, name))
        audit_add_text(g, list, arena_strndup(g->arena, name.at, MIN(name.size, 40u)));
    map_set(open, name, g);
}

/* Names that were met, and under which name each number was. */
struct names {
    struct map names, numbers;
};

static void note_twice(struct gathering *g, struct names *n, const char *what, struct view name,
                       struct view number)
{
    struct image_texts *list = &g->facts->twice;

    if (map_has(&n->names, name))
        audit_add_text(
            g, list, arena_printf(g->arena, "%s '%.*s'", what, (int)MIN(name.size, 40u), name.at));
    const char *first = map_get(&n->numbers, number);
    if (number.size > 0 && first)
        audit_add_text(g, list,
                       arena_printf(g->arena, "%s id %.*s of '%s' and '%.*s'", what,
                                    (int)MIN(number.size, 12u), number.at, first,
                                    (int)MIN(name.size, 40u), name.at));
    map_set(&n->names, name, g);
    if (!first)
        map_set(&n->numbers, number, arena_strndup(g->arena, name.at, MIN(name.size, 40u)));
}

static void names_done(struct names *n)
{
    map_done(&n->names);
    map_done(&n->numbers);
}

static void read_passwd(struct gathering *g, struct view text, struct map *open)
{
    struct names names = {0};
    struct view f[7];

    while (next_line(&text, f, ARRAY_SIZE(f))) {
        if (f[0].size == 0 || f[0].at[0] == '#' || f[2].size == 0)
            continue;
        const char *name = arena_strndup(g->arena, f[0].at, MIN(f[0].size, 40u));
        if (f[1].size == 0)
            note_open(g, open, &g->facts->open_passwd, f[0]);
        if (view_eq_text(f[2], "0") && !view_eq_text(f[0], "root"))
            audit_add_text(g, &g->facts->roots, name);
        note_twice(g, &names, "user", f[0], f[2]);
    }
    names_done(&names);
}

static void read_group(struct gathering *g, struct view text)
{
    struct names names = {0};
    struct view f[4];

    while (next_line(&text, f, ARRAY_SIZE(f)))
        if (f[0].size > 0 && f[0].at[0] != '#' && f[2].size > 0)
            note_twice(g, &names, "group", f[0], f[2]);
    names_done(&names);
}

/* An empty second field lets anybody in who asks. */
static void read_shadow(struct gathering *g, struct view text, struct map *open)
{
    struct view f[2];

    while (next_line(&text, f, ARRAY_SIZE(f)))
        if (f[0].size > 0 && f[0].at[0] != '#' && f[1].size == 0)
            note_open(g, open, &g->facts->open_shadow, f[0]);
}

/* ---- os-release ---- */

static void read_os(struct gathering *g, struct view text)
{
    struct image_facts *f = g->facts;
    struct view line, key;

    while (text.at && view_cut(&text, '\n', &line)) {
        line = view_trim(line);
        if (!view_cut(&line, '=', &key) || !line.at)
            continue;
        if (line.size > 1 && (line.at[0] == '"' || line.at[0] == '\'') &&
            line.at[line.size - 1] == line.at[0])
            line = view_make(line.at + 1, line.size - 2);
        const char *value = arena_strndup(g->arena, line.at, MIN(line.size, 100u));
        if (view_eq_text(key, "ID"))
            f->os = value;
        else if (view_eq_text(key, "VERSION_ID"))
            f->os_version = value;
        else if (view_eq_text(key, "PRETTY_NAME"))
            f->os_name = value;
    }
}

/* ---- who runs ---- */

static void read_user(struct gathering *g, struct view passwd, struct view group)
{
    struct image_user *u = &g->facts->user;
    const char *text = g->facts->config->user ? g->facts->config->user : "";
    struct passwd_user found;
    struct view rest = passwd, f[7];
    uint64_t number;

    u->text = arena_strndup(g->arena, text, strcspn(text, ":"));
    u->named = u->text[0] && !view_to_u64(view_of(u->text), &number);
    u->has_passwd = passwd.size > 0;
    if (passwd_lookup(passwd, group, text, &found, NULL) < 0) {
        u->known = u->text[0] == '\0' || strcmp(u->text, "root") == 0;
        u->root = u->known;
        return;
    }
    u->known = true;
    u->uid = found.uid;
    u->gid = found.gid;
    u->root = found.uid == 0;
    uint32_t *groups = arena_alloc(g->arena, (found.group_count + 1) * sizeof(*groups));
    for (size_t i = 0; i < found.group_count; i++)
        groups[i] = found.groups[i];
    u->groups = groups;
    u->group_count = found.group_count;
    passwd_user_done(&found);
    while (!u->listed && next_line(&rest, f, ARRAY_SIZE(f)))
        u->listed = view_to_u64(f[2], &number) && number == u->uid;
}

void audit_gather_accounts(struct gathering *g)
{
    const struct view passwd = text_of(g, "/etc/passwd"), group = text_of(g, "/etc/group");
    CLEANUP(map_done) struct map open = {0};

    read_passwd(g, passwd, &open);
    read_shadow(g, text_of(g, "/etc/shadow"), &open);
    read_group(g, group);
    read_os(g, text_of(g, "/etc/os-release"));
    if (!g->facts->os)
        read_os(g, text_of(g, "/usr/lib/os-release"));
    read_user(g, passwd, group);
}
