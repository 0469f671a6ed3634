/* test_audit_image.c - images out of a few words, and what the rules say of them. Each rule with a check for images
 * has rows that fire and rows that do not: the examples of those rules. */
#include <elf.h>

#include "audit/image.h"
#include "layer/tar.h"
#include "lint/rule.h"
#include "unit.h"

#define NOW 1750000000 /* 2025-06-15 */
#define KEY                                                                                        \
    "-----BEGIN PRIVATE "                                                                          \
    "KEY-----\nMC4CAQAwBQYDK2VwBCIEIAvfGG3f3LWYcUMCrhmtY0dKFHUVAQ9lqvBd6vRnPKjC\n"                 \
    "-----END PRIVATE KEY-----\n"
#define PAGES(letter) letter letter letter letter letter letter letter letter
#define BIG (2u << 20)

/* 'E' a static ELF file, 'D' a dynamic one, 'f' file, 'd' directory, 'l' symlink to text, 'h' hard link to text, 'c' file with cap_net_raw, 'B' file of BIG bytes. */
struct item {
    char type;
    const char *path, *text;
    uint32_t mode, uid;
    unsigned layer;
};
#define ITEMS 8
#define LAYERS 4

static int add_sink(void *ctx, struct view data, struct error *err)
{
    (void)err;
    str_add(ctx, data);
    return 0;
}

static void put_big(struct tar_writer *w)
{
    static char block[65536];

    for (unsigned i = 0; i < BIG / sizeof(block); i++) {
        memset(block, (int)i, sizeof(block));
        assert_int_equal(tar_put_data(w, view_make(block, sizeof(block)), NULL), 0);
    }
}

/* The header, and one program header behind it. */
static void put_elf(struct tar_writer *w, uint32_t type)
{
    const Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB},
                               .e_phoff = sizeof(header),
                               .e_phentsize = sizeof(Elf64_Phdr),
                               .e_phnum = 1};
    const Elf64_Phdr segment = {.p_type = type};

    assert_int_equal(tar_put_data(w, view_make(&header, sizeof(header)), NULL), 0);
    assert_int_equal(tar_put_data(w, view_make(&segment, sizeof(segment)), NULL), 0);
}

static void put_item(struct tar_writer *w, const struct item *i)
{
    /* version 2, cap_net_raw permitted and effective */
    static const char caps[20] = {1, 0, 0, 2, 0, 0x20};
    struct xattr attribute = {"security.capability", {caps, sizeof(caps)}};
    struct entry e = {.path = i->path, .uid = i->uid, .gid = i->uid, .mtime_s = 1700000000};

    e.type = i->type == 'd'   ? ENTRY_DIR
             : i->type == 'l' ? ENTRY_SYMLINK
             : i->type == 'h' ? ENTRY_HARDLINK
                              : ENTRY_FILE;
    e.mode = i->mode ? i->mode : i->type == 'd' ? 0755 : 0644;
    if (e.type == ENTRY_FILE)
        e.size = i->type == 'B'                     ? BIG
                 : i->type == 'E' || i->type == 'D' ? sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr)
                 : i->text                          ? strlen(i->text)
                                                    : 0;
    else
        e.link = i->type == 'd' ? NULL : i->text;
    if (i->type == 'c') {
        e.xattrs = &attribute;
        e.xattr_count = 1;
    }
    assert_int_equal(tar_put(w, &e, NULL), 0);
    if (i->type == 'B')
        put_big(w);
    else if (i->type == 'E' || i->type == 'D')
        put_elf(w, i->type == 'E' ? PT_LOAD : PT_INTERP);
    else if (e.size > 0)
        assert_int_equal(tar_put_data(w, view_of(i->text), NULL), 0);
}

