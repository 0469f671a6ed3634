/* Completion scripts are printed from the command and option rows, so they cannot fall behind: a
 * value written "a|b|c" is a choice, "IMAGE" among the arguments means names of the store; files
 * come where nothing else does. */
#include <errno.h>

#include "cli/commands.h"
#include "cli/options.h"

/* "--output" and "-o", with between before each. */
static void option_words(struct str *to, const struct option_row *row, const char *between)
{
    str_printf(to, "%s--%s", between, row->name);
    if (row->letter)
        str_printf(to, "%s-%c", between, row->letter);
}

static void words_of(struct str *to, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++)
        option_words(to, row, " ");
}

/* "ast|plan|context" -> "ast plan context"; false for values that are no choice. */
static bool choices(const char *value, struct str *ret)
{
    if (!value || !strchr(value, '|') ||
        strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789|") != strlen(value))
        return false;
    for (const char *c = value; *c; c++)
        str_add_char(ret, *c == '|' ? ' ' : *c);
    return true;
}

/* What the arguments of a command may be, besides files. */
static void argument_words(const struct command_row *c, struct str *names, struct str *ret)
{
    static const char *const shells = "bash zsh fish";

    if (strcmp(c->arguments, "SHELL") == 0)
        str_add_text(ret, shells);
    else if (strcmp(c->arguments, "[COMMAND]") == 0)
        str_add(ret, str_view(names));
}

static bool takes_images(const struct command_row *c)
{
    return strstr(c->arguments, "IMAGE") || strstr(c->arguments, "REPOSITORY");
}

static void all_names(struct str *to)
{
    for (const struct command_row *const *c = commands; *c; c++)
        str_printf(to, "%s%s", to->size ? " " : "", (*c)->name);
}

/* ---- bash, and zsh through its bashcompinit ---- */

static const char bash_begin[] =
    "__cooper_images() {\n"
    "    cooper images 2>/dev/null | while read -r name tag rest; do\n"
    "        [ \"$tag\" = TAG ] || [ \"$tag\" = '<none>' ] || echo \"$name $name:$tag\"\n"
    "    done\n"
    "}\n"
    "__cooper() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} before= command= words= images= cut= i=1\n"
    "    COMPREPLY=()\n"
    "    while [ $i -lt $COMP_CWORD ]; do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --root|--color|--progress)\n"
    "            i=$((i + 1))\n"
    "            [ \"${COMP_WORDS[i]}\" != = ] || i=$((i + 1)) ;;\n"
    "        -*) ;;\n"
    "        *) command=${COMP_WORDS[i]}; break ;;\n"
    "        esac\n"
    "        i=$((i + 1))\n"
    "    done\n"
    "    # bash takes words apart at '=' and ':'\n"
    "    before=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    if [ \"$cur\" = = ]; then\n"
    "        cur=\n"
    "    elif [ \"$before\" = = ] && [ $COMP_CWORD -gt 2 ]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    elif [ \"$cur\" = : ]; then\n"
    "        cut=$before: cur=$cut\n"
    "    elif [ \"$before\" = : ] && [ $COMP_CWORD -gt 2 ]; then\n"
    "        cut=${COMP_WORDS[COMP_CWORD-2]}: cur=$cut$cur\n"
    "    fi\n";

static const char bash_end[] =
    "    [ -z \"$images\" ] || words=\"$words $(__cooper_images)\"\n"
    "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "    for i in \"${!COMPREPLY[@]}\"; do COMPREPLY[i]=${COMPREPLY[i]#\"$cut\"}; done\n"
    "}\n"
    "complete -o default -F __cooper cooper\n";

/* One branch for each option with a value: its choices, or files. */
static void bash_values(FILE *out, const char *command, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        STR_AUTO(pattern);
        STR_AUTO(words);

        if (!row->value || row->kind == OPTION_MAYBE)
            continue; /* the next word is none of it */
        cleanup_free char *between = xasprintf("|%s\\ ", command);
        option_words(&pattern, row, between);
        if (choices(row->value, &words))
            fprintf(out, "    %s) words='%s' ;;\n", pattern.at + 1, words.at);
        else
            fprintf(out, "    %s) return ;;\n", pattern.at + 1);
    }
}

