/* rules_limits.c - what a container may use, and how it is kept: limits, restarts, its root, its first process. */
#include "lint/facts_image.h"
#include "lint/facts_run.h"
#include "lint/rule.h"
#include "lint/runtime.h"

#define AT(x) (x).at.path, (x).at.span

/* Nobody said it, or somebody said no. */
static void check_missing(struct lint *l, const struct run_facts *f, const struct run_flag *flag,
                          const char *text)
{
    if (flag->said == RUN_UNSAID)
        lint_add_place(l, AT(*f), "%s", text);
    else if (flag->said == RUN_NO)
        lint_add_place(l, AT(*flag), "%s", text);
}

static void check_root(struct lint *l, const struct run_facts *f)
{
    check_missing(l, f, &f->read_only, "its files can be changed");
}
static void check_memory(struct lint *l, const struct run_facts *f)
{
    check_missing(l, f, &f->memory, "memory has no limit");
}
static void check_cpu(struct lint *l, const struct run_facts *f)
{
    check_missing(l, f, &f->cpu, "processors have no limit");
}
static void check_pids(struct lint *l, const struct run_facts *f)
{
    check_missing(l, f, &f->pids, "the number of processes has no limit");
}
static void check_ulimits(struct lint *l, const struct run_facts *f)
{
    check_missing(l, f, &f->ulimits, "it has the engine's ulimits");
}
static void check_init(struct lint *l, const struct run_facts *f)
{
    const char *program = f->command.size > 0 ? f->command.at[0].text : NULL;

    if (!program || !image_name_is_init(program))
        check_missing(l, f, &f->init, "the program itself is process 1");
}

/* What starts programs that may outlive whoever asked for them: process 1 is then their parent. A script that ends in `exec`, or
 * does not, is judged by CP504. */
static void check_image_init(struct lint *l, const struct image_facts *f)
{
    static const char *const parents[] = {"anacron",
                                          "atd",
                                          "buildkite-agent",
                                          "code-server",
                                          "cron",
                                          "crond",
                                          "fcgiwrap",
                                          "gitea-act-runner",
                                          "gitlab-runner",
                                          "inetd",
                                          "jenkins.sh",
                                          "jenkins-agent",
                                          "jupyter",
                                          "jupyter-lab",
                                          "jupyter-notebook",
                                          "sshd",
                                          "start-notebook.sh",
                                          "ttyd",
                                          "xinetd",
                                          NULL};
    const char *slash = f->program_path ? strrchr(f->program_path, '/') : NULL;
    const struct view name = view_of(slash ? slash + 1 : f->program_path);

    if (!f->has_init && f->program != IMAGE_PROGRAM_MISSING && lint_view_in(name, parents))
        lint_add_place(
            l, f->program_path, LINT_NOWHERE,
            "it starts programs whose children may outlive them, and takes in no orphans: "
            "zombies stay");
}

#define RETRIES_MAX 5 /* CIS Docker Benchmark, 5.15 */

static void check_restart(struct lint *l, const struct run_facts *f)
{
    if (run_says(&f->restart, "always") || run_says(&f->restart, "unless-stopped"))
        lint_add_place(l, AT(f->restart), "it is restarted for ever");
    else if (run_says(&f->restart, "on-failure") &&
             (f->restart_max <= 0 || f->restart_max > RETRIES_MAX))
        lint_add_place(l, AT(f->restart), "it is restarted more than %d times", RETRIES_MAX);
}

/* "/docker" and "system.slice" are where engines put containers anyway. */
static void check_parent(struct lint *l, const struct run_facts *f)
{
    static const char *const usual[] = {"",  "/docker", "docker", "system.slice", "machine.slice",
                                        NULL};

    if (f->cgroup_parent.said == RUN_YES && !lint_view_in(view_of(f->cgroup_parent.text), usual))
        lint_add_place(l, AT(f->cgroup_parent), "its cgroup stands below '%.80s'",
                       f->cgroup_parent.text);
}

