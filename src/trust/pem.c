#include "trust/pem.h"

#include <errno.h>

#include "trust/crypto.h"

#define LINE 64 /* letters; what strict readers take */
#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

/* "-----BEGIN <label>-----" */
static bool is_frame(struct view line, const char *begin, struct view *ret_label)
{
    const size_t before = strlen(begin), after = strlen(DASHES);

    if (!view_starts(line, begin) || !view_ends(line, DASHES) || line.size < before + after)
        return false;
    *ret_label = view_make(line.at + before, line.size - before - after);
    return true;
}

static bool find_begin(struct view *rest, struct view *ret_label)
{
    struct view line;

    while (view_cut(rest, '\n', &line))
        if (is_frame(view_trim(line), BEGIN, ret_label))
            return true;
    return false;
}

int pem_next(struct view *rest, char label[static PEM_LABEL_MAX], struct str *ret,
             struct error *err)
{
    struct view name, end, line;
    SECRET_AUTO(text);
    bool ended = false;

    if (!find_begin(rest, &name))
        return 0;
    if (name.size == 0 || name.size >= PEM_LABEL_MAX)
        return error_set(err, -EINVAL, "a PEM block has no usable label");
    str_reserve(&text, rest->size);
    while (!ended && view_cut(rest, '\n', &line)) {
        line = view_trim(line);
        ended = is_frame(line, END, &end);
        if (!ended)
            str_add(&text, line);
    }
    if (!ended || !view_eq(name, end) || !str_add_unbase64(ret, str_view(&text)))
        return error_set(err, -EINVAL, "the PEM block '%.*s' is damaged", VIEW_ARG(name));
    memcpy(label, name.at, name.size);
    label[name.size] = '\0';
    return 1;
}

void pem_add(struct str *to, const char *label, struct view bytes)
{
    SECRET_AUTO(text);

    str_reserve(&text, bytes.size / 3 * 4 + 8);
    str_add_base64(&text, bytes);
    str_printf(to, BEGIN "%s" DASHES "\n", label);
    for (size_t at = 0; at < text.size; at += LINE) {
        str_add(to, view_make(text.at + at, MIN(text.size - at, (size_t)LINE)));
        str_add_char(to, '\n');
    }
    str_printf(to, END "%s" DASHES "\n", label);
}
