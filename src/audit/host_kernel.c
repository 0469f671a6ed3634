/* host_kernel.c - the rules of auditd that are loaded, as the kernel lists them: what counts now, whoever loaded it and from
 * wherever. Only root of the machine itself may ask. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/host_internal.h"
#include "base/fd.h"

#define PLACE "the kernel's rules"
#define ANSWER_MAX 16384 /* bytes of one rule; its texts are paths and a key */
#define WAIT_S 2

/* ---- one rule ---- */

static bool is_text(uint32_t field)
{
    return (field >= AUDIT_SUBJ_USER && field <= AUDIT_SUBJ_CLR) ||
           (field >= AUDIT_OBJ_USER && field <= AUDIT_OBJ_LEV_HIGH) || field == AUDIT_WATCH ||
           field == AUDIT_DIR || field == AUDIT_EXE || field == AUDIT_FILTERKEY;
}

struct rule {
    struct view path;
    uint32_t permissions;
    bool tree, named; /* named: there are permissions */
};

/* Texts stand behind the rule, one behind the other, in the order of their fields. */
static bool read_fields(const struct audit_rule_data *data, struct view texts, struct rule *ret)
{
    for (uint32_t i = 0; i < MIN(data->field_count, (uint32_t)AUDIT_MAX_FIELDS); i++) {
        const uint32_t field = data->fields[i], value = data->values[i];

        if (is_text(field)) {
            if (value > texts.size)
                return false;
            if (field == AUDIT_WATCH || field == AUDIT_DIR)
                ret->path = view_make(texts.at, value);
            ret->tree |= field == AUDIT_DIR;
            texts = view_make(texts.at + value, texts.size - value);
        } else if (field == AUDIT_PERM) {
            ret->permissions = value;
            ret->named = true;
        }
    }
    return true;
}

static bool asks_for(const struct audit_rule_data *data, unsigned call)
{
    return data->mask[AUDIT_WORD(call)] & AUDIT_BIT(call);
}

/* A rule without calls has all of them: -w, and -F path= alone. */
static bool asks_for_all(const struct audit_rule_data *data)
{
    for (size_t i = 0; i + 1 < ARRAY_SIZE(data->mask); i++)
        if (data->mask[i] != UINT32_MAX)
            return false;
    return true;
}

static void add(struct arena *arena, const struct audit_rule_data *data, const struct rule *r,
                struct host_auditing *ret)
{
    const bool all = asks_for_all(data), starts = asks_for(data, __NR_execve);
    const bool of_programs = r->path.size == 0; /* -S execve: every program that starts */
    struct host_watch w = {
        .path = of_programs ? "/" : arena_strndup(arena, r->path.at, r->path.size),
        .place = PLACE,
        .tree = of_programs || r->tree,
        .write = !of_programs && (r->named ? r->permissions & AUDIT_PERM_WRITE : all || !starts),
        .execute = r->named ? r->permissions & AUDIT_PERM_EXEC : starts,
    };

    if (*w.path == '/' && ret->watches.size < HOST_WATCHES_MAX &&
        (!of_programs || (starts && !all)))
        vec_push(&ret->watches, w);
}

void host_kernel_parse(struct arena *arena, struct view bytes, struct host_auditing *ret)
{
    struct audit_rule_data data;
    struct rule r = {0};

    if (bytes.size < sizeof(data))
        return;
    memcpy(&data, bytes.at, sizeof(data));
    const struct view texts = view_make(bytes.at + sizeof(data), bytes.size - sizeof(data));
    const uint32_t list = data.flags & ~(uint32_t)AUDIT_FILTER_PREPEND;
    if (!read_fields(&data, texts, &r))
        return;
    if (list == AUDIT_FILTER_TASK && data.action == AUDIT_NEVER && data.field_count == 0)
        ret->off = PLACE;
    else if ((list == AUDIT_FILTER_EXIT || list == AUDIT_FILTER_FS) && data.action == AUDIT_ALWAYS)
        add(arena, &data, &r, ret);
}

/* ---- all of them ---- */

static int ask(void)
{
    const struct nlmsghdr request = {
        .nlmsg_len = sizeof(request), .nlmsg_type = AUDIT_LIST_RULES, .nlmsg_flags = NLM_F_REQUEST};
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    const struct timeval wait = {.tv_sec = WAIT_S};
    cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
        sendto(fd, &request, sizeof(request), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) <
            0)
        return -1;
    return steal_fd(fd);
}

/* 1: a rule; 0: that was all; -1: the kernel does not say. */
static int receive(int fd, struct view *ret, char buf[static ANSWER_MAX])
{
    struct sockaddr_nl from = {0};
    socklen_t size = sizeof(from);
    const ssize_t n = recvfrom(fd, buf, ANSWER_MAX, 0, (struct sockaddr *)&from, &size);
    struct nlmsghdr h;

    if (n < (ssize_t)sizeof(h) || from.nl_pid != 0)
        return -1;
    memcpy(&h, buf, sizeof(h));
    *ret = view_make(buf + sizeof(h), (size_t)n - sizeof(h));
    return h.nlmsg_type == AUDIT_LIST_RULES ? 1 : h.nlmsg_type == NLMSG_DONE ? 0 : -1;
}

bool host_kernel_rules(struct arena *arena, struct host_auditing *ret)
{
    cleanup_free char *buf = xmalloc(ANSWER_MAX);
    cleanup_close int fd = ask();
    struct host_auditing loaded = {0};
    struct view rule;
    int r = fd < 0 ? -1 : 1;

    for (size_t i = 0; r > 0 && i < HOST_WATCHES_MAX; i++) {
        r = receive(fd, &rule, buf);
        if (r > 0)
            host_kernel_parse(arena, rule, &loaded);
    }
    if (r == 0) {
        vec_each (w, &loaded.watches)
            vec_push(&ret->watches, *w);
        ret->off = loaded.off ? loaded.off : ret->off;
    }
    const bool any = r == 0 && (loaded.watches.size > 0 || loaded.off);
    vec_done(&loaded.watches);
    return any;
}
