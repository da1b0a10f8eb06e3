#include "scan/issues.h"

#include "t.h"

static void finds(void)
{
    static const struct {
        const char *path, *text, *want; /* "rule:line;…" */
    } cases[] = {
        {"/etc/x",                  "key = AKIAIOSFODNN7EXAMPLE\n",                                            "secret-aws-key:1;"                                                 },
        {"/etc/x",                  "key = AKIAXXXXXXXXXXXXXXXXX\n",                                           ""                                                                  },
        {"/etc/x",                  "a\nt=ghp_0123456789abcdefghijABCDEFGHIJ012345\n",                         "secret-github-token:2;"                                            },
        {"/etc/x",                  "t=ghp_short\nxghp_0123456789abcdefghijABCDEFGHIJ012345\n",                ""                                                                  },
        {"/k.pem",                  "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n",
         "secret-private-key:1;"                                                                                                                                                   },
        {"/k.txt",                  "begins with -----BEGIN PRIVATE KEY-----\nand so on\n",                    ""                                                                  },
        {"/usr/share/doc/x",        "AKIAIOSFODNN7EXAMPLE",                                                    ""                                                                  },
        {"/Containerfile",          "FROM debian\nRUN curl x | sh\nENV DB_PASSWORD=hunter2\nEXPOSE 22\n",
         "image-latest:1;image-pipe-shell:2;image-secret-env:3;image-ssh:4;image-root:1;"                                                                                          },
        {"/Dockerfile",
         "FROM debian:12 AS build\nARG TOKEN\nENV PASSWORD_FILE=/run/x\nRUN a \\\n  b\n"
         "FROM build\nUSER 1000\n",                                                                            ""                                                                  },
        {"/Dockerfile",
         "FROM a@sha256:1\nADD https://x/y /z\nADD --checksum=sha256:1 https://x/y /z\nUSER root\n",           "image-add-remote:2;image-root:1;"                                  },
        {"/pod.yaml",
         "apiVersion: v1\nkind: Pod\nspec:\n  hostNetwork: true\n  containers:\n"
         "  - image: a:1\n    securityContext:\n      privileged: true\n",                                     "pod-host-namespace:4;pod-privileged:6;pod-escalation:6;pod-root:6;"},
        {"/deploy.yaml",
         "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n"
         "      securityContext: {runAsNonRoot: true}\n      volumes:\n      - hostPath: {path: "
         "/var/run/docker.sock}\n"
         "      containers:\n      - image: a\n        securityContext: {allowPrivilegeEscalation: "
         "false,"
         " capabilities: {add: [SYS_ADMIN]}}\n",                                                               "pod-host-socket:8;pod-capability:10;pod-latest:10;"                },
        {"/chart/templates/x.yaml", "apiVersion: v1\nspec:\n  containers: {{ .x }\n",                          ""                                                                  },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct issue_list l = {0};
        issues_read(cases[i].path, cases[i].text, strlen(cases[i].text),
                    ISSUE_SECRET | ISSUE_CONFIG, a, &l);
        char *got = arena_strdup(a, "");
        for (size_t k = 0; k < l.n; k++)
            got = arena_printf(a, "%s%s:%u;", got, l.items[k].rule, l.items[k].line);
        T_EQ_STR(got, cases[i].want, cases[i].text);
    }
}

T_MAIN(finds)
