/* host_audit.c - auditd: its rules as auditctl(8) reads them, and the executions in its log. */
#include <errno.h>

#include "audit/host_internal.h"

#define LINE_WORDS_MAX 256

struct words {
    struct view at[LINE_WORDS_MAX];
    size_t size;
};

static void split(struct view line, struct words *ret)
{
    struct view rest = line, word;

    ret->size = 0;
    while (rest.at && ret->size < LINE_WORDS_MAX && view_cut(&rest, ' ', &word)) {
        word = view_trim(word);
        if (word.size > 0)
            ret->at[ret->size++] = word;
    }
}

/* ---- rules ---- */

struct rule {
    struct view path, permissions, calls, list;
    bool add, watch, remove, tree, fields;
};

static bool holds(struct view text, const char *part)
{
    return text.size > 0 && memmem(text.at, text.size, part, strlen(part));
}

static void read_field(struct rule *r, struct view field)
{
    r->fields = true;
    if (view_starts(field, "path="))
        r->path = view_make(field.at + 5, field.size - 5);
    else if (view_starts(field, "dir="))
        r->path = view_make(field.at + 4, field.size - 4);
    else if (view_starts(field, "perm="))
        r->permissions = view_make(field.at + 5, field.size - 5);
    r->tree |= view_starts(field, "dir=");
}

/* An option and its word. */
static void read_option(struct rule *r, char option, struct view word)
{
    if (option == 'w' || option == 'W') {
        r->path = word;
        r->watch = r->tree = true;
        r->remove = option == 'W';
    } else if (option == 'p') {
        r->permissions = word;
    } else if (option == 'a' || option == 'A') {
        r->add = true;
        r->list = word;
    } else if (option == 'S') {
        r->calls = word;
        r->fields = true;
    } else if (option == 'F') {
        read_field(r, word);
    }
}

static struct rule read_rule(const struct words *w)
{
    struct rule r = {0};

    for (size_t i = 0; i + 1 < w->size; i++)
        if (w->at[i].size == 2 && *w->at[i].at == '-') {
            read_option(&r, w->at[i].at[1], w->at[i + 1]);
            i++;
        }
    while (r.path.size > 1 && r.path.at[r.path.size - 1] == '/')
        r.path.size--;
    return r;
}

static void remove_watch(struct host_auditing *a, struct view path)
{
    size_t kept = 0;

    for (size_t i = 0; i < a->watches.size; i++)
        if (!view_eq_text(path, a->watches.at[i].path))
            a->watches.at[kept++] = a->watches.at[i];
    a->watches.size = kept;
}

/* Of every program that starts: "-S execve" without a path. */
static bool is_of_all(const struct rule *r)
{
    return !r->watch && r->path.size == 0 && holds(r->calls, "execve");
}

static void add_watch(struct arena *arena, const struct rule *r, const char *path, unsigned line,
                      struct host_auditing *ret)
{
    const bool named = r->permissions.size > 0,
               called = r->calls.size > 0 && !named && !view_eq_text(r->calls, "all");
    const bool starts = holds(r->calls, "execve");
    struct host_watch w = {
        .path = is_of_all(r) ? "/" : arena_strndup(arena, r->path.at, r->path.size),
        .place = arena_printf(arena, "%s:%u", path, line),
        .tree = r->tree || is_of_all(r),
        .write = named ? holds(r->permissions, "w") : !called || !starts || holds(r->calls, ","),
        .execute = named ? holds(r->permissions, "x") : !called || starts,
    };

    w.write = w.write && !is_of_all(r);
    if (*w.path == '/' && ret->watches.size < HOST_WATCHES_MAX)
        vec_push(&ret->watches, w);
}

static void apply(struct arena *arena, const struct words *words, const char *path, unsigned line,
                  bool merged, struct host_auditing *ret)
{
    const struct rule r = read_rule(words);
    const bool exits = holds(r.list, "exit"), always = holds(r.list, "always");

    if (view_eq_text(words->at[0], "-D") && !merged) {
        ret->watches.size = 0;
        ret->off = NULL;
    } else if (r.remove) {
        remove_watch(ret, r.path);
    } else if (r.watch || (r.add && exits && always && (r.path.size > 0 || is_of_all(&r)))) {
        add_watch(arena, &r, path, line, ret);
    } else if (r.add && !r.fields && holds(r.list, "never") && holds(r.list, "task")) {
        ret->off = arena_printf(arena, "%s:%u", path, line);
    }
}

void host_rules_parse(struct arena *arena, struct view text, const char *path, bool merged,
                      struct host_auditing *ret)
{
    struct view line;

    for (unsigned n = 1; text.at && view_cut(&text, '\n', &line); n++) {
        struct words words;

        line = view_trim(line);
        if (line.size == 0 || *line.at == '#')
            continue;
        split(line, &words);
        if (words.size > 0)
            apply(arena, &words, path, n, merged, ret);
    }
}

