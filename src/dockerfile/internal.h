/* dockerfile/internal.h - between the files that read a Dockerfile: lines, their places, JSON
 * lists, heredocs. */
#pragma once

#include "dockerfile/dockerfile.h"

struct word_list {
    struct word *at;
    size_t size, cap;
};

/* The file, cut into its lines. */
struct reader {
    const char *name;
    struct view source;
    struct arena *arena;
    size_t *line_at; /* offset of each line; one more at the end: source.size */
    size_t line_count;
    size_t next; /* the line to be read next */
    char escape;
    struct word_list comments;
    VEC(struct dockerfile_warning) warnings;
};

/* Continuation lines joined. Every view that is cut out of text has its place in the file. */
struct logical {
    const struct reader *reader;
    struct view text;
    const struct segment *segments;
    size_t segment_count;
    uint32_t first_line, last_line; /* of the file, from 1 */
};

struct view reader_line(const struct reader *r, size_t line); /* without its newline */
struct view reader_raw_line(const struct reader *r, size_t line);
struct span reader_span(const struct reader *r, size_t begin, size_t end);
struct span logical_span(const struct logical *l, struct view part);

/* Starts a failure at the place. */
int fail_at(const struct reader *r, struct span span, struct error *err, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* 1 with a logical line, 0 at the end. comments: those directly above (arena's). */
MUST_CHECK int reader_next(struct reader *r, struct logical *ret, const struct word **ret_comments,
                           size_t *ret_comment_count, struct error *err);

bool is_blank(char c); /* blank, tab, vertical tab, form feed, CR, newline */
struct view trim_blanks(struct view v);
/* Cuts the bytes up to the first blank off *rest, and the blanks behind them. */
struct view cut_word(struct view *rest);

enum json_result { JSON_LIST, JSON_NOT_LIST, JSON_OTHER_ELEMENTS };
/* Is text a JSON array of strings, to its end? JSON_OTHER_ELEMENTS: an array of something else. */
enum json_result json_list(const struct logical *l, struct view text, struct word **ret,
                           size_t *ret_count);

/* Finds the openers of the line and reads the bodies from the lines that follow. */
MUST_CHECK int heredocs_read(struct reader *r, struct logical *l, struct instruction *in,
                             struct error *err);
