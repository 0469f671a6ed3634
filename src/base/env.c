#include "base/env.h"

#include "base/progress.h"
#include "base/text.h"

static PRINTF_LIKE(3, 0) void say(const struct env *env, const char *word, const char *fmt,
                                  va_list ap)
{
    STR_AUTO(text);
    STR_AUTO(shown);

    str_vprintf(&text, fmt, ap);
    if (progress_is_json(env->progress)) {
        progress_say(env->progress, word, text.at);
        return;
    }
    text_add_visible(&shown, str_view(&text)); /* of what registries and archives say */
    if (env->progress)
        progress_hide(env->progress);
    if (env->color)
        fprintf(env->err, "cooper: \033[33m%s:\033[0m %s\n", word, shown.at);
    else
        fprintf(env->err, "cooper: %s: %s\n", word, shown.at);
    (void)fflush(env->err);
    if (env->progress)
        progress_show(env->progress);
}

void env_warn(const struct env *env, const char *fmt, ...)
{
    va_list ap;

    if (env->quiet)
        return;
    va_start(ap, fmt);
    say(env, "warning", fmt, ap);
    va_end(ap);
}

void env_note(const struct env *env, const char *fmt, ...)
{
    va_list ap;

    if (env->quiet)
        return;
    va_start(ap, fmt);
    say(env, "note", fmt, ap);
    va_end(ap);
}

void env_debug(const struct env *env, const char *fmt, ...)
{
    va_list ap;

    if (!env->verbose)
        return;
    va_start(ap, fmt);
    say(env, "note", fmt, ap);
    va_end(ap);
}
