/* dockerfile/dockerfile.h - the Dockerfile language: bytes in, syntax tree out, with the place of
 * every word and the comments kept, so that build, lint and fixes share one tree.
 *
 * Two levels. dockerfile_parse() cuts the text into instructions, flags, words and heredocs and
 * knows nothing of what an instruction means (an unknown one parses). dockerfile_check() holds each
 * against the table of instructions: names, flags, number of words. No variable is expanded and no
 * quote removed in either (words.h does); JSON form excepted.
 *
 * Source of the rules: BuildKit's frontend/dockerfile/parser and instructions; Dockerfile
 * reference. */
#pragma once

#include <sys/types.h>

#include "base/str.h"
#include "base/vec.h"
#include "dockerfile/source.h"

#define DOCKERFILE_SIZE_MAX (16u << 20) /* bytes; BuildKit sends no larger file either */
#define DOCKERFILE_LINE_MAX 65535       /* bytes of one line of the file, as in BuildKit */
#define DOCKERFILE_INSTRUCTIONS_MAX 10000

enum instruction_kind {
    INSTRUCTION_UNKNOWN,
    INSTRUCTION_ADD,
    INSTRUCTION_ARG,
    INSTRUCTION_CMD,
    INSTRUCTION_COPY,
    INSTRUCTION_ENTRYPOINT,
    INSTRUCTION_ENV,
    INSTRUCTION_EXPOSE,
    INSTRUCTION_FROM,
    INSTRUCTION_HEALTHCHECK,
    INSTRUCTION_LABEL,
    INSTRUCTION_MAINTAINER,
    INSTRUCTION_ONBUILD,
    INSTRUCTION_RUN,
    INSTRUCTION_SHELL,
    INSTRUCTION_STOPSIGNAL,
    INSTRUCTION_USER,
    INSTRUCTION_VOLUME,
    INSTRUCTION_WORKDIR,
};

/* How the text behind the flags is cut into words. */
enum argument_form {
    ARGUMENTS_TEXT,   /* one word: the rest of the line */
    ARGUMENTS_WORDS,  /* at blanks */
    ARGUMENTS_QUOTED, /* at blanks outside quotes: ARG */
    ARGUMENTS_PAIRS,  /* name, value, "=" or "": ENV, LABEL */
    ARGUMENTS_HEALTH, /* NONE, or CMD and a command */
    ARGUMENTS_NESTED, /* another instruction: ONBUILD */
};

enum flag_type { FLAG_BOOL, FLAG_TEXT, FLAG_TEXTS /* may be given again */ };

struct flag_row {
    const char *name; /* "chown"; NULL ends the list */
    enum flag_type type;
    bool expand; /* variables in the value are expanded */
};

struct instruction_row {
    const char *name; /* "copy" */
    enum instruction_kind kind;
    enum argument_form form;
    bool json;                        /* ["a", "b"] is read as JSON */
    bool heredocs;                    /* <<EOF is one */
    bool in_onbuild;                  /* may be a trigger */
    int arguments_min, arguments_max; /* words; max -1: any number */
    const struct flag_row *flags;     /* NULL: none */
    const char *usage;                /* "COPY [FLAGS] SOURCE... DESTINATION" */
};

/* All of them, in alphabetical order; the row of kind INSTRUCTION_UNKNOWN is not in it. */
extern const struct instruction_row instruction_rows[];
extern const size_t instruction_row_count;
const struct instruction_row *
instruction_row_find(struct view name); /* case ignored; NULL: unknown */
const struct flag_row *flag_row_find(const struct instruction_row *row, struct view name);

struct word {
    struct view text;
    struct span span;
};

/* --name or --name=value; quotes around the word or parts of it are removed. */
struct flag {
    struct view text; /* "--name=value" */
    struct view name, value;
    bool has_value;
    struct span span;
};

