/* audit_line.c - command lines of engines as people paste them. */
#include <errno.h>

#include "cli/audit.h"
#include "lint/rule.h"
#include "lint/sh.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static bool is_engine(const char *word)
{
    static const char *const engines[] = {"docker", "podman", "nerdctl", NULL};

    return word && lint_view_in(view_of(base_name(word)), engines);
}

/* ---- a line in one word ---- */

/* What is not known stays as it was written: "$HOME/x". */
static void add_parts(struct view script, const struct sh_part *p, struct str *ret)
{
    for (; p; p = p->next) {
        if (p->kind == SH_DOUBLE)
            add_parts(script, p->parts, ret);
        else if (p->kind == SH_LITERAL || p->kind == SH_SINGLE || p->kind == SH_ANSI)
            str_add(ret, p->text);
        else
            str_add(ret, view_make(script.at + p->begin, p->end - p->begin));
    }
}

static void add_words(struct view script, const struct sh_word *w, struct strings *ret)
{
    for (; w; w = w->next) {
        STR_AUTO(text);

        add_parts(script, w->parts, &text);
        strings_add(ret, text.at);
    }
}

/* The words of the first command that calls an engine. */
static void split_line(const char *line, struct strings *ret)
{
    struct arena *arena = arena_new();
    const struct view text = view_of(line);
    const struct sh_script *script = text.size <= SH_SIZE_MAX ? sh_parse(arena, text) : NULL;

    for (size_t i = 0; script && i < script->command_count && ret->size == 0; i++) {
        bool found = false;

        for (const struct sh_word *w = script->commands[i]->words; w; w = w->next) {
            cleanup_free char *word = view_dup(w->text);
            found |= is_engine(word);
        }
        if (found)
            add_words(text, script->commands[i]->words, ret);
    }
    arena_free(arena);
}

/* ---- words ---- */

/* Options of the engine itself that have a value behind them. */
static bool takes_value(const char *option)
{
    static const char *const options[] = {"-H",          "--host",           "-c",
                                          "--context",   "--config",         "-l",
                                          "--log-level", "--tlscacert",      "--tlscert",
                                          "--tlskey",    "--root",           "--runroot",
                                          "--url",       "--connection",     "--identity",
                                          "-n",          "--namespace",      "-a",
                                          "--address",   "--storage-driver", "--storage-opt",
                                          "--runtime",   "--tmpdir",         "--cgroup-manager",
                                          NULL};

    return lint_view_in(view_of(option), options) && !strchr(option, '=');
}

/* words: behind the engine's name. Where `run` and the like stand; NULL: nowhere. */
static char *const *find_command(char *const *words)
{
    static const char *const commands[] = {"run", "create", "exec", NULL};

    for (; *words && **words == '-'; words++)
        if (takes_value(*words) && words[1])
            words++;
    if (*words && strcmp(*words, "container") == 0)
        words++;
    return *words && lint_view_in(view_of(*words), commands) ? words : NULL;
}

static int take_command(char *const *words, struct strings *ret, struct error *err)
{
    char *const *command = find_command(words + 1);

    if (!command) {
        (void)error_set(err, -EINVAL, "'%.40s' is followed by no run, create or exec", words[0]);
        return error_hint(err, -EINVAL, "cooper audit docker run [OPTIONS] IMAGE [COMMAND...]");
    }
    strings_add(ret, strcmp(*command, "exec") == 0 ? "exec" : "run");
    while (*++command)
        strings_add(ret, *command);
    return 1;
}

/* "sudo -u root docker": what the engine is called with. */
static char *const *skip_sudo(char *const *words)
{
    static const char *const wrappers[] = {"sudo", "doas",  "exec", "command",
                                           "time", "nohup", NULL};

    if (!words[0] || !words[1] || !lint_view_in(view_of(base_name(words[0])), wrappers))
        return words;
    for (char *const *w = words + 1; *w; w++)
        if (is_engine(*w))
            return w;
    return words;
}

int audit_line(char *const *words, struct strings *ret, struct error *err)
{
    CLEANUP(strings_done) struct strings split = {0};

    if (words[0] && strcmp(words[0], "run") == 0 && words[1] && !words[2] &&
        strpbrk(words[1], " \t\n"))
        words++;
    if (words[0] && !words[1] && strpbrk(words[0], " \t\n")) {
        split_line(words[0], &split);
        if (split.size > 0)
            words = strings_argv(&split);
    }
    words = skip_sudo(words);
    return is_engine(words[0]) && words[1] ? take_command(words, ret, err) : 0;
}
