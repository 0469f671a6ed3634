/* --provenance: how an image came to be, as SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance). docs/provenance.md
 * says what its fields hold. No value of a secret is anywhere near: neither --secret nor --ssh nor proxy settings are looked at.
 */
#include "build/provenance.h"

#include <errno.h>
#include <inttypes.h>

#include "base/doc.h"
#include "build/internal.h"
#include "oci/descriptor.h"

#define BUILD_TYPE "urn:cooper:build:v1"

static int unknown_field(struct view field, struct error *err)
{
    (void)error_set(err, -EINVAL, "provenance has no '%.*s'", (int)MIN(field.size, 80u), field.at);
    return error_hint(err, -EINVAL, "it is mode=min, mode=max, true or false");
}

/* A field of buildx's list. What is so anyway is taken: version=v1, inline-only, reproducible. */
static int read_field(struct view field, enum provenance *ret, struct error *err)
{
    static const struct {
        const char *name;
        enum provenance mode;
    } words[] = {{"true", PROVENANCE_MIN},          {"min", PROVENANCE_MIN},
                 {"max", PROVENANCE_MAX},           {"mode=min", PROVENANCE_MIN},
                 {"mode=max", PROVENANCE_MAX},      {"false", PROVENANCE_NONE},
                 {"disabled=true", PROVENANCE_NONE}};
    static const char *const others[] = {
        "type=provenance",   "disabled=false",    "version=v1",        "inline-only=true",
        "inline-only=false", "reproducible=true", "reproducible=false"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (view_eq_text(field, words[i].name)) {
            *ret = words[i].mode;
            return 0;
        }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (view_eq_text(field, others[i]))
            return 0;
    return unknown_field(field, err);
}

static int read_fields(struct view rest, enum provenance *ret, struct error *err)
{
    enum provenance mode = PROVENANCE_MIN;
    struct view field;
    int r = 0;

    while (r == 0 && rest.size > 0 && view_cut(&rest, ',', &field))
        r = read_field(field, &mode, err);
    if (r == 0)
        *ret = mode;
    return r;
}

static int read_attest(const char *text, enum provenance *ret, struct error *err)
{
    struct view rest = view_of(text), type;

    (void)view_cut(&rest, ',', &type);
    if (view_eq_text(type, "type=provenance"))
        return read_fields(rest, ret, err);
    if (view_eq_text(type, "type=sbom")) {
        if (view_eq_text(rest, "disabled=true"))
            return 0;
        (void)error_set(err, -EOPNOTSUPP, "--attest type=sbom cannot be had");
        return error_hint(err, -EOPNOTSUPP,
                          "no bill of materials is made here; 'cooper attest' puts one of a "
                          "scanner's beside the image");
    }
    (void)error_set(err, -EINVAL, "--attest '%.80s' is not known", text);
    return error_hint(err, -EINVAL, "it begins with type=provenance");
}

int provenance_parse(const char *text, const struct strings *attests, enum provenance *ret,
                     struct error *err)
{
    int r = 0;

    *ret = PROVENANCE_NONE;
    for (size_t i = 0; r == 0 && i < attests->size; i++)
        r = read_attest(attests->at[i], ret, err);
    return r == 0 && text ? read_fields(view_of(text), ret, err) : r;
}

/* ---- what was read ---- */

static void add_escaped(struct str *to, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '/' || *c == ':' || *c == '?' || *c == '#' || *c == '%' || *c == ' ')
            str_printf(to, "%%%02X", (unsigned char)*c);
        else
            str_add_char(to, *c);
    }
}

/* "pkg:docker/debian@bookworm?platform=linux%2Famd64" (purl-spec): as BuildKit writes it. */
static void image_uri(const struct op_source_image *image, struct str *ret)
{
    REFERENCE_AUTO(ref);
    char text[PLATFORM_TEXT_MAX];

    str_add_text(ret, "pkg:docker/");
    if (reference_parse(image->name, &ref, NULL) == 0) {
        cleanup_free char *name = reference_familiar_name(&ref);
        str_add_text(ret, name);
        if (ref.tag)
            str_printf(ret, "@%s", ref.tag);
    } else {
        add_escaped(ret, image->name);
    }
    str_add_text(ret, "?platform=");
    add_escaped(ret, platform_format(&image->image->config->platform, text));
}

static json_t *digest_doc(const char *algorithm, const char *hex)
{
    json_t *doc = json_object();

    doc_set_text(doc, algorithm, hex);
    return doc;
}

/* NULL: it is no material (the build context, whose files nobody else can name). */
static json_t *material(const struct op *op)
{
    char hex[DIGEST_HEX_MAX];
    STR_AUTO(uri);
    json_t *digest;

    if (op->kind == OP_SOURCE_IMAGE) {
        const struct source_image *image = op->u.image.image;
        image_uri(&op->u.image, &uri);
        digest = digest_doc(
            "sha256",
            digest_hex(digest_is_zero(&image->manifest) ? &image->id : &image->manifest, hex));
    } else if (op->kind == OP_SOURCE_REMOTE && op->u.remote.remote) {
        const struct remote *r = op->u.remote.remote;
        str_add_text(&uri, r->shown);
        digest = r->kind == REMOTE_GIT ? digest_doc("sha1", r->commit)
                                       : digest_doc("sha256", digest_hex(&r->body, hex));
    } else {
        return NULL;
    }
    json_t *doc = json_object();
    doc_set_text(doc, "uri", uri.at);
    doc_set(doc, "digest", digest);
    return doc;
}

