#include "base/env.h"

#include "base/progress.h"

static PRINTF_LIKE(3, 0) void say(const struct env *env, const char *word, const char *fmt,
                                  va_list ap)
{
    STR_AUTO(text);

    str_vprintf(&text, fmt, ap);
    if (progress_is_json(env->progress)) {
        progress_say(env->progress, word, text.at);
        return;
    }
    if (env->progress)
        progress_hide(env->progress);
    if (env->color)
        fprintf(env->err, "cooper: \033[33m%s:\033[0m %s\n", word, text.at);
    else
        fprintf(env->err, "cooper: %s: %s\n", word, text.at);
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