static const struct lint_row rows[] = {
    {
        .id = "CP840",
        .name = "rootfs-writable",
        .aliases = {"DB-5.13", "CIS-5.13"},
        .title = "the files of the image can be changed",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "Who breaks in leaves programs behind, where the root can be written. What a "
               "service writes belongs into volumes and /tmp.",
        .fix = "--read-only with --tmpfs /tmp; read_only: true; readOnlyRootFilesystem: true.",
        .bad = "app:1.2.3",
        .good = RUN_SAFE "--tmpfs /tmp app:1.2.3",
        .runtime = check_root,
    },
    {
        .id = "CP841",
        .name = "no-memory-limit",
        .aliases = {"DB-5.11", "CIS-5.11"},
        .title = "no limit of memory",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "One leak takes the memory of all, and the kernel then ends a program of its own "
               "choice.",
        .fix = "--memory 256m; deploy.resources.limits.memory; resources.limits.memory.",
        .bad = "app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_memory,
    },
    {
        .id = "CP842",
        .name = "no-cpu-limit",
        .aliases = {"DB-5.12", "CIS-5.12"},
        .title = "no limit or weight of processors",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "A container that loops slows down all others. A weight alone will do where "
               "processors may lie idle.",
        .fix = "--cpus 1 or --cpu-shares 512; deploy.resources.limits.cpus; resources.limits.cpu.",
        .bad = "app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_cpu,
    },
    {
        .id = "CP843",
        .name = "no-pids-limit",
        .aliases = {"DB-5.29", "CIS-5.29"},
        .title = "no limit of processes",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "A program that forks for ever takes every process number of the host, and nobody "
               "can log in to end it.",
        .fix = "--pids-limit 100; pids_limit: 100.",
        .bad = "--pids-limit -1 app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_pids,
    },
    {
        .id = "CP844",
        .name = "no-ulimits",
        .aliases = {"DB-5.19", "CIS-5.19"},
        .title = "the engine's ulimits",
        .level = LINT_STYLE,
        .where = LINT_RUNCONFIG,
        .why = "Open files and core dumps are limited for each process, and the engine's numbers "
               "are for nobody in particular.",
        .fix = "--ulimit nofile=1024, where the program needs no more.",
        .bad = "app:1.2.3",
        .good = RUN_SAFE "--ulimit nofile=1024:2048 app:1.2.3",
        .runtime = check_ulimits,
    },
    {
        .id = "CP845",
        .name = "restart-unbounded",
        .aliases = {"DB-5.15", "CIS-5.15"},
        .title = "restarts without an end",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "A container that fails at once is started again and again, and nobody hears of "
               "it. Whoever looks for a way in has as many tries as he likes.",
        .fix = "--restart on-failure:5.",
        .bad = "--restart always app:1.2.3",
        .good = RUN_SAFE "--restart on-failure:5 app:1.2.3",
        .runtime = check_restart,
    },
    {
        .id = "CP846",
        .name = "cgroup-parent",
        .aliases = {"DB-5.25", "CIS-5.25"},
        .title = "a cgroup of another's choice",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG,
        .why = "The limits are those of the cgroup above, whoever set them up. It may have none.",
        .fix = "Leave --cgroup-parent out, or see that the cgroup has the limits that are meant.",
        .bad = "--cgroup-parent /other app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_parent,
    },
    {
        .id = "CP847",
        .name = "no-init",
        .aliases = {NULL},
        .title = "no init",
        .level = LINT_INFO,
        .where = LINT_RUNCONFIG | LINT_IMAGE,
        .why = "Process 1 has to take in orphans, and signals that it does not handle do nothing "
               "to it: stopping takes ten seconds, zombies stay.",
        .fix = "--init; init: true; or tini as the ENTRYPOINT of the image.",
        .bad = "app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_init,
        .image = check_image_init,
    },
};

const struct lint_table lint_limits = {rows, ARRAY_SIZE(rows)};
