/* image/wire_host.h - what this machine's files say of one registry: which credential opens it, which
 * certificates belong to it. */
#pragma once

#include "base/env.h"
#include "net/http.h"
#include "registry/registry.h"

/* Empty where there is none. */
MUST_CHECK int wire_host_credential(const struct env *env, const char *host,
                                    struct registry_credential *ret, struct error *err);
/* Out of the folders HOST[:PORT] below /etc/containers/certs.d, /etc/docker/certs.d and those of the
 * user: *.crt are authorities beside the system's, NAME.cert and NAME.key show who we are. */
MUST_CHECK int wire_host_tls(const struct env *env, const char *host, struct http_tls *ret,
                             struct error *err);
