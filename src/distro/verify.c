#include "distro/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "distro/control.h"
#include "distro/release.h"

#define STATUS_MAX (1u << 20)

/* ---- armour (RFC 4880, 6.2) ---- */

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *p = c ? strchr(digits, c) : NULL;

    return p ? (int)(p - digits) : -1;
}

struct decoder {
    uint32_t bits;
    unsigned count;
};

static int decode_line(struct decoder *d, struct view line, struct str *ret, struct error *err)
{
    for (size_t i = 0; i < line.size && line.at[i] != '='; i++) {
        const int v = base64_value(line.at[i]);

        if (v < 0)
            return error_set(err, -EINVAL, "a key block is damaged: '%.*s'",
                             (int)MIN(line.size, 40), line.at);
        d->bits = d->bits << 6 | (uint32_t)v;
        d->count += 6;
        if (d->count >= 8) {
            d->count -= 8;
            str_add_char(ret, (char)(d->bits >> d->count & 0xff));
        }
    }
    return 0;
}

/* In a deb822 value every line has a blank before it and an empty line is " .". */
static struct view armour_line(struct view line)
{
    line = view_trim(line);
    return view_eq_text(line, ".") ? VIEW("") : line;
}

int verify_dearmour(struct view text, struct str *ret, struct error *err)
{
    enum { OUTSIDE, HEADER, BODY } at = OUTSIDE;
    struct decoder d = {0};
    struct view rest = text, line;

    if (!memmem(text.at, text.size, "-----BEGIN PGP", 14)) {
        str_add(ret, text);
        return 0;
    }
    while (view_cut(&rest, '\n', &line)) {
        line = armour_line(line);
        if (view_starts(line, "-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
            at = HEADER;
            d = (struct decoder){0};
        } else if (view_starts(line, "-----END")) {
            at = OUTSIDE;
        } else if (at == HEADER) {
            at = line.size == 0 ? BODY : HEADER;
        } else if (at == BODY && !view_starts(line, "=")) {
            const int r = decode_line(&d, line, ret, err);
            if (r < 0)
                return r;
        }
    }
    return ret->size > 0 ? 0 : error_set(err, -EINVAL, "there is no public key block in it");
}

/* ---- keys ---- */

static void add_directory(const char *path, struct strings *ret)
{
    DIR *dir = opendir(path);

    for (const struct dirent *e; dir && ret->size < VERIFY_KEYRINGS_MAX && (e = readdir(dir));) {
        const struct view name = view_of(e->d_name);

        if (name.at[0] != '.' && (view_ends(name, ".gpg") || view_ends(name, ".asc")))
            strings_take(ret, xasprintf("%s/%s", path, e->d_name));
    }
    if (dir)
        closedir(dir);
}

void keys_of_machine(const char *root, struct strings *ret)
{
    static const char *const files[] = {"etc/apt/trusted.gpg",
                                        "usr/share/keyrings/debian-archive-keyring.gpg"};
    cleanup_free char *parts = xasprintf("%s/etc/apt/trusted.gpg.d", root);

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *path = xasprintf("%s/%s", root, files[i]);

        if (access(path, R_OK) == 0)
            strings_take(ret, path);
        else
            free(path);
    }
    add_directory(parts, ret);
}

static int add_keyring(const char *path, struct str *ret, struct error *err)
{
    STR_AUTO(file);
    int r = fd_read_file(AT_FDCWD, path, VERIFY_KEYRING_MAX, &file, err);

    if (r >= 0)
        r = verify_dearmour(str_view(&file), ret, err);
    return r < 0 ? error_wrap(err, r, "keyring '%s'", path) : 0;
}

/* All keys as one keyring in memory: packets of keys may simply follow each other. gpg's own keybox
 * files may not, but start with another magic and are told apart. */
static int collect(const struct keys *keys, struct str *ret, struct error *err)
{
    vec_each (path, &keys->paths) {
        STR_AUTO(one);
        const int r = add_keyring(*path, &one, err);

        if (r < 0)
            return r;
        if (one.size >= 12 && memcmp(one.at + 8, "KBXf", 4) == 0) {
            error_set(err, -EINVAL, "keyring '%s' is a keybox of GnuPG", *path);
            return error_hint(err, -EINVAL, "export its keys: gpg --export > keys.gpg");
        }
        str_add(ret, str_view(&one));
    }
    if (keys->block) {
        const int r = verify_dearmour(view_of(keys->block), ret, err);

        if (r < 0)
            return error_wrap(err, r, "Signed-By");
    }
    return ret->size > 0 ? 0 : error_set(err, -ENOENT, "there are no keys to check against");
}

/* ---- gpgv ---- */

struct verdict {
    bool good, valid, weak, bad, expired, revoked, no_key;
    char key[41]; /* of the last complaint */
};

