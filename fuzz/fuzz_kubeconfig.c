/* Any text is a kubeconfig or is refused with a sentence, and says the same every time. */
#include "fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "kube/remote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    struct kube_config one = {0}, two = {0};
    struct err e = {0};
    const char *text = (const char *)data;
    int rc = kube_config_parse(text, size, "/nonexistent", NULL, a, &one, &e);
    MUST(rc == kube_config_parse(text, size, "/nonexistent", NULL, a, &two, NULL));
    MUST(rc == 0 || *e.msg);
    if (rc == 0) {
        MUST(*one.server && strcmp(one.server, two.server) == 0);
        MUST(strcmp(one.ns, two.ns) == 0);
    }
    return 0;
}
