#include "build/log.h"

#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "build/internal.h"

/* "[build 2/5] RUN make" is "build-2-5.log"; a second step of that title has its number added. */
static void name_of(const struct op *op, bool with_number, struct str *ret)
{
    const char *at = op->title + (op->title[0] == '[');

    for (; *at && *at != ']' && ret->size < 100; at++)
        if (*at != ' ' || (at[-1] != '[' && at[-1] != ' ')) /* "[ 1/10]" */
            str_add_char(ret, isalnum((unsigned char)*at) || *at == '_' || *at == '.' ? *at : '-');
    if (with_number)
        str_printf(ret, "-%u", op->id);
    str_add_text(ret, ".log");
}

static int open_file(struct build *b, const struct op *op, struct str *name, struct error *err)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW;

    name_of(op, false, name);
    const int fd = fd_open(b->log_dir, name->at, flags, 0600, NULL);
    if (fd != -EEXIST)
        return fd < 0 ? error_set(err, fd, "make '%s'", name->at) : fd;
    str_clear(name);
    name_of(op, true, name);
    return fd_open(b->log_dir, name->at, flags, 0600, err);
}

static int open_log(struct step_log *l, struct build *b, const struct op *op, struct error *err)
{
    STR_AUTO(name);

    if (b->log_dir < 0) {
        b->log_dir = store_log_dir(b->tools.store, b->env->now_s, err);
        if (b->log_dir < 0)
            return b->log_dir;
    }
    const int fd = open_file(b, op, &name, err);
    if (fd < 0)
        return fd;
    cleanup_free char *dir = fd_name(b->log_dir);
    l->fd = fd;
    l->path = xasprintf("%s/%s", dir ? dir : "logs", name.at);
    l->redactor = secrets_redactor(b->secrets);
    return 0;
}

static void put(struct step_log *l, struct view bytes)
{
    if (bytes.size && !l->cut && fd_write_all(l->fd, bytes, NULL) < 0)
        l->cut = true;
}

void log_write(struct step_log *l, struct build *b, const struct op *op, struct view bytes)
{
    ERROR_AUTO(why);

    if (!l->path && !l->cut && open_log(l, b, op, &why) < 0) {
        l->cut = true;
        env_warn(b->env, "the output of '%s' is not kept: %s", op->title, why.text);
    }
    if (!l->path)
        return;
    if (l->redactor) {
        STR_AUTO(kept);

        redactor_pass(l->redactor, bytes, &kept);
        put(l, str_view(&kept));
    } else {
        put(l, bytes);
    }
}

void log_end(struct step_log *l)
{
    STR_AUTO(kept);

    if (!l->path || l->fd < 0)
        return;
    if (l->redactor)
        redactor_end(l->redactor, &kept);
    put(l, str_view(&kept));
    fd_closep(&l->fd);
}

void log_done(struct step_log *l)
{
    log_end(l);
    redactor_free(l->redactor);
    free(l->path);
    *l = (struct step_log){0};
}
