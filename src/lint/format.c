/* format.c - the table of formats; those for people: tty, gnu. */
#include "lint/format.h"

#include "base/text.h"
#include "lint/format_internal.h"

static const char *const level_colors[] = {"", "\033[36m", "\033[32m", "\033[33m", "\033[31m"};

void format_add_clean(struct str *s, const char *text)
{
    const struct view v = view_of(text);

    for (size_t i = 0, size; i < v.size; i += MAX(size, (size_t)1)) {
        size = text_control(view_make(v.at + i, v.size - i));
        str_add_char(s, size > 0 || v.at[i] == '\n' ? '?' : v.at[i]);
    }
}

/* "compose.yml:3:5", "image app:1", "compose.yml:3:5 services.web": what is known of the place. */
static void add_where(struct str *s, const struct lint_subject *subject,
                      const struct lint_finding *f)
{
    format_add_clean(s, subject->name);
    if (f->span.line)
        str_printf(s, ":%u:%u", f->span.line, f->span.column);
    if (f->place && *f->place) {
        str_add_text(s, f->span.line ? " " : ": ");
        format_add_clean(s, f->place);
    }
}

static void add_head(struct lint_output *o, const struct lint_subject *s,
                     const struct lint_finding *f)
{
    const char *color = o->color ? level_colors[f->level] : "", *bold = o->color ? "\033[1m" : "",
               *plain = o->color ? "\033[0m" : "";

    str_add_text(&o->text, bold);
    add_where(&o->text, s, f);
    str_printf(&o->text, "%s %s %s%s%s: ", plain, f->code, color, lint_level_name(f->level), plain);
    format_add_clean(&o->text, f->text);
    str_add_char(&o->text, '\n');
}

/* What an audit found, one rule after the other: its title, every place, then why and how it is mended, once. */
static void tty_placed(struct lint_output *o, const struct lint_subject *s,
                       const struct lint_finding *f, bool first, bool last)
{
    const char *color = o->color ? level_colors[f->level] : "", *bold = o->color ? "\033[1m" : "",
               *plain = o->color ? "\033[0m" : "";
    STR_AUTO(excerpt);

    if (first)
        str_printf(&o->text, "%s%s%s %s %s%s%s\n", color, lint_level_name(f->level), plain, f->code,
                   bold, f->row->title, plain);
    str_add_text(&o->text, "  ");
    add_where(&o->text, s, f);
    str_add_text(&o->text, ": ");
    format_add_clean(&o->text, f->text);
    str_add_char(&o->text, '\n');
    if (!s->hidden)
        source_excerpt(s->source, f->span, &excerpt);
    str_add(&o->text, str_view(&excerpt));
    if (last)
        str_printf(&o->text, "  why: %s\n  fix: %s\n\n", f->row->why, f->row->fix);
}

static void tty_file(struct lint_output *o, const struct lint_subject *s)
{
    vec_each (f, s->report) {
        STR_AUTO(excerpt);

        if (f->place && !o->brief) {
            const bool first = f == s->report->at || f[-1].row != f->row,
                       last = f == vec_last(s->report) || f[1].row != f->row;
            tty_placed(o, s, f, first, last);
            continue;
        }

        add_head(o, s, f);
        if (o->brief)
            continue;
        source_excerpt(s->source, f->span, &excerpt);
        str_add(&o->text, str_view(&excerpt));
        if (strcmp(f->code, lint_row_code(f->row)) == 0) /* else it is not of the row itself */
            str_printf(&o->text, "  why: %s\n  fix: %s\n", f->row->why, f->row->fix);
        str_add_char(&o->text, '\n');
    }
}

static void gnu_file(struct lint_output *o, const struct lint_subject *s)
{
    vec_each (f, s->report) {
        str_add_text(&o->text, "cooper:");
        add_where(&o->text, s, f);
        str_printf(&o->text, ": %s %s: ", f->code, lint_level_name(f->level));
        format_add_clean(&o->text, f->text);
        str_add_char(&o->text, '\n');
    }
}

