#include "distro/release.h"

#include <errno.h>
#include <time.h>

#include "base/mem.h"
#include "base/moment.h"
#include "distro/control.h"
#include "oci/config.h"

#define DATE_AHEAD_S 10 /* Acquire::Max-FutureTime */

/* ---- dates ---- */

static bool two_digits(struct view v, int low, int high, int *ret)
{
    uint64_t n;

    if (v.size == 0 || v.size > 2 || !view_to_u64(v, &n) || n < (uint64_t)low || n > (uint64_t)high)
        return false;
    *ret = (int)n;
    return true;
}

static bool read_clock(struct view v, struct tm *t)
{
    struct view h, m;

    return view_cut(&v, ':', &h) && view_cut(&v, ':', &m) && v.at &&
           two_digits(h, 0, 23, &t->tm_hour) && two_digits(m, 0, 59, &t->tm_min) &&
           two_digits(v, 0, 60, &t->tm_sec);
}

static bool read_month(struct view v, int *ret)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    for (int i = 0; i < 12; i++)
        if (view_eq_text(v, months[i])) {
            *ret = i;
            return true;
        }
    return false;
}

bool release_date(struct view text, int64_t *ret_s)
{
    struct view part[6] = {0};
    struct tm t = {0};
    uint64_t year;
    size_t n = 0;

    while (n < ARRAY_SIZE(part) && control_word(&text, &part[n]))
        n++;
    /* the day of the week may be absent; it is not looked at, as nobody checks it against the
     * date */
    const struct view *p = n == 6 ? part + 1 : part;
    if ((n != 5 && n != 6) || !two_digits(p[0], 1, 31, &t.tm_mday) ||
        !read_month(p[1], &t.tm_mon) || p[2].size != 4 || !view_to_u64(p[2], &year) ||
        year < 1970 || !read_clock(p[3], &t))
        return false;
    if (!view_eq_text(p[4], "UTC") && !view_eq_text(p[4], "GMT") && !view_eq_text(p[4], "Z") &&
        !view_eq_text(p[4], "+0000"))
        return false;
    return moment_make((int)year, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, ret_s);
}

/* ---- the file ---- */

static int read_dates(struct view text, struct release *r, struct error *err)
{
    const struct view date = control_get(text, "Date");
    const struct view until = control_get(text, "Valid-Until");

    if (date.at && !release_date(date, &r->date_s))
        return error_set(err, -EINVAL, "Date '%.*s' is no date", (int)MIN(date.size, 60), date.at);
    if (until.at && !release_date(until, &r->valid_until_s))
        return error_set(err, -EINVAL, "Valid-Until '%.*s' is no date", (int)MIN(until.size, 60),
                         until.at);
    return 0;
}

int release_parse(struct view text, struct release *ret, struct error *err)
{
    struct view rest = text, paragraph, more;
    struct release r = {.pin = 500};

    if (text.size > RELEASE_SIZE_MAX)
        return error_set(err, -EDQUOT, "a Release file of %zu bytes", text.size);
    if (!control_paragraph(&rest, &paragraph) || control_paragraph(&rest, &more))
        return error_set(err, -EINVAL, "a Release file is one paragraph");
    r.origin = control_get(paragraph, "Origin");
    r.suite = control_get(paragraph, "Suite");
    r.codename = control_get(paragraph, "Codename");
    r.version = control_get(paragraph, "Version");
    r.sha256 = control_get(paragraph, "SHA256");
    if (!r.sha256.at)
        return error_set(err, -EINVAL, "the Release file has no SHA256 sums");
    r.by_hash = view_eq_nocase(control_get(paragraph, "Acquire-By-Hash"), "yes");
    if (view_eq_nocase(control_get(paragraph, "NotAutomatic"), "yes"))
        r.pin = view_eq_nocase(control_get(paragraph, "ButAutomaticUpgrades"), "yes") ? 100 : 1;
    const int s = read_dates(paragraph, &r, err);
    if (s < 0)
        return s;
    *ret = r;
    return 0;
}

int release_file(const struct release *r, const char *path, struct digest *ret, uint64_t *ret_size,
                 struct error *err)
{
    struct view rest = r->sha256, line;

    while (view_cut(&rest, '\n', &line)) {
        struct view hex, size, name;
        char text[DIGEST_HEX_MAX] = "";

        if (!control_word(&line, &hex) || !control_word(&line, &size) ||
            !control_word(&line, &name) || !view_eq_text(name, path))
            continue;
        if (hex.size >= sizeof(text) || !view_to_u64(size, ret_size))
            return error_set(err, -EINVAL, "the Release file's line for '%s' is damaged", path);
        memcpy(text, hex.at, hex.size);
        return digest_parse_hex(text, ret, err);
    }
    return error_set(err, -ENOENT, "the Release file does not list '%s'", path);
}

