#include "render/kustomize/kustomize.h"
#include "render/kustomize/remote.h"
#include "t.h"

static void takes_urls_apart(void)
{
    static const struct {
        const char *text, *want; /* "url path ref timeout submodules", or the error */
    } cases[] = {
        {"https://github.com/org/repo",                                 "https://github.com/org/repo|||27000|1"     },
        {"github.com/org/repo/a/b?ref=v1",                              "https://github.com/org/repo|a/b|v1|27000|1"},
        {"GitHub.com/org/repo//a",                                      "https://github.com/org/repo|a||27000|1"    },
        {"github.com:org/repo.git/a",                                   "https://github.com/org/repo.git|a||27000|1"},
        {"git@github.com:org/repo.git//a?ref=x",                        "git@github.com:org/repo.git|a|x|27000|1"   },
        {"git@github.com/org/repo",                                     "git@github.com:org/repo|||27000|1"         },
        {"ssh://git@github.com/org/repo",                               "git@github.com:org/repo|||27000|1"         },
        {"ssh://git@host.com:7999/org/repo.git/p",
         "ssh://git@host.com:7999/org/repo.git|p||27000|1"                                                          },
        {"git::https://host.com/org/repo/p?version=v2",                 "https://host.com/org/repo|p|v2|27000|1"    },
        {"https://host.com/org/repo?ref=a&version=b",                   "https://host.com/org/repo||a|27000|1"      },
        {"https://host.com/org/repo?timeout=90",                        "https://host.com/org/repo|||90000|1"       },
        {"https://host.com/org/repo?timeout=1m30s&submodules=false",
         "https://host.com/org/repo|||90000|0"                                                                      },
        {"https://host.com/org/repo?timeout=-1&submodules=maybe",
         "https://host.com/org/repo|||27000|1"                                                                      },
        {"https://u@dev.azure.com/org/project/_git/repo/p/q?ref=r%2Fs",
         "https://u@dev.azure.com/org/project/_git/repo|p/q|r/s|27000|1"                                            },
        {"file:///srv/repo.git//p",                                     "file:///srv/repo.git|p||27000|1"           },
        {"file:///srv/repo",                                            "file:///srv/repo|||27000|1"                },
        {"host@x.com:a/b/c",                                            "host@x.com:a/b|c||27000|1"                 },
        {"base",                                                        "failed to parse scheme"                    },
        {"../base",                                                     "failed to parse scheme"                    },
        {"/srv/base",                                                   "uri looks like abs path: /srv/base"        },
        {"https://host.com/org",                                        "failed to parse repo path segment"         },
        {"https://host.com",                                            "failed to parse repo path segment"         },
        {"https://",                                                    "failed to parse host segment"              },
        {"https://host.com/org/repo//../x",                             "url path exits repo: org/repo//../x"       },
        {"htxxxtp://github.com/",                                       "failed to parse scheme"                    },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct kustomize_repository r;
        struct err e = {0};
        int rc = kustomize_repository_parse(cases[i].text, a, &r, &e);
        const char *got = rc < 0 ? e.msg
                                 : arena_printf(a, "%s|%s|%s|%lld|%d", r.url, r.path, r.ref,
                                                (long long)r.timeout_ms, r.submodules);
        T_EQ_STR(got, cases[i].want, cases[i].text);
    }
}

/* ---- a build with a port ---- */

static const struct tree_file theirs[] = {
    {"app/kustomization.yaml",   "namePrefix: a-\nresources: [../base]\n"             },
    {"base/kustomization.yaml",  "resources: [x.yaml]\n"                              },
    {"base/x.yaml",              "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n"   },
    {"part/kustomization.yaml",
     "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n"},
    {"out/kustomization.yaml",   "resources: [../../y]\n"                             },
    {"round/kustomization.yaml", "resources: ['github.com/o/r/round?ref=v1']\n"       },
    {NULL,                       NULL                                                 },
};

struct port {
    struct kustomize_remote base;
    struct tree *tree;
    int files, repositories;
};

static int file(struct kustomize_remote *r, const char *url, struct arena *a, const char **out,
                size_t *n, struct err *e)
{
    ((struct port *)r)->files++;
    (void)a;
    if (!strstr(url, ".yaml"))
        return err_set(e, ERR_NOT_FOUND, "HTTP Error: status code 404 (Not Found)");
    *out = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n";
    *n = strlen(*out);
    return 0;
}

static int repository(struct kustomize_remote *r, const struct kustomize_repository *repo,
                      struct tree **out, struct err *e)
{
    struct port *p = (struct port *)r;
    p->repositories++;
    if (strcmp(repo->url, "https://github.com/o/r") != 0)
        return err_set(e, ERR_NOT_FOUND, "no such repository");
    *out = p->tree;
    return 0;
}

static void builds_what_is_elsewhere(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"resources: [github.com/o/r/app]\n",                                             "a-x;"  },
        {"resources: ['https://github.com/o/r//app?ref=v1']\nnamePrefix: p-\n",           "p-a-x;"},
        {"resources: ['https://host/web.yaml']\n",                                        "web;"  },
        {"resources: [github.com/o/r/base]\ncomponents: [github.com/o/r/part]\n",         "x-c;"  },
        {"resources: ['https://host/web.yaml']\npatches:\n- path: https://host/p.yaml\n", "web;"  },
        {"resources: ['https://host/web']\n",
         "kustomization.yaml:1: https://host/web: HTTP Error: status code 404 (Not Found)"        },
        {"resources: ['https://host/o/none']\n",
         "kustomization.yaml:1: https://host/o/none: accumulation err='HTTP Error: status code 404 "
         "(Not Found)': no such repository"                                                       },
        {"resources: [github.com/o/r/out]\n",
         "kustomization.yaml:1: github.com/o/r/out: out/kustomization.yaml:1: path \"../../y\" in "
         "folder \"out\" leaves the root"                                                         },
        {"resources: ['github.com/o/r/round?ref=v1']\n",
         "kustomization.yaml:1: github.com/o/r/round?ref=v1: round/kustomization.yaml:1: "
         "github.com/o/r/round?ref=v1: cycle detected: URI 'github.com/o/r/round?ref=v1' "
         "referenced by previous URI 'github.com/o/r/round?ref=v1'"                               },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        AUTO(tree) struct tree *far = tree_of_table(theirs);
        const struct tree_file files[] = {
            {"kustomization.yaml", cases[i].text},
            {NULL,                 NULL         }
        };
        AUTO(tree) struct tree *t = tree_of_table(files);
        struct port port = {
            .base = {file, repository},
              .tree = far
        };
        struct kustomize_opts o = {.remote = &port.base};
        struct value **objects;
        struct err e = {0};
        size_t n = 0;
        int rc = kustomize_build(t, "", &o, a, &objects, &n, &e);
        const char *got = rc < 0 ? e.msg : "";
        for (size_t k = 0; k < n; k++)
            got = arena_printf(a, "%s%s;", got, value_at_str(objects[k], "metadata.name", ""));
        T_EQ_STR(got, cases[i].want, cases[i].text);
        o.remote = NULL;
        T_EQ_INT(kustomize_build(t, "", &o, a, &objects, &n, &e), ERR_UNSUPPORTED, "no port");
    }
}

T_MAIN(takes_urls_apart, builds_what_is_elsewhere)
