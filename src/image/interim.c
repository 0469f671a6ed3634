#include "image/interim.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "layer/meta.h"

int interim_begin(int directory, const json_t *request, struct error *err)
{
    const char *name = NULL;
    const int r = doc_need_text(request, "interim", &name, err);

    if (r < 0)
        return r;
    if (mkdirat(directory, name, 0700) < 0)
        return error_sys(err, "make '%.100s'", name);
    return fd_open(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
}

static int move_up(int interim, int directory, struct error *err)
{
    const int copy = fcntl(interim, F_DUPFD_CLOEXEC, 3);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    int r = 0;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return error_sys(err, "read the new files");
    }
    for (const struct dirent *e; r == 0 && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            renameat(interim, e->d_name, directory, e->d_name) < 0)
            r = error_sys(err, "move '%.255s'", e->d_name);
    closedir(dir);
    return r;
}

/* The last thing that is done: moving changes the time, and needs the right to write. */
static int set_root(int directory, const struct entry *root, json_t *answer, struct error *err)
{
    struct entry e = *root;
    ERROR_AUTO(why);

    e.path = ".";
    int r = meta_set(-1, e.path, directory, &e, OWNER_PLAIN, NULL, &why);
    if (r == 0)
        r = meta_set_time(-1, e.path, directory, &e, &why);
    if (r != -EPERM && r < 0)
        return error_move(err, &why);
    if (r < 0)
        doc_set_bool(answer, "not_ours", true);
    return 0;
}

int interim_end(int directory, int interim, const json_t *request, const struct entry *root,
                json_t *answer, struct error *err)
{
    const char *name = NULL;
    int r = doc_need_text(request, "interim", &name, err);

    if (r == 0)
        r = move_up(interim, directory, err);
    if (r == 0 && unlinkat(directory, name, AT_REMOVEDIR) < 0)
        r = error_sys(err, "delete '%.100s'", name);
    return r == 0 && root ? set_root(directory, root, answer, err) : r;
}
