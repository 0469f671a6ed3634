/* The image configuration as JSON: reading and printing. */
#include <errno.h>

#include "oci/config.h"

static int read_text(const json_t *obj, const char *key, char **ret, struct error *err)
{
    const char *text = NULL;
    const int r = doc_text(obj, key, &text, err);

    if (r == 0 && text && *text)
        *ret = xstrdup(text);
    return r;
}

/* RFC 3339 (image-spec 1.1, config.md, created). */
static int read_time(const json_t *obj, const char *key, char **ret, struct error *err)
{
    const char *text = NULL;
    int64_t seconds;
    const int r = doc_text(obj, key, &text, err);

    if (r == 0 && text && !config_time_parse(text, &seconds))
        return error_set(err, -EINVAL, "%s: '%.40s' is not a time", key, text);
    if (r == 0 && text)
        *ret = xstrdup(text);
    return r;
}

static int read_list(const json_t *obj, const char *key, struct strings *ret, bool *ret_set,
                     struct error *err)
{
    json_t *array = NULL, *item;
    size_t i;
    const int r = doc_array(obj, key, &array, err);

    if (r < 0)
        return r;
    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item))
            return error_set(err, -EINVAL, "%s[%zu] is not a text", key, i);
        strings_add(ret, json_string_value(item));
    }
    if (ret_set)
        *ret_set = array != NULL;
    return 0;
}

/* {"80/tcp": {}} */
static int read_set(const json_t *obj, const char *key, struct strings *ret, struct error *err)
{
    json_t *set = NULL, *value;
    const char *name;
    const int r = doc_object(obj, key, &set, err);

    if (r < 0)
        return r;
    json_object_foreach(set, name, value)
    {
        if (!json_is_object(value) && !json_is_null(value))
            return error_set(err, -EINVAL, "%s: '%.80s' is not {}", key, name);
        strings_add(ret, name);
    }
    return 0;
}

static int read_labels(const json_t *obj, struct pairs *ret, struct error *err)
{
    json_t *labels = NULL, *value;
    const char *key;
    const int r = doc_object(obj, "Labels", &labels, err);

    if (r < 0)
        return r;
    json_object_foreach(labels, key, value)
    {
        if (!json_is_string(value))
            return error_set(err, -EINVAL, "Labels: '%.80s' is not a text", key);
        /* keys of an object are unique, so nothing is looked up */
        vec_push(ret, (struct pair){xstrdup(key), xstrdup(json_string_value(value))});
    }
    return 0;
}

static int read_healthcheck(const json_t *obj, struct healthcheck *ret, struct error *err)
{
    json_t *h = NULL;
    int r = doc_object(obj, "Healthcheck", &h, err);

    if (r < 0 || !h)
        return r;
    ret->set = true;
    r = read_list(h, "Test", &ret->test, NULL, err);
    if (r == 0)
        r = doc_int(h, "Interval", &ret->interval_ns, err);
    if (r == 0)
        r = doc_int(h, "Timeout", &ret->timeout_ns, err);
    if (r == 0)
        r = doc_int(h, "StartPeriod", &ret->start_period_ns, err);
    if (r == 0)
        r = doc_int(h, "StartInterval", &ret->start_interval_ns, err);
    if (r == 0)
        r = doc_int(h, "Retries", &ret->retries, err);
    return r < 0 ? error_wrap(err, r, "Healthcheck") : 0;
}

static int check_env(const struct strings *env, struct error *err)
{
    vec_each (item, env) {
        const char *equals = strchr(*item, '=');

        if (!equals || equals == *item)
            return error_set(err, -EINVAL, "Env: '%.80s' is not NAME=value", *item);
    }
    return 0;
}