static void add_layers(struct audit_layers *l, const struct item *items)
{
    unsigned count = 0;

    for (size_t i = 0; i < ITEMS && items[i].type; i++)
        count = MAX(count, items[i].layer + 1);
    for (unsigned layer = 0; layer < count; layer++) {
        STR_AUTO(tar);
        struct tar_writer w = TAR_WRITER_INIT(add_sink, &tar);
        ERROR_AUTO(err);

        for (size_t i = 0; i < ITEMS && items[i].type; i++)
            if (items[i].layer == layer)
                put_item(&w, &items[i]);
        assert_int_equal(tar_finish(&w, NULL), 0);
        tar_writer_done(&w);
        CLEANUP(codec_closep)
        struct codec_reader *in = codec_open_bytes(str_view(&tar), 0, NULL);
        if (audit_layers_add(l, in, &err) < 0)
            fail_msg("%s", err.text);
    }
    if (!l->view.merge)
        l->view.merge = merge_new(NULL, 0);
}

/* What the rules say, in "ID place: text" lines. */
static void audit(const char *config, const char *history, const struct item *items, bool latest,
                  uint32_t base, const char *from, enum image_signed vouched, bool warnings_only,
                  struct str *ret)
{
    AUDIT_LAYERS_AUTO(layers);
    CONFIG_AUTO(c);
    CLEANUP(arena_freep) struct arena *arena = arena_new();
    CLEANUP(lint_report_done) struct lint_report report = {0};
    struct image_facts facts = {.name = "app",
                                .latest = latest,
                                .now_s = NOW,
                                .base_layers = base,
                                .base = from,
                                .vouched = vouched};
    static char name[] = "ok.example", *trusted_at[] = {name};
    static const struct strings trusted = {trusted_at, 1, 1};
    const struct lint_options options = {.audit = true, .trusted = &trusted};
    struct strings command = {0};
    STR_AUTO(json);
    ERROR_AUTO(err);

    str_printf(&json,
               "{\"architecture\":\"amd64\",\"os\":\"linux\",%s"
               "\"config\":{%s},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
               history ? history : "\"created\":\"2025-06-01T00:00:00Z\",",
               config ? config : "\"User\":\"10001\"");
    if (config_parse(str_view(&json), &c, &err) < 0)
        fail_msg("%s: %s", json.at, err.text);
    config_command(&c, &command);
    picks_name_programs(&layers.picks, &command);
    vec_done(&command);
    add_layers(&layers, items);
    assert_int_equal(audit_gather(&layers, &c, arena, &facts, NULL), 0);
    CLEANUP(linter_freep) struct linter *linter = linter_new(&options);
    lint_audit(linter, &(struct lint_facts){.image = &facts}, 1, &report);
    vec_each (f, &report)
        if (!warnings_only || f->level >= LINT_WARNING)
            str_printf(ret, "%s %s: %s\n", f->row->id, f->place, f->text);
}

#define PASSWD "root:x:0:0:root:/root:/bin/sh\napp:x:10001:10001::/app:/bin/false\n"

