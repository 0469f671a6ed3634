#include "sandbox/message.h"

#include <errno.h>

#include "base/frame.h"

int message_send(int fd, const json_t *message, const int *fds, size_t fd_count, struct error *err)
{
    STR_AUTO(text);

    doc_print(message, true, &text);
    return frame_send(fd, str_view(&text), fds, fd_count, err);
}

int message_receive(int fd, json_t **ret, struct error *err)
{
    STR_AUTO(text);
    int r = frame_recv(fd, &text, NULL, NULL, err);

    if (r == -ECONNRESET) { /* the other end closed with something of ours unread */
        error_done(err);
        r = 0;
    }
    if (r <= 0)
        return r;
    r = doc_parse(str_view(&text), FRAME_SIZE_MAX, "message", ret, err);
    return r < 0 ? r : 1;
}

static json_t *of_ranges(const struct id_range *ranges, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();

        doc_set_int(one, "inside", ranges[i].inside);
        doc_set_int(one, "outside", ranges[i].outside);
        doc_set_int(one, "count", ranges[i].count);
        doc_push(list, one);
    }
    return list;
}

json_t *message_of_ids(const struct identity_map *ids)
{
    json_t *m = json_object();

    doc_set_text(m, "identity", identity_name(ids->kind));
    doc_set_int(m, "uid", ids->uid);
    doc_set_int(m, "gid", ids->gid);
    doc_set(m, "uids", of_ranges(ids->uids, ids->uid_count));
    doc_set(m, "gids", of_ranges(ids->gids, ids->gid_count));
    return m;
}

static int number32(const json_t *obj, const char *key, uint32_t *ret, struct error *err)
{
    int64_t n = 0;
    const int r = doc_need_int(obj, key, &n, err);

    if (r < 0)
        return r;
    if (n < 0 || n > UINT32_MAX)
        return error_set(err, -EPROTO, "%s is out of range", key);
    *ret = (uint32_t)n;
    return 0;
}

static int parse_ranges(const json_t *message, const char *key, struct id_range *ranges,
                        size_t *count, struct error *err)
{
    json_t *list = NULL, *one;
    size_t i;
    int r = doc_need_array(message, key, &list, err);

    if (r < 0)
        return r;
    if (json_array_size(list) > ID_RANGES_MAX)
        return error_set(err, -EPROTO, "too many %s", key);
    json_array_foreach(list, i, one)
    {
        if ((r = number32(one, "inside", &ranges[i].inside, err)) < 0 ||
            (r = number32(one, "outside", &ranges[i].outside, err)) < 0 ||
            (r = number32(one, "count", &ranges[i].count, err)) < 0)
            return r;
    }
    *count = json_array_size(list);
    return 0;
}

int message_parse_ids(const json_t *message, struct identity_map *ret, struct error *err)
{
    struct identity_map m = {0};
    const char *name = NULL;
    int r;

    if ((r = doc_need_text(message, "identity", &name, err)) < 0 ||
        (r = number32(message, "uid", &m.uid, err)) < 0 ||
        (r = number32(message, "gid", &m.gid, err)) < 0 ||
        (r = parse_ranges(message, "uids", m.uids, &m.uid_count, err)) < 0 ||
        (r = parse_ranges(message, "gids", m.gids, &m.gid_count, err)) < 0)
        return r;
    while (strcmp(identity_name(m.kind), name) != 0)
        if (m.kind++ == IDENTITY_SINGLE)
            return error_set(err, -EPROTO, "identity '%.40s' is unknown", name);
    *ret = m;
    return 0;
}

json_t *message_of_error(const struct error *error)
{
    json_t *m = json_object(), *e = json_object();

    doc_set_int(e, "code", error->code);
    doc_set_text(e, "text", error->text);
    doc_set_text(e, "where", error->where);
    doc_set_text(e, "hint", error->hint);
    doc_set(m, "error", e);
    return m;
}

int message_take_error(const json_t *message, struct error *err)
{
    const char *text = NULL, *where = NULL, *hint = NULL;
    json_t *e = NULL;
    int64_t code = -EPROTO;
    int r = doc_object(message, "error", &e, err);

    if (r < 0 || !e)
        return r;
    if ((r = doc_need_text(e, "text", &text, err)) < 0 ||
        (r = doc_int(e, "code", &code, err)) < 0 || (r = doc_text(e, "where", &where, err)) < 0 ||
        (r = doc_text(e, "hint", &hint, err)) < 0)
        return r;
    r = error_set(err, code < 0 && code > -4096 ? (int)code : -EPROTO, "%s", text);
    if (where)
        r = error_at(err, r, "%s", where);
    return hint ? error_hint(err, r, "%s", hint) : r;
}
