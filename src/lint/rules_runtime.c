/* rules_runtime.c - the rights of containers: docker-bench's section 5, and what it does not see. What --privileged switches off is
 * off, whatever else is said. */
#include <strings.h>

#include "lint/facts_run.h"
#include "lint/rule.h"
#include "lint/runtime.h"

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

bool run_is_privileged(const struct run_facts *f)
{
    return f->privileged.said == RUN_YES;
}

bool run_says(const struct run_text *word, const char *text)
{
    return word->said == RUN_YES && strcasecmp(word->text, text) == 0;
}

#define AT(x) (x).at.path, (x).at.span

static void check_privileged(struct lint *l, const struct run_facts *f)
{
    if (run_is_privileged(f))
        lint_add_place(l, AT(f->privileged),
                       "the container has every capability and device of the host, and no filter");
}

/* ---- capabilities ---- */

static bool drops_all(const struct run_facts *f)
{
    vec_each (cap, &f->cap_drop)
        if (run_says(cap, "ALL"))
            return true;
    return false;
}

static void check_dropped(struct lint *l, const struct run_facts *f)
{
    if (run_is_privileged(f))
        lint_add_place(l, AT(f->privileged), "no capability is dropped: it is privileged");
    else if (!drops_all(f))
        lint_add_place(l, AT(*f), "not all capabilities are dropped");
}

/* Each of them is a way to root, of the container or of the host. */
static void check_dangerous(struct lint *l, const struct run_facts *f)
{
    static const char *const dangerous[] = {
        "ALL",       "SYS_ADMIN",    "SYS_MODULE",    "SYS_PTRACE",
        "SYS_RAWIO", "SYS_BOOT",     "NET_ADMIN",     "SETUID",
        "SETGID",    "SETPCAP",      "SETFCAP",       "DAC_OVERRIDE",
        "BPF",       "PERFMON",      "MAC_ADMIN",     "DAC_READ_SEARCH",
        "SYSLOG",    "MAC_OVERRIDE", "AUDIT_CONTROL", "CHECKPOINT_RESTORE",
        NULL};

    if (run_is_privileged(f))
        lint_add_place(l, AT(f->privileged), "it has all capabilities, SYS_ADMIN among them");
    vec_each (cap, &f->cap_add)
        if (cap->said == RUN_YES && lint_view_in(view_of(cap->text), dangerous))
            lint_add_place(l, AT(*cap), "the capability %.80s is added", cap->text);
}

/* ---- filters ---- */

static void check_new_privileges(struct lint *l, const struct run_facts *f)
{
    if (f->no_new_privileges.said == RUN_UNSAID)
        lint_add_place(l, AT(*f), "programs may gain rights by setuid files");
    else if (f->no_new_privileges.said == RUN_NO)
        lint_add_place(l, AT(f->no_new_privileges), "programs may gain rights by setuid files");
}

static void check_profile(struct lint *l, const struct run_facts *f, const struct run_text *profile,
                          const char *what)
{
    if (run_says(profile, "unconfined"))
        lint_add_place(l, AT(*profile), "%s is off", what);
    else if (run_is_privileged(f))
        lint_add_place(l, AT(f->privileged), "%s is off: the container is privileged", what);
}

static void check_seccomp(struct lint *l, const struct run_facts *f)
{
    check_profile(l, f, &f->seccomp, "the filter of system calls");
}

static void check_apparmor(struct lint *l, const struct run_facts *f)
{
    check_profile(l, f, &f->apparmor, "AppArmor");
}

static void check_selinux(struct lint *l, const struct run_facts *f)
{
    static const char *const off[] = {"disable", "spc_t", "unconfined_t", "container_runtime_t",
                                      NULL};

    if (f->selinux.said == RUN_YES && lint_view_in(view_of(f->selinux.text), off))
        lint_add_place(l, AT(f->selinux), "SELinux is off");
    else if (run_is_privileged(f))
        lint_add_place(l, AT(f->privileged), "SELinux is off: the container is privileged");
}

