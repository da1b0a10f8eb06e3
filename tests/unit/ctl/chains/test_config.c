#include "ctl/chains/config.h"
#include "t.h"

static struct err e;

static int read_one(struct arena *a, const char *key, const char *text, struct chains_config *out)
{
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, key, text);
    return chains_config_read(v, out, &e);
}

static void has_defaults(void)
{
    struct chains_config c;
    T_RC(chains_config_read(NULL, &c, &e), &e, "nothing said");
    T_OK(c.task.tekton && !c.task.oci && c.task.signer == CHAINS_X509, "task");
    T_OK(c.pipeline.tekton && !c.pipeline.oci && !c.pipeline.deep, "pipeline");
    T_OK(c.image.oci && !c.image.tekton, "image");
    T_EQ_STR(c.builder, "https://tekton.dev/chains/v2", "builder");
    T_EQ_STR(c.build_type, "https://tekton.dev/chains/v2/slsa", "type");
}

static void refuses(void)
{
    static const struct {
        const char *key, *text;
        int want;
        const char *says;
    } cases[] = {
        {"_example",                                     "anything",      0,               ""                        },
        {"artifacts.taskrun.format",                     "slsa/v2alpha4", 0,               ""                        },
        {"artifacts.taskrun.format",                     "slsa/v9",       ERR_INVALID,     "artifacts.taskrun.format"},
        {"artifacts.taskrun.storage",                    "tekton, oci",   0,               ""                        },
        {"artifacts.taskrun.storage",                    "tekton,gcs",    ERR_UNSUPPORTED, "\"gcs\""                 },
        {"artifacts.oci.storage",                        "",              0,               ""                        },
        {"artifacts.oci.format",                         "other",         ERR_INVALID,     "simplesigning"           },
        {"artifacts.oci.signer",                         "kms",           ERR_INVALID,     "signers.kms.kmsref"      },
        {"artifacts.oci.signer",                         "none",          0,               ""                        },
        {"artifacts.pipelinerun.enable-deep-inspection", "yes",           ERR_INVALID,     "true or false"           },
        {"transparency.enabled",                         "false",         0,               ""                        },
        {"transparency.enabled",                         "true",          ERR_UNSUPPORTED, "transparency.enabled"    },
        {"transparency.enabled",                         "manual",        ERR_UNSUPPORTED, "no transparency log"     },
        {"transparency.url",                             "https://x",     0,               ""                        },
        {"signers.x509.fulcio.enabled",                  "true",          ERR_UNSUPPORTED, "fulcio"                  },
        {"signers.kms.auth.token",                       "s3cret",        ERR_UNSUPPORTED, "signers.kms.auth.token"  },
        {"storage.gcs.bucket",                           "b",             ERR_UNSUPPORTED, "storage.gcs.bucket"      },
        {"builddefinition.buildtype",                    "x",             ERR_INVALID,     "slsa-tekton"             },
        {"builder.id",                                   "",              ERR_INVALID,     "builder.id"              },
        {"artifacts.taskrun.fromat",                     "in-toto",       ERR_INVALID,     "artifacts.taskrun.fromat"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 16);
        struct chains_config c;
        e.msg[0] = '\0';
        T_EQ_INT(read_one(a, cases[i].key, cases[i].text, &c), cases[i].want, cases[i].key);
        T_OK(strstr(e.msg, cases[i].says) != NULL, cases[i].says);
        T_OK(strstr(e.msg, "s3cret") == NULL, "says no secret");
    }
}

static void reads(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    struct chains_config c;
    T_RC(read_one(a, "artifacts.taskrun.storage", "", &c), &e, "empty");
    T_OK(!chains_artifact_on(&c.task), "an empty store is none");
    T_RC(read_one(a, "artifacts.pipelinerun.enable-deep-inspection", "true", &c), &e, "deep");
    T_OK(c.pipeline.deep, "deep");
    T_RC(read_one(a, "storage.oci.encoding-format", "sigstore-bundle", &c), &e, "bundle");
    T_OK(c.bundle, "bundle");
    T_RC(read_one(a, "filter.managed-by", "a, b", &c), &e, "managed");
    T_OK(chains_list_has(c.managed_by, "b") && !chains_list_has(c.managed_by, "c"), "listed");
}

T_MAIN(has_defaults, refuses, reads)
