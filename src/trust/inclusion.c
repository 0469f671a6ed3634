#include "trust/inclusion.h"

#include <errno.h>

static int bad(struct error *err, const char *what)
{
    return error_set(err, -EINVAL, "the log's proof: %s", what);
}

static int refuse(struct error *err, const char *what)
{
    return error_set(err, -EBADMSG, "the log's proof: %s", what);
}

/* ---- reading ---- */

static int read_hash(const json_t *text, struct digest *ret, struct error *err)
{
    STR_AUTO(bytes);

    if (!json_is_string(text) || !str_add_unbase64(&bytes, view_of(json_string_value(text))) ||
        bytes.size != sizeof(ret->sha256))
        return bad(err, "a hash in it is no SHA-256");
    memcpy(ret->sha256, bytes.at, bytes.size);
    return 0;
}

static int read_hashes(const json_t *doc, struct inclusion *p, struct error *err)
{
    json_t *list = NULL;
    const json_t *item;
    size_t i;
    int r = doc_array(doc, "hashes", &list, err); /* absent: the tree has one leaf */

    if (r == 0 && json_array_size(list) > INCLUSION_HASHES_MAX)
        r = error_set(err, -EDQUOT, "the log's proof has more than %d hashes",
                      INCLUSION_HASHES_MAX);
    if (r < 0)
        return r;
    json_array_foreach(list, i, item)
    {
        r = read_hash(item, &p->hashes[p->count++], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_checkpoint(const json_t *doc, struct inclusion *p, struct error *err)
{
    json_t *checkpoint = NULL;
    const char *text = NULL;
    int r = doc_need_object(doc, "checkpoint", &checkpoint, err);

    if (r == 0)
        r = doc_need_text(checkpoint, "envelope", &text, err);
    if (r < 0)
        return r;
    if (strlen(text) > CHECKPOINT_SIZE_MAX)
        return error_set(err, -EDQUOT, "a checkpoint of more than %u bytes", CHECKPOINT_SIZE_MAX);
    str_add_text(&p->checkpoint, text);
    return 0;
}

static int read_fields(const json_t *doc, struct inclusion *p, struct error *err)
{
    int64_t index = 0, size = 0;
    int r = doc_int64(doc, "logIndex", &index, err);

    if (r == 0)
        r = doc_int64(doc, "treeSize", &size, err);
    if (r == 0 && (index < 0 || size <= 0 || index >= size))
        r = bad(err, "its index is not in its tree");
    if (r == 0)
        r = read_hash(json_object_get(doc, "rootHash"), &p->root, err);
    if (r == 0)
        r = read_hashes(doc, p, err);
    if (r < 0)
        return r;
    p->index = (uint64_t)index;
    p->size = (uint64_t)size;
    return read_checkpoint(doc, p, err);
}

int inclusion_read(const json_t *doc, struct inclusion *ret, struct error *err)
{
    struct inclusion p = {.checkpoint = STR_INIT};
    const int r = read_fields(doc, &p, err);

    if (r < 0) {
        inclusion_done(&p);
        return r == -ENOENT ? -EINVAL : r;
    }
    *ret = p;
    return 0;
}

void inclusion_done(struct inclusion *p)
{
    if (p->checkpoint.at) /* zeroed memory is none */
        str_done(&p->checkpoint);
}

/* ---- the tree ---- */

static void hash_leaf(struct view leaf, struct digest *ret)
{
    STR_AUTO(bytes);

    str_add_char(&bytes, '\0');
    str_add(&bytes, leaf);
    digest_of(str_view(&bytes), ret);
}

static void hash_node(const struct digest *left, const struct digest *right, struct digest *ret)
{
    char bytes[1 + 2 * sizeof(left->sha256)] = {1};

    memcpy(bytes + 1, left->sha256, sizeof(left->sha256));
    memcpy(bytes + 1 + sizeof(left->sha256), right->sha256, sizeof(right->sha256));
    digest_of(view_make(bytes, sizeof(bytes)), ret);
}

/* RFC 9162, 2.1.3.2. */
static bool leads_to_root(const struct inclusion *p, struct view leaf)
{
    uint64_t node = p->index, last = p->size - 1;
    struct digest d;

    hash_leaf(leaf, &d);
    for (size_t i = 0; i < p->count; i++) {
        if (last == 0)
            return false;
        if ((node & 1) || node == last) {
            hash_node(&p->hashes[i], &d, &d);
            for (; node && !(node & 1); node >>= 1)
                last >>= 1;
        } else {
            hash_node(&d, &p->hashes[i], &d);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && digest_eq(&d, &p->root);
}

/* ---- the checkpoint ---- */

/* Signatures begin behind the last empty line; what is before it, with its own end, is signed. */
static bool split_note(struct view note, struct view *ret_text, struct view *ret_signatures)
{
    const char *gap = NULL;

    for (size_t i = 0; i + 1 < note.size; i++)
        if (note.at[i] == '\n' && note.at[i + 1] == '\n')
            gap = note.at + i;
    if (!gap)
        return false;
    *ret_text = view_make(note.at, (size_t)(gap - note.at) + 1);
    *ret_signatures = view_make(gap + 2, note.size - ret_text->size - 1);
    return true;
}

/* Whether the checkpoint states just this tree. */
static bool is_of_tree(struct view text, const struct inclusion *p)
{
    struct view origin, size, root;
    uint64_t leaves = 0;
    STR_AUTO(bytes);

    return view_cut(&text, '\n', &origin) && origin.size > 0 && view_cut(&text, '\n', &size) &&
           view_to_u64(size, &leaves) && leaves == p->size && view_cut(&text, '\n', &root) &&
           str_add_unbase64(&bytes, root) &&
           view_eq(str_view(&bytes), view_make(p->root.sha256, sizeof(p->root.sha256)));
}

/* "— <name> <base64>": four bytes that hint at the key, which is tried instead, and its signature. */
static bool is_signed_by(struct view line, struct view text, const struct trust_key *log)
{
    static const char dash[] = "\xE2\x80\x94 ";
    const size_t hint = 4;
    const char *blank = line.size ? memrchr(line.at, ' ', line.size) : NULL;
    STR_AUTO(bytes);

    if (!view_starts(line, dash) || !blank || (size_t)(blank - line.at) < strlen(dash))
        return false;
    const struct view encoded = view_make(blank + 1, (size_t)(line.at + line.size - blank) - 1);
    return str_add_unbase64(&bytes, encoded) && bytes.size > hint &&
           trust_key_verify(log, text, view_make(bytes.at + hint, bytes.size - hint), NULL) == 0;
}

static int verify_checkpoint(const struct inclusion *p, const struct trust_key *log,
                             struct error *err)
{
    struct view text, signatures, line;

    if (!split_note(str_view(&p->checkpoint), &text, &signatures) || !is_of_tree(text, p))
        return refuse(err, "its checkpoint is of another tree");
    for (size_t i = 0; i < CHECKPOINT_SIGNATURES_MAX && view_cut(&signatures, '\n', &line); i++)
        if (is_signed_by(line, text, log))
            return 0;
    return refuse(err, "its checkpoint is not signed by this log");
}

int inclusion_verify(const struct inclusion *p, struct view leaf, const struct trust_key *log,
                     struct error *err)
{
    if (!leads_to_root(p, leaf))
        return refuse(err, "the entry is not in its tree");
    return verify_checkpoint(p, log, err);
}
