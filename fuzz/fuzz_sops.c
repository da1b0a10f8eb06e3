/* What opens is authentic: a file is refused, or gives the same bytes each time, no more of them
 * than it has itself. */
#include "fuzz.h"

#include "render/sops/sops.h"

static const char identity[] =
    "AGE-SECRET-KEY-1MF20X4SMFC2EGRUX2A50JL5RMCTTV9DFL9ZX0K4E0XAP7MAAUYQQ4WLKU5";

static void whole(const char *path, const char *text, size_t n, const struct sops_keys *keys)
{
    AUTO(arena) struct arena *a = arena_new(1 << 26);
    const char *one, *two;
    size_t n_one, n_two;
    struct err e;
    if (!sops_is(path, text, n) || sops_decrypt(path, text, n, keys, a, &one, &n_one, &e) < 0)
        return;
    MUST(n_one <= n);
    MUST(sops_decrypt(path, text, n, keys, a, &two, &n_two, &e) == 0);
    MUST(n_one == n_two && memcmp(one, two, n_one) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(1 << 26);
    struct age_identity id;
    struct err e;
    MUST(age_identity_parse(identity, sizeof identity - 1, &id, &e) == 0);
    const struct sops_keys keys = {&id, 1, NULL, "the test"};
    char *text = arena_strndup(a, (const char *)data, size), *out;
    size_t n;
    if (age_decrypt(&id, 1, text, size, a, &out, &n, &e) == 0)
        MUST(n < size);
    whole("f.yaml", text, size, &keys);
    whole("f.env", text, size, &keys);
    whole("f.txt", text, size, &keys);
    return 0;
}
