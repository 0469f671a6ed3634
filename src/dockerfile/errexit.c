#include "dockerfile/errexit.h"

static bool is_one_of(struct view v, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (view_eq_text(v, names[i]))
            return true;
    return false;
}

bool errexit_is_shell(struct view program)
{
    static const char *const shells[] = {"sh", "ash", "bash", "dash", "ksh", "mksh", "zsh"};
    size_t base = program.size;

    if (base == 0)
        return false;
    while (base > 0 && program.at[base - 1] != '/')
        base--;
    return is_one_of(view_make(program.at + base, program.size - base), shells, ARRAY_SIZE(shells));
}

/* The next word, blanks cut; empty at the end. */
static struct view next_word(struct view *rest)
{
    struct view word = {0};

    while (rest->size && view_cut(rest, ' ', &word))
        if ((word = view_trim(word)).size)
            return word;
    return (struct view){0};
}

bool errexit_in_words(struct view line)
{
    struct view word;

    while ((word = next_word(&line)).size) {
        if (view_eq_text(word, "errexit"))
            return true;
        if (word.size > 1 && word.at[0] == '-' && word.at[1] != '-' &&
            memchr(word.at, 'e', word.size))
            return true;
    }
    return false;
}

static bool sets_errexit(struct view line)
{
    struct view rest = line, command;

    while (rest.at && view_cut(&rest, ';', &command)) {
        const struct view word = next_word(&command);
        if (view_eq_text(word, "set") && errexit_in_words(command))
            return true;
    }
    return false;
}

/* Lines that frame commands and are none. */
static bool is_frame(struct view line)
{
    static const char *const words[] = {"if",    "then",  "else", "elif",  "fi",   "for",
                                        "while", "until", "do",   "done",  "case", "esac",
                                        "{",     "}",     ";;",   "done;", "fi;",  "esac;"};
    return is_one_of(next_word(&line), words, ARRAY_SIZE(words));
}

static bool goes_on(struct view line)
{
    static const char *const ends[] = {"\\", "&&", "||", "|"};

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (view_ends(line, ends[i]))
            return true;
    return false;
}

bool errexit_is_missing(struct view script)
{
    struct view line;
    size_t commands = 0;
    bool inside = false;

    while (script.at && view_cut(&script, '\n', &line)) {
        line = view_trim(line);
        if (line.size == 0 || line.at[0] == '#')
            continue;
        if (!inside && sets_errexit(line))
            return false;
        commands += !inside && !is_frame(line);
        inside = goes_on(line);
    }
    return commands > 1;
}
