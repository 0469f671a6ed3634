/* image/wire_host.h - what this machine's files say of registries: where an image is really fetched
 * from, which credential opens which door, which certificates belong to it. */
#pragma once

#include "image/wire.h"
#include "net/http.h"

struct wire_hosts;
/* As wire_new(). */
struct wire_hosts *wire_hosts_new(const struct env *env, const struct wire_access *read,
                                  const struct wire_access *write);
/* Says the warnings of the registries that were not said yet. */
void wire_hosts_free(struct wire_hosts *h);

/* As wire_places() and wire_session(). */
MUST_CHECK int wire_hosts_places(struct wire_hosts *h, const struct reference *ref, bool push,
                                 struct registry_endpoints *ret, struct error *err);
/* credential NULL: that of the command line or the machine's files. */
MUST_CHECK int wire_hosts_session(struct wire_hosts *h, const struct registry_endpoint *at,
                                  const struct registry_credential *credential,
                                  struct registry_session **ret, struct error *err);
/* The certificates for a request of the session: those of its host. Another host that the registry leads to, a service of
 * tokens or a storage, is believed by the registry's authorities, as docker has it; who we are is not shown to it. NULL:
 * there are none. */
const struct http_tls *wire_hosts_tls(const struct wire_hosts *h, const struct registry_session *s,
                                      const char *url);

/* Out of the folders HOST[:PORT] below /etc/containers/certs.d, /etc/docker/certs.d and those of the
 * user, or of that one folder: *.crt are authorities beside the system's, NAME.cert and NAME.key show who we are. */
MUST_CHECK int wire_host_tls(const struct env *env, const char *host, const char *folder,
                             struct http_tls *ret, struct error *err);
