/* frontend_meta.c - instructions that change the configuration, and WORKDIR. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#include "build/frontend_internal.h"
#include "dockerfile/interval.h"

/* ---- helpers ---- */

void fe_join_path(const char *directory, const char *path, struct str *ret)
{
    struct view parts[] = {view_of(directory), view_of(path)}, part;

    for (size_t i = *path == '/'; i < ARRAY_SIZE(parts); i++)
        while (parts[i].at && view_cut(&parts[i], '/', &part)) {
            if (part.size == 0 || view_eq_text(part, "."))
                continue;
            if (!view_eq_text(part, "..")) {
                str_add_char(ret, '/');
                str_add(ret, part);
                continue;
            }
            size_t size = ret->size;
            while (size > 0 && ret->at[size - 1] != '/')
                size--;
            str_truncate(ret, size > 0 ? size - 1 : 0);
        }
    if (ret->size == 0)
        str_add_char(ret, '/');
}

bool fe_is_windows(const struct fe_stage *s)
{
    return strcmp(s->config->platform.os, "windows") == 0;
}

void fe_command_words(const struct fe_stage *s, const struct instruction *in,
                      const struct word *words, size_t count, struct strings *ret)
{
    static const char *const posix[] = {"/bin/sh", "-c", NULL};
    static const char *const windows[] = {"cmd", "/S", "/C", NULL};
    const char *const *default_shell = fe_is_windows(s) ? windows : posix;
    const struct strings *shell = &s->config->shell;
    STR_AUTO(text);

    if (in->json) {
        for (size_t i = 0; i < count; i++)
            strings_take(ret, view_dup(words[i].text));
        return;
    }
    for (size_t i = 0; i < shell->size; i++)
        strings_add(ret, shell->at[i]);
    for (size_t i = 0; shell->size == 0 && default_shell[i]; i++)
        strings_add(ret, default_shell[i]);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            str_add_char(&text, ' ');
        str_add(&text, words[i].text);
    }
    strings_add(ret, text.at);
}

static void set_list(struct strings *field, const struct strings *list)
{
    config_set_list(field, (const char *const *)list->at, list->size);
}

/* ["a" "b"] */
static void quote_list(const struct strings *list, struct str *ret)
{
    str_add_char(ret, '[');
    for (size_t i = 0; i < list->size; i++) {
        str_add_text(ret, i > 0 ? " " : "");
        dockerfile_quote(view_of(list->at[i]), ret);
    }
    str_add_char(ret, ']');
}

static void plain_list(const struct strings *list, struct str *ret)
{
    str_add_char(ret, '[');
    for (size_t i = 0; i < list->size; i++)
        str_printf(ret, "%s%s", i > 0 ? " " : "", list->at[i]);
    str_add_char(ret, ']');
}

/* ---- variables and labels ---- */

/* ENV and LABEL. All are expanded before one is set: `ENV a=1 b=$a` uses the a from before. */
static int pairs(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                 struct error *err)
{
    const struct instruction *in = c->in;
    const size_t count = in->word_count / 3;
    struct pair {
        const char *name, *value;
    } *list = arena_alloc(fe->arena, (count + 1) * sizeof(*list));
    const bool env = in->kind == INSTRUCTION_ENV;
    STR_AUTO(history);

    for (size_t i = 0; i < count; i++) {
        int r = fe_expand(fe, s, c, &in->words[3 * i], &list[i].name, err);
        if (r == 0)
            r = fe_expand(fe, s, c, &in->words[3 * i + 1], &list[i].value, err);
        if (r < 0)
            return r;
    }
    for (const struct pair *p = list; p < list + count; p++) {
        if (env)
            config_set_env(s->config, p->name, p->value);
        pairs_set(env ? &s->vars : &s->config->labels, p->name, p->value);
        str_printf(&history, " %s=%s", p->name, p->value);
    }
    fe_history(s, false, "%s%s", env ? "ENV" : "LABEL", history.at);
    return 0;
}

