/* base/progress.h - long work on the screen. Steps are rows with a title, an optional log and an
 * end; the sink (tty: live rows with time; plain: lines; json: one object a line; none) is chosen
 * once in main. */
#pragma once

#include <stdio.h>

#include "base/str.h"

enum progress_mode { PROGRESS_NONE, PROGRESS_TTY, PROGRESS_PLAIN, PROGRESS_JSON };
enum progress_end { PROGRESS_DONE, PROGRESS_CACHED, PROGRESS_FAILED, PROGRESS_CANCELED };

struct progress;
struct progress_step;

struct progress *progress_new(enum progress_mode mode, FILE *out, bool color);
void progress_free(struct progress *p); /* draws the last state */
/* title: "[build 2/5] RUN make"; p may be NULL: then steps are NULL too and everything is
 * silence. */
struct progress_step *progress_begin(struct progress *p, const char *title);
/* Bytes of output of the step (any bytes; control characters are made visible on a terminal). */
void progress_log(struct progress_step *s, struct view bytes);
/* done of total bytes or things; total 0: unknown. unit: "MB" scales bytes, else the word after the
 * count. */
void progress_update(struct progress_step *s, uint64_t done, uint64_t total, const char *unit);
void progress_finish(struct progress_step *s, enum progress_end end, const char *note);
/* Milliseconds until the next redraw is wanted, -1 for never; progress_tick() redraws. */
int progress_delay_ms(const struct progress *p);
void progress_tick(struct progress *p);
/* A line of its own, behind what ended so far; with JSON an event of that kind. */
void progress_say(struct progress *p, const char *kind, const char *text);
bool progress_is_json(const struct progress *p);
int64_t progress_elapsed_ms(const struct progress *p); /* since progress_new() */
/* Around other writing to the terminal. */
void progress_hide(struct progress *p);
void progress_show(struct progress *p);
