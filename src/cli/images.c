#include "cli/images.h"

#include <errno.h>

#include "base/text.h"
#include "cli/cli.h"

void image_age(const struct env *env, const char *created, struct str *ret)
{
    int64_t seconds;

    if (created && config_time_parse(created, &seconds))
        text_age(ret, MAX(env->now_s - seconds, 0));
    else
        str_add_text(ret, "N/A");
}

int image_exit(int r)
{
    return r >= 0 ? EXIT_DONE : r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

void image_print_doc(const struct env *env, const json_t *doc)
{
    STR_AUTO(text);

    doc_print(doc, false, &text);
    str_add_char(&text, '\n');
    fputs(text.at, env->out);
}

void image_try_finish(struct image_tools *t, struct image *i)
{
    ERROR_AUTO(err);

    if (image_finish(t, i, &err) < 0)
        env_warn(t->env, "%s", err.text);
}

int image_of_record(struct store_image *take_record, struct image **ret, struct error *err)
{
    CLEANUP(image_freep) struct image *i = xcalloc(1, sizeof(*i));

    i->record = *take_record;
    *take_record = (struct store_image){0};
    take_record->config = STR_INIT;
    const int r = config_parse(str_view(&i->record.config), &i->config, err);
    if (r < 0)
        return r;
    *ret = steal(i);
    return 0;
}

int image_open_platform(struct image_tools *t, const char *name, const char *platform,
                        struct image **ret, struct error *err)
{
    struct platform p;
    const int r = platform ? platform_parse(platform, &p, err) : 0;

    return r < 0 ? r : image_open_for(t, name, platform ? &p : NULL, ret, err);
}

int image_open_some(struct image_tools *t, const char *name, const char *platform,
                    struct image ***ret, size_t *ret_count, struct error *err)
{
    struct image *one = NULL;

    if (!platform)
        return image_open_all(t, name, ret, ret_count, err);
    const int r = image_open_platform(t, name, platform, &one, err);
    if (r < 0)
        return r;
    *ret = xcalloc(1, sizeof(struct image *));
    (*ret)[0] = one;
    *ret_count = 1;
    return 0;
}