/* --build-arg, else the default, else what the header has; a name that nobody set is declared all the same. */
static int arg_value(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                     const char *name, const struct word *preset, const char **ret,
                     struct error *err)
{
    *ret = pairs_get(&fe->build_args, name);
    if (*ret)
        map_set(&fe->used_args, view_of(name), fe);
    else if (preset->text.at)
        return fe_expand(fe, s, c, preset, ret, err);
    else
        *ret = pairs_get(&fe->header, name);
    if (*ret)
        *ret = arena_strdup(fe->arena, *ret);
    return 0;
}

/* What is said to the builder in the middle of a stage, and to no step. */
static bool is_for_builder(const char *name)
{
    return strcmp(name, "BUILDKIT_SBOM_SCAN_CONTEXT") == 0 ||
           strcmp(name, "BUILDKIT_SBOM_SCAN_STAGE") == 0;
}

static int set_arg(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                   const struct word *w, struct str *history, struct error *err)
{
    struct word written = *w, preset = {.span = w->span};
    const char *name, *value;
    int r;

    preset.text = w->text;
    (void)view_cut(&preset.text, '=', &written.text);
    r = fe_expand(fe, s, c, &written, &name, err);
    if (r == 0)
        r = arg_value(fe, s, c, name, &preset, &value, err);
    if (r < 0)
        return r;
    if (*name && value && !is_for_builder(name)) /* `ARG $empty` is in the history alone */
        pairs_set(&s->vars, name, value);
    vec_push(&s->args, (struct fe_arg){name, value});
    str_printf(history, " %s%s%s", name, value ? "=" : "", value ? value : "");
    return 0;
}

static int arg(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
               struct error *err)
{
    STR_AUTO(history);

    for (size_t i = 0; i < c->in->word_count; i++) {
        const int r = set_arg(fe, s, c, &c->in->words[i], &history, err);
        if (r < 0)
            return r;
    }
    fe_history(s, false, "ARG%s", history.at);
    return 0;
}

/* ---- what runs ---- */

/* CMD and ENTRYPOINT: the words become list. Returns whether there are any. */
static bool set_program(struct fe_stage *s, const struct fe_command *c, const char *name,
                        struct strings *list)
{
    CLEANUP(strings_done) struct strings words = {0};
    STR_AUTO(text);

    fe_command_words(s, c->in, c->in->words, c->in->word_count, &words);
    set_list(list, &words);
    quote_list(&words, &text);
    fe_history(s, false, "%s %s", name, text.at);
    return words.size > 0;
}

static int cmd(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
               struct error *err)
{
    (void)fe;
    (void)err;
    s->config->cmd_set = set_program(s, c, "CMD", &s->config->cmd);
    s->config->args_escaped = true;
    s->cmd_set = true;
    return 0;
}

/* The base's CMD was meant for the base's ENTRYPOINT. */
static int entrypoint(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                      struct error *err)
{
    (void)fe;
    (void)err;
    s->config->entrypoint_set = set_program(s, c, "ENTRYPOINT", &s->config->entrypoint);
    if (!s->cmd_set) {
        config_set_list(&s->config->cmd, NULL, 0);
        s->config->cmd_set = false;
    }
    return 0;
}

static int shell(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                 struct error *err)
{
    CLEANUP(strings_done) struct strings words = {0};
    STR_AUTO(text);

    (void)fe;
    (void)err;
    for (size_t i = 0; i < c->in->word_count; i++)
        strings_take(&words, view_dup(c->in->words[i].text));
    set_list(&s->config->shell, &words);
    plain_list(&words, &text);
    fe_history(s, false, "SHELL %s", text.at);
    return 0;
}

/* dockerfile_check() has seen that they are durations. */
static int64_t interval(const struct instruction *in, const char *name)
{
    const struct view text = instruction_flag(in, name);
    int64_t ns = 0;

    return text.size > 0 && interval_parse(text, &ns, NULL) == 0 ? ns : 0;
}

static void health_history(struct fe_stage *s)
{
    const struct healthcheck *h = &s->config->healthcheck;
    const struct {
        const char *name;
        int64_t ns;
    } times[] = {
        {"Interval", h->interval_ns},
        {"Timeout", h->timeout_ns},
        {"StartPeriod", h->start_period_ns},
        {"StartInterval", h->start_interval_ns},
    };
    STR_AUTO(text);

    plain_list(&h->test, &text);
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        str_printf(&text, " %s:", times[i].name);
        interval_format(times[i].ns, &text);
    }
    fe_history(s, false, "HEALTHCHECK {Test:%s Retries:%" PRId64 "}", text.at, h->retries);
}