int release_check_date(const struct release *r, int64_t now_s, struct error *err)
{
    char buf[CONFIG_TIME_MAX];

    if (r->date_s <= now_s + DATE_AHEAD_S)
        return 0;
    error_set(err, -EINVAL, "the Release file is of the future: %s",
              config_time_format(r->date_s, buf));
    return error_hint(
        err, -EINVAL,
        "set the machine's clock, or Acquire::Check-Date \"false\" in apt's settings");
}

int release_check_valid_until(const struct release *r, int64_t now_s, struct error *err)
{
    char buf[CONFIG_TIME_MAX];

    if (r->valid_until_s == 0 || now_s <= r->valid_until_s)
        return 0;
    error_set(err, -EINVAL, "the Release file has expired: it was valid until %s",
              config_time_format(r->valid_until_s, buf));
    return error_hint(err, -EINVAL,
                      "the mirror is stale; for a snapshot on purpose set "
                      "Acquire::Check-Valid-Until \"false\" in apt's settings");
}

int release_check_suite(const struct release *r, const char *suite, struct error *err)
{
    const size_t name = strcspn(suite, "/");

    if (!r->suite.at && !r->codename.at)
        return 0;
    if (view_eq_text(r->suite, suite) || view_eq_text(r->codename, suite))
        return 0;
    /* buster/updates says Codename: buster */
    if (suite[name] == '/' && view_eq(r->codename, view_make(suite, name)))
        return 0;
    return error_set(err, -EINVAL, "asked for suite '%s', the mirror sent '%.*s' (%.*s)", suite,
                     (int)MIN(r->codename.size, 60), r->codename.at ? r->codename.at : "",
                     (int)MIN(r->suite.size, 60), r->suite.at ? r->suite.at : "");
}

/* ---- InRelease (RFC 4880, 7) ---- */

static const char begin_message[] = "-----BEGIN PGP SIGNED MESSAGE-----";
static const char begin_signature[] = "-----BEGIN PGP SIGNATURE-----";
static const char end_signature[] = "-----END PGP SIGNATURE-----";

enum part { PART_HEADER, PART_TEXT, PART_SIGNATURE, PART_END };

/* Blanks at the end of a line are not signed, so they do not count. */
static struct view cut_line(struct view *rest)
{
    struct view line;

    if (!view_cut(rest, '\n', &line))
        return VIEW("");
    while (line.size > 0 && strchr(" \t\r", line.at[line.size - 1]) && line.at[line.size - 1])
        line.size--;
    return line;
}

static int message_line(enum part *part, struct view line, struct str *ret, struct error *err)
{
    switch (*part) {
    case PART_HEADER:
        if (line.size == 0)
            *part = PART_TEXT;
        else if (!view_starts(line, "Hash: "))
            return error_set(err, -EINVAL, "InRelease: '%.*s' is no header of a signed message",
                             (int)MIN(line.size, 60), line.at);
        return 0;
    case PART_TEXT:
        if (view_eq_text(line, begin_signature)) {
            *part = PART_SIGNATURE;
            return 0;
        }
        if (view_starts(line, "- "))
            line = view_make(line.at + 2, line.size - 2);
        else if (view_starts(line, "-"))
            return error_set(err, -EINVAL, "InRelease: a line with a bare '-'");
        str_add(ret, line);
        str_add_char(ret, '\n');
        return 0;
    case PART_SIGNATURE:
        if (view_eq_text(line, end_signature))
            *part = PART_END;
        else if (view_starts(line, "-"))
            return error_set(err, -EINVAL, "InRelease: '%.*s' within the signature",
                             (int)MIN(line.size, 60), line.at);
        return 0;
    case PART_END:
        return line.size == 0 ? 0 : error_set(err, -EINVAL, "InRelease: text behind the signature");
    }
    return 0;
}

int inrelease_text(struct view file, bool unsigned_too, struct str *ret_text, struct error *err)
{
    enum part part = PART_HEADER;
    struct view rest = file;

    if (memchr(file.at, '\0', file.size))
        return error_set(err, -EINVAL, "InRelease: a NUL byte");
    if (!view_eq_text(cut_line(&rest), begin_message)) {
        if (!unsigned_too)
            return error_set(err, -EINVAL, "InRelease is not a signed message");
        str_add(ret_text, file);
        return 0;
    }
    while (rest.at && rest.size > 0) {
        const int r = message_line(&part, cut_line(&rest), ret_text, err);

        if (r < 0)
            return r;
    }
    return part == PART_END ? 0 : error_set(err, -EINVAL, "InRelease ends within the message");
}
