/* explain.c - rows as text: `lint --explain` and the reference in docs/rules.md. */
#include "lint/format.h"
#include "lint/internal.h"

static const char *const where_names[] = {"Dockerfile",        "build context", "image",
                                          "run configuration", "host",          "exec"};

static void add_where(struct str *s, unsigned where)
{
    const char *separator = "";

    for (unsigned i = 0; i < ARRAY_SIZE(where_names); i++) {
        if (!(where & 1u << i))
            continue;
        str_printf(s, "%s%s", separator, where_names[i]);
        separator = ", ";
    }
}

/* The first may be absent: then the code of findings is the row's own id. */
static bool has_aliases(const struct lint_row *row)
{
    return row->aliases[0] || row->aliases[1];
}

static void add_aliases(struct str *s, const struct lint_row *row, const char *separator)
{
    const size_t first = row->aliases[0] ? 0 : 1;

    for (size_t i = first; i < ARRAY_SIZE(row->aliases) && row->aliases[i]; i++)
        str_printf(s, "%s%s", i > first ? separator : "", row->aliases[i]);
}

/* An example with each line moved in. */
static void add_block(struct str *s, const char *text, const char *indent)
{
    struct view rest = view_of(text), line;

    while (rest.at && view_cut(&rest, '\n', &line))
        if (rest.at || line.size > 0)
            str_printf(s, "%s%.*s\n", line.size ? indent : "", VIEW_ARG(line));
}

/* Names of files, on one line. */
static void add_sent(struct str *s, const char *names)
{
    struct view rest = view_of(names), name;

    str_add_text(s, "    # with the build context:");
    while (rest.at && view_cut(&rest, '\n', &name)) {
        struct view text = name;
        (void)view_cut(&text, '\t', &name);
        str_printf(s, "%s%.*s", name.size > 0 ? " " : "", VIEW_ARG(name));
        if (text.at)
            str_printf(s, " (with '%.*s' in it)", VIEW_ARG(text));
    }
    str_add_char(s, '\n');
}

static void add_level(struct str *s, const struct lint_row *row)
{
    str_printf(s, "%s%s", lint_level_name(row->level),
               row->off ? " (off unless it is enabled)" : "");
}

void lint_explain(const struct lint_row *row, struct str *ret)
{
    str_printf(ret, "%s %s: %s\n\n", row->id, row->name, row->title);
    if (has_aliases(row)) {
        str_add_text(ret, "also known as: ");
        add_aliases(ret, row, ", ");
        str_add_char(ret, '\n');
    }
    str_add_text(ret, "level: ");
    add_level(ret, row);
    str_add_text(ret, "\ndecided from: ");
    add_where(ret, row->where);
    str_printf(ret, "\n\nwhy: %s\nfix: %s\n\nbad:\n", row->why, row->fix);
    if (row->config)
        str_printf(ret, "    # with the configuration %s\n", row->config);
    if (row->ignore)
        str_printf(ret, "    # with .dockerignore: %s", row->ignore);
    if (row->sent)
        add_sent(ret, row->sent);
    if (row->beside)
        str_printf(ret, "    # with another Dockerfile: %s", row->beside);
    add_block(ret, row->bad, "    ");
    str_add_text(ret, "good:\n");
    add_block(ret, row->good, "    ");
}

/* '|' ends a cell, '<' begins a tag. */
static void add_cell(struct str *s, const char *text)
{
    for (; *text; text++)
        str_printf(s, *text == '|' || *text == '<' || *text == '*' || *text == '_' ? "\\%c" : "%c",
                   *text);
}

static void add_row(struct str *s, const struct lint_row *row)
{
    str_printf(s, "\n## %s %s\n\n", row->id, row->name);
    add_cell(s, row->title);
    str_add_text(s, ".\n\nLevel: ");
    add_level(s, row);
    str_add_text(s, ". Decided from: ");
    add_where(s, row->where);
    str_add_char(s, '.');
    if (has_aliases(row)) {
        str_add_text(s, " Also known as: `");
        add_aliases(s, row, "`, `");
        str_add_text(s, "`.");
    }
    str_printf(s, "\n\n%s\n\nFix: %s\n\nBad:\n\n", row->why, row->fix);
    if (row->config)
        str_printf(s, "    # with the configuration %s\n", row->config);
    if (row->ignore)
        str_printf(s, "    # with .dockerignore: %s", row->ignore);
    if (row->sent)
        add_sent(s, row->sent);
    if (row->beside)
        str_printf(s, "    # with another Dockerfile: %s", row->beside);
    add_block(s, row->bad, "    ");
    str_add_text(s, "\nGood:\n\n");
    add_block(s, row->good, "    ");
}

static int compare_ids(const void *a, const void *b)
{
    const struct lint_row *const *x = a, *const *y = b;

    return strcmp((*x)->id, (*y)->id);
}

void lint_reference(struct str *ret)
{
    const size_t count = lint_row_count();
    const struct lint_row **rows = xcalloc(count, sizeof(*rows));

    for (size_t i = 0; i < count; i++)
        rows[i] = lint_row_at(i);
    qsort(rows, count, sizeof(*rows), compare_ids);
    str_add_text(ret, "# Rules of `cooper lint` and `cooper audit`\n\nPrinted by `cooper lint "
                      "--explain all`; do not edit.\n\n"
                      "| id | name | level | also known as | what |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        str_printf(ret, "| %s | %s | %s%s | ", rows[i]->id, rows[i]->name,
                   lint_level_name(rows[i]->level), rows[i]->off ? ", off" : "");
        add_aliases(ret, rows[i], ", ");
        str_add_text(ret, " | ");
        add_cell(ret, rows[i]->title);
        str_add_text(ret, " |\n");
    }
    for (size_t i = 0; i < count; i++)
        add_row(ret, rows[i]);
    free(rows);
}