static int healthcheck(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                       struct error *err)
{
    const struct instruction *in = c->in;
    struct healthcheck *h = &s->config->healthcheck;
    uint64_t retries = 0;

    (void)fe;
    (void)err;
    strings_done(&h->test);
    *h = (struct healthcheck){.set = true};
    if (view_eq_nocase(in->words[0].text, "none")) {
        strings_add(&h->test, "NONE");
    } else {
        strings_add(&h->test, in->json ? "CMD" : "CMD-SHELL");
        for (size_t i = 1; i < in->word_count; i++)
            strings_take(&h->test, view_dup(in->words[i].text));
        h->interval_ns = interval(in, "interval");
        h->timeout_ns = interval(in, "timeout");
        h->start_period_ns = interval(in, "start-period");
        h->start_interval_ns = interval(in, "start-interval");
        if (view_to_u64(instruction_flag(in, "retries"), &retries))
            h->retries = (int64_t)retries;
    }
    health_history(s);
    return 0;
}

/* ---- single texts ---- */

static int user(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                struct error *err)
{
    const char *text;
    const int r = fe_expand(fe, s, c, &c->in->words[0], &text, err);

    if (r < 0)
        return r;
    config_set_text(&s->config->user, text);
    fe_history(s, false, "USER %s", text);
    return 0;
}

static int maintainer(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                      struct error *err)
{
    cleanup_free char *text = view_dup(c->in->words[0].text);

    (void)err;
    config_set_text(&s->config->author, text);
    fe_warn(fe, c->in->span,
            "MaintainerDeprecated: MAINTAINER is deprecated, use LABEL maintainer=NAME");
    fe_history(s, false, "MAINTAINER %s", text);
    return 0;
}

/* A number but 0, or a name with or without "SIG" (moby/sys/signal). */
static bool is_signal(const char *text)
{
    static const char *const others[] = {"CLD", "IOT", "POLL", "UNUSED"};
    char name[16];
    size_t i = 0;
    char *end;

    const long number = strtol(text, &end, 10);
    if (*text && !*end)
        return number != 0;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (; text[i] && i + 1 < sizeof(name); i++)
        name[i] = (char)toupper((unsigned char)text[i]);
    name[i] = '\0';
    for (int n = 1; n < 32; n++)
        if (sigabbrev_np(n) && strcmp(name, sigabbrev_np(n)) == 0)
            return true;
    for (size_t n = 0; n < ARRAY_SIZE(others); n++)
        if (strcmp(name, others[n]) == 0)
            return true;
    if (strcmp(name, "RTMIN") == 0 || strcmp(name, "RTMAX") == 0)
        return true;
    const bool from_min = strncmp(name, "RTMIN+", 6) == 0,
               from_max = strncmp(name, "RTMAX-", 6) == 0;
    uint64_t offset = 0;
    return (from_min || from_max) && view_to_u64(view_of(name + 6), &offset) && offset > 0 &&
           offset <= (from_min ? 15 : 14);
}

static int stopsignal(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                      struct error *err)
{
    const char *text;
    const int r = fe_expand(fe, s, c, &c->in->words[0], &text, err);

    if (r < 0)
        return r;
    if (!is_signal(text)) {
        error_set(err, -EINVAL, "invalid signal: '%.80s'", text);
        error_hint(err, -EINVAL, "it is a number, or a name such as SIGTERM or RTMIN+3");
        return fe_at(fe, s, c, c->in->words[0].span, -EINVAL, err);
    }
    config_set_text(&s->config->stop_signal, text);
    fe_history(s, false, "STOPSIGNAL %s", text);
    return 0;
}

/* ---- sets ---- */

