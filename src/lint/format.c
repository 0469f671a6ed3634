/* format.c - the table of formats; those for people: tty, gnu. */
#include "lint/format.h"

#include "base/text.h"
#include "lint/format_internal.h"

static const char *const level_colors[] = {"", "\033[36m", "\033[32m", "\033[33m", "\033[31m"};

/* Names of files and bytes of Dockerfiles may hold what a terminal obeys. */
static void add_clean(struct str *s, const char *text)
{
    const struct view v = view_of(text);

    for (size_t i = 0, size; i < v.size; i += MAX(size, (size_t)1)) {
        size = text_control(view_make(v.at + i, v.size - i));
        str_add_char(s, size > 0 || v.at[i] == '\n' ? '?' : v.at[i]);
    }
}

static void add_head(struct lint_output *o, const struct lint_subject *s,
                     const struct lint_finding *f)
{
    const char *color = o->color ? level_colors[f->level] : "", *bold = o->color ? "\033[1m" : "",
               *plain = o->color ? "\033[0m" : "";

    str_add_text(&o->text, bold);
    add_clean(&o->text, s->name);
    str_printf(&o->text, ":%u:%u%s %s %s%s%s: ", f->span.line, f->span.column, plain, f->code,
               color, lint_level_name(f->level), plain);
    add_clean(&o->text, f->text);
    str_add_char(&o->text, '\n');
}

static void tty_file(struct lint_output *o, const struct lint_subject *s)
{
    vec_each (f, s->report) {
        STR_AUTO(excerpt);

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
        add_clean(&o->text, s->name);
        str_printf(&o->text, ":%u:%u: %s %s: ", f->span.line, f->span.column, f->code,
                   lint_level_name(f->level));
        add_clean(&o->text, f->text);
        str_add_char(&o->text, '\n');
    }
}

static const struct lint_format formats[] = {
    {"tty", false, false, NULL, tty_file, NULL},
    {"json", true, false, format_json_begin, format_json_file, format_json_end},
    {"sarif", false, false, format_sarif_begin, format_sarif_file, format_sarif_end},
    {"checkstyle", false, false, format_checkstyle_begin, format_checkstyle_file,
     format_checkstyle_end},
    {"codeclimate", false, true, NULL, format_codeclimate_file, NULL},
    {"gitlab", false, false, format_json_begin, format_gitlab_file, format_json_end},
    {"gnu", false, false, NULL, gnu_file, NULL},
    {"junit", false, false, format_junit_begin, format_junit_file, format_junit_end},
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