static const struct row {
    const char *rule;
    const char *want;   /* part of the rule's finding; NULL: it has none */
    const char *config; /* NULL: only a USER */
    struct item items[ITEMS];
    uint32_t base;
    const char *history;
    bool latest;
    const char *from;
    enum image_signed vouched;
} rows[] = {
    /* a want that begins with "=" is all that is said */
    {"CP205", "base: the registry of 'bad.example/x:1'", .from = "bad.example/x:1"},
    {"CP205", NULL, .from = "ok.example/x:1"},
    {"CP223", "without a signature", .vouched = IMAGE_SIGNED_NO},
    {"CP223", NULL, .vouched = IMAGE_SIGNED_YES},
    {"CP202", "says nothing", .latest = true},
    {"CP202", NULL},
    {"CP520", "no USER", .config = ""},
    {"CP520", "as root", .config = "\"User\":\"0:0\""},
    {"CP520", "as root", "\"User\":\"toor\"", {{'f', "etc/passwd", "toor:x:0:0::/:\n"}}},
    {"CP520", NULL},
    {"CP523", "uid 101 ", .config = "\"User\":\"101\""},
    {"CP523", "uid 33 ", "\"User\":\"www\"", {{'f', "etc/passwd", "www:x:33:33::/:\n"}}},
    {"CP523", NULL},
    {"CP532", "'app' is not in /etc/passwd: the container", .config = "\"User\":\"app\""},
    {"CP532", "'7' is not", "\"User\":\"7\"", {{'f', "etc/passwd", PASSWD}}},
    {"CP532", NULL, "\"User\":\"app\"", {{'f', "etc/passwd", PASSWD}}},
    {"CP532",
     NULL,
     "\"User\":\"app\"",
     {{'l', "etc/passwd", "../x/passwd"}, {'f', "x/passwd", PASSWD}}},
    {"CP532", NULL, "\"User\":\"7\"", {{'f', "app", ""}}},
    {"CP533",
     "write to VOLUME /data",
     "\"User\":\"7\",\"Volumes\":{\"/data\":{}}",
     {{'d', "data"}}},
    {"CP533", "write to VOLUME /data", .config = "\"User\":\"7\",\"Volumes\":{\"/data\":{}}"},
    {"CP533", NULL, "\"User\":\"7\",\"Volumes\":{\"/data\":{}}", {{'d', "data", NULL, 0700, 7}}},
    {"CP533", NULL, "\"Volumes\":{\"/data\":{}}", {{'d', "data"}}},
    {"CP533", "enter WORKDIR /w", "\"User\":\"7\",\"WorkingDir\":\"/w\"", {{'d', "w", NULL, 0700}}},
    {"CP533", NULL, "\"User\":\"7\",\"WorkingDir\":\"/w\"", {{'d', "w"}}},
    {"CP534", "'/app' is not in the image", .config = "\"Entrypoint\":[\"/app\"]"},
    {"CP534", NULL, "\"Entrypoint\":[\"/app\"]", {{'f', "app", "", 0755}}},
    {"CP534", NULL, "\"Cmd\":[\"app\"],\"Env\":[\"PATH=/x:/y\"]", {{'f', "y/app", "", 0755}}},
    {"CP534", NULL, "\"Cmd\":[\"./app\"],\"WorkingDir\":\"/y\"", {{'f', "y/app", "", 0755}}},
    {"CP534",
     "'app' is not",
     "\"Cmd\":[\"app\"],\"Env\":[\"PATH=/x\"]",
     {{'f', "y/app", "", 0755}}},
    {"CP221",
     "since 2022-07-01",
     NULL,
     {{'f', "usr/lib/os-release", "ID=debian\nVERSION_ID=\"9\"\nPRETTY_NAME=\"D 9\"\n"},
      {'l', "etc/os-release", "../usr/lib/os-release"}}},
    {"CP221",
     "alpine gets no more",
     NULL,
     {{'f', "etc/os-release", "ID=alpine\nVERSION_ID=3.2.1\n"}}},
    {"CP221", NULL, NULL, {{'f', "etc/os-release", "ID=alpine\nVERSION_ID=3.22.1\n"}}},
    {"CP221", NULL, NULL, {{'f', "etc/os-release", "ID=debian\nVERSION_ID=sid\n"}}},
    {"CP221", NULL, NULL, {{'f', "etc/os-release", "ID=other\nVERSION_ID=1\n"}}},
    {"CP224", "config: Env: Node.js 16.20.2 gets no more security updates since 2023-09-11",
     .config = "\"Env\":[\"NODE_VERSION=v16.20.2\"]"},
    {"CP224", "Python 3.4.1 ", .config = "\"Env\":[\"A=b\",\"PYTHON_VERSION=3.4.1\"]"},
    {"CP224", "Go 1.9 ", .config = "\"Env\":[\"GOLANG_VERSION=1.9\"]"},
    {"CP224", NULL, .config = "\"Env\":[\"NODE_VERSION=22.1.0\",\"PYTHON_VERSION=3.13.1\"]"},
    {"CP224", NULL, .config = "\"Env\":[\"NODE_VERSION=\",\"PHP_VERSION=master\",\"X=1\"]"},
    {"CP222", "days old", .history = "\"created\":\"2024-06-01T00:00:00Z\","},
    {"CP222", NULL, .history = "\"created\":\"1970-01-01T00:00:00Z\","},
    {"CP222", NULL},
    {"CP701",
     "layer 2: /bin/x: runs as its owner whoever starts it (mode 4755)",
     NULL,
     {{'f', "a", ""}, {'f', "bin/x", "", 04755, .layer = 1}},
     .base = 1},
    {"CP701", "its group", NULL, {{'f', "bin/x", "", 02755}}},
    {"CP701", NULL, NULL, {{'f', "bin/x", "", 04755}}, .base = 1},
    {"CP701", NULL, NULL, {{'f', "bin/x", "", 0755}, {'d', "var/mail", NULL, 02775}}},
    {"CP701", NULL, NULL, {{'f', "bin/x", "", 04755}, {'f', "bin/.wh.x", "", .layer = 1}}},
    {"CP702",
     "/bin/x, /bin/y",
     NULL,
     {{'f', "bin/x", "", 04755}, {'f', "bin/y", "", 04755}},
     .base = 1},
    {"CP702", NULL, NULL, {{'f', "bin/x", "", 04755}}},
    {"CP703", "cap_net_raw", NULL, {{'c', "bin/ping", "x", 0755}}},
    {"CP703", NULL, NULL, {{'f', "bin/ping", "x", 0755}}},
    {"CP704", "layer 1: /w: ", NULL, {{'d', "w", NULL, 0777}}},
    {"CP704", NULL, NULL, {{'d', "w", NULL, 01777}}},
    {"CP363", "everybody may change", NULL, {{'f', "a/x", "", 0777}}},
    {"CP363", "the user who runs it", NULL, {{'f', "usr/bin/x", "", 0755, 10001}}},
    {"CP363", "/usr/bin: what runs", NULL, {{'d', "usr/bin", NULL, 0755, 10001}}},
    {"CP363",
     "/srv/app: what runs",
     "\"User\":\"7\",\"Cmd\":[\"/srv/app\"]",
     {{'f', "srv/app", "", 0755, 7}}},
    {"CP363",
     NULL,
     "\"User\":\"7\",\"Cmd\":[\"/srv/app\"]",
     {{'f', "srv/app", "", 0755}, {'f', "srv/x", "", 0755, 7}}},
    {"CP146", "layer 1: /app/.env", NULL, {{'f', "app/.env", "A=b"}}},
    {"CP146",
     "ships all the same",
     NULL,
     {{'f', "root/.npmrc", "x"}, {'f', "root/.wh..npmrc", "", .layer = 1}}},
    {"CP146",
     NULL,
     NULL,
     {{'f', "app/.env", ""}, {'f', "app/node_modules/a/.npmrc", "x"}, {'l', "id_rsa", "x"}}},
    {"CP146", NULL, NULL, {{'f', "app/tests/server.key", "x"}, {'f', "usr/share/doc/x/.env", "x"}}},
    {"CP705", "/app/tls.pem: a private key: PKCS #8", NULL, {{'f', "app/tls.pem", KEY}}},
    {"CP705",
     "layer 1: /k: a private key: PKCS #8; a later",
     NULL,
     {{'f', "k", KEY}, {'f', "k", "x", .layer = 1}}},
    {"CP705",
     NULL,
     NULL,
     {{'f', "ca.pem", "-----BEGIN CERTIFICATE-----\n" PAGES("MIIB9TCCAZ") "\n"}}},
    {"CP705",
     NULL,
     NULL,
     {{'f', "x",
       "text with -----BEGIN PRIVATE KEY-----\nand no key, as it is told in many words here\n"}}},
    {"CP705",
     NULL,
     NULL,
     {{'f', "app/tests/tls.pem", KEY}, {'f', "x.py", KEY}, {'f', "usr/share/go/x509.pem", KEY}}},
    {"CP706", "/app/.git", NULL, {{'d', "app/.git"}}},
    {"CP706", "/Dockerfile", NULL, {{'f', "Dockerfile", "x"}}},
    {"CP706", NULL, NULL, {{'f', "usr/share/x/Dockerfile", "x"}, {'d', "app/node_modules/x/.git"}}},
    {"CP707", "2.0 MiB in 1 temporary", NULL, {{'B', "tmp/x"}}},
    {"CP707", NULL, NULL, {{'d', "tmp"}, {'f', "tmp/x", "1"}}},
    {"CP708", "shells: /bin/sh", NULL, {{'l', "bin/sh", "busybox"}}},
    {"CP708", "package managers: /sbin/apk", NULL, {{'f', "sbin/apk", "", 0755}}},
    {"CP708", NULL, NULL, {{'f', "app/sh", "", 0755}}},
    {"CP709", "remote logins", NULL, {{'f', "usr/sbin/sshd", "", 0755}}},
    {"CP709", NULL, NULL, {{'f', "etc/sshd", ""}}},
    {"CP354", "/bin/nc.openbsd", NULL, {{'f', "bin/nc.openbsd", "", 0755}}},
    {"CP354", NULL, NULL, {{'l', "bin/nc", "busybox"}, {'f', "bin/ncal", "", 0755}}},
    {"CP355",
     "/usr/bin/x86_64-linux-gnu-gcc-12",
     NULL,
     {{'f', "usr/bin/x86_64-linux-gnu-gcc-12", "", 0755}}},
    {"CP355",
     "headers, which only the build needs: libc6-dev",
     NULL,
     {{'f', "var/lib/dpkg/info/libc6-dev:amd64.list", "x"}}},
    {"CP355",
     "headers, which only the build needs: musl-dev",
     NULL,
     {{'f', "lib/apk/db/installed", "P:musl\nV:1\n\nP:musl-dev\n"}}},
    {"CP355",
     NULL,
     NULL,
     {{'f', "var/lib/dpkg/info/libc6.list", "x"}, {'f', "lib/apk/db/installed", "P:musl\n"}}},
    {"CP360",
     "2.0 MiB (100 % of the image) are removed",
     NULL,
     {{'B', "big"}, {'f', ".wh.big", "", .layer = 1}}},
    {"CP360",
     "/d/big (2.0 MiB, layer 1)",
     NULL,
     {{'B', "d/big"}, {'d', "d", .layer = 1}, {'f', "d/.wh..wh..opq", "", .layer = 1}}},
    {"CP360", NULL, NULL, {{'B', "big"}, {'f', ".wh.big", "", .layer = 1}}, .base = 1},
    {"CP360", NULL, NULL, {{'f', "x", "1"}, {'f', ".wh.x", "", .layer = 1}}},
    {"CP361",
     "2.0 MiB (50 % of the image) are there twice",
     NULL,
     {{'B', "big"}, {'B', "big", .uid = 7, .layer = 1}}},
    {"CP361", NULL, NULL, {{'B', "big"}, {'f', ".wh.big", "", .layer = 1}}},
    {"CP331",
     "/var/lib/apt/lists/x: the cache of apt is in the image: 2.0 MiB",
     NULL,
     {{'B', "var/lib/apt/lists/x"}}},
    {"CP331", NULL, NULL, {{'f', "var/lib/apt/lists/lock", ""}}},
    {"CP332", "apk", NULL, {{'B', "var/cache/apk/x"}}},
    {"CP332", NULL, NULL, {{'d', "var/cache/apk"}}},
    {"CP333", "yum", NULL, {{'B', "var/cache/yum/x"}}},
    {"CP333", NULL, NULL, {{'d', "var/cache/yum"}}},
    {"CP334", "zypper", NULL, {{'B', "var/cache/zypp/x"}}},
    {"CP334", NULL, NULL, {{'d', "var/cache/zypp"}}},
    {"CP335", "dnf", NULL, {{'B', "var/cache/libdnf5/x"}}},
    {"CP335", NULL, NULL, {{'d', "var/cache/dnf"}}},
    {"CP336", "pip", NULL, {{'B', "root/.cache/pip/x"}}},
    {"CP336", NULL, NULL, {{'B', "root/cache/pip/x"}}},
    {"CP337", "yarn", NULL, {{'B', "usr/local/share/.cache/yarn/x"}}},
    {"CP337", NULL, NULL, {{'d', "root/.cache/yarn"}}},
    {"CP351", "maven", NULL, {{'B', "root/.m2/repository/x"}}},
    {"CP351", "npm", NULL, {{'B', "root/.npm/_cacache/x"}}},
    {"CP351", "gem", NULL, {{'B', "usr/lib/ruby/cache/x.gem"}}},
    {"CP351", NULL, NULL, {{'d', "root/.m2/repository"}}},
    {"CP710",
     "/app: the program needs no library",
     "\"Cmd\":[\"/app\"]",
     {{'E', "app", NULL, 0755}, {'f', "usr/bin/apt", "", 0755}}},
    {"CP710",
     NULL,
     "\"Cmd\":[\"/app\"]",
     {{'D', "app", NULL, 0755}, {'f', "usr/bin/apt", "", 0755}}},
    {"CP710", NULL, "\"Cmd\":[\"/app\"]", {{'E', "app", NULL, 0755}}},
    {"CP710",
     NULL,
     "\"Cmd\":[\"/app\"]",
     {{'f', "app", "\177ELF", 0755}, {'f', "usr/bin/apt", "", 0755}}},
    {"CP711", "'root' needs no password", NULL, {{'f', "etc/shadow", "root::1:\na:*:1:\n"}}},
    {"CP711",
     "=CP711 /etc/passwd: 'root' needs no password\n",
     NULL,
     {{'f', "etc/passwd", "root::0:0::/root:/bin/sh\n"}, {'f', "etc/shadow", "root::1:\n"}}},
    {"CP711",
     "=CP711 /etc/passwd: 'b' needs no password\nCP711 /etc/shadow: 'a' needs no password\n",
     NULL,
     {{'f', "etc/passwd", "a:x:5:5::/:\nb::6:6::/:\nb::6:6::/:\n"},
      {'f', "etc/shadow", "a::1:\nb:*:1:\n"}}},
    {"CP711", NULL, NULL, {{'f', "etc/shadow", "root:*:1:\n"}, {'f', "etc/passwd", PASSWD}}},
    {"CP712",
     "user id 5 of 'a' and 'b'",
     NULL,
     {{'f', "etc/passwd", "a:x:5:5::/:\nb:x:5:5::/:\n"}}},
    {"CP712", "twice: group 'g'", NULL, {{'f', "etc/group", "g:x:5:\ng:x:6:\n"}}},
    {"CP712", NULL, NULL, {{'f', "etc/passwd", PASSWD}}},
    {"CP713", "'toor' is root", NULL, {{'f', "etc/passwd", "root:x:0:0::/:\ntoor:x:0:0::/:\n"}}},
    {"CP713", NULL, NULL, {{'f', "etc/passwd", PASSWD}}},
    {"CP714", NULL},
    {"CP847",
     "/usr/sbin/cron: it starts programs",
     "\"Cmd\":[\"cron\",\"-f\"],\"Env\":[\"PATH=/usr/sbin\"]",
     {{'D', "usr/sbin/cron", NULL, 0755}}},
    {"CP847",
     NULL,
     "\"Cmd\":[\"/tini\",\"--\",\"/cron\",\"-f\"]",
     {{'D', "cron", NULL, 0755}, {'E', "tini", NULL, 0755}}},
    {"CP847", NULL, "\"Cmd\":[\"/app\"]", {{'E', "app", NULL, 0755}}},
    {"CP364", "101 layers", NULL, {{'f', "a", "1", .layer = 100}}},
    {"CP364", NULL, NULL, {{'f', "a", "1", .layer = 99}}},
    /* rows of Dockerfiles, through the recipe */
    {"CP504",
     "/e.sh, which starts: the program is a child",
     "\"Entrypoint\":[\"/e.sh\"]",
     {{'f', "e.sh", "#!/bin/sh\nset -e\n/app \"$@\"\n", 0755}}},
    {"CP504",
     NULL,
     "\"Entrypoint\":[\"/e.sh\"]",
     {{'f', "e.sh", "#!/bin/sh\nset -e\nexec /app \"$@\"\n", 0755}}},
    {"CP504", "child of a shell", .config = "\"Cmd\":[\"/bin/sh\",\"-c\",\"node x\"]"},
    {"CP507",
     "/e.sh, which starts: 'pip'",
     "\"Entrypoint\":[\"sh\",\"/e.sh\"]",
     {{'f', "e.sh", "#!/bin/sh\npip install x\nexec x\n", 0755}, {'f', "bin/sh", "", 0755}}},
    {"CP505", "SIGKILL", .config = "\"StopSignal\":\"SIGKILL\""},
    {"CP527", "config: ExposedPorts: port 22", .config = "\"ExposedPorts\":{\"22/tcp\":{}}"},
    {"CP530", "config: Volumes", .config = "\"Volumes\":{\"/proc\":{}}"},
    {"CP531", "no HEALTHCHECK", .config = ""},
    {"CP531", NULL, .config = "\"Healthcheck\":{\"Test\":[\"NONE\"]}"},
    {"CP601", "config: Env: ", .config = "\"Env\":[\"A=$b\",\"DB_PASSWORD=x \\\"y\"]"},
    {"CP601", "history 1: Do not",
     .history = "\"history\":[{\"created_by\":\"RUN |2 A=b TOKEN=c d /bin/sh -c x # buildkit\"}],"},
    {"CP602", "key of AWS", .config = "\"Labels\":{\"a\":\"AKIAABCDEFGHIJKLMNOP\"}"},
    {"CP403", "history 2: sudo ls: ",
     .history = "\"history\":[{\"created_by\":\"x\"},{\"created_by\":\"/bin/sh -c sudo ls\"}],"},
    {"CP403",
     NULL,
     NULL,
     {{'f', "a", "1"}},
     .base = 1,
     .history = "\"history\":[{\"created_by\":\"/bin/sh -c sudo ls\"}],"},
    {"CP342", "history 1: cat <<E",
     .history = "\"history\":[{\"created_by\":\"RUN /bin/sh -c cat <<E\\nx\\nE\\napt-get "
                "dist-upgrade -y # buildkit\"}],"},
    {"CP663", "history 1: a secret",
     .history = "\"history\":[{\"created_by\":\"RUN /bin/sh -c git clone https://bob:hunter2@h/r # "
                "buildkit\"}],"},
    {"CP140", "history 1: ADD x",
     .history = "\"history\":[{\"created_by\":\"ADD x.txt /y # buildkit\"}],"},
    {"CP140", NULL,
     .history = "\"history\":[{\"created_by\":\"/bin/sh -c #(nop) ADD file:0123 in / \"}],"},
};

