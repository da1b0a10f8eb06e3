#include "kube/remote.h"
#include "t.h"

#define HEAD                                                                                       \
    "apiVersion: v1\nkind: Config\ncurrent-context: one\ncontexts:\n"                              \
    "- {name: one, context: {cluster: c, user: u, namespace: team}}\n"                             \
    "- {name: two, context: {cluster: d, user: u}}\n"                                              \
    "- {name: bad, context: {cluster: nowhere, user: u}}\n"                                        \
    "clusters:\n- {name: c, cluster: {server: 'https://a:6443', "                                  \
    "certificate-authority-data: Q0E=}}\n"                                                         \
    "- {name: d, cluster: {server: 'https://b', insecure-skip-tls-verify: true}}\n"

static void reads_contexts(void)
{
    static const struct {
        const char *name, *user, *context;
        int rc;
        const char *server, *ca, *token, *ns, *message;
    } cases[] = {
        {"token",           "{token: secret}",          NULL,    0,               "https://a:6443", "CA", "secret", "team",    NULL},
        {"another context", "{token: t}",               "two",   0,               "https://b",      NULL, "t",      "default", NULL},
        {"no such context", "{}",                       "three", ERR_INVALID,     NULL,             NULL, NULL,     NULL,
         "kubeconfig: there is no context \"three\""                                                                               },
        {"no such cluster", "{}",                       "bad",   ERR_INVALID,     NULL,             NULL, NULL,     NULL,
         "kubeconfig: there is no cluster \"nowhere\""                                                                             },
        {"plugin",          "{exec: {command: aws}}",   NULL,    ERR_UNSUPPORTED, NULL,             NULL, NULL,     NULL,
         "kubeconfig: user \"u\" gets its credentials from aws"                                                                    },
        {"broken data",     "{client-key-data: '***'}", NULL,    ERR_INVALID,     NULL,             NULL, NULL,     NULL,
         NULL                                                                                                                      },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct kube_config c = {0};
        struct err e = {0};
        const char *text =
            arena_printf(a, "%susers:\n- {name: u, user: %s}\n", HEAD, cases[i].user);
        T_EQ_INT(kube_config_parse(text, strlen(text), ".", cases[i].context, a, &c, &e),
                 cases[i].rc, cases[i].name);
        if (cases[i].message)
            T_EQ_STR(e.msg, cases[i].message, cases[i].name);
        T_EQ_STR(c.server, cases[i].server, cases[i].name);
        T_EQ_STR(c.ca_pem, cases[i].ca, cases[i].name);
        T_EQ_STR(c.token, cases[i].token, cases[i].name);
        T_EQ_STR(c.ns, cases[i].ns, cases[i].name);
    }
}

T_MAIN(reads_contexts)