#define TABLE_INDENT 31 /* columns before the place */
#define TABLE_ROOM 20   /* columns that it has at least, whatever the terminal has */

/* The text in as many lines as it needs, broken at blanks where there are some, each below the first. */
static void add_wrapped(struct lint_output *o, struct view text, size_t used)
{
    const size_t room = MAX(o->width, TABLE_INDENT + TABLE_ROOM + 1u) - TABLE_INDENT - 1;
    size_t left = room > used ? room - used : 0;

    while (o->width > 0 && text_columns(text) > left) {
        struct view line = text_cut(text, left);
        const char *blank = line.size > 0 ? memrchr(line.at, ' ', line.size) : NULL;

        if (blank && blank > line.at)
            line.size = (size_t)(blank - line.at);
        str_add(&o->text, line);
        str_printf(&o->text, "\n%*s", TABLE_INDENT, "");
        text = view_make(text.at + line.size, text.size - line.size);
        while (text.size > 0 && text.at[0] == ' ')
            text = view_make(text.at + 1, text.size - 1);
        left = room;
    }
    str_add(&o->text, text);
    str_add_char(&o->text, '\n');
}

/* Columns for a screen full of findings; the places are what differs in width, so they stand last but one. */
static void table_file(struct lint_output *o, const struct lint_subject *s)
{
    if (o->findings == 0 && s->report->size > 0)
        str_add_text(&o->text, "LEVEL     CODE                 PLACE\n");
    vec_each (f, s->report) {
        const char *color = o->color ? level_colors[f->level] : "",
                   *plain = o->color ? "\033[0m" : "";
        const size_t code = strlen(f->code);
        STR_AUTO(text);

        str_printf(&o->text, "%s%-9s%s %-20s ", color, lint_level_name(f->level), plain, f->code);
        add_where(&text, s, f);
        str_add_text(&text, ": ");
        format_add_clean(&text, f->text);
        add_wrapped(o, str_view(&text), code > 20 ? code - 20 : 0);
    }
}

static const struct lint_format formats[] = {
    {"tty", false, false, NULL, tty_file, NULL},
    {"json", true, false, format_json_begin, format_json_file, format_json_end},
    {"sarif", false, false, format_sarif_begin, format_sarif_file, format_sarif_end},
    {"checkstyle", false, false, format_checkstyle_begin, format_checkstyle_file,
     format_checkstyle_end},
    {"codeclimate", false, true, NULL, format_codeclimate_file, NULL},
    {"codacy", false, true, NULL, format_codacy_file, NULL},
    {"gitlab", false, false, format_json_begin, format_gitlab_file, format_json_end},
    {"gnu", false, false, NULL, gnu_file, NULL},
    {"junit", false, false, format_junit_begin, format_junit_file, format_junit_end},
    {"table", false, false, NULL, table_file, NULL},
    {"sonarqube", false, false, format_sonarqube_begin, format_sonarqube_file, format_object_end},
};

const struct lint_format *lint_format_find(const char *name)
{
    if (strcmp(name, "gitlab_codeclimate") == 0)
        name = "gitlab";
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

void lint_format_names(struct str *ret)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        str_printf(ret, "%s%s", i ? ", " : "", formats[i].name);
}

void lint_output_begin(struct lint_output *o, const struct lint_format *f)
{
    o->text = STR_INIT;
    o->fired = xcalloc(lint_row_count(), sizeof(*o->fired));
    if (f->begin)
        f->begin(o);
}

void lint_output_file(struct lint_output *o, const struct lint_format *f,
                      const struct lint_subject *s)
{
    vec_each (x, s->report)
        o->fired[lint_row_number(x->row)] = true;
    f->file(o, s);
    o->files++;
    o->findings += s->report->size;
}

void lint_output_end(struct lint_output *o, const struct lint_format *f)
{
    if (f->end)
        f->end(o);
}

void lint_output_done(struct lint_output *o)
{
    str_done(&o->text);
    free(o->fired);
    o->fired = NULL;
}