static int read_runtime(const json_t *obj, struct image_config *c, struct error *err)
{
    int r = read_text(obj, "User", &c->user, err);

    if (r == 0)
        r = read_list(obj, "Env", &c->env, NULL, err);
    if (r == 0)
        r = check_env(&c->env, err);
    if (r == 0)
        r = read_list(obj, "Entrypoint", &c->entrypoint, &c->entrypoint_set, err);
    if (r == 0)
        r = read_list(obj, "Cmd", &c->cmd, &c->cmd_set, err);
    if (r == 0)
        r = read_text(obj, "WorkingDir", &c->workdir, err);
    if (r == 0)
        r = read_set(obj, "ExposedPorts", &c->ports, err);
    if (r == 0)
        r = read_set(obj, "Volumes", &c->volumes, err);
    if (r == 0)
        r = read_labels(obj, &c->labels, err);
    if (r == 0)
        r = read_text(obj, "StopSignal", &c->stop_signal, err);
    if (r == 0)
        r = doc_bool(obj, "ArgsEscaped", &c->args_escaped, err);
    if (r == 0)
        r = read_healthcheck(obj, &c->healthcheck, err);
    if (r == 0)
        r = read_list(obj, "OnBuild", &c->onbuild, NULL, err);
    if (r == 0)
        r = read_list(obj, "Shell", &c->shell, NULL, err);
    return r;
}

static int read_step(const json_t *obj, struct histories *ret, struct error *err)
{
    struct history *h;
    int r;

    if (!json_is_object(obj))
        return error_set(err, -EINVAL, "not an object");
    vec_push(ret, (struct history){0});
    h = vec_last(ret);
    r = read_time(obj, "created", &h->created, err);
    if (r == 0)
        r = read_text(obj, "created_by", &h->created_by, err);
    if (r == 0)
        r = read_text(obj, "author", &h->author, err);
    if (r == 0)
        r = read_text(obj, "comment", &h->comment, err);
    if (r == 0)
        r = doc_bool(obj, "empty_layer", &h->empty_layer, err);
    return r;
}

static int read_history(const json_t *doc, struct histories *ret, struct error *err)
{
    json_t *array = NULL, *item;
    size_t i;
    int r = doc_array(doc, "history", &array, err);

    if (r < 0)
        return r;
    if (json_array_size(array) > CONFIG_HISTORY_MAX)
        return error_set(err, -EDQUOT, "history has %zu items, more than %d",
                         json_array_size(array), CONFIG_HISTORY_MAX);
    json_array_foreach(array, i, item)
    {
        r = read_step(item, ret, err);
        if (r < 0)
            return error_wrap(err, r, "history[%zu]", i);
    }
    return 0;
}

static int read_rootfs(const json_t *doc, struct digests *ret, struct error *err)
{
    json_t *rootfs, *array, *item;
    const char *type;
    struct digest d;
    size_t i;
    int r = doc_need_object(doc, "rootfs", &rootfs, err);

    if (r == 0)
        r = doc_need_text(rootfs, "type", &type, err);
    if (r != 0)
        return r;
    if (strcmp(type, "layers") != 0)
        return error_set(err, -EINVAL, "rootfs: type '%.40s' is not layers", type);
    if (json_is_null(json_object_get(rootfs, "diff_ids")))
        return 0; /* as Go prints an empty list */
    r = doc_need_array(rootfs, "diff_ids", &array, err);
    if (r < 0)
        return r;
    json_array_foreach(array, i, item)
    {
        if (!json_is_string(item))
            return error_set(err, -EINVAL, "rootfs: diff_ids[%zu] is not a text", i);
        r = digest_parse(json_string_value(item), &d, err);
        if (r < 0)
            return error_wrap(err, r, "rootfs: diff_ids[%zu]", i);
        if (digest_is_zero(&d)) /* ours for "not known" */
            return error_set(err, -EINVAL, "rootfs: diff_ids[%zu] is no digest of a layer", i);
        vec_push(ret, d);
    }
    return 0;
}

