/* base/text.h - small services for words that people read: near names, sizes, ages. */
#pragma once

#include "base/str.h"

/* Finds the candidate nearest to a misspelt word: at most a third of its letters may differ (edit
 * distance with swaps of neighbours). best is NULL until something is near enough. */
struct text_nearest {
    struct view word;
    const char *best;
    unsigned distance;
};
struct text_nearest text_nearest_to(struct view word);
void text_nearest_try(struct text_nearest *n, const char *candidate);

/* "1.2MB" as docker writes sizes (powers of 1000, three digits). */
void text_size(struct str *to, uint64_t bytes);
/* "3 hours ago" style, out of seconds. */
void text_age(struct str *to, int64_t seconds);

/* Columns that UTF-8 text takes on a screen: wide characters (East Asian, emoji) two, combining marks none. */
size_t text_columns(struct view text);
/* The bytes at the beginning of text that a terminal may obey: a control character (not TAB or newline), C1 in UTF-8 too, and
 * marks that show text in another order than it has (U+061C, 200E, 200F, 202A to 202E, 2066 to 2069: "Trojan Source"); 0: none. */
size_t text_control(struct view text);
/* text with '?' for each of them. */
void text_add_visible(struct str *to, struct view text);
/* The longest beginning of text that takes at most so many columns; whole characters only. */
struct view text_cut(struct view text, size_t columns);
