#include "cli/roles.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sandbox/holder.h"

/* The jobs that a holder can do: each module brings its rows. */
static const struct job_row jobs[] = {
    {NULL, NULL},
};

static int holder(int argc, char **argv)
{
    return holder_main(argc, argv, jobs, ARRAY_SIZE(jobs) - 1);
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} roles[] = {
    {"@holder", holder},
};

int role_main(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
        if (strcmp(argv[0], roles[i].name) == 0)
            return roles[i].run(argc, argv);
    fprintf(stderr, "cooper: there is no role '%s'\n", argv[0]);
    return 125;
}
