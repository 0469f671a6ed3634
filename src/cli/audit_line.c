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

/* "sudo -u root docker": what the engine is called with, whatever user is called like one. */
static char *const *skip_sudo(char *const *words)
{
    static const char *const wrappers[] = {"sudo", "doas",  "exec", "command",
                                           "time", "nohup", "env",  NULL};
    char *const *first = NULL;

    if (!words[0] || !words[1] || !lint_view_in(view_of(base_name(words[0])), wrappers))
        return words;
    for (char *const *w = words + 1; *w; w++) {
        if (!is_engine(*w))
            continue;
        if (find_command(w + 1))
            return w;
        first = first ? first : w;
    }
    return first ? first : words;
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

/* "$ docker run": what the shell wrote. */
static struct view without_prompt(struct view text)
{
    text = view_trim(text);
    return view_starts(text, "$ ") || view_starts(text, "# ")
               ? view_make(text.at + 2, text.size - 2)
               : text;
}

/* The words of the command that starts a container, else of the first that calls an engine. Returns how many start one. */
static size_t split_line(const char *line, struct strings *ret)
{
    struct arena *arena = arena_new();
    const struct view text = without_prompt(view_of(line));
    const struct sh_script *script = text.size <= SH_SIZE_MAX ? sh_parse(arena, text) : NULL;
    size_t starts = 0;

    for (size_t i = 0; script && i < script->command_count; i++) {
        CLEANUP(strings_done) struct strings own = {0};

        add_words(text, script->commands[i]->words, &own);
        char *const *words = skip_sudo(strings_argv(&own));
        if (!is_engine(words[0]))
            continue;
        const bool one = find_command(words + 1) != NULL;
        if (ret->size == 0 || (one && starts == 0)) {
            strings_done(ret);
            *ret = own;
            own = (struct strings){0};
        }
        starts += one;
    }
    arena_free(arena);
    return starts;
}

int audit_line(char *const *words, struct strings *ret, struct error *err)
{
    CLEANUP(strings_done) struct strings split = {0};

    if (words[0] && strcmp(words[0], "run") == 0 && words[1] && !words[2] &&
        strpbrk(words[1], " \t\n"))
        words++;
    if (words[0] && !words[1] && strpbrk(words[0], " \t\n")) {
        const size_t starts = split_line(words[0], &split);
        if (starts > 1)
            return error_set(err, -EINVAL, "the line starts %zu containers: take one", starts);
        if (split.size > 0)
            words = strings_argv(&split);
    }
    words = skip_sudo(words);
    return is_engine(words[0]) && words[1] ? take_command(words, ret, err) : 0;
}
