/* rules_metadata.c - what an image says of itself: users, ports, volumes, health. */
#include <ctype.h>

#include "lint/facts_run.h"
#include "lint/image.h"
#include "lint/rule.h"

#define SYSTEM_UID_MAX 499 /* below: accounts of the distribution (N21 of reference/lint.md) */
#define PORT_MAX 65535
#define PRIVILEGED_PORT_MAX 1023

/* ---- USER ---- */

/* The part before ':'. */
static struct view user_name(const struct instruction *in)
{
    struct view rest = in && in->word_count > 0 ? lint_unquote(in->words[0].text) : VIEW(""),
                name = VIEW("");

    (void)view_cut(&rest, ':', &name);
    return name;
}

static bool is_root(const struct instruction *in)
{
    const struct view name = user_name(in);

    return view_eq_text(name, "root") || view_eq_text(name, "0");
}

/* A stage that is an image of its own: the last, or one that nothing else needs. */
static bool is_result(const struct lint_stage *s)
{
    return s->final || !s->used;
}

static void check_root(struct lint *l, const struct lint_stage *s)
{
    if (is_result(s) && is_root(s->scope.user))
        lint_add(l, s->scope.user->words[0].span, "the last USER is root");
}

/* Of a configuration: "", "root", "0:0". */
static bool runs_as_root(const struct image_config *c)
{
    const size_t size = c->user ? strcspn(c->user, ":") : 0;

    return size == 0 || (size == 1 && c->user[0] == '0') ||
           (size == 4 && strncmp(c->user, "root", 4) == 0);
}

static void check_no_user(struct lint *l, const struct lint_stage *s)
{
    if (!s->from || !s->final || s->scope.user)
        return;
    const struct image_config *base = lint_stored_base(l, s);
    if (!base)
        lint_add(l, s->from->words[0].span,
                 "no USER is set: the container runs as whom the base image says, most often root");
    else if (runs_as_root(base))
        lint_add(l, s->from->words[0].span,
                 "no USER is set, and the base runs as root: so does the container");
}

static void check_user_numeric(struct lint *l, const struct lint_stage *s,
                               const struct instruction *in)
{
    const struct view name = user_name(in);
    uint64_t number;

    (void)s;
    if (name.size > 0 && !lint_has_variable(name) && !view_to_u64(name, &number))
        lint_add(l, in->words[0].span,
                 "USER '%.*s' is a name: what number it has, only the image knows", LINT_CUT(name));
}

static void check_user_system(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    uint64_t number;

    (void)s;
    if (view_to_u64(user_name(in), &number) && number > 0 && number <= SYSTEM_UID_MAX)
        lint_add(l, in->words[0].span,
                 "user %llu belongs to the distribution, and to other containers, too",
                 (unsigned long long)number);
}

/* ---- EXPOSE ---- */

struct ports {
    uint64_t first, last;
    struct view protocol; /* size 0: none */
};

/* "80", "8000-8010/tcp"; false: a variable, or something else. */
static bool read_ports(struct view text, struct ports *ret)
{
    struct view range, first;

    text = lint_unquote(text);
    (void)view_cut(&text, '/', &range);
    ret->protocol = text.at ? text : VIEW("");
    (void)view_cut(&range, '-', &first);
    if (!view_to_u64(first, &ret->first))
        return false;
    ret->last = ret->first;
    return !range.at || view_to_u64(range, &ret->last);
}

static void check_port_range(struct lint *l, const struct lint_stage *s,
                             const struct instruction *in)
{
    struct ports p;

    (void)s;
    for (size_t i = 0; i < in->word_count; i++)
        if (read_ports(in->words[i].text, &p) && (p.first > PORT_MAX || p.last > PORT_MAX))
            lint_add(l, in->words[i].span, "'%.*s': the last port is %d",
                     LINT_CUT(in->words[i].text), PORT_MAX);
}

static void check_port_case(struct lint *l, const struct lint_stage *s,
                            const struct instruction *in)
{
    struct ports p;

    (void)s;
    for (size_t i = 0; i < in->word_count; i++) {
        STR_AUTO(lower);
        if (!read_ports(in->words[i].text, &p))
            continue;
        for (size_t k = 0; k < in->words[i].text.size; k++)
            str_add_char(&lower, (char)tolower((unsigned char)in->words[i].text.at[k]));
        if (!view_eq(str_view(&lower), in->words[i].text))
            lint_add_edit(l, in->words[i].span, in->words[i].span, lower.at,
                          "Defined protocol '%.*s' in EXPOSE instruction should be lowercase",
                          LINT_CUT(in->words[i].text));
    }
}

