/* KRM functions by way of a port that plays their part: what they are given, and what becomes of
 * what they print. */
#include "base/buf.h"
#include "render/kustomize/functions.h"
#include "render/kustomize/kustomize.h"
#include "t.h"

struct port {
    struct kustomize_functions base;
    const char *answer; /* NULL: what it was given */
    char given[4096];
    struct kustomize_function call;
};

static int play(struct kustomize_functions *base, const struct kustomize_function *f,
                const char *in, size_t n, struct arena *a, const char **out, size_t *out_n,
                struct err *e)
{
    struct port *p = (struct port *)base;
    p->call = *f;
    (void)snprintf(p->given, sizeof p->given, "%.*s", (int)n, in);
    if (p->answer && strcmp(p->answer, "fail") == 0)
        return err_set(e, ERR_INVALID, "exit status 3");
    *out = p->answer ? p->answer : arena_strndup(a, in, n);
    *out_n = strlen(*out);
    return 0;
}

#define LIST      "kind: ResourceList\nitems:\n"
#define MAP(name) "- {apiVersion: v1, kind: ConfigMap, metadata: {name: " name "}}\n"

static const char *build(struct port *p, const char *field, struct arena *a)
{
    const char *text = arena_printf(a,
                                    "namePrefix: p-\nresources: [x.yaml]\n%s:\n- |-\n"
                                    "  apiVersion: x/v1\n  kind: Fn\n  metadata:\n"
                                    "    name: f\n    annotations:\n"
                                    "      config.kubernetes.io/function: |\n"
                                    "        exec: {path: ./f.sh, args: [a, b], envs: [C=d]}\n",
                                    field);
    const struct tree_file files[] = {
        {"kustomization.yaml", text                                                                    },
        {"x.yaml",             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: '1'}\n"},
        {NULL,                 NULL                                                                    }
    };
    AUTO(tree) struct tree *t = tree_of_table(files);
    struct kustomize_opts o = {.functions = &p->base};
    struct value **objects;
    struct err e = {0};
    size_t n = 0;
    int rc = kustomize_build(t, "", &o, a, &objects, &n, &e);
    if (rc < 0)
        return arena_strdup(a, e.msg);
    const char *got = "";
    for (size_t i = 0; i < n; i++) {
        AUTO_BUF struct buf b = {.max = 4096};
        kustomize_print(&b, &objects[i], 1);
        const char *note = strstr(buf_text(&b), "annotations") ? "!" : "";
        got = arena_printf(a, "%s%s%s;", got, value_at_str(objects[i], "metadata.name", ""), note);
    }
    return got;
}

static void takes_what_they_print(void)
{
    static const struct {
        const char *field, *answer, *want;
    } cases[] = {
        {"transformers", NULL,                                                       "p-x;"                                               },
        {"transformers", LIST MAP("new"),                                            "new;"                                               },
        {"transformers", LIST MAP("new") MAP("p-x"),                                 "new;p-x;"                                           },
        {"transformers", "",                                                         ""                                                   },
        {"transformers", LIST MAP("y") MAP("y"),
         "plugin api: x/v1, kind: Fn, name: f generated duplicate resource: ConfigMap y"                                                  },
        {"transformers", "fail",                                                     "kustomization.yaml:4:1: function Fn: exit status 3" },
        {"transformers", LIST "results: [{severity: warning}]\n",                    ""                                                   },
        {"transformers", LIST "results: [{severity: error, message: bad}]\n",
         "kustomization.yaml:4:1: function Fn: bad"                                                                                       },
        {"generators",   NULL,                                                       "p-x;"                                               },
        {"generators",   LIST MAP("gen"),                                            "p-gen;p-x;"                                         },
        {"generators",   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gen}\n", "p-gen;p-x;"                                         },
        {"generators",
         LIST "- {apiVersion: v1, kind: ConfigMap, metadata: {name: x, annotations: "
              "{kustomize.config.k8s.io/behavior: merge}}, data: {b: '2'}}\n",       "p-x;"                                               },
        {"validators",   NULL,                                                       "p-x;"                                               },
        {"validators",   LIST MAP("p-x"),                                            "kustomization.yaml:3: a validator changed an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 22);
        struct port p = {.base = {play}, .answer = cases[i].answer};
        const char *got = build(&p, cases[i].field, a);
        const char *want = cases[i].want;
        bool same =
            strstr(want, ": ") ? strstr(got, strrchr(want, ':')) != NULL : strcmp(got, want) == 0;
        T_OK(same, arena_printf(a, "%s: %s: %s, not %s", cases[i].field,
                                cases[i].answer ? cases[i].answer : "echo", got, want));
    }
}

static void gives_them_a_list(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 22);
    struct port p = {.base = {play}};
    T_EQ_STR(build(&p, "transformers", a), "p-x;", "echo");
    T_EQ_STR(p.call.program, "./f.sh", "program");
    T_EQ_STR(p.call.args[1], "b", "arguments");
    T_EQ_STR(p.call.env[0], "C=d", "environment");
    static const char *const parts[] = {
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n",
        "config.k8s.io/id: \"1\"", "    name: p-x\n",
        "functionConfig:\n  apiVersion: x/v1\n  kind: Fn\n",
        "config.kubernetes.io/local-config: \"true\""};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        T_OK(strstr(p.given, parts[i]) != NULL, arena_printf(a, "%s in %s", parts[i], p.given));
}

T_MAIN(takes_what_they_print, gives_them_a_list)