static void rules_see_what_is_in_an_image(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        STR_AUTO(said);
        STR_AUTO(mine);
        struct view rest, line;

        audit(row->config, row->history, row->items, row->latest, row->base, row->from,
              row->vouched, false, &said);
        for (rest = str_view(&said); rest.at && view_cut(&rest, '\n', &line);)
            if (view_starts(line, row->rule))
                str_printf(&mine, "%.*s\n", VIEW_ARG(line));
        if (!row->want            ? mine.size > 0
            : row->want[0] == '=' ? strcmp(mine.at, row->want + 1) != 0
                                  : !strstr(mine.at, row->want))
            fail_msg("row %zu, %s: want '%s', said: %s(%s)", i, row->rule,
                     row->want ? row->want : "nothing", mine.at, said.at);
    }
}

/* A PATH and a command that are long; without limits each takes minutes or gigabytes. */
static const struct {
    const char *rule, *want;
    const char *unit;
    unsigned count;
    bool numbered; /* behind each unit of PATH: its number and a colon */
    const char *last;
    unsigned command; /* bytes in front of "x", which is in /etc */
} hostile[] = {
    {"CP534", NULL, "/etc:", 300000, false, "/etc", 0},
    {"CP714", NULL, "/etc:", 300000, false, "/etc", 0},
    {"CP534", NULL, "/d", 255, true, "/etc", 0},
    {"CP534", "'x' is not", "/d", 256, true, "/etc", 0},
    {"CP714", "PATH has more", "/d", 256, true, "/etc", 0},
    {"CP534", "is not in the image", "/d", 200000, true, "/etc", 400000},
};

