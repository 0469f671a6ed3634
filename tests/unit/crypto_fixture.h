/* tests/unit/crypto_fixture.h - libcrypto, opened once for a group of tests: its set-up and its tear-down. */
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
