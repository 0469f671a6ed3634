/* Registries' errors as one line for people. */
#include <ctype.h>
#include <errno.h>

#include "registry/internal.h"

#define PROBLEM_MAX 400 /* bytes shown */
#define PROBLEMS_MAX 3  /* of a list */

/* A stranger's text goes to a terminal. */
static void add_clean(struct str *ret, const char *text)
{
    const size_t begin = ret->size;

    for (; *text && ret->size < PROBLEM_MAX; text++) {
        const unsigned char c = (unsigned char)*text;
        const bool blank = c <= ' ' || c == 127;

        if (!blank)
            str_add_char(ret, (char)c);
        else if (ret->size > begin && ret->at[ret->size - 1] != ' ')
            str_add_char(ret, ' ');
    }
    while (ret->size > begin && ret->at[ret->size - 1] == ' ')
        str_truncate(ret, ret->size - 1);
}

static void add_one(struct str *ret, const json_t *item)
{
    const char *code = json_string_value(json_object_get(item, "code"));
    const char *message = json_string_value(json_object_get(item, "message"));
    const char *detail = json_string_value(json_object_get(item, "detail"));

    if (!code && !message)
        return;
    if (ret->size)
        str_add_text(ret, "; ");
    if (message && *message)
        add_clean(ret, message);
    else if (detail)
        add_clean(ret, detail);
    if (code && *code) {
        str_add_text(ret, ret->size && ret->at[ret->size - 1] != ' ' ? " (" : "(");
        add_clean(ret, code);
        str_add_char(ret, ')');
    }
}

/* {"errors":[..]}, {"message":..}, {"error":..,"error_description":..}, {"details":..} */
static bool read_doc(const json_t *doc, struct str *ret)
{
    static const char *const words[] = {"error_description", "message", "details", "error"};
    const json_t *list = json_object_get(doc, "errors");

    for (size_t i = 0; i < MIN(json_array_size(list), PROBLEMS_MAX); i++)
        add_one(ret, json_array_get(list, i));
    for (size_t i = 0; i < ARRAY_SIZE(words) && !ret->size; i++) {
        const char *text = json_string_value(json_object_get(doc, words[i]));

        if (text)
            add_clean(ret, text);
    }
    return ret->size > 0;
}

void problem_read(struct view body, struct str *ret)
{
    cleanup_doc json_t *doc = NULL;
    const struct view text = view_trim(body);

    str_clear(ret);
    if (doc_parse(text, REGISTRY_BODY_MAX, "error", &doc, NULL) == 0 && read_doc(doc, ret))
        return;
    /* pages of proxies say nothing in their first line */
    if (!text.size || text.at[0] == '<' || text.at[0] == '{' || memchr(text.at, 0, text.size))
        return;
    const char *end = memchr(text.at, '\n', text.size);
    cleanup_free char *line =
        xstrndup(text.at, MIN(end ? (size_t)(end - text.at) : text.size, PROBLEM_MAX));
    add_clean(ret, line);
}

static const struct {
    int status, code;
    const char *text;
} statuses[] = {
    {400, -EPROTO, "it did not understand the request"},
    {401, -EACCES, "it wants a login"},
    {403, -EACCES, "access is denied"},
    {404, -ENOENT, "it is not there"},
    {405, -ENOTSUP, "it does not do that"},
    {408, -ETIMEDOUT, "it waited too long"},
    {413, -EDQUOT, "it is too large for it"},
    {416, -EPROTO, "it has no such range"},
    {429, -EBUSY, "it had too many requests"},
    {500, -EIO, "it failed inside"},
    {502, -EIO, "what stands behind it failed"},
    {503, -EBUSY, "it is not available now"},
    {504, -ETIMEDOUT, "what stands behind it did not answer"},
    {507, -EDQUOT, "it is full"},
};

int problem_set(const struct registry_session *s, const char *what, const struct registry_answer *a,
                struct error *err)
{
    const char *text = NULL;
    int code = a->status / 100 == 5 ? -EIO : -EPROTO;
    STR_AUTO(said);

    problem_read(str_view(&a->body), &said);
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].status == a->status) {
            code = statuses[i].code;
            text = statuses[i].text;
        }
    if (said.size)
        (void)error_set(err, code, "%s: %s: %s [%d]", s->host, what, said.at, a->status);
    else
        (void)error_set(err, code, "%s: %s: %s [%d]", s->host, what,
                        text ? text : "it answered otherwise than it must", a->status);
    if (code == -EACCES && !session_has_login(s))
        return error_hint(err, code, "'cooper login %s' tells it who you are", s->host);
    if (code == -EACCES)
        return error_hint(err, code, "the name may be wrong, or this login may not do that");
    return code;
}
