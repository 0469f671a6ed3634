/* distro/apt.h - what the machine's apt is told: settings (apt.conf(5)) and sources
 * (sources.list(5)), read by our own parser, so that base images come the way that packages come:
 * through the same mirror and proxy. */
#pragma once

#include "base/map.h"
#include "base/vec.h"

#define APT_FILE_MAX (1u << 20) /* of one file; people write them by hand */
#define APT_FILES_MAX 1000      /* in a .d directory */
#define APT_DEPTH_MAX 32        /* braces and #include below one another */
#define APT_SOURCES_MAX 1000    /* uri and suite pairs */

/* ---- settings ---- */

struct apt_conf {
    struct map values; /* lower-case name "acquire::http::proxy" -> char *; of lists the last item
                          counts */
};
void apt_conf_done(struct apt_conf *c);
#define APT_CONF_AUTO(name) CLEANUP(apt_conf_done) struct apt_conf name = {0}
/* Adds a file's settings to c, later ones win. what: its name for messages. #include is honoured
 * for absolute paths. Also reads what `apt-config dump` prints. */
MUST_CHECK int apt_conf_parse(struct apt_conf *c, struct view text, const char *what,
                              struct error *err);
/* NULL when not set; name as apt.conf(5) has it, case ignored. */
const char *apt_conf_get(const struct apt_conf *c, const char *name);
/* apt's idea of yes and no; otherwise what is given. */
bool apt_conf_bool(const struct apt_conf *c, const char *name, bool otherwise);
/* The proxy for url, "" for none ("DIRECT"), NULL where nothing is set: the environment decides
 * then. */
const char *apt_conf_proxy(const struct apt_conf *c, const char *url);

/* ---- sources ---- */

enum apt_answer { APT_UNSET, APT_NO, APT_YES };

struct apt_source { /* one uri with one suite */
    char *uri;      /* without the final '/' */
    char *suite;
    struct strings components;
    struct strings keyrings; /* Signed-By, absolute paths */
    char *key;               /* Signed-By, a key block in the file itself; or NULL */
    enum apt_answer trusted, check_valid_until, check_date;
    bool guessed; /* apt_sources_for() put it in place of another release's */
};
struct apt_sources {
    struct apt_source *at;
    size_t size, cap;
};
void apt_sources_done(struct apt_sources *s);
#define APT_SOURCES_AUTO(name) CLEANUP(apt_sources_done) struct apt_sources name = {0}
/* One-line entries (.list) and deb822 paragraphs (.sources); deb-src, disabled ones and those of
 * other architectures are passed over. */
MUST_CHECK int apt_sources_parse_list(struct apt_sources *s, struct view text, const char *what,
                                      const char *architecture, struct error *err);
MUST_CHECK int apt_sources_parse_deb822(struct apt_sources *s, struct view text, const char *what,
                                        const char *architecture, struct error *err);
struct apt_source *apt_sources_add(struct apt_sources *s, const char *uri, const char *suite);

/* ---- the machine ---- */

/* Reads $APT_CONFIG, apt.conf.d/, apt.conf, sources.list and sources.list.d/ below root ("/" but
 * for tests). A machine without apt has no settings and no sources: no error. */
MUST_CHECK int apt_machine_read(const char *root, const char *architecture,
                                struct apt_conf *ret_conf, struct apt_sources *ret_sources,
                                struct error *err);

/* The sources for a Debian release out of those of the machine: suite itself and its -updates,
 * -security and /updates kin. Where the machine has another release only, that one's name is
 * replaced, so that its mirror serves; where it has none of Debian at all, *ret stays empty. */
void apt_sources_for(const struct apt_sources *machine_sources, const char *suite,
                     struct apt_sources *ret);
