#include "base/progress.h"

#include <inttypes.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/doc.h"
#include "base/text.h"
#include "base/vec.h"

#define REDRAW_MS 80
#define LOG_TAIL_LINES 4  /* lines of output shown below a running step */
#define LOG_LINE_MAX 4096 /* a longer line is shown in pieces */

struct progress_step {
    struct progress *p;
    unsigned number;
    char *title, *note;
    int64_t begin_ms, end_ms;
    bool ended, printed; /* printed: its last line stands above the live part for good */
    enum progress_end end;
    uint64_t done, total;
    char *unit;
    struct str line; /* output that has no newline yet */
    struct strings tail;
};

struct progress {
    enum progress_mode mode;
    FILE *out;
    bool color, hidden;
    int64_t begin_ms, drawn_ms;
    unsigned drawn_lines, count;
    VEC(struct progress_step *) steps;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct progress *progress_new(enum progress_mode mode, FILE *out, bool color)
{
    struct progress *p = xcalloc(1, sizeof(*p));

    p->mode = mode;
    p->out = out;
    p->color = color;
    p->begin_ms = p->drawn_ms = now_ms();
    return p;
}

static void step_free(struct progress_step *s)
{
    free(s->title);
    free(s->note);
    free(s->unit);
    str_done(&s->line);
    strings_done(&s->tail);
    free(s);
}

/* An escape sequence of a terminal ("\033[31m", "\033]0;title\a", "\033(B"): its size, 0 for none. */
static size_t escape_size(struct view bytes)
{
    size_t i = 2;

    if (bytes.size < 2 || bytes.at[0] != '\033')
        return 0;
    if (bytes.at[1] == '[') {
        while (i < bytes.size && (bytes.at[i] < '@' || bytes.at[i] > '~'))
            i++;
        return MIN(i + 1, bytes.size);
    }
    if (bytes.at[1] == ']') {
        while (i < bytes.size && bytes.at[i] != '\a' && bytes.at[i] != '\033')
            i++;
        return MIN(i + 1, bytes.size);
    }
    return strchr("()#%", bytes.at[1]) ? MIN((size_t)3, bytes.size) : 2;
}

/* The output of a program must not steer our terminal: its escape sequences and other control
 * characters go, tabs become blanks. */
static void add_clean(struct str *to, struct view bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        const unsigned char c = (unsigned char)bytes.at[i];
        const size_t escape = escape_size(view_make(bytes.at + i, bytes.size - i));

        if (escape > 0)
            i += escape - 1;
        else if (c == '\t')
            str_add_char(to, ' ');
        else if (c >= 0x20 && c != 0x7F)
            str_add_char(to, (char)c);
    }
}

/* step 0: of none. key NULL: nothing more to say. */
static void json_event(struct progress *p, const char *event, unsigned step, const char *key,
                       struct view value)
{
    cleanup_doc json_t *doc = json_object();
    cleanup_free char *text = view_dup(value);
    STR_AUTO(line);

    doc_set_text(doc, "event", event);
    if (step > 0)
        doc_set_int(doc, "step", step);
    doc_set_int(doc, "ms", now_ms() - p->begin_ms);
    if (key)
        doc_set_text(doc, key, text);
    doc_print(doc, true, &line);
    fprintf(p->out, "%s\n", line.at);
    (void)fflush(p->out);
}

struct progress_step *progress_begin(struct progress *p, const char *title)
{
    if (!p)
        return NULL;
    struct progress_step *s = xcalloc(1, sizeof(*s));
    s->p = p;
    s->number = ++p->count;
    s->line = STR_INIT;
    s->begin_ms = now_ms();
    STR_AUTO(clean);
    add_clean(&clean, view_of(title));
    s->title = str_take(&clean);
    vec_push(&p->steps, s);
    if (p->mode == PROGRESS_PLAIN)
        fprintf(p->out, "#%u %s\n", s->number, s->title);
    else if (p->mode == PROGRESS_JSON)
        json_event(p, "begin", s->number, "title", view_of(title));
    return s;
}