/* <<NAME, <<-NAME, 3<<"NAME". */
struct heredoc {
    struct view opener;  /* as it stands in instruction.line: a word of COPY is the same bytes */
    struct view name;    /* the delimiter, quotes removed: the file's name in COPY and ADD */
    struct view raw;     /* the lines of the body as written, each with its newline */
    struct view content; /* the same, leading tabs cut where chomp is set */
    unsigned fd;         /* 0 where none is given */
    bool expand;         /* no part of the delimiter was quoted */
    bool chomp;          /* <<- */
    struct span span;    /* of the body */
};

struct segment {
    size_t at,
        source; /* from this offset of the joined line on, the bytes come from there in the file */
};

struct instruction {
    const struct instruction_row *row; /* NULL: unknown */
    enum instruction_kind kind;
    struct view keyword; /* as written */
    /* the logical line: continuations joined, comments between them dropped; blanks at its end stay */
    struct view line;
    struct view rest;   /* line behind keyword and flags, trimmed: what a shell form runs */
    struct view joined; /* the logical line that line, rest and unquoted words are cut out of */
    const struct segment *segments;
    size_t segment_count;
    bool json; /* words came from the JSON form */
    struct flag *flags;
    size_t flag_count;
    struct word *words;
    size_t word_count;
    struct heredoc *heredocs;
    size_t heredoc_count;
    const struct instruction *trigger; /* of ONBUILD, else NULL */
    const struct word *comments; /* the comment lines directly above, '#' and blanks cut off */
    size_t comment_count;
    struct span span;         /* first to last line, heredoc bodies included */
    struct span keyword_span; /* of the first word */
};

struct directive {
    struct view name, value; /* name in lower case: escape, syntax, check */
    struct span span;
};

struct dockerfile_warning {
    const char *rule; /* BuildKit's name: "NoEmptyContinuation" */
    char *text;
    struct span span;
};

struct dockerfile {
    const char *name;      /* for messages: "Dockerfile" */
    struct view source;    /* a copy of the bytes */
    const size_t *line_at; /* offset of each line of source, and source.size behind the last */
    size_t line_count;
    char escape; /* '\\' or '`' */
    const struct directive *directives;
    size_t directive_count;
    const struct instruction *instructions;
    size_t instruction_count;
    const struct word *comments; /* every comment of the file, in order */
    size_t comment_count;
    const struct dockerfile_warning *warnings;
    size_t warning_count;
    struct span span; /* first to last instruction */
    struct arena *arena;
};

/* name is what messages call the file. -EINVAL: malformed, err->where is "name:line:column";
 * -EDQUOT: a limit. */
MUST_CHECK int dockerfile_parse(struct view text, const char *name, struct dockerfile **ret,
                                struct error *err);
void dockerfile_free(struct dockerfile *d);
DEFINE_CLEANUP(struct dockerfile *, dockerfile_free)

/* Every instruction against the table: unknown names and flags (with the nearest known one as
 * hint), flags without or with too many values, wrong number of words, triggers that may not be
 * one. */
MUST_CHECK int dockerfile_check(const struct dockerfile *d, struct error *err);
/* The same for one; name as in struct dockerfile. */
MUST_CHECK int instruction_check(const struct instruction *in, const char *name, struct error *err);

/* A line of the source, from 1; {NULL, 0} when there is none. */
struct view dockerfile_line(const struct dockerfile *d, uint32_t line);

/* Where a byte of in->joined, or of the source itself (a heredoc's raw body), stands in the source:
 * its offset. A place in neither is -1. */
ssize_t instruction_offset(const struct dockerfile *d, const struct instruction *in,
                           const char *at);
/* Offsets of the source as lines and columns. */
struct span dockerfile_span(const struct dockerfile *d, size_t begin, size_t end);

/* The last value of the flag, or {NULL, 0}; a FLAG_BOOL without value gives "true". */
struct view instruction_flag(const struct instruction *in, const char *name);
/* True for a FLAG_BOOL that is set and not "false". */
bool instruction_flag_set(const struct instruction *in, const char *name);

/* The tree as nested lists, one instruction a line: (copy ["--from=0"] "a" "b"). */
void dockerfile_print(const struct dockerfile *d, struct str *ret);
/* One text as the tree and docker's history have it: in double quotes, as Go writes it. */
void dockerfile_quote(struct view v, struct str *s);
