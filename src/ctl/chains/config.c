/* config.c - one table: each key with what reads it, or why it is refused. */
#include "ctl/chains/config.h"

#include <stddef.h>
#include <string.h>

#define SLSA_TYPE "https://tekton.dev/chains/v2/slsa"

enum kind {
    FORMAT,
    STORAGE,
    SIGNER,
    BOOL,
    TEXT,
    BUILD_TYPE,
    ENCODING,
    SIMPLE,  /* the one format of images */
    OFF,     /* a switch that has to be off */
    UNUSED,  /* says how to do what cannot be switched on */
    REFUSED, /* always */
};

struct key {
    const char *name;
    enum kind kind;
    size_t at;       /* in struct chains_config */
    const char *why; /* OFF, REFUSED */
};

#define AT(member) offsetof(struct chains_config, member)
#define STORE(name)                                                                                \
    {                                                                                              \
        name, REFUSED, 0, "the stores are tekton and oci; nothing else is written to"              \
    }
#define VAULT(name)                                                                                \
    {                                                                                              \
        name, REFUSED, 0, "no key service over the network is asked"                               \
    }
#define LOG_WHY    "no transparency log is written to"
#define FULCIO_WHY "no certificate is asked for: signing is with a key"

static const struct key keys[] = {
    {"artifacts.taskrun.format",                     FORMAT,     AT(task),          NULL      },
    {"artifacts.taskrun.storage",                    STORAGE,    AT(task),          NULL      },
    {"artifacts.taskrun.signer",                     SIGNER,     AT(task),          NULL      },
    {"artifacts.pipelinerun.format",                 FORMAT,     AT(pipeline),      NULL      },
    {"artifacts.pipelinerun.storage",                STORAGE,    AT(pipeline),      NULL      },
    {"artifacts.pipelinerun.signer",                 SIGNER,     AT(pipeline),      NULL      },
    {"artifacts.pipelinerun.enable-deep-inspection", BOOL,       AT(pipeline.deep), NULL      },
    {"artifacts.oci.format",                         SIMPLE,     AT(image),         NULL      },
    {"artifacts.oci.storage",                        STORAGE,    AT(image),         NULL      },
    {"artifacts.oci.signer",                         SIGNER,     AT(image),         NULL      },
    {"storage.oci.repository",                       TEXT,       AT(repository),    NULL      },
    {"storage.oci.repository.insecure",              BOOL,       AT(insecure),      NULL      },
    {"storage.oci.encoding-format",                  ENCODING,   AT(bundle),        NULL      },
    {"builder.id",                                   TEXT,       AT(builder),       NULL      },
    {"builddefinition.buildtype",                    BUILD_TYPE, AT(build_type),    NULL      },
    {"filter.managed-by",                            TEXT,       AT(managed_by),    NULL      },
    {"signers.kms.kmsref",                           TEXT,       AT(kms),           NULL      },
    {"transparency.enabled",                         OFF,        0,                 LOG_WHY   },
    {"transparency.url",                             UNUSED,     0,                 NULL      },
    {"signers.x509.fulcio.enabled",                  OFF,        0,                 FULCIO_WHY},
    {"signers.x509.fulcio.address",                  UNUSED,     0,                 NULL      },
    {"signers.x509.fulcio.issuer",                   UNUSED,     0,                 NULL      },
    {"signers.x509.fulcio.provider",                 UNUSED,     0,                 NULL      },
    {"signers.x509.identity.token.file",             UNUSED,     0,                 NULL      },
    {"signers.x509.tuf.mirror.url",                  UNUSED,     0,                 NULL      },
    VAULT("signers.kms.auth.address"),
    VAULT("signers.kms.auth.token"),
    VAULT("signers.kms.auth.token-path"),
    VAULT("signers.kms.auth.oidc.path"),
    VAULT("signers.kms.auth.oidc.role"),
    VAULT("signers.kms.auth.oidc.token-path"),
    VAULT("signers.kms.auth.spire.sock"),
    VAULT("signers.kms.auth.spire.audience"),
    STORE("storage.gcs.bucket"),
    STORE("storage.docdb.url"),
    STORE("storage.docdb.mongo-server-url"),
    STORE("storage.docdb.mongo-server-url-dir"),
    STORE("storage.docdb.mongo-server-url-path"),
    STORE("storage.grafeas.projectid"),
    STORE("storage.grafeas.noteid"),
    STORE("storage.grafeas.notehint"),
    STORE("storage.archivista.url"),
    STORE("storage.pubsub.provider"),
    STORE("storage.pubsub.topic"),
    STORE("storage.pubsub.kafka.bootstrap.servers"),
};

static int refuse(const struct key *k, const char *text, const char *want, struct err *e)
{
    return err_set(e, ERR_INVALID, "%s: \"%s\" is not %s", k->name, text, want);
}

/* The words of a comma-separated list, without the blanks around them. */
static bool next_word(const char **list, const char **word, size_t *n)
{
    const char *p = *list;
    if (!p || !*p)
        return false;
    size_t len = strcspn(p, ",");
    *list = p[len] ? p + len + 1 : p + len;
    for (; len && (*p == ' ' || *p == '\t' || *p == '\n'); len--)
        p++;
    while (len && (p[len - 1] == ' ' || p[len - 1] == '\t' || p[len - 1] == '\n'))
        len--;
    *word = p;
    *n = len;
    return true;
}

