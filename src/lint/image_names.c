/* image_names.c - what the name of a file says about it. Tables only: data of the trade, not of any one image. */
#include "lint/facts_image.h"

#include <ctype.h>

#include "lint/run.h"

bool image_name_is_secret(struct view path)
{
    static const char *const names[] = {".env",
                                        ".npmrc",
                                        ".netrc",
                                        ".pypirc",
                                        ".pgpass",
                                        ".aws",
                                        ".azure",
                                        ".kube",
                                        ".gnupg",
                                        ".ssh",
                                        ".git-credentials",
                                        ".dockercfg",
                                        ".htpasswd",
                                        ".vault-token",
                                        ".yarnrc",
                                        "kubeconfig",
                                        "credentials",
                                        "credentials.json",
                                        "credentials.xml",
                                        "id_rsa",
                                        "id_dsa",
                                        "id_ecdsa",
                                        "id_ed25519",
                                        "secrets.yml",
                                        "secrets.yaml",
                                        "secring.gpg",
                                        "terraform.tfstate",
                                        "service-account.json",
                                        NULL};
    static const char *const ends[] = {".key",  ".p12",  ".pfx", ".jks",   ".keystore",
                                       ".ovpn", ".kdbx", ".ppk", ".secret"};
    const struct view name = lint_base_name(path);

    if (lint_view_in(name, names))
        return true;
    if (view_starts(name, ".env.") && !view_ends(name, ".example") && !view_ends(name, ".sample") &&
        !view_ends(name, ".template") && !view_ends(name, ".dist"))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
        if (name.size > strlen(ends[i]) && view_ends(name, ends[i]))
            return true;
    return view_ends(path, ".docker/config.json") || view_ends(path, ".aws/config");
}

/* ---- places ---- */

/* One of the directories on the way is called so. */
static bool has_part(struct view path, const char *names)
{
    struct view part;

    while (path.at && view_cut(&path, '/', &part))
        if (path.at && lint_in_list(part, names))
            return true;
    return false;
}

/* Files of packages, where a name means something to their language only. */
static bool is_package_part(struct view path)
{
    return has_part(path, "node_modules site-packages dist-packages gems vendor bower_components");
}

bool image_name_is_sample(struct view path)
{
    return lint_path_below(path, VIEW("usr/share")) ||
           has_part(path, "test tests testing testdata test-data test_data certdata fixtures spec "
                          "example examples sample samples demo demos doc docs man locale "
                          "zoneinfo") ||
           is_package_part(path);
}

/* Some files have the extension of a key ring, and are none. */
static bool is_secret(struct view path)
{
    if (image_name_is_sample(path) || lint_path_below(path, VIEW("usr/lib")) ||
        lint_path_below(path, VIEW("usr/include")))
        return false;
    const struct view name = lint_base_name(path);
    return image_name_is_secret(path) ||
           lint_in_list(name, ".my.cnf .s3cfg .boto .htpasswd wp-config.php shadow.bak "
                              "ssh_host_rsa_key ssh_host_ecdsa_key ssh_host_ed25519_key") ||
           view_ends(path, ".kube/config") || view_ends(path, ".aws/credentials");
}

static bool is_leftover(struct view path, bool is_dir)
{
    const struct view name = lint_base_name(path);

    if (is_package_part(path) || lint_path_below(path, VIEW("usr/share")) ||
        lint_path_below(path, VIEW("usr/lib")))
        return false;
    if (is_dir)
        return lint_in_list(name, ".git .svn .hg .vscode .idea");
    return lint_in_list(name,
                        "Dockerfile Containerfile .dockerignore .containerignore "
                        "docker-compose.yml docker-compose.yaml compose.yml compose.yaml "
                        ".DS_Store .vimrc .gitlab-ci.yml .travis.yml Jenkinsfile Vagrantfile");
}

/* ---- programs ---- */

static bool is_program(struct view path)
{
    struct view dir = path;
    const char *slash = path.size ? memrchr(path.at, '/', path.size) : NULL;

    if (!slash)
        return false;
    dir.size = (size_t)(slash - path.at);
    return lint_in_list(lint_base_name(dir), "bin sbin");
}

