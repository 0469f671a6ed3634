/* lint/facts_image.h - what rules are told about an image: plain data, gathered by src/audit in one pass over the
 * layers. Rules judge; they open nothing.
 *
 * Paths are absolute, as the container sees them. Layers are numbered from 0, the bottom. A list holds the first
 * IMAGE_FILES_MAX files of its kind (of hidden ones the biggest); count and bytes are those of all. */
#pragma once

#include "oci/config.h"

#define IMAGE_FILES_MAX 20

struct image_file {
    const char *path;
    const char *note; /* what is worth a word beside the path, or NULL */
    uint32_t mode, uid, gid;
    uint64_t size;
    uint32_t layer;
    bool base;   /* of a layer that the image was started from */
    bool hidden; /* a later layer hides it: it ships all the same */
    bool is_dir; /* else a file */
    /* of hidden ones: the later layer has the file again, with another owner or mode */
    bool changed;
};

enum image_list {
    IMAGE_SETID,       /* executables with the setuid or setgid bit */
    IMAGE_CAPABLE,     /* files with capabilities; note: which */
    IMAGE_WORLD_EXEC,  /* executables that everybody may write */
    IMAGE_WORLD_DIR,   /* directories that everybody may write, without the sticky bit */
    IMAGE_USER_EXEC,   /* what starts, and what is on PATH, where the user who runs it may write */
    IMAGE_SECRET,      /* names of files that hold secrets, hidden ones too */
    IMAGE_KEY,         /* private keys by content, hidden ones too; note: their kind */
    IMAGE_LEFTOVER,    /* files that only the build, the editor or the repository needs */
    IMAGE_TEMPORARY,   /* files below /tmp and /var/tmp */
    IMAGE_TOOL,        /* what an intruder wishes for */
    IMAGE_COMPILER,    /* compilers and make */
    IMAGE_DEV_PACKAGE, /* packages of headers; path is the package's name */
    IMAGE_SHELL,
    IMAGE_MANAGER, /* package managers */
    IMAGE_SSHD,
    IMAGE_HIDDEN, /* files that a later layer removes or replaces: the biggest first */
    IMAGE_LISTS
};

struct image_files {
    struct image_file *at;
    size_t size;
    uint64_t count, bytes;
    uint64_t own, own_bytes; /* of these in layers above the base */
};

/* What a package manager keeps to save a download. */
enum image_cache {
    IMAGE_CACHE_APT,
    IMAGE_CACHE_APK,
    IMAGE_CACHE_YUM,
    IMAGE_CACHE_DNF,
    IMAGE_CACHE_ZYPPER,
    IMAGE_CACHE_PACMAN,
    IMAGE_CACHE_PIP,
    IMAGE_CACHE_NPM,
    IMAGE_CACHE_YARN,
    IMAGE_CACHE_MAVEN,
    IMAGE_CACHE_GRADLE,
    IMAGE_CACHE_CARGO,
    IMAGE_CACHE_GO,
    IMAGE_CACHE_GEM,
    IMAGE_CACHE_COMPOSER,
    IMAGE_CACHE_NUGET,
    IMAGE_CACHE_CONDA,
    IMAGE_CACHES
};

struct image_kept {
    uint64_t files, bytes;
    const char *path; /* of the biggest file, */
    uint64_t biggest; /* and its size */
};

/* Who runs: what Config.User comes to. */
struct image_user {
    bool root;       /* uid 0, or nothing said */
    bool known;      /* uid is: a number, or a name that /etc/passwd has */
    bool listed;     /* /etc/passwd has it */
    bool named;      /* a name, not a number */
    bool has_passwd; /* there is an /etc/passwd at all */
    uint32_t uid, gid;
    const uint32_t *groups; /* all of them */
    size_t group_count;
    const char *text; /* the part before ':' */
};

/* What runs first. */
enum image_program {
    IMAGE_PROGRAM_NONE,    /* neither ENTRYPOINT nor CMD */
    IMAGE_PROGRAM_MISSING, /* no such file, as far as can be seen */
    IMAGE_PROGRAM_UNKNOWN, /* it is there, its content is none of the below */
    IMAGE_PROGRAM_STATIC,  /* ELF without an interpreter */
    IMAGE_PROGRAM_DYNAMIC,
    IMAGE_PROGRAM_SCRIPT, /* "#!" */
};

/* Whether somebody spoke for the image when it came. */
enum image_signed {
    IMAGE_SIGNED_UNKNOWN, /* made here, or nobody remembers where it came from */
    IMAGE_SIGNED_NO,
    IMAGE_SIGNED_YES, /* and the policy of this machine believed it */
};

struct image_texts { /* at most IMAGE_FILES_MAX */
    const char **at;
    size_t size;
};

struct image_facts {
    const char *name;                  /* as people write it: "app:1" */
    bool latest;                       /* its tag is latest, said or not */
    const struct image_config *config; /* never NULL */
    int64_t now_s;
    int64_t created_s; /* 0: nobody says */

    uint32_t layer_count, base_layers; /* base_layers 0: nothing below is known */
    const char *base;                  /* its name, or NULL */
    enum image_signed vouched;

    struct image_files lists[IMAGE_LISTS];
    struct image_kept kept[IMAGE_CACHES];
    uint64_t files, bytes;  /* of all layers, hidden ones too */
    uint64_t changed_bytes; /* of IMAGE_HIDDEN in layers above the base: those that are `changed` */

    struct image_user user;
    enum image_program program;
    const char *program_path;
    struct view script;        /* of IMAGE_PROGRAM_SCRIPT: its text, as far as it is short */
    bool has_init;             /* the program is an init: tini, dumb-init, ... */
    struct image_texts closed; /* WORKDIR and VOLUMEs that the user cannot write */

    struct image_texts open_passwd;        /* accounts whose password is empty in /etc/passwd */
    struct image_texts open_shadow;        /* or, if not there, in /etc/shadow */
    struct image_texts twice;              /* "user 'a'", "uid 1000 (a, b)", "group 'x'" */
    struct image_texts roots;              /* further accounts with uid 0 */
    const char *os, *os_version, *os_name; /* ID, VERSION_ID, PRETTY_NAME of os-release; or NULL */

    const char *incomplete; /* why not everything could be looked at; NULL: it was */
};

/* What a path (without its leading '/') says about a file: bits 1 << enum image_list. */
uint32_t image_name_lists(struct view path, bool is_dir, bool executable);
/* The cache that a path is part of; IMAGE_CACHES: none. */
enum image_cache image_name_cache(struct view path);
/* Of a build context too: ".env", "id_rsa", "x.p12". */
bool image_name_is_secret(struct view path);
/* tini, dumb-init and their like. */
bool image_name_is_init(const char *path);
/* Tests, examples and documentation of packages have keys that open nothing. */
bool image_name_is_sample(struct view path);
/* "-----BEGIN RSA PRIVATE KEY-----" with a body: its kind ("RSA"), or NULL. */
const char *image_key_kind(struct view bytes);
