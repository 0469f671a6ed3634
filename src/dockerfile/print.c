/* print.c - the syntax tree as nested lists, as BuildKit's parser dumps it. */
#include <ctype.h>

#include "base/utf8.h"
#include "dockerfile/glob.h"
#include "dockerfile/internal.h"

/* Characters beyond ASCII that Go's strconv.Quote writes as numbers; what it holds for printable is
 * nearly all the rest. */
static bool is_hidden(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x80, 0xa0},     {0xad, 0xad},     {0x2000, 0x200f},   {0x2028, 0x202f},
        {0x205f, 0x206f}, {0x3000, 0x3000}, {0xd800, 0xf8ff},   {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
    };

    for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

static void add_char(struct str *s, struct view c)
{
    static const char plain[] = "\a\b\f\n\r\t\v\"\\", escaped[] = "abfnrtv\"\\";
    const unsigned char first = (unsigned char)c.at[0];
    const char *at = first && c.size == 1 ? strchr(plain, first) : NULL;
    size_t size;
    const uint32_t code = utf8_char(c, &size);

    if (at)
        str_printf(s, "\\%c", escaped[at - plain]);
    else if (c.size == 1 && (first < 0x20 || first >= 0x7f))
        str_printf(s, "\\x%02x", first);
    else if (c.size > 1 && is_hidden(code))
        str_printf(s, code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
    else
        str_add(s, c);
}

void dockerfile_quote(struct view v, struct str *s)
{
    str_add_char(s, '"');
    while (v.size > 0) {
        const size_t size = glob_char_size(v);

        add_char(s, view_make(v.at, size));
        v = view_make(v.at + size, v.size - size);
    }
    str_add_char(s, '"');
}

static void print_instruction(const struct instruction *in, struct str *ret)
{
    for (size_t i = 0; i < in->keyword.size; i++)
        str_add_char(ret, (char)tolower((unsigned char)in->keyword.at[i]));
    for (size_t i = 0; i < in->flag_count; i++) {
        str_add_text(ret, i == 0 ? " [" : " ");
        dockerfile_quote(in->flags[i].text, ret);
    }
    if (in->flag_count > 0)
        str_add_char(ret, ']');
    if (!in->row)
        str_add_text(ret, " \"\"");
    for (size_t i = 0; i < in->word_count; i++) {
        str_add_char(ret, ' ');
        dockerfile_quote(in->words[i].text, ret);
    }
    if (in->trigger) {
        str_add_text(ret, " (");
        print_instruction(in->trigger, ret);
        str_add_char(ret, ')');
    }
}

void dockerfile_print(const struct dockerfile *d, struct str *ret)
{
    for (size_t i = 0; i < d->instruction_count; i++) {
        str_add_char(ret, '(');
        print_instruction(&d->instructions[i], ret);
        str_add_text(ret, ")\n");
    }
}
