/* Lists that come in pages: tags, referrers. */
#include <errno.h>

#include "oci/manifest.h"
#include "registry/internal.h"

static struct exchange *ask(struct registry_call *c, char *take_url)
{
    struct exchange *x = call_begin(c, "GET", take_url, "pull");

    x->body_max = REGISTRY_LIST_MAX;
    return x;
}

/* 1: that was the last page. */
static int next_page(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    const struct view text = head_get(&a->headers, "Link");
    cleanup_free char *url = NULL;
    struct view link;

    if (!text.at || !head_next_link(text, &link))
        return 1;
    if (++c->rounds >= REGISTRY_PAGES_MAX)
        return error_set(err, -EDQUOT, "%s: more than %d pages", c->s->host, REGISTRY_PAGES_MAX);
    const int r = location_resolve(c->x.at, link, &url, err);
    if (r < 0)
        return error_wrap(err, r, "%s: link to the next page", c->s->host);
    if (strcmp(url, c->x.at) == 0)
        return error_set(err, -ELOOP, "%s: the link to the next page leads back to its own",
                         c->s->host);
    (void)ask(c, steal(url));
    return 0;
}

static int add_tags(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    json_t *tags = NULL;
    int r = doc_parse(str_view(&a->body), REGISTRY_LIST_MAX, "list of tags", &doc, err);

    if (r == 0)
        r = doc_array(doc, "tags", &tags, err);
    for (size_t i = 0; r == 0 && i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));

        if (!tag || !reference_tag_valid(view_of(tag)))
            r = error_set(err, -EPROTO, "tags[%zu] is no tag", i);
        else if (c->result.tags.size >= REGISTRY_TAGS_MAX)
            r = error_set(err, -EDQUOT, "more than %d tags", REGISTRY_TAGS_MAX);
        else
            strings_add(&c->result.tags, tag);
    }
    return r < 0 ? error_wrap(err, r, "%s: tags of %s", c->s->host, c->repository) : 0;
}

static int take_tags(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    if (!call_ok(a))
        return call_problem(c, a, err);
    const int r = add_tags(c, a, err);
    return r < 0 ? r : next_page(c, a, err);
}

static const struct call_row row_tags = {"tags of", take_tags};

struct registry_call *registry_tags(struct registry_session *s, const char *repository)
{
    struct registry_call *c = call_new(&row_tags, s, repository);

    (void)ask(c, call_path(c, "tags/list?n=1000"));
    return c;
}

/* ---- referrers ---- */

static int add_referrers(struct registry_call *c, const struct registry_answer *a,
                         struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *index = NULL;
    const int r = image_index_parse(str_view(&a->body), &index, err);

    if (r < 0)
        return error_wrap(err, r, "%s: referrers of %s", c->s->host, c->name);
    if (!c->list)
        c->list = json_array();
    if (json_array_size(c->list) + index->manifest_count > IMAGE_INDEX_MAX)
        return error_set(err, -EDQUOT, "%s: %s has more than %d referrers", c->s->host, c->name,
                         IMAGE_INDEX_MAX);
    for (size_t i = 0; i < index->manifest_count; i++)
        json_array_append(c->list, index->manifests[i].doc);
    return 0;
}

static int print_referrers(struct registry_call *c)
{
    image_index_print(false, steal(c->list), NULL, &c->result.body);
    c->result.media_type = xstrdup(MEDIA_OCI_INDEX);
    c->result.size = c->result.body.size;
    return 1;
}

static int ask_tag(struct registry_call *c)
{
    char tag[REGISTRY_REFERRERS_TAG_MAX];
    struct exchange *x =
        ask(c, call_path(c, "manifests/%s", registry_referrers_tag(&c->digest, tag)));

    c->second = true;
    strings_add(&x->headers, "Accept: " MEDIA_OCI_INDEX);
    return 0;
}

static int take_referrers(struct registry_call *c, const struct registry_answer *a,
                          struct error *err)
{
    if (c->second && a->status == 404) {
        c->result.absent = true;
        return 1;
    }
    /* registries without the API say 404, old ones 405 or 400 */
    if (!c->second && (a->status == 404 || a->status == 405 || a->status == 400))
        return ask_tag(c);
    if (!call_ok(a))
        return call_problem(c, a, err);
    int r = add_referrers(c, a, err);
    if (r == 0)
        r = c->second ? 1 : next_page(c, a, err);
    return r == 1 ? print_referrers(c) : r;
}

static const struct call_row row_referrers = {"referrers of", take_referrers};

struct registry_call *registry_referrers(struct registry_session *s, const char *repository,
                                         const struct digest *digest)
{
    struct registry_call *c = call_new(&row_referrers, s, repository);
    char text[DIGEST_TEXT_MAX];

    c->digest = *digest;
    c->name = xstrdup(digest_format(digest, text));
    (void)ask(c, call_path(c, "referrers/%s", c->name));
    return c;
}
