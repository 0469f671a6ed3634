/* cli/cli.h - the command table and how a command looks.
 *
 * A subcommand is one file cmd_<name>.c holding its options and one function; the row in cli.c is
 * all that main knows of it. --help, hints, completion and the manual's OPTIONS are printed from
 * rows. */
#pragma once

#include "base/env.h"
#include "base/vec.h"

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_FINDINGS = 3 };

enum option_kind {
    OPTION_FLAG,  /* bool * */
    OPTION_TEXT,  /* const char ** */
    OPTION_TEXTS, /* struct strings *: repeatable */
    OPTION_SIZE,  /* uint64_t *: 64k, 10m, 2g */
    OPTION_INT,   /* int64_t * */
    OPTION_MAYBE, /* const char **: --name is "", --name=VALUE its value, --no-name NULL again */
    OPTION_WORD,  /* the same, and the next word is its value where it is one of row->value's */
};

struct option_row {
    char letter;      /* 0: none */
    const char *name; /* "tag"; a FLAG takes --no-tag or --tag=false as well */
    enum option_kind kind;
    const char *value; /* how --help calls the value: "NAME[:TAG]"; NULL for flags */
    const char *help;
    size_t offset; /* of the field in the command's options struct */
};
#define OPT_FLAG(l, n, type, field, h)                                                             \
    {                                                                                              \
        l, n, OPTION_FLAG, NULL, h, offsetof(type, field)                                          \
    }
#define OPT_TEXT(l, n, type, field, v, h)                                                          \
    {                                                                                              \
        l, n, OPTION_TEXT, v, h, offsetof(type, field)                                             \
    }
#define OPT_TEXTS(l, n, type, field, v, h)                                                         \
    {                                                                                              \
        l, n, OPTION_TEXTS, v, h, offsetof(type, field)                                            \
    }
#define OPT_SIZE(l, n, type, field, v, h)                                                          \
    {                                                                                              \
        l, n, OPTION_SIZE, v, h, offsetof(type, field)                                             \
    }
#define OPT_MAYBE(l, n, type, field, v, h)                                                         \
    {                                                                                              \
        l, n, OPTION_MAYBE, v, h, offsetof(type, field)                                            \
    }
#define OPT_WORD(l, n, type, field, v, h)                                                          \
    {                                                                                              \
        l, n, OPTION_WORD, v, h, offsetof(type, field)                                             \
    }
#define OPT_INT(l, n, type, field, v, h)                                                           \
    {                                                                                              \
        l, n, OPTION_INT, v, h, offsetof(type, field)                                              \
    }
#define OPT_END                                                                                    \
    {                                                                                              \
        0, NULL, OPTION_FLAG, NULL, NULL, 0                                                        \
    }

/* An option of another program of the same purpose that has no meaning here: known, in no help. */
struct foreign_option {
    char letter; /* 0: none */
    const char *name;
    bool flag;       /* it takes no value, but in --name=VALUE */
    bool refused;    /* an error, but with the value false; else a warning */
    const char *why; /* what is so instead; NULL: nothing is lost by it, nothing is said */
};

struct command_row {
    const char *name;
    const char *group;                    /* heading in `cooper help` */
    const char *arguments;                /* "IMAGE [DESTINATION]" */
    const char *help;                     /* one line */
    const struct option_row *options;     /* ends with OPT_END */
    const struct foreign_option *foreign; /* ends with one without a name; NULL: none */
    size_t options_size;                  /* of the options struct, which main allocates zeroed */
    int arguments_min, arguments_max;     /* max -1: any number */
    bool stop_at_first; /* options end at the first argument, as `run IMAGE CMD -x` needs */
    /* Returns the exit status; err set: main prints it and exits with EXIT_FAILED (or as
     * returned). */
    int (*run)(const struct env *env, const void *options, char *const *arguments,
               struct error *err);
    const char *example; /* for the manual and --help */
};

/* The error on the screen, or as an event with --progress json. */
void cli_show_error(const struct env *env, const struct error *err);

int cli_main(int argc, char **argv);
