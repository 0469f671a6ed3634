/* Names of registries and repositories. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#include "registry/internal.h"

const char *registry_api_host(const char *host)
{
    return strcmp(host, "docker.io") == 0 || strcmp(host, "index.docker.io") == 0
               ? "registry-1.docker.io"
               : host;
}

bool registry_is_loopback(const char *host)
{
    const size_t n = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    cleanup_free char *name = xstrndup(host, n);
    struct in_addr four;

    return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
           (inet_pton(AF_INET, name, &four) == 1 && ntohl(four.s_addr) >> 24 == 127);
}

/* [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static bool is_component(struct view v)
{
    bool separated = true;

    for (size_t i = 0; i < v.size; i++) {
        const char c = v.at[i];

        if (islower((unsigned char)c) || isdigit((unsigned char)c)) {
            separated = false;
            continue;
        }
        if (!strchr("._-", c) || !c || i == 0)
            return false;
        const bool pair =
            separated &&
            (c == '-' || (c == '_' && i > 1 && v.at[i - 1] == '_' && v.at[i - 2] != '_'));
        if (separated && (!pair || v.at[i - 1] != c))
            return false;
        separated = true;
    }
    return v.size > 0 && !separated;
}

bool registry_repository_valid(const char *repository)
{
    struct view rest = view_of(repository), part;

    if (!rest.size || rest.size > REFERENCE_NAME_MAX)
        return false;
    while (view_cut(&rest, '/', &part))
        if (!is_component(part))
            return false;
    return true;
}

char *registry_referrers_tag(const struct digest *digest,
                             char buf[static REGISTRY_REFERRERS_TAG_MAX])
{
    char hex[DIGEST_HEX_MAX];

    snprintf(buf, REGISTRY_REFERRERS_TAG_MAX, "sha256-%s", digest_hex(digest, hex));
    return buf;
}
