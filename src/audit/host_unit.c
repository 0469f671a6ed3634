/* host_unit.c - units of systemd as far as an audit needs them: systemd.unit(5), systemd.syntax(7), systemd.exec(5). */
#include <errno.h>
#include <stdlib.h>

#include "audit/host_internal.h"

#define WORDS_MAX 4096 /* of a command line; environment files may hold a long one */

/* In systemd's order: the first that has the unit counts, and so does a drop-in of the same name. */
static const char *const directories[] = {
    "/etc/systemd/system.control",  "/run/systemd/system.control",   "/run/systemd/transient",
    "/run/systemd/generator.early", "/etc/systemd/system",           "/run/systemd/system",
    "/run/systemd/generator",       "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
    "/lib/systemd/system",          "/run/systemd/generator.late",
};

void host_unit_done(struct host_unit *u)
{
    strings_done(&u->files);
    strings_done(&u->exec_start);
    strings_done(&u->environment);
    strings_done(&u->environment_files);
    strings_done(&u->listen);
    free(u->user);
    free(u->socket_group);
    *u = (struct host_unit){0};
}

/* ---- lines ---- */

/* The next line with those that a backslash at the end joins to it; comments in between are passed over. */
static bool next_line(struct view *rest, struct str *ret)
{
    struct view line;

    str_clear(ret);
    while (rest->at && view_cut(rest, '\n', &line)) {
        const struct view v = view_trim(line);
        const bool comment = v.size > 0 && (*v.at == '#' || *v.at == ';');

        if (comment)
            continue;
        const bool joined = v.size > 0 && v.at[v.size - 1] == '\\';
        str_add(ret, view_make(v.at, v.size - joined));
        if (!joined)
            return true;
        str_add_char(ret, ' ');
    }
    return ret->size > 0;
}

static void set_list(struct strings *list, struct view value)
{
    if (value.size == 0)
        strings_done(list);
    else
        strings_take(list, view_dup(value));
}

static void set_text(char **text, struct view value)
{
    free(*text);
    *text = value.size > 0 ? view_dup(value) : NULL;
}

static void set(struct host_unit *u, struct view section, struct view key, struct view value)
{
    const bool service = view_eq_text(section, "Service"), socket = view_eq_text(section, "Socket");

    if (service && view_eq_text(key, "ExecStart"))
        set_list(&u->exec_start, value);
    else if (service && view_eq_text(key, "Environment"))
        set_list(&u->environment, value);
    else if (service && view_eq_text(key, "EnvironmentFile"))
        set_list(&u->environment_files, value);
    else if (service && view_eq_text(key, "User"))
        set_text(&u->user, value);
    else if (socket && view_eq_text(key, "ListenStream"))
        set_list(&u->listen, value);
    else if (socket && view_eq_text(key, "SocketGroup"))
        set_text(&u->socket_group, value);
}

void host_unit_parse(struct view text, struct host_unit *u)
{
    cleanup_free char *section = xstrdup("");
    STR_AUTO(line);

    while (next_line(&text, &line)) {
        struct view value = view_trim(str_view(&line)), key;

        if (value.size > 1 && *value.at == '[' && value.at[value.size - 1] == ']') {
            free(section);
            section = view_dup(view_make(value.at + 1, value.size - 2));
        } else if (memchr(value.at, '=', value.size) && view_cut(&value, '=', &key)) {
            set(u, view_of(section), view_trim(key), view_trim(value));
        }
    }
}

/* ---- files ---- */

static void read_one(struct host *h, const char *path, struct host_unit *u)
{
    STR_AUTO(text);

    strings_add(&u->files, path);
    if (host_read(h, path, HOST_FILE_MAX, &text, NULL) == 0)
        host_unit_parse(str_view(&text), u);
}

static bool find(struct host *h, const char *name, struct host_unit *u)
{
    for (size_t i = 0; !u->path && i < ARRAY_SIZE(directories); i++) {
        const char *path = arena_printf(h->f->arena, "%s/%s", directories[i], name);
        const struct host_file f = host_look(h, path);

        if (f.state == HOST_THERE && strcmp(f.real, "/dev/null") == 0)
            return false; /* masked: it cannot start */
        if (f.state == HOST_THERE)
            u->path = path;
    }
    return u->path;
}

static int compare_items(const void *a, const void *b)
{
    return view_cmp(((const struct map_item *)a)->key, ((const struct map_item *)b)->key);
}

/* Drop-ins of all directories in the order of their names. */
static void read_drop_ins(struct host *h, const char *name, struct host_unit *u)
{
    CLEANUP(map_done) struct map found = {0};

    for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
        CLEANUP(strings_done) struct strings names = {0};
        const char *path = arena_printf(h->f->arena, "%s/%s.d", directories[i], name);

        (void)!host_list(h, path, ".conf", &names);
        vec_each (n, &names)
            if (!map_has(&found, view_of(*n)))
                map_set(&found, view_of(*n), arena_printf(h->f->arena, "%s/%s", path, *n));
    }
    const size_t count = found.size;
    struct map_item *sorted = count > 0 ? xmemdup(found.items, count * sizeof(*sorted)) : NULL;
    if (count > 1)
        qsort(sorted, count, sizeof(*sorted), compare_items);
    for (size_t i = 0; i < count; i++)
        read_one(h, sorted[i].value, u);
    free(sorted);
}

