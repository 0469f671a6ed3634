/* What a host's files say: daemon.json, units, environment files, rules of auditd and its log, command lines. Settings are
 * texts of the kinds that rules expect; a command line that is written down in quotes is read back. */
#include <assert.h>

#include "audit/host_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_settings(const struct host_setting *s)
{
    for (size_t i = 0; i < HOST_OPTIONS; i++) {
        assert(s[i].count == 0 || s[i].place);
        for (size_t k = 0; k < s[i].count; k++)
            assert(s[i].values[k]);
    }
    (void)host_is_true(&s[HOST_ICC], true);
}

/* The words, each in quotes: the same words. */
static void split_again(const struct strings *words)
{
    CLEANUP(strings_done) struct strings again = {0};
    STR_AUTO(text);

    vec_each (w, words) {
        str_add_text(&text, " \"");
        for (const char *c = *w; *c; c++)
            str_printf(&text, *c == '"' || *c == '\\' ? "\\%c" : *c == '$' ? "$%c" : "%c", *c);
        str_add_char(&text, '"');
    }
    assert(host_command_split(str_view(&text), NULL, &again));
    assert(again.size == words->size);
    for (size_t i = 0; i < words->size; i++)
        assert(strcmp(words->at[i], again.at[i]) == 0);
}

static void read_command(struct arena *arena, struct view text)
{
    CLEANUP(host_environment_done) struct map environment = {0};
    CLEANUP(strings_done) struct strings argv = {0};
    struct host_setting settings[HOST_OPTIONS] = {0};

    host_environment_parse(text, &environment);
    (void)!host_command_split(text, &environment, &argv);
    split_again(&argv);
    host_flags_parse(arena, &argv, settings);
    check_settings(settings);
}

static void read_unit(struct view text)
{
    CLEANUP(host_unit_done) struct host_unit unit = {0};

    host_unit_parse(text, &unit);
    host_unit_parse(text, &unit);
}

static void read_audit(struct arena *arena, struct view text)
{
    struct host_auditing rules = {0};
    struct host_exec_log log = {0};

    host_kernel_parse(arena, text, &rules);
    host_rules_parse(arena, text, "fuzz", false, &rules);
    host_rules_parse(arena, text, "fuzz", true, &rules);
    vec_each (w, &rules.watches)
        assert(*w->path == '/' && w->place);
    host_log_parse(arena, text, "fuzz", &log);
    vec_each (x, &log.execs)
        assert(x->privileged || x->root);
    vec_done(&rules.watches);
    vec_done(&log.execs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    struct host_setting settings[HOST_OPTIONS] = {0};
    const struct view text = view_make(data, size);

    if (host_json_parse(arena, text, "daemon.json", settings, NULL) == 0)
        check_settings(settings);
    read_command(arena, text);
    read_unit(text);
    read_audit(arena, text);
    return 0;
}