static int read_platform(const json_t *doc, struct platform *ret, struct error *err)
{
    const char *os, *architecture, *variant = NULL, *version = NULL;
    int r = doc_need_text(doc, "os", &os, err);

    if (r == 0)
        r = doc_need_text(doc, "architecture", &architecture, err);
    if (r == 0)
        r = doc_text(doc, "variant", &variant, err);
    if (r == 0)
        r = doc_text(doc, "os.version", &version, err);
    if (r == 0)
        r = platform_make(os, architecture, variant, ret, err);
    if (r < 0)
        return r;
    if (version && strlen(version) < sizeof(ret->os_version))
        strcpy(ret->os_version, version);
    return 0;
}

static int read_config(struct image_config *c, struct error *err)
{
    json_t *runtime = NULL;
    int r;

    if (!json_is_object(c->doc))
        return error_set(err, -EINVAL, "it is not a JSON object");
    r = read_platform(c->doc, &c->platform, err);
    if (r == 0)
        r = read_time(c->doc, "created", &c->created, err);
    if (r == 0)
        r = read_text(c->doc, "author", &c->author, err);
    if (r == 0)
        r = doc_object(c->doc, "config", &runtime, err);
    if (r == 0 && runtime)
        r = read_runtime(runtime, c, err);
    if (r == 0)
        r = read_history(c->doc, &c->history, err);
    if (r == 0)
        r = read_rootfs(c->doc, &c->diff_ids, err);
    return r == -ENOENT ? -EINVAL : r;
}

int config_parse(struct view text, struct image_config *ret, struct error *err)
{
    CONFIG_AUTO(c);
    int r = doc_parse(text, CONFIG_SIZE_MAX, "image config", &c.doc, err);

    if (r < 0)
        return r;
    r = read_config(&c, err);
    if (r < 0)
        return error_wrap(err, r, "image config");
    *ret = c;
    c = (struct image_config){0};
    return 0;
}

static void put_text(json_t *doc, const char *key, const char *text)
{
    if (text && *text)
        doc_set_text(doc, key, text);
}