bool chains_list_has(const char *list, const char *word)
{
    const char *w;
    size_t n;
    while (next_word(&list, &w, &n))
        if (n == strlen(word) && memcmp(w, word, n) == 0)
            return true;
    return false;
}

static int read_storage(const struct key *k, const char *text, struct chains_artifact *out,
                        struct err *e)
{
    const char *list = text, *w;
    size_t n;
    out->tekton = out->oci = false;
    while (next_word(&list, &w, &n)) {
        if (n == 6 && memcmp(w, "tekton", 6) == 0)
            out->tekton = true;
        else if (n == 3 && memcmp(w, "oci", 3) == 0)
            out->oci = true;
        else
            return err_set(e, ERR_UNSUPPORTED,
                           "%s: \"%.*s\" is not written to: the stores are tekton and oci", k->name,
                           (int)n, w);
    }
    return 0;
}

static int read_format(const struct key *k, const char *text, struct chains_artifact *out,
                       struct err *e)
{
    if (strcmp(text, "slsa/v2alpha3") == 0)
        out->format = CHAINS_V2ALPHA3;
    else if (strcmp(text, "slsa/v2alpha4") == 0)
        out->format = CHAINS_V2ALPHA4;
    else if (strcmp(text, "in-toto") == 0 || strcmp(text, "slsa/v1") == 0)
        out->format = CHAINS_V1;
    else
        return refuse(k, text, "slsa/v2alpha3, slsa/v2alpha4, slsa/v1 or in-toto", e);
    return 0;
}

static int read_signer(const struct key *k, const char *text, struct chains_artifact *out,
                       struct err *e)
{
    if (strcmp(text, "x509") == 0)
        out->signer = CHAINS_X509;
    else if (strcmp(text, "kms") == 0)
        out->signer = CHAINS_KMS;
    else if (strcmp(text, "none") == 0)
        out->signer = CHAINS_NONE;
    else
        return refuse(k, text, "x509, kms or none", e);
    return 0;
}

static int read_bool(const struct key *k, const char *text, bool *out, struct err *e)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcmp(text, yes[i]) != 0 && strcmp(text, no[i]) != 0)
            continue;
        *out = strcmp(text, yes[i]) == 0;
        return 0;
    }
    return refuse(k, text, "true or false", e);
}

static int read_encoding(const struct key *k, const char *text, bool *out, struct err *e)
{
    *out = strcmp(text, "sigstore-bundle") == 0;
    return *out || strcmp(text, "dsse") == 0 ? 0 : refuse(k, text, "dsse or sigstore-bundle", e);
}

static int check_off(const struct key *k, const char *text, struct err *e)
{
    bool on = false;
    if (strcmp(text, "manual") == 0)
        on = true;
    else if (read_bool(k, text, &on, e) < 0)
        return ERR_INVALID;
    return on ? err_set(e, ERR_UNSUPPORTED, "%s: %s: it can only be false", k->name, k->why) : 0;
}

static int read_key(const struct key *k, const char *text, struct chains_config *out, struct err *e)
{
    void *at = (char *)out + k->at;
    switch (k->kind) {
    case FORMAT:
        return read_format(k, text, at, e);
    case STORAGE:
        return read_storage(k, text, at, e);
    case SIGNER:
        return read_signer(k, text, at, e);
    case BOOL:
        return read_bool(k, text, at, e);
    case ENCODING:
        return read_encoding(k, text, at, e);
    case SIMPLE:
        return strcmp(text, "simplesigning") == 0 ? 0 : refuse(k, text, "simplesigning", e);
    case BUILD_TYPE:
        if (strcmp(text, SLSA_TYPE) != 0 && strcmp(text, SLSA_TYPE "-tekton") != 0)
            return refuse(k, text, SLSA_TYPE " or " SLSA_TYPE "-tekton", e);
        *(const char **)at = text;
        return 0;
    case TEXT:
        *(const char **)at = *text ? text : NULL;
        return 0;
    case OFF:
        return check_off(k, text, e);
    case REFUSED:
        return err_set(e, ERR_UNSUPPORTED, "%s: %s", k->name, k->why);
    case UNUSED:
        break;
    }
    return 0;
}

static const struct key *find(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

bool chains_artifact_on(const struct chains_artifact *c)
{
    return c->signer != CHAINS_NONE && (c->tekton || c->oci);
}

static bool wants_kms(const struct chains_artifact *c)
{
    return chains_artifact_on(c) && c->signer == CHAINS_KMS;
}

int chains_config_read(const struct value *data, struct chains_config *out, struct err *e)
{
    struct chains_config c = {.task = {.tekton = true},
                              .pipeline = {.tekton = true},
                              .image = {.oci = true},
                              .builder = "https://tekton.dev/chains/v2",
                              .build_type = SLSA_TYPE};
    VALUE_EACH_MEMBER (m, data) {
        const struct key *k = find(m->key);
        if (*m->key == '_') /* "_example" */
            continue;
        if (!k)
            return err_set(e, ERR_INVALID, "%s is no key of Tekton Chains", m->key);
        int r = read_key(k, value_str(&m->value, ""), &c, e);
        if (r < 0)
            return r;
    }
    if (!c.builder)
        return err_set(e, ERR_INVALID, "builder.id: it is empty");
    if (!c.kms && (wants_kms(&c.task) || wants_kms(&c.pipeline) || wants_kms(&c.image)))
        return err_set(e, ERR_INVALID, "signers.kms.kmsref: the signer kms needs it");
    *out = c;
    return 0;
}