static int volume(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                  struct error *err)
{
    CLEANUP(strings_done) struct strings list = {0};
    STR_AUTO(text);

    for (size_t i = 0; i < c->in->word_count; i++) {
        const struct word w = {view_trim(c->in->words[i].text), c->in->words[i].span};
        const char *path;
        int r = fe_expand(fe, s, c, &w, &path, err);

        if (r == 0 && !*path) {
            r = error_set(err, -EINVAL, "VOLUME specified can not be an empty string");
            fe_at(fe, s, c, w.span, r, err);
        }
        if (r < 0)
            return r;
        strings_add(&list, path);
    }
    for (size_t i = 0; i < list.size; i++)
        config_add_volume(s->config, list.at[i]);
    plain_list(&list, &text);
    fe_history(s, false, "VOLUME %s", text.at);
    return 0;
}

struct range {
    uint64_t first, last;
};

static bool read_range(struct view text, struct range *ret)
{
    struct view low;

    if (!view_cut(&text, '-', &low) || !view_to_u64(low, &ret->first) || ret->first > 65535)
        return false;
    ret->last = ret->first;
    return !text.at ||
           (view_to_u64(text, &ret->last) && ret->last <= 65535 && ret->last >= ret->first);
}

/* "[address:][host]:" of before a port: BuildKit drops it, but not unread. */
static int check_published(struct view text, const struct range *port, struct error *err)
{
    struct view host = text;
    struct range range;

    while (host.size > 0 && memchr(host.at, ':', host.size))
        (void)view_cut(&host, ':', &(struct view){0});
    if (host.size < text.size) {
        struct view address = {text.at, text.size - host.size - 1};
        unsigned char bytes[sizeof(struct in6_addr)];

        if (address.size > 2 && *address.at == '[' && address.at[address.size - 1] == ']')
            address = (struct view){address.at + 1, address.size - 2};
        cleanup_free char *copy = view_dup(address);
        if (*copy && inet_pton(AF_INET, copy, bytes) != 1 && inet_pton(AF_INET6, copy, bytes) != 1)
            return error_set(err, -EINVAL, "invalid IP address: '%.80s'", copy);
    }
    if (host.size == 0)
        return 0;
    if (!read_range(host, &range))
        return error_set(err, -EINVAL, "invalid hostPort: '%.*s'", (int)MIN(host.size, 80u),
                         host.at);
    if (port->last > port->first && range.last - range.first != port->last - port->first)
        return error_set(err, -EINVAL, "as many ports must be given of the host: '%.*s'",
                         (int)MIN(host.size, 80u), host.at);
    return 0;
}

/* "[ip:][host:]port[-port][/protocol]": only the port behind the last ':' is kept. */
static int add_ports(struct frontend *fe, const char *text, struct span span, struct strings *ret,
                     struct error *err)
{
    struct view port = view_of(text), protocol;
    struct range range;
    const char *colon = strrchr(text, ':');

