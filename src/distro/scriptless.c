/* Images in which no script ever runs: what is left out of packages, and what their scripts would
 * have made. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/fd.h"
#include "base/library.h"
#include "distro/control.h"
#include "distro/make.h"

#define CERTIFICATE_MAX (256u << 10)
#define CERTIFICATES_MAX 4096
#define CERTIFICATES "usr/share/ca-certificates/mozilla"

/* ---- what is taken of a package ---- */

/* Words for people who have a shell. Copyright files stay: their licences ask for it. */
bool scriptless_wants(const struct entry *e)
{
    static const char *const left_out[] = {
        "usr/share/bug/",      "usr/share/bash-completion/", "usr/share/info/",
        "usr/share/lintian/",  "usr/share/locale/",          "usr/share/man/",
        "usr/share/doc-base/",
    };
    static const char doc[] = "usr/share/doc/";
    const struct view path = view_of(e->path);

    for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
        const size_t n = strlen(left_out[i]) - 1;

        if (view_starts(path, left_out[i]) ||
            (path.size == n && memcmp(path.at, left_out[i], n) == 0))
            return false;
    }
    if (!view_starts(path, doc) || e->type == ENTRY_DIR || e->type == ENTRY_SYMLINK)
        return true;
    const char *base = strrchr(e->path, '/');
    return strncmp(base + 1, "copyright", 9) == 0;
}

/* status.d/<package> with its control fields, .md5sums as the list of its files: what scanners read
 * in images without dpkg. */
void scriptless_record(struct make *m, const struct plan_package *p, const struct deb *d)
{
    cleanup_free char *path = xasprintf("var/lib/dpkg/status.d/%s", p->name);
    cleanup_free char *sums = xasprintf("%s.md5sums", path);
    const struct deb_file *f = deb_find(d, "md5sums");
    STR_AUTO(text);

    str_add(&text, view_trim(str_view(&d->control)));
    str_add_char(&text, '\n');
    synth_file(&m->synth, path, 0644, str_view(&text));
    if (f)
        synth_file(&m->synth, sums, 0644, str_view(&f->data));
}

/* ---- certificates ---- */

struct certificate {
    char *name; /* "GTS_Root_R1.crt" */
    uint32_t hash;
};
struct certificates {
    struct certificate *at;
    size_t size, cap;
};

static int name_cmp(const void *a, const void *b)
{
    return strcmp(((const struct certificate *)a)->name, ((const struct certificate *)b)->name);
}

static void list_certificates(int dir_fd, struct certificates *ret)
{
    const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    for (const struct dirent *e; dir && ret->size < CERTIFICATES_MAX && (e = readdir(dir));)
        if (view_ends(view_of(e->d_name), ".crt"))
            vec_push(ret, (struct certificate){xstrdup(e->d_name), 0});
    if (dir)
        closedir(dir);
    if (ret->size)
        qsort(ret->at, ret->size, sizeof(*ret->at), name_cmp);
}

/* What reads certificates: of libcrypto, which is loaded when an image has any. */
struct x509_calls {
    BIO *(*bio_new)(const void *, int);
    int (*bio_free)(BIO *);
    X509 *(*read_pem)(BIO *, X509 **, pem_password_cb *, void *);
    void (*x509_free)(X509 *);
    unsigned long (*subject_hash)(X509 *);
};

static int load_x509(struct x509_calls *ret, struct error *err)
{
    const struct library_call calls[] = {
        {"BIO_new_mem_buf", &ret->bio_new},
        {"BIO_free", &ret->bio_free},
        {"PEM_read_bio_X509", &ret->read_pem},
        {"X509_free", &ret->x509_free},
        {"X509_subject_name_hash", &ret->subject_hash},
    };

    return library_load("libcrypto.so.3", "libssl3", calls, ARRAY_SIZE(calls), err);
}

/* The number that OpenSSL looks a certificate up by. */
static bool subject_hash(const struct x509_calls *ssl, struct view pem, uint32_t *ret)
{
    BIO *bio = ssl->bio_new(pem.at, (int)pem.size);
    X509 *x = bio ? ssl->read_pem(bio, NULL, NULL, NULL) : NULL;

    if (x)
        *ret = (uint32_t)ssl->subject_hash(x);
    const bool good = x != NULL;
    ssl->x509_free(x);
    (void)ssl->bio_free(bio);
    return good;
}

