/* tests/unit/crypto_fixture.h - libcrypto, opened once for a group of tests: UNIT_MAIN_CRYPTO in the place of UNIT_MAIN. */
#pragma once

#include "trust/libcrypto.h"
#include "unit.h"

static struct crypto *crypto;

static int load(void **state)
{
    (void)state;
    return crypto_open(&crypto, NULL);
}

static int unload(void **state)
{
    (void)state;
    crypto_close(crypto);
    return 0;
}