/* ---- executions ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "\"docker\"", or hexadecimal digits where it has a blank or a quote in it. */
static void decode(struct view v, struct str *ret)
{
    if (v.size > 1 && *v.at == '"') {
        str_add(ret, view_make(v.at + 1, v.size - 2));
        return;
    }
    for (size_t i = 0; i + 1 < v.size; i += 2) {
        const int high = digit(v.at[i]), low = digit(v.at[i + 1]);
        if (high < 0 || low < 0 || (high | low) == 0)
            return;
        str_add_char(ret, (char)(high << 4 | low));
    }
}

/* The arguments of a record, as far as it has them in order: a0="docker" a1="exec". */
static void read_arguments(const struct words *w, struct strings *ret)
{
    for (size_t i = 0; i < w->size; i++) {
        struct view value = w->at[i], name;
        uint64_t number = 0;
        STR_AUTO(text);

        if (*value.at != 'a' || !memchr(value.at, '=', value.size) ||
            !view_cut(&value, '=', &name) ||
            !view_to_u64(view_make(name.at + 1, name.size - 1), &number) || number != ret->size)
            continue;
        decode(value, &text);
        strings_take(ret, str_take(&text));
    }
}

static bool takes_value(const char *word, const char *letters, const char *const *names)
{
    if (strchr(word, '='))
        return false;
    if (word[1] != '-')
        return strchr(letters, word[strlen(word) - 1]);
    for (; *names; names++)
        if (strcmp(word + 2, *names) == 0)
            return true;
    return false;
}

/* Behind the options of the client itself: the place of "exec", or 0. */
static size_t find_exec(const struct strings *argv)
{
    static const char *const names[] = {"config",    "context", "host",      "log-level",
                                        "tlscacert", "tlscert", "tlskey",    "namespace",
                                        "address",   "root",    "namespace", NULL};
    size_t i = 1;

    for (; i < argv->size && *argv->at[i] == '-'; i++)
        i += takes_value(argv->at[i], "cHln", names);
    if (i < argv->size && strcmp(argv->at[i], "container") == 0)
        i++;
    return i < argv->size && strcmp(argv->at[i], "exec") == 0 ? i : 0;
}

static bool is_root(const char *user)
{
    const size_t size = strcspn(user, ":");

    return (size == 4 && strncmp(user, "root", 4) == 0) || (size == 1 && *user == '0');
}

/* The value of -u or --user in this option; next is the word behind it. */
static const char *user_of(const char *word, const char *next)
{
    if (strncmp(word, "--user=", 7) == 0)
        return word + 7;
    if (strcmp(word, "--user") == 0)
        return next;
    const char *u = word[1] != '-' ? strchr(word + 1, 'u') : NULL;
    if (!u || strspn(word + 1, "itd") != (size_t)(u - word - 1))
        return NULL;
    return u[1] == '=' ? u + 2 : u[1] ? u + 1 : next;
}

static void read_exec(const struct strings *argv, size_t i, struct host_exec *ret)
{
    static const char *const names[] = {"user", "env", "env-file", "workdir", "detach-keys", NULL};

    for (i++; i < argv->size && *argv->at[i] == '-' && argv->at[i][1]; i++) {
        const char *word = argv->at[i], *next = i + 1 < argv->size ? argv->at[i + 1] : "";
        const char *user = user_of(word, next);

        ret->privileged |=
            strcmp(word, "--privileged") == 0 || strcmp(word, "--privileged=true") == 0;
        ret->root |= user && is_root(user);
        i += takes_value(word, "uew", names);
    }
}

static bool is_client(const char *program)
{
    const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

    return strcmp(name, "docker") == 0 || strcmp(name, "podman") == 0 ||
           strcmp(name, "nerdctl") == 0;
}

/* "msg=audit(1700000000.123:4711):" */
static struct view event_of(const struct words *w)
{
    for (size_t i = 0; i < w->size; i++) {
        struct view rest = w->at[i], first;
        if (view_starts(rest, "msg=audit(") && view_cut(&rest, ':', &first) && rest.at &&
            view_cut(&rest, ')', &first))
            return first;
    }
    return VIEW("?");
}

static void read_record(struct arena *arena, const struct words *words, const char *path,
                        struct host_exec_log *ret)
{
    CLEANUP(strings_done) struct strings argv = {0};
    const struct view event = event_of(words);
    struct host_exec x = {0};
    STR_AUTO(command);

    read_arguments(words, &argv);
    const size_t at = argv.size > 1 && is_client(argv.at[0]) ? find_exec(&argv) : 0;
    if (at == 0)
        return;
    read_exec(&argv, at, &x);
    if ((!x.privileged && !x.root) || ret->execs.size >= HOST_EXECS_MAX)
        return;
    vec_each (word, &argv)
        str_printf(&command, "%s%.60s", command.size > 0 ? " " : "", *word);
    x.place = arena_printf(arena, "%s: event %.*s", path, (int)MIN(event.size, 20u), event.at);
    x.command = arena_strndup(arena, command.at, MIN(command.size, 120u));
    vec_push(&ret->execs, x);
}