static void check_masked(struct lint *l, const struct run_facts *f)
{
    if (f->unmasked.said == RUN_YES)
        lint_add_place(l, AT(f->unmasked), "/proc and /sys are not masked");
    else if (run_is_privileged(f))
        lint_add_place(l, AT(f->privileged),
                       "/proc and /sys are not masked: the container is privileged");
}

/* ---- users ---- */

/* "0", "root", "0:0", "+0". */
static bool is_root(const char *user)
{
    struct view rest = view_of(user), name = {0};
    uint64_t id;

    (void)view_cut(&rest, ':', &name);
    return name.size == 0 || view_eq_text(name, "root") || (view_to_u64(name, &id) && id == 0);
}

/* Root inside is a user without rights outside. */
static bool is_mapped(const struct run_facts *f)
{
    return f->userns.said == RUN_YES && *f->userns.text && !run_says(&f->userns, "host");
}

static void check_root(struct lint *l, const struct run_facts *f)
{
    if (is_mapped(f) || f->user.said == RUN_ELSEWHERE)
        return;
    if (f->user.said == RUN_YES && is_root(f->user.text))
        lint_add_place(l, AT(f->user), "it runs as root, who is root of the host, too");
    else if (f->user.said == RUN_YES || f->not_root.said == RUN_YES)
        return;
    else if (f->about_image.known && is_root(f->about_image.user))
        lint_add_place(l, AT(*f), "the image runs as root, who is root of the host, too");
    else if (f->pod && !f->about_image.known)
        lint_add_place(l, AT(*f), "nothing keeps it from running as root");
}

/* ---- namespaces of the host ---- */

static void check_host(struct lint *l, const struct run_text *space, const char *what)
{
    if (run_says(space, "host"))
        lint_add_place(l, AT(*space), "it has %s of the host", what);
}

static void check_host_pid(struct lint *l, const struct run_facts *f)
{
    check_host(l, &f->pid, "the processes");
}
static void check_host_network(struct lint *l, const struct run_facts *f)
{
    check_host(l, &f->net, "the network");
}
static void check_host_ipc(struct lint *l, const struct run_facts *f)
{
    check_host(l, &f->ipc, "the shared memory");
}
static void check_host_uts(struct lint *l, const struct run_facts *f)
{
    check_host(l, &f->uts, "the host name");
}
static void check_host_userns(struct lint *l, const struct run_facts *f)
{
    check_host(l, &f->userns, "the users");
}
static void check_host_cgroupns(struct lint *l, const struct run_facts *f)
{
    check_host(l, &f->cgroupns, "the cgroups");
}

/* ---- exec ---- */

static void check_exec_privileged(struct lint *l, const struct run_facts *f)
{
    if (f->exec && run_is_privileged(f))
        lint_add_place(l, AT(f->privileged), "the program has every capability");
}

