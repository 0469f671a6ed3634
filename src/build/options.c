/* What the options of `cooper build` say: read before any work, so that a mistake costs nothing. */
#include <errno.h>

#include "build/cache_spec.h"
#include "build/internal.h"

int build_network(const char *text, enum exec_network *ret, struct error *err)
{
    enum spawn_network n = SPAWN_NETWORK_PRIVATE;

    *ret = EXEC_NETWORK_DEFAULT;
    if (!text || strcmp(text, "default") == 0)
        return 0;
    if (spawn_network_parse(text, &n, NULL) < 0)
        return error_set(err, -EINVAL,
                         "--network '%.80s' is not one of default, private, host, none", text);
    *ret = n == SPAWN_NETWORK_HOST   ? EXEC_NETWORK_HOST
           : n == SPAWN_NETWORK_NONE ? EXEC_NETWORK_NONE
                                     : EXEC_NETWORK_DEFAULT;
    return 0;
}

int build_platforms(const struct strings *texts, struct platforms *ret, struct error *err)
{
    for (size_t i = 0; i < texts->size; i++) {
        struct view rest = view_of(texts->at[i]), part;
        while (rest.at && view_cut(&rest, ',', &part)) {
            cleanup_free char *text = view_dup(view_trim(part));
            const struct platform host = platform_host();
            struct platform p = host;
            bool known = false;
            /* "local" is buildx's word for this machine */
            const int r = strcmp(text, "local") == 0 ? 0 : platform_parse(text, &p, err);
            if (r < 0)
                return error_wrap(err, r, "--platform");
            vec_each (have, ret)
                known = known || platform_eq(have, &p);
            if (!known)
                vec_push(ret, p);
        }
    }
    return 0;
}

static int allow_one(struct view word, struct frontend_options *ret, struct error *err)
{
    if (view_eq_text(word, "network.host")) {
        ret->allow_host = true;
    } else if (view_eq_text(word, "security.insecure")) {
        ret->allow_insecure = true;
    } else {
        (void)error_set(err, -EINVAL, "--allow '%.*s' is not known", (int)MIN(word.size, 80u),
                        word.at);
        return error_hint(err, -EINVAL, "it is network.host or security.insecure");
    }
    return 0;
}

/* "a,b" is a list, as for buildx. */
int build_allow(const struct strings *texts, struct frontend_options *ret, struct error *err)
{
    int r = 0;

    vec_each (text, texts) {
        struct view rest = view_of(*text), word;
        while (r == 0 && view_cut(&rest, ',', &word))
            r = allow_one(word, ret, err);
    }
    return r;
}

static int check_caches(const struct build_options *o, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < o->cache_to.size; i++) {
        CLEANUP(cache_spec_done) struct cache_spec spec = {0};
        r = cache_to_parse(o->cache_to.at[i], &spec, err);
    }
    for (size_t i = 0; r >= 0 && i < o->cache_from.size; i++) {
        CLEANUP(cache_spec_done) struct cache_spec spec = {0};
        r = cache_from_parse(o->cache_from.at[i], &spec, err);
    }
    return r;
}

static int check_outputs(const struct build_options *o, struct error *err)
{
    CLEANUP(outputs_done) struct outputs outputs = {0};
    int r = build_outputs(o, &outputs, err);

    for (size_t i = 0; r >= 0 && i < outputs.size; i++)
        r = output_check_terminal(&outputs.at[i], err);
    return r;
}

static bool has_tag(const struct strings *names)
{
    for (size_t i = 0; i < names->size; i++) {
        const char *slash = strrchr(names->at[i], '/');
        if (strpbrk(slash ? slash : names->at[i], ":@"))
            return true;
    }
    return false;
}

static int check_push(const struct build_options *o, const struct output *output, struct error *err)
{
    if (!output->push && output->type != OUTPUT_REGISTRY)
        return 0;
    if (o->tags.size == 0 && output->names.size == 0)
        return error_hint(err, error_set(err, -EINVAL, "it has no name to be pushed under"),
                          "give it one with -t");
    if (output->by_digest && (has_tag(&o->tags) || has_tag(&output->names)))
        return error_hint(err, error_set(err, -EINVAL, "a name with a tag is not pushed by digest"),
                          "leave the tag out");
    return 0;
}

int build_check_outputs(const struct build_options *o, const struct outputs *outputs,
                        struct error *err)
{
    struct platforms platforms = {0};
    int r = build_platforms(&o->platforms, &platforms, err);
    const size_t count = MAX(platforms.size, (size_t)1);

    vec_done(&platforms);
    for (size_t i = 0; r >= 0 && i < outputs->size; i++) {
        const struct output *output = &outputs->at[i];
        r = output_check(output, count, err);
        if (r >= 0)
            r = check_push(o, output, err);
        if (r < 0)
            return error_wrap(err, r, "output '%.120s'", output->text);
    }
    return r < 0 ? r : 0;
}

static int check_inputs(const struct build_options *o, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < o->build_args.size; i++)
        r = build_arg_check(o->build_args.at[i], err);
    for (size_t i = 0; r >= 0 && i < o->labels.size; i++)
        if (!*o->labels.at[i] || *o->labels.at[i] == '=')
            r = error_set(err, -EINVAL, "--label '%.80s' has no name", o->labels.at[i]);
    for (size_t i = 0; r >= 0 && i < o->build_contexts.size; i++)
        r = named_context_check(o->build_contexts.at[i], err);
    return r < 0 ? r : secrets_check(&o->secrets, err);
}

static int check_words(const struct build_options *o, struct error *err)
{
    struct frontend_options ignored = {0};
    struct spawn_ulimit limit;
    int r = build_allow(&o->allow, &ignored, err);

    for (size_t i = 0; r >= 0 && i < o->add_hosts.size; i++) {
        cleanup_free char *line = NULL;
        r = spawn_host_parse(o->add_hosts.at[i], &line, err);
    }
    for (size_t i = 0; r >= 0 && i < o->ulimits.size; i++)
        r = spawn_ulimit_parse(o->ulimits.at[i], &limit, err);
    return r < 0 ? r : check_inputs(o, err);
}

int build_check_options(const struct build_options *o, struct error *err)
{
    enum exec_network network;
    struct platforms platforms = {0};
    int r = build_network(o->network, &network, err);

    if (r >= 0)
        r = check_words(o, err);
    if (r >= 0)
        r = check_outputs(o, err);
    if (r >= 0)
        r = build_platforms(&o->platforms, &platforms, err);
    vec_done(&platforms);
    for (size_t i = 0; r >= 0 && i < o->tags.size; i++) {
        cleanup_free char *name = NULL;
        r = image_name_canonical(o->tags.at[i], &name, err);
    }
    return r < 0 ? r : check_caches(o, err);
}

bool build_arg_is_true(const struct build_options *o, const char *name)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    bool found = false;

    for (size_t i = 0; i < o->build_args.size; i++) {
        struct view value = view_of(o->build_args.at[i]), key;

        if (!view_cut(&value, '=', &key) || !view_eq_text(key, name))
            continue;
        found = false;
        for (size_t j = 0; j < ARRAY_SIZE(yes); j++)
            found |= view_eq_text(value, yes[j]);
    }
    return found;
}