static void long_paths_have_limits(void **state)
{
    static const struct item items[ITEMS] = {{'d', "etc"}, {'f', "etc/x", "", 0755}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
        STR_AUTO(config);
        STR_AUTO(said);
        const char *at;

        str_add_text(&config, "\"Entrypoint\":[\"");
        for (unsigned k = 0; k < hostile[i].command; k++)
            str_add_char(&config, 'a');
        str_add_text(&config, "x\"],\"Env\":[\"PATH=");
        for (unsigned k = 0; k < hostile[i].count; k++) {
            str_add_text(&config, hostile[i].unit);
            if (hostile[i].numbered)
                str_printf(&config, "%u:", k);
        }
        str_printf(&config, "%s\"]", hostile[i].last);
        audit(config.at, NULL, items, false, 0, NULL, IMAGE_SIGNED_UNKNOWN, false, &said);
        at = strstr(said.at, hostile[i].rule);
        if (hostile[i].want ? !at || !strstr(at, hostile[i].want) : at != NULL)
            fail_msg("row %zu: %.2000s", i, said.at);
    }
}

static void every_rule_of_images_has_examples(void **state)
{
    const struct lint_row *row;

    (void)state;
    for (size_t i = 0; (row = lint_row_at(i)); i++) {
        bool fires = false, rests = false;
        if (!row->image)
            continue;
        for (size_t k = 0; k < ARRAY_SIZE(rows); k++)
            if (strcmp(rows[k].rule, row->id) == 0) {
                fires |= rows[k].want != NULL;
                rests |= rows[k].want == NULL;
            }
        assert_true(row->where & LINT_IMAGE);
        if (!rests || (!fires && strcmp(row->id, "CP714") != 0))
            fail_msg("%s %s has no examples", row->id, row->name);
    }
}

/* One program, a number for its user, nothing else: nobody has a reason to warn. */
static void a_small_image_is_clean(void **state)
{
    static const struct item items[ITEMS] = {
        {'f', "app", "#!/no\n", 0755},
        {'f', "etc/passwd", "app:x:65532:65532::/:/none\n"},
        {'f', "etc/ssl/certs/ca-certificates.crt", "-----BEGIN CERTIFICATE-----\nMIIB\n"},
    };
    STR_AUTO(said);

    (void)state;
    audit("\"User\":\"65532\",\"Entrypoint\":[\"/app\"],\"Env\":[\"PATH=/usr/bin\"]",
          "\"history\":[{\"created_by\":\"COPY app / # buildkit\"}],", items, false, 0, NULL,
          IMAGE_SIGNED_UNKNOWN, true, &said);
    assert_string_equal(said.at, "");
}

UNIT_MAIN(cmocka_unit_test(rules_see_what_is_in_an_image),
          cmocka_unit_test(every_rule_of_images_has_examples),
          cmocka_unit_test(long_paths_have_limits), cmocka_unit_test(a_small_image_is_clean))