static void check_port_form(struct lint *l, const struct lint_stage *s,
                            const struct instruction *in)
{
    (void)s;
    for (size_t i = 0; i < in->word_count; i++) {
        const struct view v = in->words[i].text;
        if (v.size > 0 && memchr(v.at, ':', v.size) && !lint_has_variable(v))
            lint_add(l, in->words[i].span,
                     "EXPOSE instruction should not define an IP address or host-port mapping, "
                     "found '%.*s'",
                     LINT_CUT(v));
    }
}

static bool holds_port(const struct ports *p, uint64_t port)
{
    return p->first <= port && port <= p->last;
}

static void check_ssh(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    struct ports p;

    (void)s;
    for (size_t i = 0; i < in->word_count; i++)
        if (read_ports(in->words[i].text, &p) && holds_port(&p, 22) &&
            !view_eq_nocase(p.protocol, "udp"))
            lint_add(l, in->words[i].span, "port 22 is SSH's");
}

/* sshd is what is started, or its port is published. */
static void check_run_ssh(struct lint *l, const struct run_facts *f)
{
    static const char *const servers[] = {"sshd", "dropbear", NULL};

    vec_each (word, &f->command) {
        const char *slash = word->text ? strrchr(word->text, '/') : NULL;
        if (word->text && lint_view_in(view_of(slash ? slash + 1 : word->text), servers))
            lint_add_place(l, word->at.path, word->at.span, "it starts an SSH server");
    }
    vec_each (p, &f->ports)
        if (p->container <= 22 && p->container_end >= 22 && !p->udp)
            lint_add_place(l, p->at.path, p->at.span, "port 22 is SSH's");
}

static void check_admin_port(struct lint *l, const struct lint_stage *s,
                             const struct instruction *in)
{
    static const struct {
        uint64_t port;
        const char *what;
    } admin[] = {{23, "telnet"},      {2375, "an engine without TLS"},
                 {2376, "an engine"}, {3389, "RDP"},
                 {5900, "VNC"},       {5901, "VNC"}};
    struct ports p;

    (void)s;
    for (size_t i = 0; i < in->word_count; i++)
        for (size_t k = 0; k < ARRAY_SIZE(admin); k++)
            if (read_ports(in->words[i].text, &p) && holds_port(&p, admin[k].port))
                lint_add(l, in->words[i].span, "port %llu is that of %s",
                         (unsigned long long)admin[k].port, admin[k].what);
}

static void check_low_port(struct lint *l, const struct lint_stage *s)
{
    struct ports p;

    if (!s->scope.user || is_root(s->scope.user) || lint_has_variable(user_name(s->scope.user)))
        return;
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; s->at[i].kind == INSTRUCTION_EXPOSE && k < s->at[i].word_count; k++)
            if (read_ports(s->at[i].words[k].text, &p) && p.first > 0 &&
                p.first <= PRIVILEGED_PORT_MAX)
                lint_add(l, s->at[i].words[k].span, "'%.*s' cannot open port %llu on every host",
                         LINT_CUT(user_name(s->scope.user)), (unsigned long long)p.first);
}

/* ---- VOLUME ---- */

static void check_volume(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    static const char *const roots[] = {"/proc", "/sys", "/dev", "/boot"};

    (void)s;
    for (size_t i = 0; i < in->word_count; i++) {
        const struct view v = lint_unquote(in->words[i].text);
        bool bad = view_eq_text(v, "/") || view_ends(v, "docker.sock") ||
                   view_ends(v, "podman.sock") || view_ends(v, "containerd.sock") ||
                   view_ends(v, "crio.sock");
        for (size_t k = 0; k < ARRAY_SIZE(roots); k++)
            bad |= view_eq_text(v, roots[k]) ||
                   (view_starts(v, roots[k]) && v.at[strlen(roots[k])] == '/');
        if (bad)
            lint_add(l, in->words[i].span, "'%.*s' is no place for data", LINT_CUT(v));
    }
}

/* ---- HEALTHCHECK ---- */