static void check_exec_root(struct lint *l, const struct run_facts *f)
{
    if (f->exec && f->user.said == RUN_YES && is_root(f->user.text))
        lint_add_place(l, AT(f->user), "the program runs as root");
}

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
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_privileged,
    },
    {
        .id = "CP802",
        .name = "cap-not-dropped",
        .aliases = {"DB-5.4", "CIS-5.4"},
        .title = "capabilities are kept that nobody asked for",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Engines leave a container some 14 capabilities, and most programs need none. What "
               "is dropped helps nobody who breaks in.",
        .fix = "Drop ALL (--cap-drop ALL; cap_drop: [ALL]; capabilities.drop: [ALL]) and add what "
               "is missed.",
        .bad = "app:1.2.3",
        .good = RUN_SAFE "--cap-add NET_BIND_SERVICE app:1.2.3",
        .runtime = check_dropped,
    },
    {
        .id = "CP803",
        .name = "cap-dangerous",
        .aliases = {NULL},
        .title = "a capability that leads to root",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "With SYS_ADMIN, SYS_MODULE, SYS_PTRACE or BPF a program takes over the host; with "
               "SETUID, DAC_OVERRIDE or NET_ADMIN the container or its network.",
        .fix = "Leave it out, or do the one thing that needs it outside of the container.",
        .bad = "--cap-drop ALL --cap-add cap_sys_admin app:1.2.3",
        .good = RUN_SAFE "--cap-add NET_BIND_SERVICE app:1.2.3",
        .runtime = check_dangerous,
    },
    {
        .id = "CP804",
        .name = "new-privileges-allowed",
        .aliases = {"DB-5.26", "CIS-5.26"},
        .title = "setuid files give rights",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "A setuid program in the image makes root of any user inside. no-new-privileges "
               "takes that way, and few services miss it.",
        .fix = "--security-opt no-new-privileges; security_opt: [no-new-privileges:true]; "
               "allowPrivilegeEscalation: false.",
        .bad = "--security-opt no-new-privileges:false app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_new_privileges,
    },
    {
        .id = "CP805",
        .name = "seccomp-off",
        .aliases = {"DB-5.22", "CIS-5.22"},
        .title = "no filter of system calls",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "The engine's filter closes some 40 system calls that containers have no use for, "
               "and most holes of the kernel were in such. A pod has none unless it asks.",
        .fix = "Leave the engine's profile, or write one of your own; in pods seccompProfile: "
               "{type: RuntimeDefault}.",
        .bad = "--security-opt seccomp=unconfined app:1.2.3",
        .good = RUN_SAFE "--security-opt seccomp=profile.json app:1.2.3",
        .runtime = check_seccomp,
    },
    {
        .id = "CP806",
        .name = "apparmor-off",
        .aliases = {"DB-5.2", "CIS-5.2"},
        .title = "no AppArmor profile",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "The engine's profile keeps a container, root too, from writing to /proc and /sys "
               "and from mounting. Unconfined is without all of it.",
        .fix = "Leave the engine's profile (docker-default), or load one of your own.",
        .bad = "--security-opt apparmor=unconfined app:1.2.3",
        .good = RUN_SAFE "--security-opt apparmor=app app:1.2.3",
        .runtime = check_apparmor,
    },
    {
        .id = "CP807",
        .name = "selinux-off",
        .aliases = {"DB-5.3", "CIS-5.3"},
        .title = "SELinux is switched off",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Labels keep a container from the files of the host and of other containers, "
               "whoever it runs as. With label=disable or spc_t nothing does.",
        .fix = "Label the directory that is shared instead: -v /srv/app:/app:Z.",
        .bad = "--security-opt label=disable app:1.2.3",
        .good = RUN_SAFE "--security-opt label=level:s0:c1,c2 app:1.2.3",
        .runtime = check_selinux,
    },
    {
        .id = "CP808",
        .name = "masked-paths-off",
        .aliases = {NULL},
        .title = "nothing is masked below /proc and /sys",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Engines hide what of /proc and /sys is the host's: its memory, keys, firmware. "
               "Without the masks a container reads some of it and writes the rest.",
        .fix = "Leave systempaths=unconfined, unmask and procMount: Unmasked out.",
        .bad = "--security-opt systempaths=unconfined app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_masked,
    },
    {
        .id = "CP809",
        .name = "runs-as-root",
        .aliases = {"DB-4.1", "CIS-4.1"},
        .title = "root inside is root of the host",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Without a user namespace the ids inside are those of the host. A hole in the "
               "kernel or a mounted directory then is root's.",
        .fix = "--user 65532, or USER in the image; runAsNonRoot: true; or a user namespace "
               "(userns-remap, --userns=auto, hostUsers: false).",
        .bad = "--user 0:0 app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_root,
    },
    {
        .id = "CP810",
        .name = "host-pid",
        .aliases = {"DB-5.16", "CIS-5.16"},
        .title = "the processes of the host are seen",
        .level = LINT_ERROR,
        .where = LINT_RUNCONFIG,
        .why = "Who sees the host's processes can stop them, read their variables and, by "
               "/proc/1/root, its files.",
        .fix = "Leave --pid=host out; join one container's with --pid=container:NAME.",
        .bad = "--pid=host app:1.2.3",
        .good = RUN_SAFE "--pid=container:web app:1.2.3",
        .runtime = check_host_pid,
    },
    {
        .id = "CP811",
        .name = "host-network",
        .aliases = {"DB-5.10", "CIS-5.10"},
        .title = "the network of the host is used",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Services on the host's loopback and its abstract sockets take the container for a "
               "neighbour. Every port that it opens is the host's.",
        .fix = "A network of its own, and -p 127.0.0.1:8080:8080 for what has to be reached.",
        .bad = "--network=host app:1.2.3",
        .good = RUN_SAFE "app:1.2.3",
        .runtime = check_host_network,
    },
    {
        .id = "CP812",
        .name = "host-ipc",
        .aliases = {"DB-5.17", "CIS-5.17"},
        .title = "the shared memory of the host is used",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Shared memory of the host's programs can be read and written. Databases and "
               "browsers keep what they know there.",
        .fix = "Leave it private; between two containers --ipc=shareable and --ipc=container:NAME.",
        .bad = "--ipc=host app:1.2.3",
        .good = RUN_SAFE "--ipc=private app:1.2.3",
        .runtime = check_host_ipc,
    },
    {
        .id = "CP813",
        .name = "host-uts",
        .aliases = {"DB-5.21", "CIS-5.21"},
        .title = "the host name is the host's",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "With the right capability the container renames the host. There is nothing that "
               "needs it but --hostname.",
        .fix = "Leave --uts=host out; --hostname sets a name.",
        .bad = "--uts=host app:1.2.3",
        .good = RUN_SAFE "--hostname web app:1.2.3",
        .runtime = check_host_uts,
    },
    {
        .id = "CP814",
        .name = "host-userns",
        .aliases = {"DB-5.31", "CIS-5.31"},
        .title = "the users of the host are used",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "Where the engine maps users, host switches that off for this container: its root "
               "is the host's again.",
        .fix = "Leave it out, and let the files belong to the mapped users.",
        .bad = "--userns=host app:1.2.3",
        .good = RUN_SAFE "--userns=auto app:1.2.3",
        .runtime = check_host_userns,
    },
    {
        .id = "CP815",
        .name = "host-cgroupns",
        .aliases = {NULL},
        .title = "the cgroups of the host are seen",
        .level = LINT_WARNING,
        .where = LINT_RUNCONFIG,
        .why = "The names of all cgroups say what else runs on the host; with a writable "
               "hierarchy limits, and on version 1 the release agent, are in reach.",
        .fix = "--cgroupns=private.",
        .bad = "--cgroupns=host app:1.2.3",
        .good = RUN_SAFE "--cgroupns=private app:1.2.3",
        .runtime = check_host_cgroupns,
    },
    {
        .id = "CP816",
        .name = "exec-privileged",
        .aliases = {"DB-5.23", "CIS-5.23"},
        .title = "exec with all rights",
        .level = LINT_ERROR,
        .where = LINT_EXEC,
        .why = "The program has rights that the container was denied, in its file system: what "
               "was changed there runs with them.",
        .fix = "exec without --privileged; debug in a container of your own beside it.",
        .bad = "exec --privileged c sh",
        .good = "exec c sh",
        .runtime = check_exec_privileged,
    },
    {
        .id = "CP817",
        .name = "exec-as-root",
        .aliases = {"DB-5.24", "CIS-5.24"},
        .title = "exec as root",
        .level = LINT_WARNING,
        .where = LINT_EXEC,
        .why = "Files and programs that the container's user could change are then opened by "
               "root. What root leaves behind the user cannot mend.",
        .fix = "exec as the container's own user: without --user.",
        .bad = "exec --user root c sh",
        .good = "exec --user 1001 c sh",
        .runtime = check_exec_root,
    },
};

const struct lint_table lint_runtime = {rows, ARRAY_SIZE(rows)};