static void put_list(json_t *doc, const char *key, const struct strings *list)
{
    if (list->size == 0)
        return;
    json_t *array = json_array();
    vec_each (item, list) {
        doc_push(array, doc_new_text(*item));
    }
    doc_set(doc, key, array);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Go prints maps sorted. */
static void put_set(json_t *doc, const char *key, const struct strings *set)
{
    if (set->size == 0)
        return;
    cleanup_free char **sorted = xmemdup(set->at, set->size * sizeof(*set->at));
    json_t *obj = json_object();
    qsort(sorted, set->size, sizeof(*sorted), compare_texts);
    for (size_t i = 0; i < set->size; i++)
        doc_set(obj, sorted[i], json_object());
    doc_set(doc, key, obj);
}

static int compare_pairs(const void *a, const void *b)
{
    return strcmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static void put_labels(json_t *doc, const struct pairs *labels)
{
    if (labels->size == 0)
        return;
    cleanup_free struct pair *sorted = xmemdup(labels->at, labels->size * sizeof(*labels->at));
    json_t *obj = json_object();
    qsort(sorted, labels->size, sizeof(*sorted), compare_pairs);
    for (size_t i = 0; i < labels->size; i++)
        doc_set_text(obj, sorted[i].key, sorted[i].value);
    doc_set(doc, "Labels", obj);
}

static void put_int(json_t *doc, const char *key, int64_t value)
{
    if (value != 0)
        doc_set_int(doc, key, value);
}

static void put_healthcheck(json_t *doc, const struct healthcheck *h)
{
    if (!h->set)
        return;
    json_t *obj = json_object();
    put_list(obj, "Test", &h->test);
    put_int(obj, "Interval", h->interval_ns);
    put_int(obj, "Timeout", h->timeout_ns);
    put_int(obj, "StartPeriod", h->start_period_ns);
    put_int(obj, "StartInterval", h->start_interval_ns);
    put_int(obj, "Retries", h->retries);
    doc_set(doc, "Healthcheck", obj);
}

static const char *const runtime_keys[] = {
    "User",   "ExposedPorts", "Env",         "Entrypoint",  "Cmd",     "Volumes", "WorkingDir",
    "Labels", "StopSignal",   "ArgsEscaped", "Healthcheck", "OnBuild", "Shell",
};

static const char *const config_keys[] = {
    "architecture", "author",     "config", "created", "history",
    "os",           "os.version", "rootfs", "variant",
};

/* Copies what we do not know from the parsed document. */
static void put_unknown(json_t *doc, json_t *parsed, const char *const *known, size_t count)
{
    const char *key;
    json_t *value;

    json_object_foreach(parsed, key, value)
    {
        size_t i = 0;

        while (i < count && strcmp(known[i], key) != 0)
            i++;
        if (i == count)
            doc_set(doc, key, json_deep_copy(value));
    }
}

json_t *config_runtime_doc(const struct image_config *c)
{
    json_t *doc = json_object();

    put_text(doc, "User", c->user);
    put_set(doc, "ExposedPorts", &c->ports);
    put_list(doc, "Env", &c->env);
    put_list(doc, "Entrypoint", &c->entrypoint);
    put_list(doc, "Cmd", &c->cmd);
    put_set(doc, "Volumes", &c->volumes);
    put_text(doc, "WorkingDir", c->workdir);
    put_labels(doc, &c->labels);
    put_text(doc, "StopSignal", c->stop_signal);
    if (c->args_escaped)
        doc_set_bool(doc, "ArgsEscaped", true);
    put_healthcheck(doc, &c->healthcheck);
    put_list(doc, "OnBuild", &c->onbuild);
    put_list(doc, "Shell", &c->shell);
    put_unknown(doc, json_object_get(c->doc, "config"), runtime_keys, ARRAY_SIZE(runtime_keys));
    return doc;
}

static json_t *history_doc(const struct histories *history)
{
    json_t *array = json_array();

    vec_each (h, history) {
        json_t *obj = json_object();

        put_text(obj, "created", h->created);
        put_text(obj, "created_by", h->created_by);
        put_text(obj, "author", h->author);
        put_text(obj, "comment", h->comment);
        if (h->empty_layer)
            doc_set_bool(obj, "empty_layer", true);
        doc_push(array, obj);
    }
    return array;
}

static json_t *rootfs_doc(const struct digests *diff_ids)
{
    json_t *rootfs = json_object(), *array = json_array();
    char text[DIGEST_TEXT_MAX];

    vec_each (d, diff_ids) {
        doc_push(array, doc_new_text(digest_format(d, text)));
    }
    doc_set_text(rootfs, "type", "layers");
    doc_set(rootfs, "diff_ids", array);
    return rootfs;
}

/* BuildKit goes through a Go map here, so the keys on top are sorted. */
static json_t *sorted_keys(json_t *take_doc)
{
    json_t *sorted = json_object(), *value;
    const char *key;
    struct strings keys = {0};

    json_object_foreach(take_doc, key, value)
    {
        strings_add(&keys, key);
    }
    if (keys.size)
        qsort(keys.at, keys.size, sizeof(*keys.at), compare_texts);
    vec_each (item, &keys) {
        doc_set(sorted, *item, json_incref(json_object_get(take_doc, *item)));
    }
    strings_done(&keys);
    doc_unref(take_doc);
    return sorted;
}

void config_print(const struct image_config *c, struct str *ret)
{
    json_t *doc = json_object();

    doc_set_text(doc, "architecture", c->platform.architecture); /* both are required, if empty */
    put_text(doc, "author", c->author);
    doc_set(doc, "config", config_runtime_doc(c));
    put_text(doc, "created", c->created);
    if (c->history.size)
        doc_set(doc, "history", history_doc(&c->history));
    doc_set_text(doc, "os", c->platform.os);
    put_text(doc, "os.version", c->platform.os_version);
    doc_set(doc, "rootfs", rootfs_doc(&c->diff_ids));
    put_text(doc, "variant", c->platform.variant);
    put_unknown(doc, c->doc, config_keys, ARRAY_SIZE(config_keys));
    doc = sorted_keys(doc);
    doc_print(doc, true, ret);
    doc_unref(doc);
}
