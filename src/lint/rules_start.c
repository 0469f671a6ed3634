/* rules_start.c - what happens when the container starts: signals, services, code that is fetched then. */
#include "lint/run.h"

/* The program of the stage, as far as the file says it; NULL: none. */
static const struct lint_run *start_of(struct lint *l, const struct lint_stage *s)
{
    const struct instruction *in = s->entrypoint ? s->entrypoint : s->cmd;

    return in && in->word_count > 0 ? lint_run_get(l, s, in) : NULL;
}

/* ---- signals ---- */

static bool is_exec(const struct sh_node *n)
{
    return n->kind == SH_COMMAND && n->words && view_eq_text(n->words->text, "exec") &&
           n->words->next;
}

static bool ends_in_exec(const struct sh_node *n);

/* Each branch; a missing else leaves the shell where it is. */
static bool branches_exec(const struct sh_node *n)
{
    size_t count = 0, good = 0;

    for (const struct sh_node *child = n->first; child; child = child->next) {
        const bool condition = n->kind == SH_IF && count % 2 == 0 && child->next;
        count++;
        good += condition || ends_in_exec(child);
    }
    return count > 0 && good == count && (n->kind != SH_IF || count % 2 == 1);
}

/* The last command, or one that is tied to it by && or ||. */
static bool list_execs(const struct sh_node *n)
{
    bool found = false;

    for (const struct sh_node *child = n->first; child; child = child->next) {
        found |= ends_in_exec(child);
        if (child->next && child->op != SH_OP_AND && child->op != SH_OP_OR && !is_exec(child))
            found = false;
    }
    return found;
}

static bool ends_in_exec(const struct sh_node *n)
{
    switch ((int)n->kind) {
    case SH_COMMAND:
        return is_exec(n);
    case SH_LIST:
        return list_execs(n);
    case SH_GROUP:
        return n->first && ends_in_exec(n->first);
    case SH_IF:
    case SH_CASE:
        return branches_exec(n);
    case SH_ITEM:
        return n->first && ends_in_exec(n->first);
    default:
        return false;
    }
}

static void check_pid1(struct lint *l, const struct lint_stage *s)
{
    const struct lint_run *run = start_of(l, s);

    if (!run || run->windows)
        return;
    if (run->script_count > 0) {
        const struct sh_script *script = run->scripts[0];
        if (script->command_count > 0 && !ends_in_exec(script->root))
            lint_add(l, lint_place(l, run, script->text),
                     "the program is a child of a shell, which hands no signal on: it is killed "
                     "after the grace period");
    } else if (run->call_count > 0 &&
               lint_in_list(lint_base_name(run->calls[0].name), "npm yarn pnpm npx")) {
        lint_add(l, run->in->words[0].span,
                 "'%.*s' as process 1 does not hand signals to what it starts",
                 LINT_CUT(run->calls[0].name));
    }
}

/* ---- one program ---- */

static bool is_supervisor(struct view path)
{
    return lint_in_list(lint_base_name(path),
                        "supervisord runsvdir s6-svscan systemd monit circusd runit") ||
           view_eq_text(path, "/sbin/init");
}

static bool starts_service(const struct lint_call *c)
{
    return (call_is(c, "service systemctl rc-service") ||
            lint_path_below(c->name, VIEW("/etc/init.d"))) &&
           call_has(c, "start restart");
}

/* `a & b`: something follows what goes to the background. */
static bool has_background(const struct sh_node *n, unsigned depth)
{
    for (const struct sh_node *child = n->first; child && depth < SH_DEPTH_MAX; child = child->next)
        if ((child->op == SH_OP_BACKGROUND && child->next) || has_background(child, depth + 1))
            return true;
    return false;
}

static void check_program(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++)
        if (is_supervisor(run->calls[i].name) || starts_service(&run->calls[i])) {
            lint_add(l, lint_call_span(l, run, &run->calls[i]),
                     "'%.*s' starts more than one service", LINT_CUT(run->calls[i].name));
            return;
        }
    if (run->script_count > 0 && has_background(run->scripts[0]->root, 0))
        lint_add(l, lint_place(l, run, run->scripts[0]->text),
                 "more than one service is started: one goes to the background");
}

/* Servers by what they serve: the number of its group, from 1 on; 0: none. */
static unsigned server_of(struct view package)
{
    static const char *const groups[] = {
        "apache2 httpd nginx lighttpd caddy haproxy",
        "mysql-server mariadb-server default-mysql-server mariadb mysql",
        "postgresql postgresql-server",
        "redis redis-server valkey valkey-server",
        "mongodb mongodb-server mongodb-org",
        "rabbitmq-server",
        "memcached",
        "openssh-server",
        "postfix exim4 dovecot-imapd",
        "tomcat9 tomcat10",
        "elasticsearch opensearch",
        "bind9 dnsmasq unbound",
    };

    for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
        if (lint_in_list(package, groups[i]))
            return i + 1;
    return 0;
}

