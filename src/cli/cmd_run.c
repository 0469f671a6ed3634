/* cooper run - an image in a container, in the foreground. */
#include <errno.h>

#include "cli/commands.h"
#include "run/run.h"

struct options {
    struct run_options run;
    bool remove, init;
};

#define TEXTS(l, n, field, v, h) OPT_TEXTS(l, n, struct options, run.field, v, h)
#define TEXT(l, n, field, v, h) OPT_TEXT(l, n, struct options, run.field, v, h)

static const struct option_row options[] = {
    OPT_FLAG('i', "interactive", struct options, run.interactive, "connect standard input"),
    OPT_FLAG('t', "tty", struct options, run.tty, "give it a terminal"),
    TEXTS('e', "env", env, "NAME[=VALUE]", "set a variable; without value, hand ours on"),
    TEXT('w', "workdir", workdir, "DIR", "working directory"),
    TEXT('u', "user", user, "USER[:GROUP]", "user of the image, or numbers"),
    TEXT(0, "entrypoint", entrypoint, "PROGRAM", "instead of the image's entrypoint and command"),
    TEXT('h', "hostname", hostname, "NAME", "host name inside (default cooper)"),
    TEXT(0, "network", network, "private|none|host", "network (default private, through pasta)"),
    TEXTS('p', "publish", ports, "[ADDRESS:][HOST:]PORT[/udp]",
          "make a port reachable on the host (default address 127.0.0.1)"),
    TEXTS(0, "add-host", hosts, "NAME:ADDRESS|NAME:host-gateway", "a line of /etc/hosts"),
    TEXTS(0, "ulimit", ulimits, "NAME=SOFT[:HARD]",
          "a limit of its processes, such as nofile=1024"),
    TEXTS('v', "volume", volumes, "SOURCE:TARGET[:ro]", "mount a directory or file of the host"),
    TEXTS(0, "mount", mounts, "type=T,source=S,target=T", "the same, or type=tmpfs"),
    TEXTS(0, "tmpfs", tmpfs, "TARGET[:size=N,mode=N]", "mount an empty directory in memory"),
    OPT_SIZE(0, "shm-size", struct options, run.shm_size, "BYTES", "of /dev/shm (default 64m)"),
    OPT_FLAG(0, "read-only", struct options, run.read_only, "the root cannot be written"),
    TEXTS(0, "cap-add", cap_add, "NAME", "keep a capability; ALL for all"),
    TEXTS(0, "cap-drop", cap_drop, "NAME", "take a capability away; ALL for all"),
    TEXTS(0, "security-opt", security, "OPTION", "no-new-privileges=false, seccomp=unconfined"),
    TEXT(0, "rootfs", rootfs, "DIR", "run in this directory instead of an image"),
    OPT_FLAG(0, "pid1", struct options, run.no_init,
             "the program itself is PID 1, without the small init"),
    OPT_FLAG(0, "init", struct options, init, "a small init is PID 1 (it always is)"),
    OPT_FLAG(0, "rm", struct options, remove, "keep nothing afterwards (nothing is ever kept)"),
    OPT_END,
};

static int run(const struct env *env, const void *ctx, char *const *arguments, struct error *err)
{
    const struct options *given = ctx;
    struct run_options o = given->run;
    IMAGE_TOOLS_AUTO(tools);
    int status = 125;

    if (!o.rootfs && !*arguments) {
        error_set(err, -EINVAL, "'cooper run' wants an image");
        error_hint(err, -EINVAL, "cooper run [OPTIONS] IMAGE [PROGRAM [ARGUMENT]...]");
        return 125;
    }
    if (!o.rootfs)
        o.image = *arguments++;
    for (; *arguments; arguments++)
        strings_add(&o.command, *arguments);
    int r = image_tools_open_store(env, &tools, err);
    if (r == 0)
        r = run_foreground(&tools, &o, &status, err);
    strings_done(&o.command);
    return r < 0 ? 125 : status;
}

const struct command_row cmd_run = {
    .name = "run",
    .group = "run them",
    .arguments = "IMAGE|--rootfs DIR [PROGRAM [ARGUMENT]...]",
    .help = "run an image in a container",
    .options = options,
    .options_size = sizeof(struct options),
    .arguments_min = 0,
    .arguments_max = -1,
    .stop_at_first = true,
    .run = run,
    .example = "cooper run --network none -p 8080:80 app",
};