/* "gcc" is known as x86_64-linux-gnu-gcc-12 too: with its target before it and its version behind. */
static struct view plain_program(struct view name)
{
    const char *dash = name.size ? memrchr(name.at, '-', name.size) : NULL;
    static const char *const gnu[] = {"-linux-gnu-", "-linux-musl-", "-linux-gnueabihf-"};

    if (dash && dash + 1 < name.at + name.size && isdigit((unsigned char)dash[1]))
        name.size = (size_t)(dash - name.at);
    for (size_t i = 0; i < ARRAY_SIZE(gnu); i++) {
        const char *at = name.size ? memmem(name.at, name.size, gnu[i], strlen(gnu[i])) : NULL;
        if (at) {
            at += strlen(gnu[i]);
            return view_make(at, (size_t)(name.at + name.size - at));
        }
    }
    return name;
}

static const struct {
    enum image_list list;
    const char *names;
} programs[] = {
    {IMAGE_TOOL,
     "nc nc.openbsd nc.traditional ncat netcat nmap telnet inetutils-telnet tcpdump gdb "
     "strace ltrace socat ftp lftp tnftp tshark dumpcap hping3 hydra john masscan "
     "sqlmap rsh rlogin vsftpd proftpd"},
    {IMAGE_COMPILER,
     "gcc g++ cc c++ clang clang++ rustc cargo javac ghc gfortran tcc go gccgo ocamlopt "
     "zig swiftc kotlinc make gmake cmake ninja"},
    {IMAGE_SHELL, "sh bash dash ash zsh ksh mksh fish csh tcsh"},
    {IMAGE_MANAGER,
     "apt apt-get dpkg apk dnf microdnf yum rpm zypper pacman pip pip3 npm yarn pnpm gem "
     "composer conda"},
    {IMAGE_SSHD, "sshd dropbear"},
};

static uint32_t program_lists(struct view path)
{
    const struct view name = plain_program(lint_base_name(path));
    uint32_t lists = 0;

    for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
        if (lint_in_list(name, programs[i].names))
            lists |= 1u << programs[i].list;
    return lists;
}

/* dpkg keeps a list of the files of each package; distroless images a status. */
static bool is_dev_package(struct view path)
{
    static const char info[] = "var/lib/dpkg/info/";

    if (!view_starts(path, info) || !view_ends(path, ".list"))
        return false;
    struct view name = view_make(path.at + sizeof(info) - 1, path.size - sizeof(info) + 1 - 5);
    const char *colon = memchr(name.at, ':', name.size);
    if (colon)
        name.size = (size_t)(colon - name.at);
    return view_ends(name, "-dev") || view_ends(name, "-jdk-headless") || view_ends(name, "-jdk");
}

uint32_t image_name_lists(struct view path, bool is_dir, bool executable)
{
    uint32_t lists = 0;

    if (is_leftover(path, is_dir))
        lists |= 1u << IMAGE_LEFTOVER;
    if (is_dir)
        return lists;
    if (is_secret(path))
        lists |= 1u << IMAGE_SECRET;
    if (lint_path_below(path, VIEW("tmp")) || lint_path_below(path, VIEW("var/tmp")))
        lists |= 1u << IMAGE_TEMPORARY;
    if (is_dev_package(path))
        lists |= 1u << IMAGE_DEV_PACKAGE;
    if (executable && is_program(path))
        lists |= program_lists(path);
    return lists;
}

/* ---- caches ---- */

