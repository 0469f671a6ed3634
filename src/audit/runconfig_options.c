/* runconfig_options.c - docker run's options as facts. */
#include "audit/internal.h"

int runconfig_options(const struct docker_options *o, struct run_list *ret, struct error *err)
{
    struct run_facts *f = run_list_new(ret);

    (void)err;
    f->exec = o->exec;
    if (o->privileged)
        f->privileged = (struct run_flag){RUN_YES, {"--privileged", {0}}};
    return 0;
}
