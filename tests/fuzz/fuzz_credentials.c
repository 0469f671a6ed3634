/* config.json and auth.json. What was set is found again, what was taken out is gone. */
#include <assert.h>

#include "registry/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry_credential c = {.user = (char[]){"u"}, .password = (char[]){"p:q"}};
    CLEANUP(credentials_answer_done)
    struct credentials_answer a = {0}, hub = {0}, again = {0}, gone = {0};
    cleanup_doc json_t *doc = NULL;

    if (credentials_parse(view_make(data, size), false, &doc, NULL) < 0)
        return 0;
    (void)!credentials_look(doc, "r.io", "a/b/c", &a, NULL);
    (void)!credentials_look(doc, "docker.io", "library/app", &hub, NULL);
    credentials_set(doc, "r.io", &c);
    if (credentials_look(doc, "r.io", NULL, &again, NULL) == 0)
        assert(again.found && strcmp(again.credential.password, "p:q") == 0);
    assert(credentials_unset(doc, "r.io"));
    if (credentials_look(doc, "r.io", NULL, &gone, NULL) == 0)
        assert(!gone.found);
    return 0;
}