void host_unit_read(struct host *h, const char *name, struct host_unit *ret)
{
    if (!find(h, name, ret))
        return;
    read_one(h, ret->path, ret);
    read_drop_ins(h, name, ret);
}

/* ---- environment ---- */

void host_environment_done(struct map *m)
{
    map_each (item, m)
        free(item->value);
    map_done(m);
}

static void set_variable(struct map *m, struct view name, char *take_value)
{
    free(map_get(m, name));
    map_set(m, name, take_value);
}

static struct view unquote(struct view v)
{
    const bool quoted = v.size > 1 && (*v.at == '"' || *v.at == '\'') && v.at[v.size - 1] == *v.at;

    return quoted ? view_make(v.at + 1, v.size - 2) : v;
}

void host_environment_parse(struct view text, struct map *ret)
{
    STR_AUTO(line);

    while (next_line(&text, &line)) {
        struct view value = view_trim(str_view(&line)), name;

        if (value.size > 7 && strncmp(value.at, "export ", 7) == 0)
            value = view_trim(view_make(value.at + 7, value.size - 7));
        if (!memchr(value.at, '=', value.size) || !view_cut(&value, '=', &name))
            continue;
        set_variable(ret, view_trim(name), view_dup(unquote(view_trim(value))));
    }
}

/* ---- words ---- */

struct splitter {
    struct view rest;
    const struct map *environment;
    struct strings *words;
    struct str word;
    size_t taken; /* bytes of values of variables, HOST_FILE_MAX at most */
    bool any;     /* the word has begun, though it may be empty: "" */
    bool full;    /* the rest is not looked at: nothing starts with so long a command line */
};

static void end_word(struct splitter *s)
{
    if (s->any && s->words->size < WORDS_MAX)
        strings_add(s->words, s->word.at);
    s->full |= s->words->size >= WORDS_MAX;
    str_clear(&s->word);
    s->any = false;
}

/* A short line may name a long value often. */
static const char *value_of(struct splitter *s, struct view name)
{
    const char *value = s->environment ? map_get(s->environment, name) : NULL;
    const size_t size = value ? strlen(value) : 0;

    if (size > HOST_FILE_MAX - s->taken) {
        s->full = true;
        return "";
    }
    s->taken += size;
    return value ? value : "";
}

static size_t name_size(struct view v)
{
    size_t size = 0;

    while (size < v.size && (v.at[size] == '_' || (v.at[size] >= '0' && v.at[size] <= '9') ||
                             ((v.at[size] | 32) >= 'a' && (v.at[size] | 32) <= 'z')))
        size++;
    return size;
}

/* A word that is $X alone becomes as many words as its value has. */
static void add_value_words(struct splitter *s, struct view name)
{
    struct view rest = view_of(value_of(s, name)), word;

    end_word(s);
    while (!s->full && rest.at && view_cut(&rest, ' ', &word)) {
        word = view_trim(word);
        if (word.size == 0)
            continue;
        s->any = true;
        str_add(&s->word, unquote(word));
        end_word(s);
    }
}

/* At "$"; how many bytes were taken. */
static size_t add_variable(struct splitter *s, struct view v)
{
    const struct view behind = view_make(v.at + 1, v.size - 1);

    if (behind.size > 0 && *behind.at == '$') {
        str_add_char(&s->word, '$');
        return 2;
    }
    if (behind.size > 0 && *behind.at == '{') {
        const struct view name =
            view_make(behind.at + 1, name_size(view_make(behind.at + 1, behind.size - 1)));
        if (name.size > 0 && name.size + 1 < behind.size && name.at[name.size] == '}') {
            str_add_text(&s->word, value_of(s, name));
            return name.size + 3;
        }
    }
    const struct view name = view_make(behind.at, name_size(behind));
    const bool alone =
        s->word.size == 0 &&
        (name.size == behind.size || behind.at[name.size] == ' ' || behind.at[name.size] == '\t');
    if (name.size > 0 && alone) {
        s->any = false;
        add_value_words(s, name);
        return name.size + 1;
    }
    str_add_char(&s->word, '$');
    return 1;
}

bool host_command_split(struct view text, const struct map *environment, struct strings *ret)
{
    struct splitter s = {.environment = environment, .words = ret, .word = STR_INIT};
    char quote = 0;

    for (size_t i = 0; i < text.size && !s.full; i++) {
        const char c = text.at[i];

        if (!quote && (c == ' ' || c == '\t' || c == '\n')) {
            end_word(&s);
            continue;
        }
        s.any = true;
        if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? 0 : c;
        else if (c == '\\' && i + 1 < text.size)
            str_add_char(&s.word, text.at[++i]);
        else if (c == '$')
            i += add_variable(&s, view_make(text.at + i, text.size - i)) - 1;
        else
            str_add_char(&s.word, c);
    }
    end_word(&s);
    str_done(&s.word);
    return !quote && !s.full;
}
