/* check.c - instructions against their rows, and what no row can say. Everything here fails before
 * any work starts. */
#include <ctype.h>
#include <errno.h>

#include "dockerfile/internal.h"
#include "dockerfile/interval.h"
#include "dockerfile/mount.h"
#include "dockerfile/words.h"

struct check {
    const char *name; /* of the file */
    const struct instruction *in;
    char keyword[16]; /* in capitals */
    struct error *err;
};

static int fail(const struct check *c, struct span span, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int fail(const struct check *c, struct span span, const char *fmt, ...)
{
    STR_AUTO(text);
    va_list ap;

    va_start(ap, fmt);
    str_vprintf(&text, fmt, ap);
    va_end(ap);
    error_set(c->err, -EINVAL, "%s", text.at);
    return source_error_at(c->err, -EINVAL, c->name, span);
}

static int unknown_instruction(const struct check *c)
{
    const struct view keyword = c->in->keyword;
    const char *names[32];

    for (size_t i = 0; i < instruction_row_count; i++)
        names[i] = instruction_rows[i].name;
    fail(c, c->in->keyword_span, "unknown instruction: %.*s", (int)MIN(keyword.size, 80u),
         keyword.at);
    const char *near = source_nearest(keyword, names, instruction_row_count);
    if (!near)
        return error_hint(c->err, -EINVAL,
                          "a line that goes on must end with the escape character");
    char capitals[16] = "";
    for (size_t i = 0; near[i]; i++)
        capitals[i] = (char)toupper((unsigned char)near[i]);
    return error_hint(c->err, -EINVAL, "did you mean %s?", capitals);
}

static int unknown_flag(const struct check *c, const struct flag *f)
{
    const char *names[16];
    size_t count = 0;
    STR_AUTO(list);

    for (const struct flag_row *row = c->in->row->flags; row && row->name; row++) {
        str_printf(&list, "%s--%s", count > 0 ? ", " : "", row->name);
        names[count++] = row->name;
    }
    fail(c, f->span, "unknown flag: --%.*s", (int)MIN(f->name.size, 80u), f->name.at);
    if (count == 0)
        return error_hint(c->err, -EINVAL, "%s takes no flags", c->keyword);
    const char *near = source_nearest(f->name, names, count);
    return near ? error_hint(c->err, -EINVAL, "did you mean --%s?", near)
                : error_hint(c->err, -EINVAL, "%s takes %s", c->keyword, list.at);
}

static bool is_repeated(const struct instruction *in, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (view_eq(in->flags[i].name, in->flags[at].name))
            return true;
    return false;
}

static int check_flag(const struct check *c, size_t at)
{
    const struct flag *f = &c->in->flags[at];
    const struct flag_row *row = flag_row_find(c->in->row, f->name);

    if (!row)
        return unknown_flag(c, f);
    if (row->type != FLAG_TEXTS && is_repeated(c->in, at))
        return fail(c, f->span, "duplicate flag specified: --%s", row->name);
    if (row->type == FLAG_BOOL) {
        if (f->has_value && !view_eq_nocase(f->value, "true") && !view_eq_nocase(f->value, "false"))
            return fail(c, f->span, "expecting boolean value for flag --%s, not '%.*s'", row->name,
                        (int)MIN(f->value.size, 80u), f->value.at);
    } else if (!f->has_value) {
        fail(c, f->span, "missing a value on flag: --%s", row->name);
        return error_hint(c->err, -EINVAL, "write --%s=VALUE, without a blank", row->name);
    }
    return 0;
}

/* The words that BuildKit has for each: people search for them. */
static int wrong_count(const struct check *c)
{
    const struct instruction_row *row = c->in->row;
    const size_t count = c->in->word_count;

    if (row->kind == INSTRUCTION_FROM)
        fail(c, c->in->keyword_span, "FROM requires either one or three arguments");
    else if (row->arguments_min == 2)
        fail(c, c->in->keyword_span,
             "%s requires at least two arguments, but %s provided. Destination could not be "
             "determined",
             c->keyword, count == 1 ? "only one was" : "none was");
    else if (row->arguments_max == 1)
        fail(c, c->in->keyword_span, "%s requires exactly one argument", c->keyword);
    else
        fail(c, c->in->keyword_span, "%s requires at least one argument", c->keyword);
    return error_hint(c->err, -EINVAL, "usage: %s", row->usage);
}

/* ---- what single instructions ask for ---- */

static int check_from(const struct check *c)
{
    const struct instruction *in = c->in;

    if (in->word_count == 1)
        return 0;
    if (in->word_count != 3 || !view_eq_nocase(in->words[1].text, "as")) {
        fail(c, in->words[1].span, "FROM requires either one or three arguments");
        return error_hint(c->err, -EINVAL, "usage: %s", in->row->usage);
    }
    const struct view name = in->words[2].text;
    bool good = name.size > 0 && isalpha((unsigned char)name.at[0]);
    for (size_t i = 0; i < name.size; i++)
        good &= isalnum((unsigned char)name.at[i]) || (name.at[i] && strchr("-_.", name.at[i]));
    if (good)
        return 0;
    fail(c, in->words[2].span,
         "invalid name for build stage: '%.*s', name can't start with a number or contain symbols",
         (int)MIN(name.size, 80u), name.at);
    return error_hint(c->err, -EINVAL, "a letter, then letters, digits, '-', '_' and '.'");
}

static bool is_heredoc(const struct instruction *in, const struct word *w)
{
    for (size_t i = 0; i < in->heredoc_count; i++)
        if (in->heredocs[i].opener.at == w->text.at)
            return true;
    return false;
}

static const struct flag *find_flag(const struct instruction *in, const char *name)
{
    for (size_t i = 0; i < in->flag_count; i++)
        if (view_eq_text(in->flags[i].name, name))
            return &in->flags[i];
    return NULL;
}

static int check_copy(const struct check *c)
{
    const struct instruction *in = c->in;
    const struct flag *from = find_flag(in, "from");
    const struct word *last = &in->words[in->word_count - 1];

    if (is_heredoc(in, last))
        return fail(c, last->span, "%s cannot accept a heredoc as a destination", c->keyword);
    if (from && memchr(from->value.at, '$', from->value.size)) {
        const struct words w = {.escape = '\\'};
        STR_AUTO(text);

        if (words_expand(&w, from->value, &text, NULL) < 0 ||
            !view_eq(str_view(&text), from->value)) {
            fail(c, from->span, "variable expansion is not supported for --from");
            return error_hint(c->err, -EINVAL,
                              "define a stage with FROM %.*s AS name before, and use the name",
                              (int)MIN(from->value.size, 80u), from->value.at);
        }
    }
    return 0;
}

static int check_names(const struct check *c)
{
    for (size_t i = 0; i < c->in->word_count; i += 3)
        if (c->in->words[i].text.size == 0)
            return fail(c, c->in->words[i].span, "%s names can not be blank", c->keyword);
    return 0;
}

static int check_arg(const struct check *c)
{
    for (size_t i = 0; i < c->in->word_count; i++)
        if (c->in->words[i].text.at[0] == '=')
            return fail(c, c->in->words[i].span, "ARG names can not be blank");
    return 0;
}

static int check_volume(const struct check *c)
{
    for (size_t i = 0; i < c->in->word_count; i++)
        if (trim_blanks(c->in->words[i].text).size == 0)
            return fail(c, c->in->words[i].span, "VOLUME specified can not be an empty string");
    return 0;
}

static int check_shell(const struct check *c)
{
    if (c->in->json)
        return 0;
    fail(c, c->in->words[0].span, "SHELL requires the arguments to be in JSON form");
    return error_hint(c->err, -EINVAL, "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]");
}

static int check_interval(const struct check *c, const struct flag *f)
{
    const int64_t minimum_ns = 1000000;
    int64_t ns = 0;

    if (f->value.size == 0)
        return 0; /* as if it were not there (BuildKit) */
    const int r = interval_parse(f->value, &ns, c->err);
    if (r < 0)
        return source_error_at(c->err, r, c->name, f->span);
    if (ns > 0 && ns < minimum_ns)
        return fail(c, f->span, "interval '%.*s' of --%.*s cannot be less than 1ms",
                    (int)MIN(f->value.size, 80u), f->value.at, (int)f->name.size, f->name.at);
    return 0;
}

static int check_health_flags(const struct check *c)
{
    for (size_t i = 0; i < c->in->flag_count; i++) {
        const struct flag *f = &c->in->flags[i];
        uint64_t retries = 0;

        if (!view_eq_text(f->name, "retries")) {
            const int r = check_interval(c, f);
            if (r < 0)
                return r;
        } else if (f->value.size > 0 && (!view_to_u64(f->value, &retries) || retries > INT32_MAX)) {
            return fail(c, f->span, "--retries must be a number from 0 on, not '%.*s'",
                        (int)MIN(f->value.size, 80u), f->value.at);
        }
    }
    return 0;
}

static int check_health(const struct check *c)
{
    const struct instruction *in = c->in;
    const struct view type = in->words[0].text;

    if (view_eq_nocase(type, "none")) {
        if (in->word_count > 1)
            return fail(c, in->words[1].span, "HEALTHCHECK NONE takes no arguments");
        return 0;
    }
    if (!view_eq_nocase(type, "cmd")) {
        fail(c, in->words[0].span, "unknown type '%.*s' in HEALTHCHECK (try CMD)",
             (int)MIN(type.size, 80u), type.at);
        return error_hint(c->err, -EINVAL, "usage: %s", in->row->usage);
    }
    if (in->word_count < 2)
        return fail(c, in->keyword_span, "missing command after HEALTHCHECK CMD");
    return check_health_flags(c);
}

static bool is_one_of(struct view v, const char *const names[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq_text(v, names[i]))
            return true;
    return false;
}

static int check_mounts(const struct check *c)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();

    for (size_t i = 0; i < c->in->flag_count; i++) {
        const struct flag *f = &c->in->flags[i];
        struct mount_spec spec;

        if (!view_eq_text(f->name, "mount"))
            continue;
        const int r = mount_parse(f->value, NULL, arena, &spec, c->err);
        if (r < 0)
            return source_error_at(c->err, r, c->name, f->span);
    }
    return 0;
}

