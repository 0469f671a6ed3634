/* cooper images - what there is. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/table.h"
#include "cli/template.h"

struct options {
    const char *format;
    bool all, no_trunc;
};

enum form { TABLE, JSON, TEMPLATE };

static void damaged(void *ctx, const char *file, const struct error *why)
{
    env_warn(ctx, "record %s: %s", file, why->text);
}

/* docker.io/library/app:1 -> "app" and "1"; behind a blank may be another platform */
static void split_name(const char *name, char **ret_repository, char **ret_tag)
{
    cleanup_free char *canonical = name ? xstrndup(name, strcspn(name, " ")) : NULL;
    REFERENCE_AUTO(ref);

    if (canonical && reference_parse(canonical, &ref, NULL) == 0 && ref.tag) {
        *ret_repository = reference_familiar_name(&ref);
        *ret_tag = xstrdup(ref.tag);
    } else {
        *ret_repository = xstrdup(canonical ? canonical : "<none>");
        *ret_tag = xstrdup("<none>");
    }
}

static void id_text(const struct image *i, bool whole, struct str *ret)
{
    char text[DIGEST_TEXT_MAX];

    if (digest_is_zero(&i->record.id))
        str_add_text(ret, "<unknown>");
    else
        str_printf(ret, whole ? "%s" : "%.12s",
                   digest_format(&i->record.id, text) + (whole ? 0 : strlen("sha256:")));
}

static void add_row(const struct env *env, const struct options *o, const struct image *i,
                    uint64_t size, struct table *table)
{
    cleanup_free char *repository = NULL, *tag = NULL;
    STR_AUTO(id);
    STR_AUTO(age);
    STR_AUTO(bytes);

    split_name(i->record.name, &repository, &tag);
    id_text(i, o->no_trunc, &id);
    const char *platform = image_name_platform(i->record.name);
    cleanup_free char *shown = platform ? xasprintf("%s %s", tag, platform) : xstrdup(tag);
    image_age(env, i->config.created, &age);
    text_size(&bytes, size);
    table_row(table, (const char *const[]){repository, shown, id.at, age.at, bytes.at}, 5);
}

static json_t *row_doc(const struct image *i, uint64_t size)
{
    cleanup_free char *repository = NULL, *tag = NULL;
    char text[DIGEST_TEXT_MAX], platform[PLATFORM_TEXT_MAX];
    json_t *doc = json_object();

    split_name(i->record.name, &repository, &tag);
    doc_set_text(doc, "Repository", repository);
    doc_set_text(doc, "Tag", tag);
    doc_set_text(doc, "ID",
                 digest_is_zero(&i->record.id) ? NULL : digest_format(&i->record.id, text));
    doc_set_text(doc, "Platform", platform_format(&i->config.platform, platform));
    doc_set_text(doc, "CreatedAt", i->config.created);
    doc_set_int(doc, "Size", (int64_t)size);
    return doc;
}

/* What docker's templates are told: short ids, sizes and ages for people. */
static int print_row(const struct env *env, const struct options *o, const struct image *i,
                     uint64_t size, struct error *err)
{
    cleanup_doc json_t *doc = row_doc(i, size);
    STR_AUTO(id);
    STR_AUTO(age);
    STR_AUTO(bytes);
    STR_AUTO(line);

    id_text(i, o->no_trunc, &id);
    image_age(env, i->config.created, &age);
    text_size(&bytes, size);
    doc_set_text(doc, "ID", id.at);
    doc_set_text(doc, "CreatedSince", age.at);
    doc_set_text(doc, "Size", bytes.at);
    const int r = template_print(o->format, doc, &line, err);
    if (r == 0)
        fprintf(env->out, "%s\n", line.at);
    return r;
}

/* docker's argument: a repository, with a tag or without. */
static bool is_wanted(const struct image *i, const char *filter, bool all)
{
    REFERENCE_AUTO(want);
    REFERENCE_AUTO(have);

    if (!filter)
        return all || i->record.name;
    const char *own = i->record.name ? i->record.name : "";
    cleanup_free char *name = xstrndup(own, strcspn(own, " "));
    if (reference_parse(filter, &want, NULL) < 0 || reference_parse(name, &have, NULL) < 0)
        return false;
    if (strcmp(want.host, have.host) != 0 || strcmp(want.repository, have.repository) != 0)
        return false;
    const char *colon = strrchr(filter, ':');
    return !colon || strchr(colon, '/') || strcmp(want.tag, have.tag) == 0;
}

static int list(struct image_tools *t, const struct options *o, const char *filter, enum form form,
                struct error *err)
{
    CLEANUP(store_images_done) struct store_images records = {0};
    CLEANUP(table_done) struct table table = {0};
    cleanup_doc json_t *docs = json_array();
    int r = store_image_list(t->store, damaged, (void *)(uintptr_t)t->env, &records, err);

    table_row(&table, (const char *const[]){"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}, 5);
    for (size_t n = 0; r == 0 && n < records.size; n++) {
        CLEANUP(image_freep) struct image *i = NULL;
        STR_AUTO(id);
        uint64_t size = 0;

        r = image_of_record(&records.at[n], &i, err);
        if (r < 0 || !is_wanted(i, filter, o->all))
            continue;
        image_try_finish(t, i);
        r = image_size(t, i, &size, err);
        if (r < 0)
            break;
        id_text(i, o->no_trunc, &id);
        if (t->env->quiet)
            fprintf(t->env->out, "%s\n", id.at);
        else if (form == TEMPLATE)
            r = print_row(t->env, o, i, size, err);
        else if (form == JSON)
            doc_push(docs, row_doc(i, size));
        else
            add_row(t->env, o, i, size, &table);
    }
    if (r < 0 || t->env->quiet || form == TEMPLATE)
        return r;
    if (form == JSON)
        image_print_doc(t->env, docs);
    else
        table_print(&table, t->env->out);
    return 0;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    IMAGE_TOOLS_AUTO(t);
    const bool template = o->format && strstr(o->format, "{{");
    bool json = false;
    int r = template ? 0 : format_is_json(o->format, &json, err);

    if (r == 0)
        r = image_tools_open(env, &t, err);
    if (r == 0)
        r = list(&t, o, arguments[0], template ? TEMPLATE : json ? JSON : TABLE, err);
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_FLAG('a', "all", struct options, all, "images without a name too"),
    OPT_FLAG(0, "no-trunc", struct options, no_trunc, "whole ids"),
    OPT_TEXT(0, "format", struct options, format, "table|json",
             "how it is printed (default table), or a template: {{.Repository}}:{{.Tag}}"),
    OPT_END,
};

const struct command_row cmd_images = {
    .name = "images",
    .group = "look at images",
    .arguments = "[REPOSITORY[:TAG]]",
    .help = "list the images of the store",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_max = 1,
    .run = run,
    .example = "cooper images",
};