/* A needle with '/' before it is looked for from the root, others below any directory. */
static const struct {
    enum image_cache cache;
    const char *place;
} caches[] = {
    {IMAGE_CACHE_APT, "/var/lib/apt/lists/"},
    {IMAGE_CACHE_APT, "/var/cache/apt/"},
    {IMAGE_CACHE_APK, "/var/cache/apk/"},
    {IMAGE_CACHE_APK, "/etc/apk/cache/"},
    {IMAGE_CACHE_YUM, "/var/cache/yum/"},
    {IMAGE_CACHE_DNF, "/var/cache/dnf/"},
    {IMAGE_CACHE_DNF, "/var/cache/libdnf5/"},
    {IMAGE_CACHE_ZYPPER, "/var/cache/zypp/"},
    {IMAGE_CACHE_PACMAN, "/var/cache/pacman/pkg/"},
    {IMAGE_CACHE_PACMAN, "/var/lib/pacman/sync/"},
    {IMAGE_CACHE_PIP, ".cache/pip/"},
    {IMAGE_CACHE_PIP, ".cache/pypoetry/"},
    {IMAGE_CACHE_PIP, ".cache/uv/"},
    {IMAGE_CACHE_NPM, ".npm/_cacache/"},
    {IMAGE_CACHE_NPM, ".cache/pnpm/"},
    {IMAGE_CACHE_NPM, ".local/share/pnpm/store/"},
    {IMAGE_CACHE_YARN, ".cache/yarn/"},
    {IMAGE_CACHE_YARN, ".yarn/berry/cache/"},
    {IMAGE_CACHE_MAVEN, ".m2/repository/"},
    {IMAGE_CACHE_GRADLE, ".gradle/caches/"},
    {IMAGE_CACHE_CARGO, ".cargo/registry/"},
    {IMAGE_CACHE_CARGO, ".cargo/git/"},
    {IMAGE_CACHE_CARGO, "/usr/local/cargo/registry/"},
    {IMAGE_CACHE_GO, ".cache/go-build/"},
    {IMAGE_CACHE_GO, "go/pkg/mod/cache/"},
    {IMAGE_CACHE_GEM, ".bundle/cache/"},
    {IMAGE_CACHE_COMPOSER, ".composer/cache/"},
    {IMAGE_CACHE_COMPOSER, ".cache/composer/"},
    {IMAGE_CACHE_NUGET, ".nuget/packages/"},
    {IMAGE_CACHE_CONDA, "/opt/conda/pkgs/"},
};

static bool is_at(struct view path, const char *place)
{
    const size_t size = strlen(place);

    if (place[0] == '/')
        return view_starts(path, place + 1);
    const char *at = path.size >= size ? memmem(path.at, path.size, place, size) : NULL;
    return at && (at == path.at || at[-1] == '/');
}

enum image_cache image_name_cache(struct view path)
{
    for (size_t i = 0; i < ARRAY_SIZE(caches); i++)
        if (is_at(path, caches[i].place))
            return caches[i].cache;
    /* specs and gems beside what was made of them */
    if (view_ends(path, ".gem") && has_part(path, "cache"))
        return IMAGE_CACHE_GEM;
    return IMAGE_CACHES;
}

/* ---- keys ---- */

#define KEY_BODY_MIN 40 /* letters of base64 in the first lines: less is no key */

static bool has_body(struct view v)
{
    size_t letters = 0, other = 0;

    for (size_t i = 0; i < v.size && letters < KEY_BODY_MIN; i++) {
        const char c = v.at[i];
        if (isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=')
            letters++;
        else if (c == '-' && letters < 2) /* the end, or Proc-Type of an encrypted one */
            return false;
        else if (c != '\n' && c != '\r' && ++other > 24)
            return false;
    }
    return letters >= KEY_BODY_MIN;
}

const char *image_key_kind(struct view bytes)
{
    static const char begin[] = "-----BEGIN ", end[] = "PRIVATE KEY";
    static const char *const kinds[] = {"RSA", "DSA", "EC", "OPENSSH", "ENCRYPTED", "PGP"};
    const char *const limit = bytes.at + bytes.size;

    for (const char *at = bytes.at; at && at < limit;) {
        at = memmem(at, (size_t)(limit - at), begin, sizeof(begin) - 1);
        if (!at)
            return NULL;
        const bool at_line = at == bytes.at || at[-1] == '\n';
        at += sizeof(begin) - 1;
        const char *stop = memchr(at, '\n', (size_t)(limit - at));
        const struct view head = view_make(at, (size_t)((stop ? stop : limit) - at));
        if (!at_line || !stop || head.size > 60 ||
            !memmem(head.at, head.size, end, sizeof(end) - 1) ||
            !has_body(view_make(stop + 1, (size_t)(limit - stop - 1))))
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
            if (view_starts(head, kinds[i]))
                return kinds[i];
        return "PKCS #8";
    }
    return NULL;
}

bool image_name_is_init(const char *path)
{
    static const char *const names[] = {"tini",        "tini-static",  "dumb-init", "catatonit",
                                        "docker-init", "my_init",      "s6-svscan", "init",
                                        "pid1",        "su-exec-init", NULL};
    const char *slash = strrchr(path, '/');

    return lint_view_in(view_of(slash ? slash + 1 : path), names);
}
