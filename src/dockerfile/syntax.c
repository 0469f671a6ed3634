#include "dockerfile/syntax.h"

#include <errno.h>

/* "[registry/...]repository[:tag][@digest]": *ret_tag is empty where there is none. */
static struct view cut_tag(struct view image, struct view *ret_tag)
{
    struct view rest = image;
    size_t colon;

    (void)view_cut(&rest, '@', &image);
    for (colon = image.size; colon > 0 && image.at[colon - 1] != '/'; colon--)
        if (image.at[colon - 1] == ':')
            break;
    if (colon == 0 || image.at[colon - 1] != ':') {
        *ret_tag = (struct view){0};
        return image;
    }
    *ret_tag = view_make(image.at + colon, image.size - colon);
    return view_make(image.at, colon - 1);
}

/* "docker/dockerfile", on whatever registry. */
static bool is_dockers(struct view repository)
{
    return view_eq_text(repository, "docker/dockerfile") ||
           view_eq_text(repository, "docker/dockerfile-upstream") ||
           view_ends(repository, "/docker/dockerfile") ||
           view_ends(repository, "/docker/dockerfile-upstream");
}

static bool is_front_end(struct view repository)
{
    size_t base = repository.size;

    while (base > 0 && repository.at[base - 1] != '/')
        base--;
    return view_starts(view_make(repository.at + base, repository.size - base), "dockerfile");
}

/* "1", "1.7-labs"; names such as "latest" and "labs" are never too new. */
static bool is_newer(struct view tag)
{
    struct view rest = tag, part;
    uint64_t major, minor;

    (void)view_cut(&rest, '-', &part);
    rest = part;
    (void)view_cut(&rest, '.', &part);
    if (!view_to_u64(part, &major))
        return false;
    (void)view_cut(&rest, '.', &part);
    return major > SYNTAX_MAJOR || (major == SYNTAX_MAJOR && part.size &&
                                    view_to_u64(part, &minor) && minor > SYNTAX_MINOR);
}

int syntax_check(struct view text, struct str *ret_warning, struct error *err)
{
    struct view rest = text, image, tag;

    (void)view_cut(&rest, ' ', &image); /* what follows are options of the front end */
    const struct view repository = cut_tag(image, &tag);
    const int shown = (int)MIN(image.size, 120u);

    if (!is_front_end(repository)) {
        (void)error_set(err, -ENOTSUP, "syntax '%.*s' is a language of its own", shown, image.at);
        return error_hint(err, -ENOTSUP,
                          "front ends are not fetched and run; take the line out "
                          "where the file is a plain Dockerfile");
    }
    if (!is_dockers(repository))
        str_printf(ret_warning, "syntax '%.*s' is not docker's; it is read as docker/dockerfile:%d",
                   shown, image.at, SYNTAX_MAJOR);
    else if (is_newer(tag))
        str_printf(ret_warning, "syntax '%.*s' is newer than what is known here, %d.%d", shown,
                   image.at, SYNTAX_MAJOR, SYNTAX_MINOR);
    return ret_warning->size > 0;
}
