/* An Application whose source is a chart: values and parameters, hooks, the same bytes each time.
 */
#include "ctl/gitops/app_int.h"
#include "world.h"

#define CHARTED(helm)                                                                              \
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"                                        \
    "metadata: {name: shop, namespace: argocd}\nspec:\n  project: default\n"                       \
    "  source:\n    repoURL: \"http://h/git/infra.git\"\n    path: chart\n" helm                   \
    "  destination: {server: \"https://kubernetes.default.svc\", namespace: web}\n"                \
    "  syncPolicy: {automated: {prune: true, selfHeal: true}}\n"

#define MAP_TEMPLATE                                                                               \
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-map}\n"                 \
    "data: {k: \"{{ .Values.a }} {{ .Values.b }} {{ .Values.c }} {{ .Release.Namespace }}"         \
    "{{ if .Capabilities.APIVersions.Has \"apps/v1/Deployment\" }} known{{ end }}\"}\n"
#define JOB_TEMPLATE                                                                               \
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: before, annotations: {helm.sh/hook: "       \
    "'pre-install,pre-upgrade', helm.sh/hook-weight: \"-5\", helm.sh/hook-delete-policy: "         \
    "hook-succeeded}}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, "     \
    "image: i}]}}}\n---\n"                                                                         \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: test, annotations: {helm.sh/hook: test}}\n"       \
    "spec: {containers: [{name: c, image: i}]}\n"

static void deploys(void)
{
    struct world w;
    setup(&w);
    load(&w, CHARTED("    helm:\n      releaseName: front\n      valueFiles: [prod.yaml, "
                     "absent.yaml]\n      ignoreMissingValueFiles: true\n"
                     "      valuesObject: {b: object}\n"
                     "      parameters: [{name: c, value: \"$ARGOCD_APP_NAME,x\"}]\n"));
    (void)push(&w, (struct file_edit[]){
                       {"chart/Chart.yaml",                      "apiVersion: v2\nname: c\nversion: 1.0.0\n"},
                       {"chart/values.yaml",                                       "a: default\nb: default\nc: default\n"},
                       {"chart/prod.yaml","a: file\nb: file\n"},
                       {"chart/templates/map.yaml",                       MAP_TEMPLATE},
                       {"chart/templates/job.yaml",                                       JOB_TEMPLATE},
                       {0    }
    });
    T_EQ_STR(app(&w, "status.conditions[0].message"), "", "no complaints");
    T_OK(get(&w, &RES_JOB, "web", "before"), "the hook first");
    T_OK(!get(&w, &RES_CONFIG_MAP, "web", "front-map"), "and alone");
    patch(&w, &RES_JOB, "web", "before", "status",
          "{\"status\":{\"startTime\":\"2023-11-14T22:13:20Z\",\"completionTime\":"
          "\"2023-11-14T22:13:21Z\",\"succeeded\":1,\"conditions\":[{\"type\":"
          "\"SuccessCriteriaMet\",\"status\":\"True\"},{\"type\":\"Complete\",\"status\":"
          "\"True\"}]}}");
    T_OK(!get(&w, &RES_JOB, "web", "before"), "hook-succeeded removes it");
    T_EQ_STR(map_value(&w, "front-map"), "file object shop,x web known", "values in their order");
    T_OK(!get(&w, &RES_POD, "web", "test"), "tests do not run");
    T_EQ_STR(app(&w, "status.sync.status"), "Synced", "done");
    T_EQ_STR(app(&w, "status.sourceType"), "Helm", "says what it is");
    (void)push(&w, (struct file_edit[]){
                       {"chart/prod.yaml", "a: newer\n"},
                       {0                }
    });
    patch(&w, &RES_JOB, "web", "before", "status",
          "{\"status\":{\"startTime\":\"2023-11-14T22:13:20Z\",\"completionTime\":"
          "\"2023-11-14T22:13:21Z\",\"succeeded\":1,\"conditions\":[{\"type\":"
          "\"SuccessCriteriaMet\",\"status\":\"True\"},{\"type\":\"Complete\",\"status\":"
          "\"True\"}]}}");
    T_EQ_STR(map_value(&w, "front-map"), "newer object shop,x web known", "follows Git");
    teardown(&w);
}

static void refuses(void)
{
    static const struct {
        const char *helm, *want;
    } cases[] = {
        {"    helm: {version: v2}\n",                                  "spec.source.helm.version v2 is not offered: only v3" },
        {"    helm: {valueFiles: [\"../../x.yaml\"]}\n",               "leaves the root"                                     },
        {"    helm: {valueFiles: [\"https://example.com/x.yaml\"]}\n",
         "files of charts are read from the Application's repository only"                                                   },
        {"    helm: {values: \"a: [\"}\n",                             "chart chart: failed to parse spec.source.helm.values"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        setup(&w);
        const char *text = CHARTED("@");
        size_t before = (size_t)(strchr(text, '@') - text);
        load(&w,
             arena_printf(w.a, "%.*s%s%s", (int)before, text, cases[i].helm, text + before + 1));
        (void)push(&w, (struct file_edit[]){
                           {"chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"},
                           {0                 }
        });
        T_OK(strstr(app(&w, "status.conditions[0].message"), cases[i].want),
             app(&w, "status.conditions[0].message"));
        teardown(&w);
    }
}

/* A chart that a kustomization inflates; what is elsewhere is fetched as far as the project goes.
 */
static void inflates(void)
{
    struct world w;
    setup(&w);
    load(&w, CHARTED(""));
    (void)push(&w, (struct file_edit[]){
                       {"chart/kustomization.yaml",                   "helmCharts:\n- name: c\n  releaseName: in\n"},
                       {"chart/charts/c/Chart.yaml",                                            "apiVersion: v2\nname: c\nversion: 1.0.0\n"},
                       {"chart/charts/c/values.yaml","a: 1\nb: 2\nc: 3\n"},
                       {"chart/charts/c/templates/map.yaml",                 MAP_TEMPLATE},
                       {0                                           }
    });
    T_EQ_STR(app(&w, "status.conditions[0].message"), "", "no complaints");
    T_EQ_STR(map_value(&w, "in-map"), "1 2 3 default known", "inflated");
    teardown(&w);
}

static void asks_the_project(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"resources: ['https://other.example/x.yaml']\n",
         "project default does not allow the source https://other.example/x.yaml"                                },
        {"resources: ['github.com/o/r//x?ref=v1']\n",
         "project default does not allow the source https://github.com/o/r"                                      },
        {"helmCharts:\n- name: x\n  repo: https://charts.example\n",
         "project default does not allow the source https://charts.example"                                      },
        {"resources: ['file:///srv/git/r']\n",                       "files of the server's machine are not read"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        setup(&w);
        load(&w, "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\n"
                 "metadata: {name: default, namespace: argocd}\nspec:\n"
                 "  sourceRepos: [\"http://h/*\"]\n"
                 "  destinations: [{server: \"*\", namespace: \"*\"}]\n");
        load(&w, CHARTED(""));
        (void)push(&w, (struct file_edit[]){
                           {"chart/kustomization.yaml", cases[i].text},
                           {0                         }
        });
        T_OK(strstr(app(&w, "status.conditions[0].message"), cases[i].want),
             app(&w, "status.conditions[0].message"));
        teardown(&w);
    }
}

static void takes_helms_hooks(void)
{
    static const struct {
        const char *notes, *phases;
        int wave;
        unsigned policies;
    } cases[] = {
        {"{}",                                                                      "",                 0,  HOOK_BEFORE                 },
        {"{\"helm.sh/hook\":\"pre-install\"}",                                      "PreSync",          0,  HOOK_BEFORE                 },
        {"{\"helm.sh/hook\":\"post-upgrade, post-install\"}",                       "PostSync",         0,  HOOK_BEFORE                 },
        {"{\"helm.sh/hook\":\"pre-install,post-install\"}",                         "PreSync,PostSync", 0,  HOOK_BEFORE                 },
        {"{\"helm.sh/hook\":\"test\"}",                                             "Skip",             0,  HOOK_BEFORE                 },
        {"{\"helm.sh/hook\":\"pre-delete\"}",                                       "Skip",             0,  HOOK_BEFORE                 },
        {"{\"helm.sh/hook\":\"crd-install\"}",                                      "",                 0,  HOOK_BEFORE                 },
        {"{\"helm.sh/hook\":\"test\",\"argocd.argoproj.io/hook\":\"Sync\"}",        "Sync",             0,
         HOOK_BEFORE                                                                                                                    },
        {"{\"helm.sh/hook\":\"pre-install\",\"helm.sh/hook-weight\":\"-3\","
         "\"helm.sh/hook-delete-policy\":\"hook-succeeded,hook-failed\"}", "PreSync",          -3, HOOK_SUCCEEDED | HOOK_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct value *notes;
        struct err e = {0};
        const char *text = cases[i].notes;
        T_RC(json_parse(a, text, strlen(text), 0, &notes, &e), &e, text);
        struct value *o = value_new_object(a);
        (void)value_set(a, value_make_object(a, o, "metadata"), "annotations", notes);
        T_EQ_STR(hook_phases(o), cases[i].phases, text);
        T_EQ_INT(hook_wave(o), cases[i].wave, text);
        T_EQ_INT(hook_policies(o), cases[i].policies, text);
    }
}

T_MAIN(deploys, refuses, inflates, asks_the_project, takes_helms_hooks)
