#include <assert.h>

#include "trust/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every policy has a rule for every image, and nothing unsigned fits one that wants signatures. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(policy_freep) struct policy *p = NULL;
    REFERENCE_AUTO(ref);

    if (policy_parse(view_make(data, size), &p, NULL) < 0)
        return 0;
    assert(reference_parse("registry.example:5000/team/app:1.0", &ref, NULL) == 0);
    const struct policy_image image = {.transport = "docker", .reference = &ref},
                              layout = {.transport = "oci", .path = "/srv/images/app", .tag = "1"};
    const struct policy_facts facts = {.image = &image};
    const struct policy_rule *r = policy_find(p, &image);
    assert(r && policy_find(p, &layout));
    if (!policy_rule_is_plain(r))
        assert(policy_decide(r, &facts, NULL) < 0);
    else
        (void)!policy_decide(r, &facts, NULL);
    return 0;
}
