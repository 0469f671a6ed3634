/* table.c - the tables of rules, and how one is found. */
#include "lint/internal.h"

static const struct lint_table *const tables[] = {
    &lint_structure,   &lint_stages,   &lint_copy,     &lint_variables, &lint_base,
    &lint_variants,    &lint_metadata, &lint_labels,   &lint_command,   &lint_start,
    &lint_security,    &lint_pins,     &lint_packages, &lint_caches,    &lint_shell,
    &lint_trust,       &lint_deps,     &lint_tools,    &lint_contexts,  &lint_layers,
    &lint_shellcheck,  &lint_runtime,  &lint_reach,    &lint_limits,    &lint_images,
    &lint_image_files, &lint_hosts,    &lint_daemon,
};

size_t lint_row_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
        count += tables[i]->count;
    return count;
}

const struct lint_row *lint_row_at(size_t at)
{
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (at < tables[i]->count)
            return &tables[i]->rows[at];
        at -= tables[i]->count;
    }
    return NULL;
}

size_t lint_row_number(const struct lint_row *row)
{
    size_t base = 0;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const uintptr_t at = (uintptr_t)row, first = (uintptr_t)tables[i]->rows;
        if (at >= first && at < first + tables[i]->count * sizeof(*row))
            return base + (at - first) / sizeof(*row);
        base += tables[i]->count;
    }
    return SIZE_MAX;
}

bool lint_row_named(const struct lint_row *row, struct view name)
{
    if (view_eq_nocase(name, row->id) || view_eq_nocase(name, row->name))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(row->aliases); i++) /* the first may be absent */
        if (row->aliases[i] && view_eq_nocase(name, row->aliases[i]))
            return true;
    return false;
}

bool lint_row_is_dockerfile(const struct lint_row *row)
{
    return row->file || row->stage || row->instruction || row->run;
}

const struct lint_row *lint_row_find(struct view name)
{
    const struct lint_row *row;

    for (size_t i = 0; (row = lint_row_at(i)); i++)
        if (lint_row_named(row, name))
            return row;
    return NULL;
}

const struct lint_row *lint_row_cover(const struct lint_row *row)
{
    return row->covered_by[0] && !row->covered_by[1] ? lint_row_find(view_of(row->covered_by[0]))
                                                     : NULL;
}

bool lint_is_buildkit(const char *alias)
{
    return strcmp(alias, "JSONArgsRecommended") == 0 ||
           (alias[0] >= 'A' && alias[0] <= 'Z' && alias[1] >= 'a' && alias[1] <= 'z');
}

const char *lint_row_code(const struct lint_row *row)
{
    const char *first = row->aliases[0];

    if (first && (strncmp(first, "DL", 2) == 0 || lint_is_buildkit(first)))
        return first;
    return row->id;
}
