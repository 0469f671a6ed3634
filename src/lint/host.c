/* host.c - what checks of hosts share. */
#include "lint/host.h"

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
