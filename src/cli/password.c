#include "cli/password.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "trust/key.h"

#define VARIABLE "COSIGN_PASSWORD"

enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, DELETE = 127 };

/* Reads a line of a terminal that hands over every key as it is struck: whoever interrupts us must
 * not be left with a terminal that does not echo. */
static int read_line(struct str *ret, struct error *err)
{
    for (;;) {
        char c;
        const ssize_t n = read(0, &c, 1);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_sys(err, "read the password");
        if (n == 0 || c == CTRL_C || (c == CTRL_D && ret->size == 0))
            return error_set(err, -ECANCELED, "no password was given");
        if (c == '\n' || c == '\r')
            return 0;
        if (c == BACKSPACE || c == DELETE)
            str_truncate(ret, ret->size > 0 ? ret->size - 1 : 0);
        else if (ret->size == KEY_PASSWORD_MAX)
            return error_set(err, -EDQUOT, "a password has at most %d bytes", KEY_PASSWORD_MAX);
        else
            str_add_char(ret, c);
    }
}

int password_ask(const char *question, struct str *ret, struct error *err)
{
    struct termios before, raw;

    if (tcgetattr(0, &before) < 0)
        return error_sys(err, "ask the terminal");
    raw = before;
    raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(0, TCSAFLUSH, &raw) < 0)
        return error_sys(err, "ask the terminal");
    fputs(question, stderr);
    (void)fflush(stderr);
    str_reserve(ret, KEY_PASSWORD_MAX);
    const int r = read_line(ret, err);
    (void)tcsetattr(0, TCSADRAIN, &before);
    fputc('\n', stderr);
    return r;
}

static int ask_twice(const char *question, struct str *ret, struct error *err)
{
    SECRET_AUTO(again);
    int r = password_ask(question, ret, err);

    if (r == 0)
        r = password_ask("Enter the same password again: ", &again, err);
    if (r == 0 && !view_eq(str_view(ret), str_view(&again)))
        r = error_set(err, -EINVAL, "the two passwords differ");
    return r;
}

int password_get(const char *question, bool is_new, struct str *ret, struct error *err)
{
    const char *given = getenv(VARIABLE);

    if (isatty(0) && !given)
        return is_new ? ask_twice(question, ret, err) : password_ask(question, ret, err);
    str_reserve(ret, KEY_PASSWORD_MAX);
    if (!given)
        return fd_read_all(0, KEY_PASSWORD_MAX, ret, err);
    if (strlen(given) > KEY_PASSWORD_MAX)
        return error_set(err, -EDQUOT, "$" VARIABLE " has more than %d bytes", KEY_PASSWORD_MAX);
    str_add_text(ret, given);
    return 0;
}