static void log_line(struct progress_step *s, struct view line)
{
    struct progress *p = s->p;
    STR_AUTO(clean);

    add_clean(&clean, line);
    if (p->mode == PROGRESS_PLAIN) {
        const int64_t ms = now_ms() - s->begin_ms;

        fprintf(p->out, "#%u %" PRId64 ".%03d %s\n", s->number, ms / 1000, (int)(ms % 1000),
                clean.at);
    } else if (p->mode == PROGRESS_JSON) {
        json_event(p, "log", s->number, "text", line);
    } else if (p->mode == PROGRESS_TTY) {
        if (s->tail.size == LOG_TAIL_LINES) {
            free(s->tail.at[0]);
            memmove(s->tail.at, s->tail.at + 1, --s->tail.size * sizeof(*s->tail.at));
        }
        strings_take(&s->tail, str_take(&clean));
    }
}

void progress_log(struct progress_step *s, struct view bytes)
{
    if (!s || s->p->mode == PROGRESS_NONE)
        return;
    for (size_t i = 0; i < bytes.size; i++) {
        const char c = bytes.at[i];

        if (c == '\r' && s->p->mode == PROGRESS_TTY) {
            str_clear(&s->line); /* a bar of the program's own: its last state counts */
        } else if (c == '\n' || s->line.size == LOG_LINE_MAX) {
            log_line(s, str_view(&s->line));
            str_clear(&s->line);
            if (c != '\n')
                str_add_char(&s->line, c);
        } else {
            str_add_char(&s->line, c);
        }
    }
    progress_tick(s->p);
}

void progress_update(struct progress_step *s, uint64_t done, uint64_t total, const char *unit)
{
    if (!s)
        return;
    s->done = done;
    s->total = total;
    if (!s->unit)
        s->unit = xstrdup(unit);
    progress_tick(s->p);
}

static void amount(struct str *to, const struct progress_step *s)
{
    const double scale = strcmp(s->unit, "MB") == 0 ? 1e6 : 1;
    const int digits = scale > 1 ? 1 : 0;
    const double seconds = (double)((s->ended ? s->end_ms : now_ms()) - s->begin_ms) / 1000;

    str_printf(to, " %.*f", digits, (double)s->done / scale);
    if (s->total > 0)
        str_printf(to, "/%.*f", digits, (double)s->total / scale);
    str_printf(to, " %s", s->unit);
    if (!s->ended && scale > 1 && seconds > 0.5) {
        const double rate = (double)s->done / seconds;

        str_printf(to, ", %.1f MB/s", rate / scale);
        if (s->total > s->done && rate > 0)
            str_printf(to, ", %.0f s left", (double)(s->total - s->done) / rate);
    }
}

/* "=> [2/5] RUN make          1.2s" within width columns. */
static void step_row(struct str *to, const struct progress_step *s, unsigned width, bool color)
{
    static const char *const colors[] = {[PROGRESS_DONE] = "\033[34m",
                                         [PROGRESS_CACHED] = "\033[34m",
                                         [PROGRESS_FAILED] = "\033[31m",
                                         [PROGRESS_CANCELED] = "\033[33m"};
    const double seconds = (double)((s->ended ? s->end_ms : now_ms()) - s->begin_ms) / 1000;
    STR_AUTO(left);
    STR_AUTO(right);

    str_printf(&left, " => %s%s", s->ended && s->end == PROGRESS_CACHED ? "CACHED " : "",
               s->ended && s->end == PROGRESS_FAILED     ? "ERROR "
               : s->ended && s->end == PROGRESS_CANCELED ? "CANCELED "
                                                         : "");
    str_add_text(&left, s->title);
    if (s->unit)
        amount(&left, s);
    if (s->note)
        str_printf(&left, " (%s)", s->note);
    str_printf(&right, " %6.1fs", seconds);
    const size_t room = width > right.size + 1 ? width - right.size - 1 : 1;
    if (color)
        str_add_text(to, s->ended ? colors[s->end] : "");
    const struct view shown = text_cut(str_view(&left), room);
    str_add(to, shown);
    for (size_t i = text_columns(shown); i < room; i++)
        str_add_char(to, ' ');
    str_add(to, str_view(&right));
    if (color && s->ended)
        str_add_text(to, "\033[0m");
    str_add_char(to, '\n');
}

static void erase(struct progress *p, struct str *to)
{
    if (p->drawn_lines > 0)
        str_printf(to, "\033[%uA\033[J", p->drawn_lines);
    p->drawn_lines = 0;
}

