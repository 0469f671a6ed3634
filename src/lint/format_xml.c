/* format_xml.c - the formats that are XML: Checkstyle, JUnit. */
#include "base/utf8.h"
#include "lint/format_internal.h"

/* XML 1.0 has no way to write these. */
static bool is_unwritable(uint32_t c)
{
    return c == UTF8_NONE || c == 0xfffe || c == 0xffff;
}

/* Neither control characters nor bytes that are no UTF-8: they would make the file unreadable. */
static void add_escaped(struct str *s, const char *text)
{
    const struct view v = view_of(text);

    for (size_t i = 0, size; i < v.size; i += size) {
        const uint32_t c = utf8_char(view_make(v.at + i, v.size - i), &size);

        if (c < 0x7f && strchr("&<>'\"", (int)c))
            str_printf(s, "&#%u;", c);
        else if (c < ' ')
            str_add_char(s, ' ');
        else if (c == 0x7f || is_unwritable(c))
            str_add_char(s, '?');
        else
            str_add(s, view_make(v.at + i, size));
    }
}

static void add_attribute(struct str *s, const char *name, const char *value)
{
    str_printf(s, " %s='", name);
    add_escaped(s, value);
    str_add_char(s, '\'');
}

/* The text, behind its place where it has one. */
static void add_message(struct str *s, const struct lint_finding *f)
{
    cleanup_free char *text =
        f->place && *f->place ? xasprintf("%s: %s", f->place, f->text) : xstrdup(f->text);

    add_attribute(s, "message", text);
}

/* ---- Checkstyle ---- */

void format_checkstyle_begin(struct lint_output *o)
{
    str_add_text(&o->text, "<?xml version='1.0' encoding='UTF-8'?><checkstyle version='4.3'>\n");
}

static const char *checkstyle_severity(enum lint_level level)
{
    return level == LINT_STYLE ? "info" : lint_level_name(level);
}

void format_checkstyle_file(struct lint_output *o, const struct lint_subject *s)
{
    str_add_text(&o->text, "<file");
    add_attribute(&o->text, "name", s->name);
    str_add_text(&o->text, ">\n");
    vec_each (f, s->report) {
        str_add_text(&o->text, "<error");
        if (f->span.line)
            str_printf(&o->text, " line='%u' column='%u'", f->span.line, f->span.column);
        add_attribute(&o->text, "severity", checkstyle_severity(f->level));
        add_message(&o->text, f);
        add_attribute(&o->text, "source", f->code);
        str_add_text(&o->text, "/>\n");
    }
    str_add_text(&o->text, "</file>\n");
}

void format_checkstyle_end(struct lint_output *o)
{
    str_add_text(&o->text, "</checkstyle>\n");
}

/* ---- JUnit ---- */

void format_junit_begin(struct lint_output *o)
{
    str_add_text(&o->text, "<?xml version='1.0' encoding='UTF-8'?>\n<testsuites>\n");
}

/* A file without findings is one test that passed. */
void format_junit_file(struct lint_output *o, const struct lint_subject *s)
{
    const size_t failures = s->report->size;

    str_add_text(&o->text, "<testsuite");
    add_attribute(&o->text, "name", s->name);
    str_printf(&o->text, " tests='%zu' failures='%zu' errors='0'>\n", MAX(failures, (size_t)1),
               failures);
    if (failures == 0) {
        str_add_text(&o->text, "<testcase name='lint'");
        add_attribute(&o->text, "classname", s->name);
        str_add_text(&o->text, "/>\n");
    }
    vec_each (f, s->report) {
        str_add_text(&o->text, "<testcase");
        add_attribute(&o->text, "name", f->code);
        add_attribute(&o->text, "classname", s->name);
        str_add_text(&o->text, "><failure");
        add_attribute(&o->text, "type", lint_level_name(f->level));
        add_message(&o->text, f);
        str_add_char(&o->text, '>');
        if (f->span.line)
            str_printf(&o->text, "line %u, column %u: ", f->span.line, f->span.column);
        add_escaped(&o->text, f->row->fix);
        str_add_text(&o->text, "</failure></testcase>\n");
    }
    str_add_text(&o->text, "</testsuite>\n");
}

void format_junit_end(struct lint_output *o)
{
    str_add_text(&o->text, "</testsuites>\n");
}
