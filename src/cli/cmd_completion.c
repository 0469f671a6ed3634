/* Completion scripts are printed from the command and option rows, so they cannot fall behind. */
#include <errno.h>

#include "cli/commands.h"
#include "cli/options.h"

static void words_of(struct str *to, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        str_printf(to, " --%s", row->name);
        if (row->letter)
            str_printf(to, " -%c", row->letter);
    }
}

static void all_names(struct str *to)
{
    for (const struct command_row *const *c = commands; *c; c++)
        str_printf(to, "%s%s", to->size ? " " : "", (*c)->name);
}

static void print_bash(FILE *out)
{
    STR_AUTO(names);

    all_names(&names);
    fputs("_cooper() {\n    local words= cur=${COMP_WORDS[COMP_CWORD]}\n    case ${COMP_WORDS[1]} "
          "in\n",
          out);
    for (const struct command_row *const *c = commands; *c; c++) {
        STR_AUTO(words);

        words_of(&words, (*c)->options);
        words_of(&words, global_rows);
        fprintf(out, "    %s) words='%s' ;;\n", (*c)->name, words.at + 1);
    }
    fprintf(out,
            "    esac\n    [ \"$COMP_CWORD\" -gt 1 ] || words='%s'\n"
            "    case $cur in\n"
            "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")) ;;\n"
            "    *) if [ \"$COMP_CWORD\" -gt 1 ]; then\n"
            "           COMPREPLY=($(compgen -f -W \"$(cooper images -q --format name "
            "2>/dev/null)\" -- \"$cur\"))\n"
            "       else COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")); fi ;;\n"
            "    esac\n}\ncomplete -o filenames -F _cooper cooper\n",
            names.at);
}

static void print_zsh(FILE *out)
{
    fputs("#compdef cooper\nautoload -U +X bashcompinit && bashcompinit\n", out);
    print_bash(out);
}

static void fish_options(FILE *out, const char *condition, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        fprintf(out, "complete -c cooper%s -l %s", condition, row->name);
        if (row->letter)
            fprintf(out, " -s %c", row->letter);
        fputs(row->value ? " -r -d '" : " -d '", out);
        for (const char *c = row->help; *c; c++)
            fputs(*c == '\'' ? "\\'" : (char[]){*c, '\0'}, out);
        fputs("'\n", out);
    }
}

static void print_fish(FILE *out)
{
    for (const struct command_row *const *c = commands; *c; c++) {
        cleanup_free char *condition =
            xasprintf(" -n '__fish_seen_subcommand_from %s'", (*c)->name);

        fprintf(out, "complete -c cooper -n __fish_use_subcommand -a %s -d '%s'\n", (*c)->name,
                (*c)->help);
        fish_options(out, condition, (*c)->options);
    }
    fish_options(out, "", global_rows);
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    static const struct {
        const char *shell;
        void (*print)(FILE *out);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

    (void)options;
    for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
        if (strcmp(arguments[0], shells[i].shell) == 0) {
            shells[i].print(env->out);
            return EXIT_DONE;
        }
    (void)error_set(err, -EINVAL, "no completion for '%s'", arguments[0]);
    (void)error_hint(err, -EINVAL, "bash, zsh and fish are known");
    return EXIT_USAGE;
}

static const struct option_row options[] = {OPT_END};

const struct command_row cmd_completion = {
    .name = "completion",
    .group = "help",
    .arguments = "SHELL",
    .help = "print a completion script for bash, zsh or fish",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .example = "source <(cooper completion bash)",
};
