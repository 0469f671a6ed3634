/* tests/unit/keyless.h - who vouches for tests/fuzz/corpus/evidence/bundle-keyless, a bundle that openssl made: the manifest {} signed
 * by a certificate of a day, of https://git.example/a@v1; in a log of two leaves, and stamped while the certificate was
 * valid. */
#pragma once

static const char keyless_root[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBhjCCASugAwIBAgIUOP5lFJRDilw6lXkMsXrJ1yfcYjswCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEcm9vdDAgFw0yNjExMjIyMjE2MDhaGA8yMTI2MTAyOTIyMTYw\n"
    "OFowDzENMAsGA1UEAwwEcm9vdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABABM\n"
    "ALwIAz+hGPPOt+QZGIAzD2gVOheZT6Dqw7oYl0CCtC9oezjAhjQuQn+9782EupwZ\n"
    "ooD9i+xEm98XQ/l/Xn+jYzBhMB0GA1UdDgQWBBT1J+UUyyfoIDW1UmlMCkaMoZrJ\n"
    "GzAfBgNVHSMEGDAWgBT1J+UUyyfoIDW1UmlMCkaMoZrJGzAPBgNVHRMBAf8EBTAD\n"
    "AQH/MA4GA1UdDwEB/wQEAwICBDAKBggqhkjOPQQDAgNJADBGAiEAldt/WOYhHsFd\n"
    "ADDvTy3DUD3KxGI653PzNCBgJwL1PjoCIQC3nO0qPwbxS045/7pDGkHrnnPJuf5s\n"
    "5HqQiQhUIBfLzA==\n"
    "-----END CERTIFICATE-----\n";

static const char keyless_log[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhMmuZtgkI7Q14vSGEvc7WxooVY2j\n"
    "GsBfX3rkKico55uqs4YonIuoYLWPfJ1TP34A0rC4UnCX4fWuUJQPp0vy4g==\n"
    "-----END PUBLIC KEY-----\n";