static void note_key(struct verdict *v, struct view rest)
{
    struct view id;

    if (control_word(&rest, &id))
        snprintf(v->key, sizeof(v->key), "%.*s", (int)MIN(id.size, sizeof(v->key) - 1), id.at);
}

/* VALIDSIG fpr date timestamp expire version reserved pubkey-algo hash-algo ...: MD5, SHA-1 and
 * RIPEMD-160 can be forged, as apt has it. */
static void note_valid(struct verdict *v, struct view rest)
{
    struct view word = {0};

    for (int i = 0; i < 8; i++)
        if (!control_word(&rest, &word))
            return;
    if (view_eq_text(word, "1") || view_eq_text(word, "2") || view_eq_text(word, "3"))
        v->weak = true;
    else
        v->valid = true;
}

static void note_status(struct verdict *v, struct view line)
{
    struct view word;

    if (!view_starts(line, "[GNUPG:] "))
        return;
    line = view_make(line.at + 9, line.size - 9);
    if (!control_word(&line, &word))
        return;
    if (view_eq_text(word, "GOODSIG"))
        v->good = true;
    else if (view_eq_text(word, "VALIDSIG"))
        note_valid(v, line);
    else if (view_eq_text(word, "BADSIG"))
        v->bad = true;
    else if (view_eq_text(word, "EXPKEYSIG") || view_eq_text(word, "EXPSIG"))
        v->expired = true;
    else if (view_eq_text(word, "REVKEYSIG"))
        v->revoked = true;
    else if (view_eq_text(word, "NO_PUBKEY"))
        v->no_key = true;
    else
        return;
    if (!view_eq_text(word, "GOODSIG") && !view_eq_text(word, "VALIDSIG"))
        note_key(v, line);
}

int verify_status(struct view status, const char *what, struct error *err)
{
    struct verdict v = {0};
    struct view line;

    while (view_cut(&status, '\n', &line))
        note_status(&v, line);
    if (v.bad)
        return error_set(err, -EACCES, "%s: the signature of key %s is bad: the file was altered",
                         what, v.key);
    if (v.good && v.valid)
        return 0;
    if (v.expired)
        return error_set(err, -EACCES, "%s: signed by key %s, which has expired", what, v.key);
    if (v.revoked)
        return error_set(err, -EACCES, "%s: signed by key %s, which was revoked", what, v.key);
    if (v.weak)
        return error_set(err, -EACCES, "%s: the signature uses a broken digest algorithm", what);
    if (v.no_key) {
        error_set(err, -EACCES, "%s: signed by key %s, which is not among the trusted ones", what,
                  v.key);
        return error_hint(err, -EACCES,
                          "install debian-archive-keyring, or name the keyring with --keyring");
    }
    return error_set(err, -EACCES, "%s: no good signature", what);
}

static int run_gpgv(struct view file, struct view keyring, struct str *ret_status,
                    struct error *err)
{
    cleanup_close int ring = fd_of_bytes("keyring", keyring, err);
    if (ring < 0)
        return ring;
    cleanup_close int message = fd_of_bytes("InRelease", file, err);
    if (message < 0)
        return message;
    cleanup_close int null_fd = fd_open(AT_FDCWD, "/dev/null", O_WRONLY, 0, err);
    if (null_fd < 0)
        return null_fd;
    struct proc_options o = PROC_OPTIONS_INIT;
    const int keep[] = {ring, message};
    static const char *const argv[] = {"gpgv",      "--status-fd", "1",         "--keyring",
                                       "/dev/fd/3", "--",          "/dev/fd/4", NULL};

    o.err = null_fd;
    o.keep = keep;
    o.keep_count = ARRAY_SIZE(keep);
    ERROR_AUTO(failure);
    const int r = proc_run(argv, &o, STATUS_MAX, ret_status, &failure);
    if (r == -ENOENT) {
        error_set(err, -ENOTSUP, "gpgv is not installed: signatures cannot be checked");
        return error_hint(err, -ENOTSUP, "apt-get install gpgv");
    }
    return r < 0 ? error_move(err, &failure) : 0;
}

int verify_inrelease(struct view file, const struct keys *keys, const char *what,
                     struct str *ret_text, struct error *err)
{
    STR_AUTO(keyring);
    STR_AUTO(status);
    STR_AUTO(text);
    /* our own split first: what gpgv then vouches for is this one message and nothing else */
    int r = inrelease_text(file, false, &text, err);

    if (r >= 0)
        r = collect(keys, &keyring, err);
    if (r < 0)
        return error_wrap(err, r, "%s", what);
    r = run_gpgv(file, str_view(&keyring), &status, err);
    if (r >= 0)
        r = verify_status(str_view(&status), what, err);
    if (r < 0)
        return r;
    str_add(ret_text, str_view(&text));
    return 0;
}