static json_t *materials(const struct graph *g, const bool *needed)
{
    json_t *list = json_array();

    for (size_t i = 0; i < g->ops.size; i++) {
        json_t *doc = needed[i] ? material(g->ops.at[i]) : NULL;
        bool known = !doc;
        for (size_t n = 0; !known && n < json_array_size(list); n++)
            known = json_equal(json_array_get(list, n), doc);
        if (known)
            doc_unref(doc);
        else
            doc_push(list, doc);
    }
    return list;
}

/* ---- what was asked for ---- */

/* They have passwords in them, and decide nothing. */
static bool is_proxy(struct view name)
{
    static const char end[] = "_proxy";
    const size_t size = strlen(end);

    return name.size > size && view_eq_nocase(view_make(name.at + name.size - size, size), end);
}

static void set_texts(json_t *args, const char *prefix, const struct strings *texts)
{
    for (size_t i = 0; i < texts->size; i++) {
        struct view rest = view_of(texts->at[i]), name;
        if (!view_cut(&rest, '=', &name) || !rest.at || is_proxy(name))
            continue;
        cleanup_free char *key = xasprintf("%s:%.*s", prefix, VIEW_ARG(name));
        doc_set_text(args, key, rest.at);
    }
}

static json_t *request_doc(const struct build *b, const struct image_config *c, bool max)
{
    const struct build_options *o = b->options;
    json_t *doc = json_object(), *args = json_object();
    char text[PLATFORM_TEXT_MAX];

    if (o->target && *o->target)
        doc_set_text(args, "target", o->target);
    doc_set_text(args, "platform", platform_format(&c->platform, text));
    if (o->no_cache)
        doc_set_text(args, "no-cache", "");
    if (max) {
        set_texts(args, "build-arg", &o->build_args);
        set_texts(args, "label", &o->labels);
    }
    doc_set_text(doc, "frontend", "dockerfile.v0");
    doc_set(doc, "args", args);
    return doc;
}

/* Sources by what they are, steps by their line; inputs by number. */
static json_t *steps_doc(const struct graph *g, const bool *needed)
{
    json_t *list = json_array();

    for (size_t i = 0; i < g->ops.size; i++) {
        const struct op *op = g->ops.at[i];
        if (!needed[i])
            continue;
        json_t *step = json_object(), *inputs = json_array();
        doc_set_int(step, "id", op->id);
        doc_set_text(step, "kind", op_kind_name(op->kind));
        doc_set_text(step, "title", op->title);
        if (op->where)
            doc_set_text(step, "where", op->where);
        for (size_t n = 0; n < op->input_count; n++)
            if (op->inputs[n].op)
                json_array_append_new(inputs, json_integer(op->inputs[n].op->id));
        doc_set(step, "inputs", inputs);
        doc_push(list, step);
    }
    return list;
}

static json_t *source_doc(const struct build *b, bool max)
{
    json_t *doc = json_object();
    struct digest digest;
    char hex[DIGEST_HEX_MAX];

    digest_of(b->dockerfile->source, &digest);
    doc_set_text(doc, "path", b->dockerfile->name);
    doc_set(doc, "digest", digest_doc("sha256", digest_hex(&digest, hex)));
    if (max) {
        cleanup_free char *text = view_dup(b->dockerfile->source);
        doc_set_text(doc, "content", text);
    }
    return doc;
}

static json_t *definition_doc(const struct build *b, const struct stage *target,
                              enum provenance mode)
{
    const struct platform host = platform_host();
    const bool max = mode == PROVENANCE_MAX;
    json_t *doc = json_object(), *external = json_object(), *internal = json_object();
    cleanup_free bool *needed = xcalloc(b->graph->ops.size + 1, sizeof(*needed));
    char text[PLATFORM_TEXT_MAX];

    graph_needed(b->graph, target->root, needed);
    doc_set(external, "configSource", source_doc(b, max));
    doc_set(external, "request", request_doc(b, target->config, max));
    doc_set_text(internal, "builderPlatform", platform_format(&host, text));
    if (max)
        doc_set(internal, "buildConfig", steps_doc(b->graph, needed));
    doc_set_text(doc, "buildType", BUILD_TYPE);
    doc_set(doc, "externalParameters", external);
    doc_set(doc, "internalParameters", internal);
    doc_set(doc, "resolvedDependencies", materials(b->graph, needed));
    return doc;
}

/* ---- the run ---- */

/* With a moment of its own the document says nothing of the clock: it is the same for the same image. */
static json_t *run_doc(const struct build *b)
{
    json_t *doc = json_object(), *builder = json_object(), *metadata = json_object();
    const int64_t started = b->env->now_s,
                  finished = started + progress_elapsed_ms(b->env->progress) / 1000;
    char text[CONFIG_TIME_MAX];

    doc_set_text(builder, "id", "urn:cooper");
    doc_set(doc, "builder", builder);
    doc_set_text(metadata, "startedOn",
                 config_time_format(b->graph->has_epoch ? b->graph->epoch_s : started, text));
    doc_set_text(metadata, "finishedOn",
                 config_time_format(b->graph->has_epoch ? b->graph->epoch_s : finished, text));
    doc_set(doc, "metadata", metadata);
    return doc;
}

json_t *provenance_predicate(const struct build *b, const struct stage *target,
                             enum provenance mode)
{
    json_t *doc = json_object();

    doc_set(doc, "buildDefinition", definition_doc(b, target, mode));
    doc_set(doc, "runDetails", run_doc(b));
    return doc;
}