static int check_run(const struct check *c)
{
    static const char *const networks[] = {"default", "none", "host"};
    static const char *const securities[] = {"sandbox", "insecure"};
    const struct flag *network = find_flag(c->in, "network"),
                      *security = find_flag(c->in, "security");

    if (network && !is_one_of(network->value, networks, ARRAY_SIZE(networks))) {
        fail(c, network->span, "unsupported network mode '%.*s'",
             (int)MIN(network->value.size, 80u), network->value.at);
        return error_hint(c->err, -EINVAL, "there are default, none and host");
    }
    if (security && !is_one_of(security->value, securities, ARRAY_SIZE(securities))) {
        fail(c, security->span, "security '%.*s' is not valid", (int)MIN(security->value.size, 80u),
             security->value.at);
        return error_hint(c->err, -EINVAL, "there are sandbox and insecure");
    }
    return check_mounts(c);
}

static int check_onbuild(const struct check *c)
{
    const struct instruction *trigger = c->in->trigger;

    if (!trigger)
        return fail(c, c->in->keyword_span, "ONBUILD requires at least one argument");
    if (trigger->kind == INSTRUCTION_ONBUILD)
        return fail(c, trigger->keyword_span, "chaining ONBUILD via ONBUILD ONBUILD isn't allowed");
    if (trigger->row && !trigger->row->in_onbuild)
        return fail(c, trigger->keyword_span, "%s isn't allowed as an ONBUILD trigger",
                    trigger->kind == INSTRUCTION_FROM ? "FROM" : "MAINTAINER");
    return instruction_check(trigger, c->name, c->err);
}