static void check_servers(struct lint *l, const struct lint_stage *s)
{
    unsigned first = 0;

    for (size_t i = 0; s->final && i < s->count; i++) {
        const struct lint_run *run =
            s->at[i].kind == INSTRUCTION_RUN ? lint_run_get(l, s, &s->at[i]) : NULL;

        for (size_t j = 0; run && j < run->call_count; j++) {
            const struct lint_arg *a;
            struct view name;
            size_t at = 0;

            while ((a = call_package(&run->calls[j], &at, &name))) {
                const unsigned group = server_of(name);
                if (group == 0 || group == first)
                    continue;
                if (first == 0) {
                    first = group;
                    continue;
                }
                lint_add(l, lint_arg_span(l, run, &run->calls[j], a),
                         "'%.*s' is the second server that is installed", LINT_CUT(name));
                return;
            }
        }
    }
}

static void check_services(struct lint *l, const struct lint_stage *s)
{
    const struct instruction *const starts[] = {s->entrypoint, s->cmd};

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        if (starts[i] && starts[i]->word_count > 0)
            check_program(l, lint_run_get(l, s, starts[i]));
    check_servers(l, s);
}

/* ---- code at start ---- */

/* A request alone may be a question whether somebody is there: only what keeps or runs the answer counts. */
static bool keeps_download(const struct lint_run *run, const struct lint_call *c)
{
    if (call_is(c, "curl"))
        return call_flag(c, "o O output remote-name remote-name-all") ||
               (run->script_count > 0 && run->scripts[0]->pipe_count > 0);
    return call_is(c, "wget") && !call_flag(c, "spider");
}

static bool fetches(const struct lint_run *run, const struct lint_call *c)
{
    if (call_is_pip_install(c) || keeps_download(run, c) || call_is(c, "update-ca-certificates"))
        return true;
    if (call_is(c, "apt-get apt aptitude apk yum dnf microdnf zypper"))
        return call_has(c, "install add update upgrade");
    if (call_is(c, "npm yarn pnpm gem bundle composer cargo"))
        return call_has(c, "install ci i");
    if (call_is(c, "go"))
        return call_has(c, "install get download");
    return call_is(c, "git") && call_has(c, "clone pull fetch");
}

static void check_fetch(struct lint *l, const struct lint_stage *s)
{
    const struct instruction *const starts[] = {s->entrypoint, s->cmd};

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        const struct lint_run *run =
            starts[i] && starts[i]->word_count > 0 ? lint_run_get(l, s, starts[i]) : NULL;

        for (size_t j = 0; run && j < run->call_count; j++) {
            if (!fetches(run, &run->calls[j]))
                continue;
            lint_add(l, lint_call_span(l, run, &run->calls[j]),
                     "'%.*s' at every start: the container runs what the network holds that day",
                     LINT_CUT(run->calls[j].name));
            break;
        }
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP504",
        .name = "pid1-no-signals",
        .aliases = {NULL},
        .title = "the program gets no signals",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Process 1 of a container gets the stop signal, and a shell or npm keeps it. The "
               "program is killed in the middle of its "
               "work when the grace period ends.",
        .fix =
            "JSON form; `exec program` at the end of a script; or an init: tini, or `run --init`.",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD [\"sh\", \"-c\", \"node app.js\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"sh\", \"-c\", \"exec node app.js\"]\n",
        .stage = check_pid1,
    },
    {
        .id = "CP506",
        .name = "two-services",
        .aliases = {NULL},
        .title = "more than one service in a container",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "When one of them dies the container lives on, and nobody is told. They cannot be "
               "updated, limited or watched apart.",
        .fix = "One container for each; compose or a pod keeps them together.",
        .bad = "FROM debian:12.5\nUSER 1001\nCMD [\"supervisord\", \"-n\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"nginx\", \"-g\", \"daemon off;\"]\n",
        .stage = check_services,
    },
    {
        .id = "CP507",
        .name = "cert-or-code-at-start",
        .aliases = {NULL},
        .title = "code is fetched when the container starts",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "What runs is then not what was built and scanned, and differs from start to start. "
               "Without the network nothing starts.",
        .fix = "Fetch it in a RUN.",
        .bad = "FROM debian:12.5\nUSER 1001\nENTRYPOINT [\"sh\", \"-c\", \"pip install x && exec "
               "x\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nENTRYPOINT [\"x\"]\n",
        .stage = check_fetch,
    },
};

const struct lint_table lint_start = {rows, ARRAY_SIZE(rows)};
