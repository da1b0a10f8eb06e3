#include "t.h"
#include "oci/manifest.h"
#include "oci/media.h"

#define D                                                                                          \
    "\"digest\":\"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\","      \
    "\"size\":5"
#define C "\"config\":{" D ",\"mediaType\":\"application/x\"}"

static void judges(void)
{
    static const struct {
        const char *json, *type;
        int rc, kind;
    } cases[] = {
        {"{\"schemaVersion\":2," C ",\"layers\":[{" D "}]}",                     NULL,                  0,               MANIFEST_IMAGE},
        {"{\"schemaVersion\":2," C "}",                                          MEDIA_DOCKER_MANIFEST, 0,               MANIFEST_IMAGE},
        {"{\"schemaVersion\":2,\"manifests\":[]}",                               NULL,                  0,               MANIFEST_INDEX},
        {"{\"schemaVersion\":2,\"manifests\":[{" D "}],\"subject\":{" D "}}",    MEDIA_OCI_INDEX,       0,
         MANIFEST_INDEX                                                                                                                },
        {"{\"schemaVersion\":1," C "}",                                          NULL,                  ERR_INVALID,     0             },
        {"{\"schemaVersion\":2}",                                                NULL,                  ERR_INVALID,     0             },
        {"{\"schemaVersion\":2," C ",\"layers\":[{\"digest\":\"sha256:1\"}]}",   NULL,                  ERR_INVALID,
         0                                                                                                                             },
        {"{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," C "}", MEDIA_OCI_INDEX,
         ERR_INVALID,                                                                                                    0             },
        {"{\"schemaVersion\":2," C "}",                                          "text/html",           ERR_UNSUPPORTED, 0             },
        {"[]",                                                                   NULL,                  ERR_INVALID,     0             },
        {"{",                                                                    NULL,                  ERR_INVALID,     0             },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct manifest m = {0};
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        const char *json = cases[i].json;
        T_EQ_INT(manifest_parse(a, json, strlen(json), cases[i].type, &m, NULL), cases[i].rc, json);
        if (cases[i].rc == 0)
            T_EQ_INT(m.kind, cases[i].kind, json);
    }
}

static void chooses(void)
{
    static const char index[] =
        "{\"schemaVersion\":2,\"manifests\":["
        "{" D
        ",\"n\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}},"
        "{" D ",\"n\":2,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},"
        "{" D
        ",\"n\":3,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v6\"}},"
        "{" D
        ",\"n\":4,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}}]}";
    static const struct {
        const char *platform;
        int want;
    } cases[] = {
        {"linux/amd64",    2},
        {"linux/arm64",    1},
        {"linux/arm64/v8", 1},
        {"linux/arm/v7",   4},
        {"linux/arm",      3},
        {"linux/s390x",    0},
        {"windows/amd64",  0},
    };
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    struct manifest m = {0};
    struct err e = {0};
    T_RC(manifest_parse(a, index, strlen(index), NULL, &m, &e), &e, "index");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        T_EQ_INT(value_at_int(manifest_choose(&m, cases[i].platform), "n", 0), cases[i].want,
                 cases[i].platform);
}

T_MAIN(judges, chooses)
