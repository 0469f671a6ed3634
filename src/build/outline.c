#include "build/outline.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/doc.h"

static const char *text_of(const json_t *obj, const char *key)
{
    const char *text = json_string_value(json_object_get(obj, key));

    return text ? text : "";
}

/* Columns as wide as their widest cell, three blanks between, as BuildKit's are; the last one is not filled up. */
static void print_table(FILE *out, const char *const *cells, size_t columns, size_t rows)
{
    for (size_t row = 0; row < rows; row++) {
        for (size_t c = 0; c < columns; c++) {
            size_t width = 0;
            for (size_t r = 0; r < rows; r++)
                width = MAX(width, strlen(cells[r * columns + c]));
            if (c + 1 < columns)
                fprintf(out, "%-*s", (int)width + 3, cells[row * columns + c]);
            else
                fprintf(out, "%s\n", cells[row * columns + c]);
        }
    }
}

/* A list of objects under its headings, and a blank line; nothing when it is empty. */
static void print_list(FILE *out, const json_t *list, const char *const *headings,
                       const char *const *keys, size_t columns)
{
    const size_t rows = json_array_size(list);
    cleanup_free const char **cells = xcalloc((rows + 1) * columns, sizeof(*cells));

    if (rows == 0)
        return;
    for (size_t c = 0; c < columns; c++)
        cells[c] = headings[c];
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            const json_t *item = json_array_get(list, r);
            const bool yes = json_is_true(json_object_get(item, keys[c]));
            cells[(r + 1) * columns + c] = yes ? "true" : text_of(item, keys[c]);
        }
    print_table(out, cells, columns, rows + 1);
    fputc('\n', out);
}

void outline_print(FILE *out, const json_t *outline)
{
    static const char *const args[] = {"BUILD ARG", "VALUE", "DESCRIPTION"};
    static const char *const arg_keys[] = {"name", "value", "description"};
    static const char *const keys[] = {"name", "required"};
    static const char *const secrets[] = {"SECRET", "REQUIRED"}, *const ssh[] = {"SSH", "REQUIRED"};
    const char *name = text_of(outline, "name"), *what = text_of(outline, "description");

    if (*name || *what)
        fprintf(out, *what ? "TARGET:      %s\n" : "TARGET: %s\n", *name ? name : "(default)");
    if (*what)
        fprintf(out, "DESCRIPTION: %s\n", what);
    if (*name || *what)
        fputc('\n', out);
    print_list(out, json_object_get(outline, "args"), args, arg_keys, ARRAY_SIZE(args));
    print_list(out, json_object_get(outline, "secrets"), secrets, keys, ARRAY_SIZE(keys));
    print_list(out, json_object_get(outline, "ssh"), ssh, keys, ARRAY_SIZE(keys));
}

/* A stage without a name is chosen by its number. */
void outline_print_targets(FILE *out, const json_t *targets)
{
    const json_t *list = json_object_get(targets, "targets");
    const size_t rows = json_array_size(list);
    cleanup_free const char **cells = xcalloc(2 * rows + 2, sizeof(*cells));
    CLEANUP(strings_done) struct strings names = {0};

    cells[0] = "TARGET";
    cells[1] = "DESCRIPTION";
    for (size_t i = 0; i < rows; i++) {
        const json_t *t = json_array_get(list, i);
        const bool is_default = json_is_true(json_object_get(t, "default"));
        const char *name = text_of(t, "name");
        strings_take(&names, *name        ? xasprintf("%s%s", name, is_default ? " (default)" : "")
                             : is_default ? xstrdup("(default)")
                                          : xasprintf("%zu", i));
        cells[2 * i + 3] = text_of(t, "description");
    }
    for (size_t i = 0; i < rows; i++)
        cells[2 * i + 2] = names.at[i];
    print_table(out, cells, 2, rows + 1);
}

/* ---- what --check found ---- */

void findings_done(struct findings *f)
{
    vec_each (x, f) {
        free(x->rule);
        free(x->text);
    }
    vec_done(f);
}

static int compare_findings(const void *a, const void *b)
{
    const struct finding *x = a, *y = b;

    if (x->span.line != y->span.line)
        return x->span.line < y->span.line ? -1 : 1;
    return x->span.column < y->span.column ? -1 : x->span.column > y->span.column;
}

void findings_sort(struct findings *f)
{
    if (f->size)
        qsort(f->at, f->size, sizeof(*f->at), compare_findings);
}

void findings_print(FILE *out, const struct dockerfile *d, const struct findings *f)
{
    vec_each (x, f) {
        STR_AUTO(lines);
        fprintf(out, "WARNING%s%s\n%s\n", x->rule ? ": " : "", x->rule ? x->rule : "", x->text);
        if (x->span.line) {
            source_excerpt(d->source, x->span, &lines);
            fprintf(out, "%s:%u:%u\n%s", d->name, x->span.line, MAX(x->span.column, 1u), lines.at);
        }
        fputc('\n', out);
    }
    if (f->size == 0)
        fputs("Check complete, no warnings found.\n", out);
    else
        fprintf(out, "Check complete, %zu warning%s been found!\n", f->size,
                f->size == 1 ? " has" : "s have");
}

/* Where docker's documentation has a rule of its own: "FromAsCasing" is at ".../rule/from-as-casing/". */
static void set_url(json_t *item, const char *rule)
{
    STR_AUTO(url);

    if (!isupper((unsigned char)*rule) || strpbrk(rule, "0123456789-_"))
        return;
    str_add_text(&url, "https://docs.docker.com/go/dockerfile/rule/");
    for (const char *c = rule; *c; c++) {
        const bool word = isupper((unsigned char)*c) && c > rule &&
                          (islower((unsigned char)c[-1]) || islower((unsigned char)c[1]));
        str_printf(&url, "%s%c", word ? "-" : "", tolower((unsigned char)*c));
    }
    str_add_char(&url, '/');
    doc_set_text(item, "url", url.at);
}

static json_t *error_doc(const struct dockerfile *d, const struct error *failed)
{
    json_t *doc = json_object();
    struct span span;

    doc_set_text(doc, "message", failed->text ? failed->text : "");
    if (failed->where && source_where(failed->where, d->name, &span))
        outline_set_location(doc, span.line, span.line);
    return doc;
}

json_t *findings_doc(const struct dockerfile *d, const struct findings *f,
                     const struct error *failed)
{
    json_t *doc = json_object(), *list = json_array();

    vec_each (x, f) {
        json_t *item = json_object();
        doc_set_text(item, "ruleName", x->rule ? x->rule : "");
        set_url(item, x->rule ? x->rule : "");
        doc_set_text(item, "detail", x->text);
        if (x->span.line)
            outline_set_location(item, x->span.line, x->span.end_line);
        doc_push(list, item);
    }
    doc_set(doc, "warnings", list);
    outline_set_sources(doc, d, true);
    if (failed)
        doc_set(doc, "buildError", error_doc(d, failed));
    return doc;
}
