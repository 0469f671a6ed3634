/* tests/unit/trees.h - indexes out of a few words, and scratch directories. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/index.h"
#include "unit.h"

/* Words separated by blanks: "d/" directory, "d!" opaque directory, "f=text" file, "l>text"
 * symlink, "h<first" hard link, "x~" whiteout; "./" is the root. */
__attribute__((unused)) static struct entry entry_of_word(const char *word, char *path)
{
    struct entry e = {.type = ENTRY_FILE, .mode = 0644, .mtime_s = 1700000000};
    const size_t name = strcspn(word, "!=><~");

    memcpy(path, word, name);
    path[name] = '\0';
    if (word[name] == '\0') {
        e.type = ENTRY_DIR;
        path[name - 1] = '\0'; /* the '/' */
    } else if (word[name] == '!') {
        e.type = ENTRY_DIR;
        e.opaque = true;
    } else if (word[name] == '=') {
        e.size = strlen(word + name + 1);
        digest_of(view_of(word + name + 1), &e.content);
    } else if (word[name] == '~') {
        e.type = ENTRY_WHITEOUT;
    } else {
        e.type = word[name] == '>' ? ENTRY_SYMLINK : ENTRY_HARDLINK;
        e.link = word + name + 1;
    }
    if (e.type == ENTRY_DIR)
        e.mode = 0755;
    if (strcmp(path, ".") == 0)
        path[0] = '\0';
    e.path = path;
    return e;
}

__attribute__((unused)) static int try_index_of(const char *words, struct index **ret,
                                                struct error *err)
{
    CLEANUP(index_builder_freep) struct index_builder *b = index_builder_new();
    cleanup_free char *text = xstrdup(words);
    char path[4200];

    for (char *save, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        const struct entry e = entry_of_word(word, path);

        index_builder_add(b, &e);
    }
    return index_builder_finish(b, ret, err);
}

__attribute__((unused)) static struct index *index_of(const char *words)
{
    struct index *ix = NULL;
    ERROR_AUTO(err);

    if (try_index_of(words, &ix, &err) < 0)
        fail_msg("%s: %s", words, err.text);
    return ix;
}

/* The other way, for assertions: "d/ d/a=5 ..." with the size of files in place of their text. */
__attribute__((unused)) static void word_of_entry(const struct entry *e, const char *path,
                                                  struct str *ret)
{
    if (ret->size > 0)
        str_add_char(ret, ' ');
    str_add_text(ret, path[0] ? path : ".");
    switch (e->type) {
    case ENTRY_DIR:
        str_add_char(ret, e->opaque ? '!' : '/');
        break;
    case ENTRY_FILE:
        str_printf(ret, "=%u", (unsigned)e->size);
        break;
    case ENTRY_SYMLINK:
        str_printf(ret, ">%s", e->link);
        break;
    case ENTRY_HARDLINK:
        str_printf(ret, "<%s", e->link);
        break;
    case ENTRY_WHITEOUT:
        str_add_char(ret, '~');
        break;
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
        str_printf(ret, "@%u:%u", e->major, e->minor);
        break;
    case ENTRY_FIFO:
        str_add_char(ret, '|');
    }
}

__attribute__((unused)) static void words_of_index(const struct index *ix, struct str *ret)
{
    for (size_t i = 0; i < index_count(ix); i++)
        word_of_entry(index_at(ix, i), index_at(ix, i)->path, ret);
}

/* A fresh directory on a disk file system (tmpfs has user xattrs since Linux 6.6 only). */
struct scratch {
    char path[64];
    int fd;
};
__attribute__((unused)) static struct scratch scratch_new(void)
{
    struct scratch s = {"/var/tmp/cooper-unit-XXXXXX", -1};

    assert_non_null(mkdtemp(s.path));
    s.fd = open(s.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(s.fd >= 0);
    return s;
}

__attribute__((unused)) static void scratch_done(struct scratch *s)
{
    close(s->fd);
    assert_int_equal(fd_remove_tree(AT_FDCWD, s->path, NULL), 0);
}
#define SCRATCH_AUTO(name) CLEANUP(scratch_done) struct scratch name = scratch_new()

__attribute__((unused)) static void put_file(int dirfd, const char *path, const char *text,
                                             mode_t mode)
{
    const int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const struct timespec times[2] = {{1700000000, 5}, {1700000000, 5}};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

__attribute__((unused)) static void put_dir(int dirfd, const char *path, mode_t mode)
{
    assert_int_equal(mkdirat(dirfd, path, 0700), 0);
    assert_int_equal(fchmodat(dirfd, path, mode, 0), 0);
}