    if (colon) {
        fe_warn(
            fe, span,
            "ExposeInvalidFormat: EXPOSE '%s' should not define an IP address or host-port mapping",
            text);
        port = view_of(colon + 1);
    }
    protocol = port;
    (void)view_cut(&protocol, '/', &port);
    if (!protocol.at || protocol.size == 0)
        protocol = VIEW("tcp");
    if (!view_eq_nocase(protocol, "tcp") && !view_eq_nocase(protocol, "udp") &&
        !view_eq_nocase(protocol, "sctp")) {
        error_set(err, -EINVAL, "invalid proto: '%.*s'", (int)MIN(protocol.size, 80u), protocol.at);
        return error_hint(err, -EINVAL, "there are tcp, udp and sctp");
    }
    if (!read_range(port, &range)) {
        error_set(err, -EINVAL, "invalid containerPort: '%.*s'", (int)MIN(port.size, 80u), port.at);
        return error_hint(err, -EINVAL, "write PORT or FIRST-LAST, with /udp or /sctp behind");
    }
    const int r =
        colon ? check_published((struct view){text, (size_t)(colon - text)}, &range, err) : 0;
    for (uint64_t n = range.first; r == 0 && n <= range.last; n++) {
        char *entry = xasprintf("%" PRIu64 "/%.*s", n, VIEW_ARG(protocol));
        for (char *p = entry; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        strings_take(ret, entry);
    }
    return r;
}

static int compare_words(const void *a, const void *b)
{
    return view_cmp(((const struct word *)a)->text, ((const struct word *)b)->text);
}

static int expose(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                  struct error *err)
{
    const struct instruction *in = c->in;
    CLEANUP(strings_done) struct strings ports = {0};
    cleanup_free struct word *sorted = xmemdup(in->words, in->word_count * sizeof(*sorted));
    STR_AUTO(text);

    qsort(sorted, in->word_count, sizeof(*sorted),
          compare_words); /* so the history is BuildKit's */
    for (size_t i = 0; i < in->word_count; i++) {
        CLEANUP(strings_done) struct strings words = {0};
        int r = fe_split(fe, s, c, &sorted[i], &words, err);

        for (size_t j = 0; r == 0 && j < words.size; j++) {
            r = add_ports(fe, words.at[j], sorted[i].span, &ports, err);
            if (r < 0)
                fe_at(fe, s, c, sorted[i].span, r, err);
        }
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < ports.size; i++)
        config_add_port(s->config, ports.at[i]);
    plain_list(&ports, &text);
    fe_history(s, false, "EXPOSE %s", text.at);
    return 0;
}

void fe_trigger_text(const struct instruction *in, struct str *ret)
{
    str_add(ret, in->trigger->line);
    for (size_t i = 0; i < in->heredoc_count; i++) {
        str_add_char(ret, '\n');
        str_add(ret, in->heredocs[i].raw);
        str_add(ret, in->heredocs[i].name);
    }
}

static int onbuild(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                   struct error *err)
{
    STR_AUTO(text);

    (void)fe;
    (void)err;
    fe_trigger_text(c->in, &text);
    strings_add(&s->config->onbuild, text.at);
    return 0; /* no history entry, as BuildKit */
}

/* ---- WORKDIR ---- */

static int workdir(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                   struct error *err)
{
    const char *old = arena_strdup(
        fe->arena, s->config->workdir && *s->config->workdir ? s->config->workdir : "/");
    const char *text;
    STR_AUTO(path);
    const int r = fe_expand(fe, s, c, &c->in->words[0], &text, err);

    if (r < 0)
        return r;
    fe_join_path(old, text, &path);
    /* BuildKit cleans what it joins, and leaves an absolute path as it was written, also by a word that is empty */
    const char *shown = !*text ? old : *text == '/' && path.size > 1 ? text : path.at;
    config_set_text(&s->config->workdir, shown);
    if (strcmp(path.at, "/") == 0) {
        fe_history(s, false, "WORKDIR /");
        return 0;
    }
    struct op *op = graph_add(fe->g, OP_FILE);
    (void)graph_add_input(fe->g, op, s->root);
    struct file_action *a = graph_add_action(fe->g, op, FILE_MKDIR);
    a->dest = arena_strdup(fe->arena, path.at);
    a->write_mode = 0755;
    a->owner = s->config->user ? arena_strdup(fe->arena, s->config->user) : "";
    fe_describe(fe, s, c, op);
    s->root = (struct op_ref){op, 0};
    fe_history(s, true, "WORKDIR %s", shown);
    return 0;
}

fe_instruction fe_metadata(enum instruction_kind kind)
{
    static const struct {
        enum instruction_kind kind;
        fe_instruction call;
    } rows[] = {
        {INSTRUCTION_ARG, arg},
        {INSTRUCTION_CMD, cmd},
        {INSTRUCTION_ENTRYPOINT, entrypoint},
        {INSTRUCTION_ENV, pairs},
        {INSTRUCTION_EXPOSE, expose},
        {INSTRUCTION_HEALTHCHECK, healthcheck},
        {INSTRUCTION_LABEL, pairs},
        {INSTRUCTION_MAINTAINER, maintainer},
        {INSTRUCTION_ONBUILD, onbuild},
        {INSTRUCTION_SHELL, shell},
        {INSTRUCTION_STOPSIGNAL, stopsignal},
        {INSTRUCTION_USER, user},
        {INSTRUCTION_VOLUME, volume},
        {INSTRUCTION_WORKDIR, workdir},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].kind == kind)
            return rows[i].call;
    return NULL;
}