static bool has_health(const struct lint_stage *s, const void *ctx)
{
    const struct image_config *base = s->health || s->parent ? NULL : lint_stored_base(ctx, s);

    return s->health || (base && base->healthcheck.set && base->healthcheck.test.size > 0);
}

static void check_health(struct lint *l)
{
    bool *has = xcalloc(l->stage_count + 1, sizeof(*has));

    lint_stages_with(l, has_health, l, has);
    for (size_t i = 0; i < l->stage_count; i++)
        if (!has[i])
            lint_add(l, l->stages[i].from->keyword_span, "no HEALTHCHECK");
    free(has);
}

/* Said, or known from the image; else nobody can say. */
static void check_run_health(struct lint *l, const struct run_facts *f)
{
    if (f->health.said == RUN_NO)
        lint_add_place(l, f->health.at.path, f->health.at.span, "nothing looks after its health");
    else if (f->health.said == RUN_UNSAID && f->about_image.known && !f->about_image.health)
        lint_add_place(l, f->at.path, f->at.span, "the image has no HEALTHCHECK");
}

static const struct lint_row rows[] = {
    {
        .id = "CP520",
        .name = "last-user-root",
        .aliases = {"DL3002", "CKV_DOCKER_8", "ID.20017", "CIS-DI-0001", "DB-4.1"},
        .title = "the last USER is root",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "A program that is taken over is then root in the container, one kernel bug away "
               "from the host. Few programs need it once "
               "they are installed.",
        .fix = "USER with a number of its own behind the last step that needs root.",
        .bad = "FROM debian:12.5\nUSER root\n",
        .good = "FROM debian:12.5\nUSER 1001\n",
        .stage = check_root,
        .image = lint_image_root,
    },
    {
        .id = "CP521",
        .name = "no-user",
        .aliases = {"CIS-DI-0001", "CKV_DOCKER_3", "DB-4.1"},
        .title = "no USER at all",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE,
        .why = "Without USER the base image decides, and nearly all of them say root. A number in "
               "this file is seen by everyone.",
        .fix = "USER 65532, or another number; give it what it has to write.",
        .bad = "FROM debian:12.5\nCMD [\"x\"]\n",
        .good = "FROM debian:12.5\nUSER 1001\nCMD [\"x\"]\n",
        .stage = check_no_user,
    },
    {
        .id = "CP522",
        .name = "user-not-numeric",
        .aliases = {"DL3066"},
        .title = "USER is a name",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Kubernetes' runAsNonRoot accepts numbers only: of a name it cannot tell that it is "
               "not root. Rights on volumes are "
               "numbers, too.",
        .fix = "USER 1001; the name may stand in /etc/passwd as before.",
        .bad = "FROM debian:12.5\nUSER app\n",
        .good = "FROM debian:12.5\nUSER 1001\n",
        .kinds = LINT_KIND(USER),
        .instruction = check_user_numeric,
    },
    {
        .id = "CP523",
        .name = "user-system-uid",
        .aliases = {NULL},
        .title = "USER is an account of the distribution",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Numbers below 500 belong to packages: www-data, daemon, games. What runs under "
               "them may write what those own, on the host too.",
        .fix = "Choose a number from 10000 on.",
        .bad = "FROM debian:12.5\nUSER 33\n",
        .good = "FROM debian:12.5\nUSER 10001\n",
        .kinds = LINT_KIND(USER),
        .instruction = check_user_system,
        .image = lint_image_system_uid,
    },
    {
        .id = "CP524",
        .name = "port-range",
        .aliases = {"DL3011"},
        .title = "EXPOSE of a port that does not exist",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE,
        .why = "Ports end at 65535. The builder refuses a larger one.",
        .fix = "Write the port that the program opens.",
        .bad = "FROM debian:12.5\nEXPOSE 80000\nUSER 1001\n",
        .good = "FROM debian:12.5\nEXPOSE 8000\nUSER 1001\n",
        .kinds = LINT_KIND(EXPOSE),
        .instruction = check_port_range,
    },
    {
        .id = "CP525",
        .name = "port-protocol-case",
        .aliases = {"ExposeProtoCasing"},
        .title = "EXPOSE with a protocol in capitals",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Tools compare the protocol byte for byte. `80/TCP` then is another port than "
               "`80/tcp`.",
        .fix = "Write it in small letters.",
        .bad = "FROM debian:12.5\nEXPOSE 8080/TCP\nUSER 1001\n",
        .good = "FROM debian:12.5\nEXPOSE 8080/tcp\nUSER 1001\n",
        .kinds = LINT_KIND(EXPOSE),
        .instruction = check_port_case,
    },
    {
        .id = "CP526",
        .name = "port-mapping",
        .aliases = {"ExposeInvalidFormat"},
        .title = "EXPOSE with an address or a port of the host",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "EXPOSE notes a port of the container. Where it is published, `run -p` says; the "
               "rest of the word is dropped.",
        .fix = "Write the container's port alone.",
        .bad = "FROM debian:12.5\nEXPOSE 127.0.0.1:8080:8080\nUSER 1001\n",
        .good = "FROM debian:12.5\nEXPOSE 8080\nUSER 1001\n",
        .kinds = LINT_KIND(EXPOSE),
        .instruction = check_port_form,
    },
    {
        .id = "CP527",
        .name = "expose-ssh",
        .aliases = {"CKV_DOCKER_1", "DB-5.7", "CIS-5.7"},
        .title = "EXPOSE 22",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE | LINT_RUNCONFIG,
        .why = "A container with an SSH server has a second program, keys and accounts to look "
               "after. `exec` gives a shell without any of it.",
        .fix = "Leave sshd out.",
        .bad = "FROM debian:12.5\nEXPOSE 22\nUSER 1001\n",
        .good = "FROM debian:12.5\nEXPOSE 8022\nUSER 1001\n",
        .kinds = LINT_KIND(EXPOSE),
        .instruction = check_ssh,
        .runtime = check_run_ssh,
    },
    {
        .id = "CP528",
        .name = "expose-admin-port",
        .aliases = {NULL},
        .title = "EXPOSE of a port for administration",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Engines, remote desktops and telnet are the doors that are tried first. An engine "
               "on 2375 asks nobody for a password.",
        .fix = "Leave the service out, or keep it on loopback.",
        .bad = "FROM debian:12.5\nEXPOSE 2375\nUSER 1001\n",
        .good = "FROM debian:12.5\nEXPOSE 9000\nUSER 1001\n",
        .kinds = LINT_KIND(EXPOSE),
        .instruction = check_admin_port,
    },
    {
        .id = "CP529",
        .name = "expose-low-port-nonroot",
        .aliases = {NULL},
        .title = "a port below 1024, and a user who is not root",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Without root or CAP_NET_BIND_SERVICE a port below 1024 is refused on many hosts. "
               "It works on docker's default network and fails "
               "elsewhere.",
        .fix = "Open a port from 1024 on; publish it as the low one: -p 80:8080.",
        .bad = "FROM debian:12.5\nUSER 1001\nEXPOSE 80\n",
        .good = "FROM debian:12.5\nUSER 1001\nEXPOSE 8080\n",
        .stage = check_low_port,
    },
    {
        .id = "CP530",
        .name = "sensitive-volume",
        .aliases = {"DKL-DI-0002"},
        .title = "VOLUME on a place of the system",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "/proc, /sys and /dev are the kernel's, and the socket of an engine is root on the "
               "host. None of them holds data.",
        .fix = "Name the directory that the program writes.",
        .bad = "FROM debian:12.5\nVOLUME /proc\nUSER 1001\n",
        .good = "FROM debian:12.5\nVOLUME /data\nUSER 1001\n",
        .kinds = LINT_KIND(VOLUME),
        .instruction = check_volume,
    },
    {
        .id = "CP531",
        .name = "no-healthcheck",
        .aliases = {"DL3057", "CIS-DI-0006", "CKV_DOCKER_2", "DB-4.6", "DB-5.27", "CIS-5.27"},
        .title = "no HEALTHCHECK",
        .level = LINT_INFO,
        .off = true,
        .where = LINT_DOCKERFILE | LINT_IMAGE | LINT_RUNCONFIG,
        .why = "An engine can restart what died; only a health check tells it of what hangs. "
               "Orchestrators have probes of their own, so this is off.",
        .fix = "HEALTHCHECK CMD [\"program\", \"--ping\"], or HEALTHCHECK NONE.",
        .bad = "FROM debian:12.5\nUSER 1001\n",
        .good = "FROM debian:12.5\nUSER 1001\nHEALTHCHECK CMD [\"x\"]\n",
        .file = check_health,
        .runtime = check_run_health,
    },
};

const struct lint_table lint_metadata = {rows, ARRAY_SIZE(rows)};
