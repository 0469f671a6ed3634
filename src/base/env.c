#include "base/env.h"

#include "base/progress.h"

/* Of what registries and archives say: nothing that a terminal obeys. */
static void make_visible(struct str *text)
{
    for (size_t i = 0; i < text->size; i++) {
        const unsigned char c = (unsigned char)text->at[i];

        if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
            text->at[i] = '?';
    }
}

static PRINTF_LIKE(3, 0) void say(const struct env *env, const char *word, const char *fmt,
                                  va_list ap)
{
    STR_AUTO(text);

    str_vprintf(&text, fmt, ap);
    if (progress_is_json(env->progress)) {
        progress_say(env->progress, word, text.at);
        return;
    }
    make_visible(&text);
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
