/* Release files, signed messages, what gpgv says, keys. */
#include "distro/release.h"
#include "distro/verify.h"
#include "unit.h"

static void dates(void **state)
{
    static const struct {
        const char *text;
        int64_t want; /* -1: refused */
    } rows[] = {
        {"Sat, 11 Jul 2026 10:16:37 UTC", 1783764997},
        {"11 Jul 2026 10:16:37 +0000", 1783764997},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Sat, 1 Jul 2026 10:16:37 UTC", 1782900997},
        {"Sat, 11 Jul 2026 10:16:37 CEST", -1},
        {"Sat, 11 Foo 2026 10:16:37 UTC", -1},
        {"Sat, 32 Jul 2026 10:16:37 UTC", -1},
        {"Sat, 11 Jul 26 10:16:37 UTC", -1},
        {"Sat, 11 Jul 2026 10:16 UTC", -1},
        {"2026-07-11", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int64_t have = -1;

        print_message("# '%s'\n", rows[i].text);
        assert_int_equal(release_date(view_of(rows[i].text), &have), rows[i].want >= 0);
        assert_int_equal(have, rows[i].want);
    }
}

#define SUM "515e692f2c4121c6fcec444ef100cc18f79a991910615f3a88c8b7becfc94d2f"
static const char good[] = "Origin: Debian\nSuite: oldstable\nCodename: bookworm\nVersion: 12.15\n"
                           "Date: Sat, 11 Jul 2026 10:16:37 UTC\n"
                           "Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\n"
                           "SHA256:\n " SUM " 50060337 main/binary-amd64/Packages\n"
                           " " SUM "   12 main/binary-amd64/Packages.xz\n";

static void a_release_tells_its_files(void **state)
{
    struct release r;
    struct digest d;
    uint64_t size = 0;
    ERROR_AUTO(err);

    (void)state;
    assert_int_equal(release_parse(VIEW(good), &r, &err), 0);
    assert_true(r.by_hash);
    assert_int_equal(r.pin, 500);
    assert_int_equal(release_file(&r, "main/binary-amd64/Packages.xz", &d, &size, &err), 0);
    assert_int_equal(size, 12);
    assert_int_equal(d.sha256[0], 0x51);
    assert_int_equal(release_file(&r, "main/binary-amd64/Packages.x", &d, &size, NULL), -ENOENT);
    assert_int_equal(release_check_suite(&r, "bookworm", NULL), 0);
    assert_int_equal(release_check_suite(&r, "oldstable", NULL), 0);
    assert_int_equal(release_check_suite(&r, "bookworm/updates", NULL), 0);
    assert_int_equal(release_check_suite(&r, "trixie", NULL), -EINVAL);
    assert_int_equal(release_check_suite(&r, "bookworm-updates", NULL), -EINVAL);
}

static void age_is_checked(void **state)
{
    struct release r;
    ERROR_AUTO(expired);
    ERROR_AUTO(future);

    (void)state;
    assert_int_equal(release_parse(VIEW(good), &r, NULL), 0);
    assert_int_equal(release_check_valid_until(&r, 1784369797, NULL), 0);
    assert_int_equal(release_check_valid_until(&r, 1784369798, &expired), -EINVAL);
    assert_non_null(strstr(expired.text, "has expired: it was valid until 2026-07-18T10:16:37Z"));
    assert_non_null(strstr(expired.hint, "Acquire::Check-Valid-Until"));
    assert_int_equal(release_check_date(&r, 1783764997 - 10, NULL), 0);
    assert_int_equal(release_check_date(&r, 1783764997 - 11, &future), -EINVAL);
    assert_non_null(strstr(future.text, "of the future"));
}

static void bad_releases(void **state)
{
    static const struct {
        const char *text, *complaint;
    } rows[] = {
        {"", "one paragraph"},
        {"Suite: x\n\nSHA256: y\n", "one paragraph"},
        {"Suite: x\n", "no SHA256"},
        {"Date: today\nSHA256: x\n", "Date"},
        {"Valid-Until: never\nSHA256: x\n", "Valid-Until"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct release r;
        ERROR_AUTO(err);

        assert_int_equal(release_parse(view_of(rows[i].text), &r, &err), -EINVAL);
        assert_non_null(strstr(err.text, rows[i].complaint));
    }
}

static void pins(void **state)
{
    struct release r;

    (void)state;
    assert_int_equal(release_parse(VIEW("NotAutomatic: yes\nSHA256: x\n"), &r, NULL), 0);
    assert_int_equal(r.pin, 1);
    assert_int_equal(
        release_parse(VIEW("NotAutomatic: yes\nButAutomaticUpgrades: yes\nSHA256: x\n"), &r, NULL),
        0);
    assert_int_equal(r.pin, 100);
}

#define BEGIN "-----BEGIN PGP SIGNED MESSAGE-----\n"
#define SIGNATURE "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"

static void signed_messages(void **state)
{
    static const struct {
        const char *name, *text, *want, *complaint;
    } rows[] = {
        {"good", BEGIN "Hash: SHA256\n\na: 1\n- -x\n" SIGNATURE, "a: 1\n-x\n", NULL},
        {"blanks at line ends", BEGIN "\na: 1 \t\r\n" SIGNATURE, "a: 1\n", NULL},
        {"text before", "x\n" BEGIN "\na\n" SIGNATURE, NULL, "not a signed message"},
        {"text behind", BEGIN "\na\n" SIGNATURE "evil: yes\n", NULL, "text behind the signature"},
        {"second message", BEGIN "\na\n" SIGNATURE BEGIN "\nb\n" SIGNATURE, NULL, "text behind"},
        {"message within", BEGIN "\na\n" BEGIN "\nb\n" SIGNATURE, NULL, "bare '-'"},
        {"other header", BEGIN "Evil: x\n\na\n" SIGNATURE, NULL, "no header"},
        {"cut in the text", BEGIN "\na\n", NULL, "ends within"},
        {"cut in the signature", BEGIN "\na\n-----BEGIN PGP SIGNATURE-----\n\nabc\n", NULL,
         "ends within"},
        {"unsigned", "a: 1\n", NULL, "not a signed message"},
        {"empty", "", NULL, "not a signed message"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        STR_AUTO(text);
        ERROR_AUTO(err);
        const int r = inrelease_text(view_of(rows[i].text), false, &text, &err);

        print_message("# %s\n", rows[i].name);
        assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
        if (rows[i].want)
            assert_string_equal(text.at, rows[i].want);
        else
            assert_non_null(strstr(err.text, rows[i].complaint));
    }
}

#define G "[GNUPG:] "
#define VALID G "VALIDSIG AAAA 2026-07-11 1783764997 0 4 0 1 8 01 BBBB\n"

static void verdicts(void **state)
{
    static const struct {
        const char *name, *status, *complaint; /* NULL: good */
    } rows[] = {
        {"good", G "NEWSIG\n" G "GOODSIG 73A4 Debian\n" VALID, NULL},
        {"one good, one unknown", G "GOODSIG 73A4 x\n" VALID G "NO_PUBKEY 6ED0\n", NULL},
        {"unknown", G "ERRSIG 6ED0 1 8 01 1 9\n" G "NO_PUBKEY 6ED0E7B82643E131\n",
         "not among the trusted"},
        {"bad", G "BADSIG 73A4 x\n", "is bad: the file was altered"},
        {"good and bad", G "GOODSIG 73A4 x\n" VALID G "BADSIG 6ED0 x\n", "is bad"},
        {"expired key", G "EXPKEYSIG 73A4 x\n" VALID, "has expired"},
        {"revoked key", G "REVKEYSIG 73A4 x\n" VALID, "was revoked"},
        {"SHA-1", G "GOODSIG 73A4 x\n" G "VALIDSIG AAAA d 1 0 4 0 1 2 01 BBBB\n", "broken digest"},
        {"said elsewhere", "GOODSIG 73A4 x\nVALIDSIG AAAA d 1 0 4 0 1 8 01 B\n",
         "no good signature"},
        {"nothing", "", "no good signature"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        ERROR_AUTO(err);
        const int r = verify_status(view_of(rows[i].status), "InRelease", &err);

        print_message("# %s\n", rows[i].name);
        assert_int_equal(r, rows[i].complaint ? -EACCES : 0);
        if (r < 0)
            assert_non_null(strstr(err.text, rows[i].complaint));
    }
}

static void armour(void **state)
{
    static const char block[] =
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n Comment: x\n .\n aGVs\n bG8h\n"
        " =abcd\n -----END PGP PUBLIC KEY BLOCK-----\n";
    STR_AUTO(plain);
    STR_AUTO(binary);
    STR_AUTO(bad);

    (void)state;
    assert_int_equal(verify_dearmour(VIEW(block), &plain, NULL), 0);
    assert_string_equal(plain.at, "hello!");
    assert_int_equal(verify_dearmour(VIEW("\x99\x01"), &binary, NULL), 0);
    assert_int_equal(binary.size, 2);
    assert_int_equal(
        verify_dearmour(VIEW("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\na*b\n"), &bad, NULL),
        -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(dates), cmocka_unit_test(a_release_tells_its_files),
          cmocka_unit_test(age_is_checked), cmocka_unit_test(bad_releases), cmocka_unit_test(pins),
          cmocka_unit_test(signed_messages), cmocka_unit_test(verdicts), cmocka_unit_test(armour))
