#include "layer/chmod.h"

#include <errno.h>

static int bad(const char *text, struct error *err)
{
    const int r = error_set(err, -EINVAL, "mode '%.80s' is neither octal nor symbolic", text);

    return error_hint(err, r, "write it as 755, 0644 or u=rwX,go=rX");
}

static int parse_octal(const char *text, struct chmod *ret, struct error *err)
{
    uint32_t mode = 0;

    if (strspn(text, "01234567") != strlen(text) || strlen(text) > 8)
        return bad(text, err);
    for (const char *c = text; *c; c++)
        mode = mode << 3 | (uint32_t)(*c - '0');
    if (mode > 07777)
        return bad(text, err);
    ret->count = 1;
    ret->clauses[0] = (struct chmod_clause){.who = 07777, .op = '=', .bits = (uint16_t)mode};
    return 0;
}

static uint16_t classes(const char **at)
{
    uint16_t who = 0;

    for (;; ++*at) {
        if (**at == 'u')
            who |= 04700;
        else if (**at == 'g')
            who |= 02070;
        else if (**at == 'o')
            who |= 01007;
        else if (**at == 'a')
            who |= 07777;
        else
            break;
    }
    return who ? who : 07777;
}

static bool permission(char c, struct chmod_clause *ret)
{
    switch (c) {
    case 'r':
        ret->bits |= 0444;
        return true;
    case 'w':
        ret->bits |= 0222;
        return true;
    case 'x':
        ret->bits |= 0111;
        return true;
    case 'X':
        ret->cond_x = true;
        return true;
    case 's':
        ret->bits |= 06000;
        return true;
    case 't':
        ret->bits |= 01000;
        return true;
    default:
        return false;
    }
}

/* "go+rX-w": one list of classes, then one or more actions. */
static int parse_part(const char **at, struct chmod *ret)
{
    const uint16_t who = classes(at);

    if (!**at || !strchr("=+-", **at))
        return -EINVAL;
    while (**at && strchr("=+-", **at)) {
        struct chmod_clause c = {.who = who, .op = *(*at)++};

        if (**at && strchr("ugo", **at))
            c.copy = *(*at)++;
        else
            while (permission(**at, &c))
                ++*at;
        if (ret->count == CHMOD_CLAUSES_MAX)
            return -EINVAL;
        ret->clauses[ret->count++] = c;
    }
    return 0;
}

int chmod_parse(const char *text, struct chmod *ret, struct error *err)
{
    struct chmod c = {0};
    const char *at = text;
    int r;

    if (text[0] >= '0' && text[0] <= '9')
        r = parse_octal(text, &c, err);
    else {
        while ((r = parse_part(&at, &c)) == 0 && *at == ',')
            at++;
        if (r < 0 || *at != '\0')
            r = bad(text, err);
    }
    if (r == 0)
        *ret = c;
    return r;
}

static uint32_t wanted_bits(const struct chmod_clause *c, uint32_t mode, bool is_dir)
{
    uint32_t bits = c->bits;

    if (c->copy) {
        const uint32_t class_ = (c->copy == 'u'   ? mode >> 6
                                 : c->copy == 'g' ? mode >> 3
                                                  : mode) &
                                7;

        bits = class_ << 6 | class_ << 3 | class_;
    }
    if (c->cond_x && (is_dir || (mode & 0111)))
        bits |= 0111;
    return bits & c->who;
}

/* "=" on a directory leaves its setuid and setgid bits unless they are named, as chmod(1) does. */
uint32_t chmod_apply(const struct chmod *ch, uint32_t mode, bool is_dir)
{
    for (size_t i = 0; i < ch->count; i++) {
        const struct chmod_clause *c = &ch->clauses[i];
        const uint32_t bits = wanted_bits(c, mode, is_dir);
        uint32_t who = c->who;

        if (c->op == '+') {
            mode |= bits;
        } else if (c->op == '-') {
            mode &= ~bits;
        } else {
            if (who != 07777 && is_dir)
                who &= ~06000u;
            mode = (mode & ~who) | bits;
        }
    }
    return mode & 07777;
}

uint32_t chmod_portable(uint32_t mode, bool is_dir)
{
    return is_dir || (mode & 0111) ? 0755 : 0644;
}
