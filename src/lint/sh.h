/* lint/sh.h - the shell language as far as a RUN needs it: POSIX and bash, bytes in, tree out, with
 * the place of every node. Nothing is run or expanded.
 *
 * sh_parse() never fails: what cannot be read becomes a node SH_ERROR and an entry of errors, and
 * reading goes on behind the next separator. Everything lives in the caller's arena. Places are
 * offsets in the text that was given.
 *
 * Source: POSIX.1-2017, XCU chapter 2; bash's manual for [[ ]], arrays, process substitution. */
#pragma once

#include "base/str.h"

#define SH_SIZE_MAX (1u << 20)  /* bytes of one script: fifteen times the longest line of a file */
#define SH_DEPTH_MAX 100        /* of nested commands and substitutions: each level is some calls */
#define SH_NODES_MAX (1u << 18) /* commands, words and parts of one script */
#define SH_ERRORS_MAX 32        /* later ones are not told */
#define SH_EXPANSION "${VAR}"   /* stands for any expansion in the text of a word */

enum sh_kind {
    SH_COMMAND, /* assigns, words, redirects; words may be missing */
    SH_PIPE, /* children: commands; their op is SH_OP_PIPE or SH_OP_PIPE_BOTH, the last one's SH_OP_END */
    SH_LIST,     /* children in order, each with the op behind it */
    SH_SUBSHELL, /* ( ): one child, a list */
    SH_GROUP,    /* { }: likewise */
    SH_IF,       /* children: condition, body, [condition, body]..., [body of else] */
    SH_WHILE,    /* children: condition, body */
    SH_UNTIL,
    SH_FOR, /* name; words behind `in`; one child */
    SH_SELECT,
    SH_CASE,       /* words: the subject; children SH_ITEM */
    SH_ITEM,       /* words: the patterns; one child */
    SH_FUNCTION,   /* name; one child */
    SH_TEST,       /* [[ ]]: words */
    SH_ARITHMETIC, /* (( )): one word */
    SH_ERROR,
};

enum sh_op {
    SH_OP_END,
    SH_OP_SEMICOLON,
    SH_OP_BACKGROUND,
    SH_OP_AND,
    SH_OP_OR,
    SH_OP_PIPE,
    SH_OP_PIPE_BOTH
};

enum sh_part_kind {
    SH_LITERAL,    /* text; escapes resolved */
    SH_SINGLE,     /* '...': text */
    SH_ANSI,       /* $'...': text, common escapes resolved */
    SH_DOUBLE,     /* "...": parts */
    SH_GLOB,       /* * ? [...] or @(...): text as written */
    SH_PARAMETER,  /* $name ${name...}: name; parts of the operand */
    SH_SUBSTITUTE, /* $(...) `...`: script */
    SH_CALCULATE,  /* $((...)): parts */
    SH_PROCESS,    /* <(...) >(...): script */
    SH_ARRAY,      /* (...) behind name=: words */
};

struct sh_part {
    enum sh_part_kind kind;
    struct view text; /* what it is worth in the text of its word */
    struct view name; /* SH_PARAMETER: "HOME", "1", "@" */
    const struct sh_part *parts;
    const struct sh_node *script;
    const struct sh_word *words;
    const struct sh_part *next;
    size_t begin, end;
};

struct sh_word {
    struct view text; /* quotes and escapes removed; every expansion is SH_EXPANSION */
    struct view raw;  /* as written */
    bool literal;     /* no expansion, no unquoted glob: text is the value */
    bool quoted;      /* some part was */
    const struct sh_part *parts;
    const struct sh_word *next;
    size_t begin, end;
};

struct sh_assign {
    struct view name;
    bool append;                 /* += */
    bool index;                  /* name[...]= */
    const struct sh_word *value; /* never NULL */
    const struct sh_assign *next;
    size_t begin, end;
};

struct sh_redirect {
    struct view op;               /* "<" ">" ">>" "<>" ">|" ">&" "<&" "&>" "&>>" "<<" "<<-" "<<<" */
    struct view fd;               /* "2", "{name}", or empty */
    const struct sh_word *target; /* the delimiter of a heredoc */
    struct view body;             /* of a heredoc; at NULL: not in the text */
    const struct sh_redirect *next;
    size_t begin, end;
};

struct sh_node {
    enum sh_kind kind;
    enum sh_op op;    /* what follows it in its list or pipe */
    bool negated;     /* ! */
    struct view name; /* SH_FOR, SH_SELECT, SH_FUNCTION; SH_ERROR: what is wrong */
    const struct sh_assign *assigns;
    const struct sh_word *words;
    const struct sh_redirect *redirects;
    const struct sh_node *first, *next;
    size_t begin, end;
};

struct sh_error {
    const char *text;
    size_t at;
};

struct sh_script {
    struct view text;
    const struct sh_node *root; /* SH_LIST */
    /* every SH_COMMAND, those in substitutions, functions and branches too, in the order of the text */
    const struct sh_node *const *commands;
    size_t command_count;
    const struct sh_node *const *pipes;
    size_t pipe_count;
    const struct sh_redirect *const *heredocs; /* in the order of their openers */
    size_t heredoc_count;
    const struct sh_error *errors;
    size_t error_count;
};

/* text must outlive arena. */
struct sh_script *sh_parse(struct arena *arena, struct view text);

bool sh_is_name(struct view v); /* a variable may be called so */

/* The tree as nested lists, for tests and for people. */
void sh_print(const struct sh_script *s, struct str *ret);
