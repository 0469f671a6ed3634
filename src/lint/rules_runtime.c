/* rules_runtime.c - how containers are run: docker-bench's section 5, and what it does not see. */
#include "lint/facts_run.h"
#include "lint/rule.h"

void run_facts_done(struct run_facts *f)
{
    vec_done(&f->command);
    vec_done(&f->cap_add);
    vec_done(&f->cap_drop);
    vec_done(&f->mounts);
    vec_done(&f->ports);
    vec_done(&f->networks);
    vec_done(&f->env);
    vec_done(&f->devices);
}

static void check_privileged(struct lint *l, const struct run_facts *f)
{
    if (f->privileged.said == RUN_YES)
        lint_add_place(l, f->privileged.at.path, f->privileged.at.span,
                       "the container has every capability and device, and no filter");
}

/* What a good example needs besides its point. */
#define SAFE                                                                                       \
    "--cap-drop ALL --security-opt no-new-privileges --read-only --init --user 1001 -m 256m "      \
    "--cpus 1 --pids-limit 100 --network app "

static const struct lint_row rows[] = {
    {
        .id = "CP801",
        .name = "privileged",
        .aliases = {"DB-5.5", "CIS-5.5"},
        .title = "the container is privileged",
        .level = LINT_ERROR,
        .where = LINT_RUNCONFIG,
        .why = "A privileged container has every capability, every device of the host and neither "
               "seccomp nor AppArmor. Whoever breaks into it has the host.",
        .fix = "Leave it out; add the one capability (--cap-add) or device (--device) that is "
               "needed.",
        .bad = "--privileged app:1.2.3",
        .good = SAFE "app:1.2.3",
        .runtime = check_privileged,
    },
};

const struct lint_table lint_runtime = {rows, ARRAY_SIZE(rows)};