static void bash_arguments(FILE *out, const struct command_row *c, struct str *names)
{
    STR_AUTO(options);
    STR_AUTO(words);

    words_of(&options, c->options);
    words_of(&options, global_rows);
    argument_words(c, names, &words);
    fprintf(
        out,
        "    %s\\ *)\n        case $cur in -*) words='%s' ;; *) words='%s' images=%s ;; esac ;;\n",
        c->name, options.at + 1, words.at, takes_images(c) ? "yes" : "");
}

static void print_bash(FILE *out)
{
    STR_AUTO(names);
    STR_AUTO(globals);

    all_names(&names);
    words_of(&globals, global_rows);
    fputs(bash_begin, out);
    fputs("    case \"$command $before\" in\n", out);
    for (const struct command_row *const *c = commands; *c; c++)
        bash_values(out, (*c)->name, (*c)->options);
    bash_values(out, "*", global_rows);
    for (const struct command_row *const *c = commands; *c; c++)
        bash_arguments(out, *c, &names);
    fprintf(out, "    \\ *) case $cur in -*) words='%s --version' ;; *) words='%s' ;; esac ;;\n",
            globals.at + 1, names.at);
    fputs("    esac\n", out);
    fputs(bash_end, out);
}

/* Sourced, or as the file _cooper that compinit loads on first use: then it completes at once. */
static void print_zsh(FILE *out)
{
    fputs("#compdef cooper\nautoload -U +X bashcompinit && bashcompinit\n", out);
    print_bash(out);
    fputs("[ \"$funcstack[1]\" != _cooper ] || _bash_complete -o default -F __cooper\n", out);
}

/* ---- fish ---- */

static void fish_quoted(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++)
        fprintf(out, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
}

static void fish_options(FILE *out, const char *condition, const struct option_row *rows)
{
    for (const struct option_row *row = rows; row && row->name; row++) {
        STR_AUTO(words);

        fprintf(out, "complete -c cooper%s -l %s", condition, row->name);
        if (row->letter)
            fprintf(out, " -s %c", row->letter);
        const bool takes = row->value && row->kind != OPTION_MAYBE;
        if (takes && choices(row->value, &words))
            fprintf(out, " -x -a '%s'", words.at);
        else if (takes)
            fputs(" -r", out);
        fputs(" -d '", out);
        fish_quoted(out, row->help);
        fputs("'\n", out);
    }
}

static void fish_arguments(FILE *out, const char *condition, const struct command_row *c,
                           struct str *names)
{
    STR_AUTO(words);

    argument_words(c, names, &words);
    if (words.size)
        fprintf(out, "complete -c cooper%s -f -a '%s'\n", condition, words.at);
    if (takes_images(c))
        fprintf(out, "complete -c cooper%s -a '(__cooper_images)'\n", condition);
}

static void print_fish(FILE *out)
{
    STR_AUTO(names);

    all_names(&names);
    fputs("function __cooper_images\n"
          "    cooper images 2>/dev/null | string match -rv '<none>|^REPOSITORY ' |\n"
          "        string replace -r '^(\\S+) +(\\S+) .*' '$1:$2'\n"
          "end\n",
          out);
    for (const struct command_row *const *c = commands; *c; c++) {
        cleanup_free char *condition =
            xasprintf(" -n '__fish_seen_subcommand_from %s'", (*c)->name);

        fprintf(out, "complete -c cooper -n __fish_use_subcommand -f -a %s -d '", (*c)->name);
        fish_quoted(out, (*c)->help);
        fputs("'\n", out);
        fish_options(out, condition, (*c)->options);
        fish_arguments(out, condition, *c, &names);
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