static const struct {
    enum instruction_kind kind;
    int (*check)(const struct check *c);
} checks[] = {
    {INSTRUCTION_ADD, check_copy},      {INSTRUCTION_ARG, check_arg},
    {INSTRUCTION_COPY, check_copy},     {INSTRUCTION_ENV, check_names},
    {INSTRUCTION_FROM, check_from},     {INSTRUCTION_HEALTHCHECK, check_health},
    {INSTRUCTION_LABEL, check_names},   {INSTRUCTION_ONBUILD, check_onbuild},
    {INSTRUCTION_RUN, check_run},       {INSTRUCTION_SHELL, check_shell},
    {INSTRUCTION_VOLUME, check_volume},
};

int instruction_check(const struct instruction *in, const char *name, struct error *err)
{
    ERROR_AUTO(unwanted); /* so that helpers may add a hint to what they set */
    struct check c = {.name = name, .in = in, .err = err ? err : &unwanted};
    const struct instruction_row *row = in->row;

    if (!row)
        return unknown_instruction(&c);
    for (size_t i = 0; row->name[i]; i++)
        c.keyword[i] = (char)toupper((unsigned char)row->name[i]);
    for (size_t i = 0; i < in->flag_count; i++) {
        const int r = check_flag(&c, i);
        if (r < 0)
            return r;
    }
    if (in->word_count < (size_t)row->arguments_min ||
        (row->arguments_max >= 0 && in->word_count > (size_t)row->arguments_max))
        return wrong_count(&c);
    for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
        if (checks[i].kind == in->kind)
            return checks[i].check(&c);
    return 0;
}

int dockerfile_check(const struct dockerfile *d, struct error *err)
{
    bool stage = false;

    for (size_t i = 0; i < d->instruction_count; i++) {
        const struct instruction *in = &d->instructions[i];
        const int r = instruction_check(in, d->name, err);

        if (r < 0)
            return r;
        stage |= in->kind == INSTRUCTION_FROM;
        if (!stage && in->kind != INSTRUCTION_ARG) {
            error_set(err, -EINVAL, "no build stage in current context");
            error_hint(err, -EINVAL, "only ARG may come before the first FROM");
            return source_error_at(err, -EINVAL, d->name, in->keyword_span);
        }
    }
    if (!stage)
        return error_set(err, -EINVAL, "%s contains no stages to build: there is no FROM", d->name);
    return 0;
}
