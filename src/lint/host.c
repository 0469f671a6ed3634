/* host.c - what checks of hosts share. */
#include "lint/host.h"

/* What holds against a program that broke out of its container, or is about to. */
const struct host_knob host_knobs[HOST_KNOBS] = {
    {"kernel.randomize_va_space", 2, 2, "2", "addresses can be guessed"},
    {"kernel.kptr_restrict", 1, 2, "1", "addresses of the kernel can be read"},
    {"kernel.dmesg_restrict", 1, 1, "1", "everybody reads the kernel's messages"},
    {"kernel.unprivileged_bpf_disabled", 1, 2, "1", "everybody loads programs into the kernel"},
    {"kernel.yama.ptrace_scope", 1, 3, "1", "a process reads others of its user"},
    {"kernel.sysrq", 0, 438, "0", "every key of SysRq works"},
    {"fs.protected_hardlinks", 1, 1, "1", "setuid files can be kept by a link"},
    {"fs.protected_symlinks", 1, 1, "1", "links in /tmp lead root astray"},
    {"fs.protected_fifos", 1, 2, "1", "FIFOs in /tmp are opened for files"},
    {"fs.protected_regular", 1, 2, "1", "files in /tmp are taken for own ones"},
    {"net.ipv4.tcp_syncookies", 1, 2, "1", "a flood of SYN packets shuts the ports"},
};

void host_answer(const struct lint *l, const struct host_facts *f, enum host_verdict verdict,
                 const char *why)
{
    if (f->answers)
        f->answers[lint_row_number(l->row)] = (struct host_answer){verdict, why};
}

static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || strchr("_./:@+=,-", c);
}

const char *host_quote(const struct lint *l, const char *word)
{
    const char *c = word;
    STR_AUTO(text);

    while (*c && is_plain(*c))
        c++;
    if (!*c && *word)
        return word;
    str_add_char(&text, '\'');
    for (c = word; *c; c++)
        if (*c == '\'')
            str_add_text(&text, "'\\''");
        else
            str_add_char(&text, *c);
    str_add_char(&text, '\'');
    return arena_strndup(l->arena, text.at, text.size);
}

bool host_has_daemon(const struct lint *l, const struct host_facts *f)
{
    if (!f->daemon.there)
        host_answer(l, f, HOST_NOT_APPLICABLE, "there is no docker engine on this host");
    return f->daemon.there;
}