void host_log_parse(struct arena *arena, struct view text, const char *path,
                    struct host_exec_log *ret)
{
    struct view line;

    while (text.at && view_cut(&text, '\n', &line)) {
        struct words words;

        if (!view_starts(line, "type=EXECVE "))
            continue;
        split(line, &words);
        read_record(arena, &words, path, ret);
    }
}

/* ---- files ---- */

/* Who writes what into audit.rules by hand loses it where augenrules makes the file anew. */
static void read_generated(struct host *h, bool merged)
{
    static const char path[] = "/etc/audit/audit.rules";
    struct host_auditing *a = &h->f->auditing, own = {0};
    const char *why = NULL;
    STR_AUTO(text);

    const int r = host_read(h, path, HOST_FILE_MAX, &text, &why);
    if (r < 0 && r != -ENOENT && !merged) {
        a->state = HOST_UNKNOWN;
        a->why = arena_printf(h->f->arena, "%s: %s", path, why);
    }
    host_rules_parse(h->f->arena, str_view(&text), path, false, &own);
    vec_each (w, &own.watches) {
        w->lost = merged;
        vec_push(&a->watches, *w);
    }
    if (!merged)
        a->off = own.off;
    vec_done(&own.watches);
}

static void read_rules(struct host *h)
{
    static const char directory[] = "/etc/audit/rules.d";
    CLEANUP(strings_done) struct strings names = {0};
    struct host_auditing *a = &h->f->auditing;

    a->state = HOST_THERE;
    if (host_list(h, directory, ".rules", &names) != 0) {
        a->state = HOST_UNKNOWN;
        a->why = arena_printf(h->f->arena, "%s cannot be read", directory);
        return;
    }
    vec_each (name, &names) {
        const char *path = arena_printf(h->f->arena, "%s/%s", directory, *name), *why = NULL;
        STR_AUTO(text);

        const int r = host_read(h, path, HOST_FILE_MAX, &text, &why);
        if (r < 0 && r != -ENOENT) {
            a->state = HOST_UNKNOWN;
            a->why = arena_printf(h->f->arena, "%s: %s", path, why);
        }
        host_rules_parse(h->f->arena, str_view(&text), path, true, a);
    }
    read_generated(h, names.size > 0);
    vec_each (w, &a->watches)
        w->path = host_real(h, w->path);
}

static bool has_auditctl(const struct host *h)
{
    static const char *const paths[] = {"/usr/sbin/auditctl", "/sbin/auditctl", "/usr/bin/auditctl",
                                        "/bin/auditctl"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (host_look(h, paths[i]).state == HOST_THERE)
            return true;
    return false;
}

static const char *log_path(const struct host *h)
{
    struct view rest, line, name;
    STR_AUTO(text);

    if (host_read(h, "/etc/audit/auditd.conf", HOST_FILE_MAX, &text, NULL) < 0)
        return "/var/log/audit/audit.log";
    rest = str_view(&text);
    while (rest.at && view_cut(&rest, '\n', &line)) {
        struct view value = line;
        if (!memchr(line.at, '=', line.size) || !view_cut(&value, '=', &name) ||
            !view_eq_nocase(view_trim(name), "log_file"))
            continue;
        value = view_trim(value);
        if (value.size > 0 && *value.at == '/')
            return arena_strndup(h->f->arena, value.at, value.size);
    }
    return "/var/log/audit/audit.log";
}

static void read_log(struct host *h)
{
    struct host_exec_log *log = &h->f->exec_log;
    const char *path = log_path(h);

    for (unsigned i = 0; i < HOST_LOGS_MAX; i++) {
        const char *file = i > 0 ? arena_printf(h->f->arena, "%s.%u", path, i) : path, *why = NULL;
        STR_AUTO(text);

        const int r = host_read_end(h, file, HOST_LOG_MAX, &text, &why);
        if (r == -ENOENT)
            return;
        if (r < 0) {
            log->state = HOST_UNKNOWN;
            log->why = arena_printf(h->f->arena, "%s: %s", file, why);
            return;
        }
        log->state = HOST_THERE;
        host_log_parse(h->f->arena, str_view(&text), file, log);
    }
}

void host_audit_gather(struct host *h)
{
    struct host_auditing *a = &h->f->auditing;

    if (has_auditctl(h))
        read_rules(h);
    if (h->live_proc && strcmp(h->root_name, "/") == 0 && host_kernel_rules(h->f->arena, a)) {
        a->state = a->state == HOST_ABSENT ? HOST_THERE : a->state; /* whoever loaded them */
        vec_each (w, &a->watches)
            w->path = host_real(h, w->path);
    }
    read_log(h);
}
