/* format_xml.c - the formats that are XML: Checkstyle, JUnit. */
#include "lint/format_internal.h"

/* The size of the character of UTF-8 at the beginning; 0: it is none, or one that XML 1.0 has no way to write. */
static size_t utf8_char(struct view v)
{
    const unsigned char first = (unsigned char)v.at[0];
    const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    uint32_t c = first & (0x7fu >> size);

    if (first < 0xc2 || first > 0xf4 || size > v.size)
        return 0;
    for (size_t i = 1; i < size; i++) {
        const unsigned char next = (unsigned char)v.at[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (next & 0x3f);
    }
    if (c < (size == 3 ? 0x800u : size == 4 ? 0x10000u : 0x80u) || c > 0x10ffff)
        return 0;
    return (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff ? 0 : size;
}

/* Neither control characters nor bytes that are no UTF-8: they would make the file unreadable. */
static void add_escaped(struct str *s, const char *text)
{
    const struct view v = view_of(text);

    for (size_t i = 0, size; i < v.size; i += MAX(size, (size_t)1)) {
        const unsigned char c = (unsigned char)v.at[i];

        size = 1;
        if (strchr("&<>'\"", c))
            str_printf(s, "&#%u;", c);
        else if (c < 0x7f)
            str_add_char(s, c < ' ' ? ' ' : (char)c);
        else if ((size = utf8_char(view_make(v.at + i, v.size - i))) > 0)
            str_add(s, view_make(v.at + i, size));
        else
            str_add_char(s, '?');
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