static void draw(struct progress *p, struct str *to)
{
    struct winsize w = {0};

    if (ioctl(fileno(p->out), TIOCGWINSZ, &w) < 0 || w.ws_col < 20)
        w = (struct winsize){.ws_row = 24, .ws_col = 80};
    vec_each (at, &p->steps) { /* those that ended go above the live part and stay there */
        struct progress_step *s = *at;

        if (s->ended && !s->printed) {
            step_row(to, s, w.ws_col, p->color);
            s->printed = true;
        }
    }
    const unsigned most = w.ws_row > 4 ? w.ws_row - 2u : 2u;
    vec_each (at, &p->steps) {
        const struct progress_step *s = *at;

        if (s->ended || p->drawn_lines >= most)
            continue;
        step_row(to, s, w.ws_col, p->color);
        p->drawn_lines++;
        for (size_t i = 0; i < s->tail.size && p->drawn_lines < most; i++) {
            const struct view line = text_cut(view_of(s->tail.at[i]), w.ws_col - 10u);
            str_printf(to, "%s => => # %.*s%s\n", p->color ? "\033[2m" : "", VIEW_ARG(line),
                       p->color ? "\033[0m" : "");
            p->drawn_lines++;
        }
    }
}

static void redraw(struct progress *p)
{
    STR_AUTO(text);

    erase(p, &text);
    draw(p, &text);
    if (text.size > 0)
        fwrite(text.at, 1, text.size, p->out);
    (void)fflush(p->out);
    p->drawn_ms = now_ms();
}

void progress_tick(struct progress *p)
{
    if (p && p->mode == PROGRESS_TTY && !p->hidden && now_ms() - p->drawn_ms >= REDRAW_MS)
        redraw(p);
}

int progress_delay_ms(const struct progress *p)
{
    if (!p || p->mode != PROGRESS_TTY)
        return -1;
    vec_each (s, &p->steps)
        if (!(*s)->ended)
            return 100;
    return -1;
}

void progress_finish(struct progress_step *s, enum progress_end end, const char *note)
{
    static const char *const words[] = {[PROGRESS_DONE] = "DONE",
                                        [PROGRESS_CACHED] = "CACHED",
                                        [PROGRESS_FAILED] = "ERROR",
                                        [PROGRESS_CANCELED] = "CANCELED"};

    if (!s || s->ended)
        return;
    struct progress *p = s->p;
    if (s->line.size > 0)
        log_line(s, str_view(&s->line));
    str_clear(&s->line);
    s->ended = true;
    s->end = end;
    s->end_ms = now_ms();
    s->note = note ? xstrdup(note) : NULL;
    const double seconds = (double)(s->end_ms - s->begin_ms) / 1000;
    if (p->mode == PROGRESS_PLAIN && end == PROGRESS_DONE)
        fprintf(p->out, "#%u DONE %.1fs%s%s\n", s->number, seconds, note ? " " : "",
                note ? note : "");
    else if (p->mode == PROGRESS_PLAIN)
        fprintf(p->out, "#%u %s%s%s\n", s->number, words[end], note ? " " : "", note ? note : "");
    else if (p->mode == PROGRESS_JSON)
        json_event(p, "end", s->number, "result", view_of(words[end]));
    if (p->mode == PROGRESS_TTY && !p->hidden)
        redraw(p);
}

void progress_say(struct progress *p, const char *kind, const char *text)
{
    if (!p || p->mode == PROGRESS_NONE)
        return;
    if (p->mode == PROGRESS_JSON) {
        json_event(p, kind, 0, "text", view_of(text));
    } else {
        progress_hide(p);
        fprintf(p->out, "%s\n", text);
        (void)fflush(p->out);
        progress_show(p);
    }
}

bool progress_is_json(const struct progress *p)
{
    return p && p->mode == PROGRESS_JSON;
}

int64_t progress_elapsed_ms(const struct progress *p)
{
    return p ? now_ms() - p->begin_ms : 0;
}

void progress_hide(struct progress *p)
{
    STR_AUTO(text);

    p->hidden = true;
    if (p->mode != PROGRESS_TTY)
        return;
    erase(p, &text);
    fwrite(text.at, 1, text.size, p->out);
    (void)fflush(p->out);
}

void progress_show(struct progress *p)
{
    p->hidden = false;
    if (p->mode == PROGRESS_TTY)
        redraw(p);
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    if (p->mode == PROGRESS_TTY)
        redraw(p);
    (void)fflush(p->out);
    vec_each (s, &p->steps)
        step_free(*s);
    vec_done(&p->steps);
    free(p);
}
