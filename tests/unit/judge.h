/* tests/unit/judge.h - the report that lint's rules make of run configurations. */
#pragma once

#include "audit/runconfig.h"
#include "lint/lint.h"

static void judge(const struct run_list *list, struct lint_report *ret)
{
    const struct lint_options options = {.audit = true, .raw = true};
    CLEANUP(linter_freep) struct linter *l = linter_new(&options);
    cleanup_free struct lint_facts *facts = xcalloc(list->runs.size + 1, sizeof(*facts));

    for (size_t i = 0; i < list->runs.size; i++)
        facts[i].run = list->runs.at[i];
    lint_audit(l, facts, list->runs.size, ret);
}
