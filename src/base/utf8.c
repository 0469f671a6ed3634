#include "base/utf8.h"

static const struct form {
    uint8_t mask, lead; /* of the first byte */
    size_t size;
    uint32_t least;
} forms[] = {
    {0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

static bool is_scalar(uint32_t c)
{
    return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

uint32_t utf8_char(struct view v, size_t *ret_size)
{
    const uint8_t *at = (const uint8_t *)v.at;
    const struct form *f = forms;

    *ret_size = 1;
    while (f < forms + ARRAY_SIZE(forms) && (at[0] & f->mask) != f->lead)
        f++;
    if (f == forms + ARRAY_SIZE(forms) || f->size > v.size)
        return UTF8_NONE;
    uint32_t c = at[0] & (uint8_t)~f->mask;
    for (size_t i = 1; i < f->size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return UTF8_NONE;
        c = c << 6 | (at[i] & 0x3f);
    }
    if (c < f->least || !is_scalar(c))
        return UTF8_NONE;
    *ret_size = f->size;
    return c;
}

void utf8_add(struct str *to, uint32_t c)
{
    size_t last = ARRAY_SIZE(forms) - 1;

    while (c < forms[last].least)
        last--;
    const struct form *f = &forms[last];
    str_add_char(to, (char)(f->lead | c >> 6 * (f->size - 1)));
    for (size_t i = f->size - 1; i-- > 0;)
        str_add_char(to, (char)(0x80 | (c >> 6 * i & 0x3f)));
}