static void link_certificate(struct make *m, const struct certificates *all, size_t i)
{
    const struct certificate *c = &all->at[i];
    unsigned same = 0;
    const int stem = (int)strlen(c->name) - 4;

    for (size_t k = 0; k < i; k++)
        same += all->at[k].hash == c->hash;
    cleanup_free char *pem = xasprintf("etc/ssl/certs/%.*s.pem", stem, c->name);
    cleanup_free char *file = xasprintf("/" CERTIFICATES "/%s", c->name);
    cleanup_free char *by_hash = xasprintf("etc/ssl/certs/%08x.%u", c->hash, same);
    cleanup_free char *target = xasprintf("%.*s.pem", stem, c->name);

    synth_link(&m->synth, pem, file);
    synth_link(&m->synth, by_hash, target);
}

static int add_certificate(struct make *m, const struct x509_calls *ssl, int dir_fd,
                           struct certificates *all, size_t i, struct str *bundle,
                           struct error *err)
{
    struct certificate *c = &all->at[i];
    STR_AUTO(pem);
    const int r = fd_read_file(dir_fd, c->name, CERTIFICATE_MAX, &pem, err);

    if (r < 0)
        return r;
    str_add(bundle, str_view(&pem));
    if (pem.size && pem.at[pem.size - 1] != '\n')
        str_add_char(bundle, '\n');
    if (!subject_hash(ssl, str_view(&pem), &c->hash))
        return error_set(err, -EINVAL, "'%s' is no certificate", c->name);
    link_certificate(m, all, i);
    return 0;
}

/* update-ca-certificates: one file of all of them, in the order of their names; a link for each,
 * and one by hash. */
static int add_certificates(struct make *m, struct error *err)
{
    struct certificates all = {0};
    struct x509_calls ssl;
    STR_AUTO(bundle);
    int r = 0;
    cleanup_close int fd =
        fd_open_in_root(store_tree_fs_fd(m->tree), CERTIFICATES, O_RDONLY | O_DIRECTORY, 0, NULL);

    if (fd < 0)
        return 0;
    list_certificates(fd, &all);
    if (all.size)
        r = load_x509(&ssl, err);
    for (size_t i = 0; r >= 0 && i < all.size; i++)
        r = add_certificate(m, &ssl, fd, &all, i, &bundle, err);
    if (r >= 0)
        synth_file(&m->synth, "etc/ssl/certs/ca-certificates.crt", 0644, str_view(&bundle));
    vec_each (c, &all)
        free(c->name);
    vec_done(&all);
    return r;
}

/* ---- users and the rest ---- */

static const char passwd[] = "root:x:0:0:root:/root:/sbin/nologin\n"
                             "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
                             "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
static const char group[] = "root:x:0:\n"
                            "tty:x:5:\n"
                            "staff:x:50:\n"
                            "nobody:x:65534:\n"
                            "nonroot:x:65532:\n";
static const char nsswitch[] = "passwd:         files\n"
                               "group:          files\n"
                               "shadow:         files\n"
                               "gshadow:        files\n"
                               "hosts:          files dns\n"
                               "networks:       files\n"
                               "protocols:      db files\n"
                               "services:       db files\n"
                               "ethers:         db files\n"
                               "rpc:            db files\n"
                               "netgroup:       files\n";

static bool have(const struct make *m, const char *path)
{
    cleanup_close int fd = fd_open_in_root(store_tree_fs_fd(m->tree), path, O_PATH, 0, NULL);

    return fd >= 0;
}

int scriptless_finish(struct make *m, struct error *err)
{
    struct synth *s = &m->synth;

    synth_dir(s, "tmp", 01777);
    synth_dir(s, "var/tmp", 01777);
    synth_dir(s, "root", 0700);
    synth_dir(s, "home", 0755);
    synth_dir_owned(s, "home/nonroot", 0700, 65532, 65532);
    synth_file(s, "etc/passwd", 0644, view_of(passwd));
    synth_file(s, "etc/group", 0644, view_of(group));
    synth_file(s, "etc/nsswitch.conf", 0644, view_of(nsswitch));
    if (have(m, "usr/share/zoneinfo/Etc/UTC")) {
        synth_link(s, "etc/localtime", "/usr/share/zoneinfo/Etc/UTC");
        synth_file(s, "etc/timezone", 0644, VIEW("Etc/UTC\n"));
    }
    /* no ld.so.cache: the loader searches /lib and /usr/lib with their multiarch directories by
     * itself */
    return add_certificates(m, err);
}
