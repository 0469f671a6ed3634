/* tests/unit/conformance.h - rows and files of $CONFORMANCE. */
#pragma once

#include "base/fd.h"
#include "unit.h"

/* Reads $CONFORMANCE/name; skips the test, saying why, when it is not there. */
static inline __attribute__((unused)) void conformance_read(const char *name, struct str *ret)
{
    const char *root = getenv("CONFORMANCE");
    cleanup_free char *path = xasprintf("%s/%s", root ? root : "", name);

    str_clear(ret);
    if (!root || fd_read_file(AT_FDCWD, path, 64 << 20, ret, NULL) < 0) {
        print_message("# skipped: no conformance data at '%s'\n", path);
        skip();
    }
}

/* Cuts the next line off *rest into up to count fields; false at the end. Missing fields are empty.
 */
static inline __attribute__((unused)) bool conformance_row(struct view *rest, struct view *fields,
                                                           size_t count)
{
    struct view line;

    do {
        if (!view_cut(rest, '\n', &line))
            return false;
    } while (line.size == 0);
    for (size_t i = 0; i < count; i++)
        if (!view_cut(&line, '\t', &fields[i]))
            fields[i] = view_make("", 0);
    return true;
}
