#include "t.h"
#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "ctl/chains/hints.h"
#include "ctl/chains/statement.h"

#define X64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define Y64 "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define C40 "0123456789abcdef0123456789abcdef01234567"

static struct err e;

static struct value *doc(struct arena *a, const char *yaml)
{
    struct value *v = NULL;
    T_RC(yaml_parse(a, arena_strdup(a, yaml), strlen(yaml), 0, &v, &e), &e, "yaml");
    return v;
}

/* "name alg:hex, …" */
static const char *told(const struct value *list, const char *key, struct arena *a)
{
    const char *text = "";
    VALUE_EACH_ITEM (v, list)
        VALUE_EACH_MEMBER (m, value_get(v, "digest"))
            text = arena_printf(a, "%s%s %s:%.4s;", text, value_at_str(v, key, ""), m->key,
                                value_str(&m->value, ""));
    return text;
}

static void finds_subjects(void)
{
    static const struct {
        const char *name, *results, *all, *marked;
    } cases[] = {
        {"image",
         "[{name: IMAGE_URL, value: \"r.io/a/b:v1\\n\"}, {name: IMAGE_DIGEST, value: \"sha256:" X64
         "\\n\"}]",                                                                                  "r.io/a/b sha256:0123;", "r.io/a/b sha256:0123;"                       },
        {"prefixed",
         "[{name: x-IMAGE_DIGEST, value: \"sha256:" X64 "\"}, {name: x-IMAGE_URL, value: busybox}]",
         "index.docker.io/library/busybox sha256:0123;",                                                                      "index.docker.io/library/busybox sha256:0123;"},
        {"no partner",
         "[{name: a-IMAGE_URL, value: r.io/a}, {name: b-IMAGE_DIGEST, value: \"sha256:" X64 "\"}]",
         "",                                                                                                                  ""                                            },
        {"bad digest",
         "[{name: IMAGE_URL, value: r.io/a}, {name: IMAGE_DIGEST, value: \"sha256:12\"}]",           "",                      ""                                            },
        {"blank",
         "[{name: IMAGE_URL, value: \" \"}, {name: IMAGE_DIGEST, value: \"sha256:" X64 "\"}]",       "",
         ""                                                                                                                                                                 },
        {"images",
         "[{name: IMAGES, value: \"r.io/a@sha256:" X64 ", r.io/b@sha256:" Y64
         "\\nr.io/a@sha256:" X64 ",\"}]",
         "r.io/a sha256:0123;r.io/b sha256:1123;",                                                                            "r.io/a sha256:0123;r.io/b sha256:1123;"      },
        {"artifact",
         "[{name: jar-ARTIFACT_URI, value: \"pkg:maven/x\"}, {name: jar-ARTIFACT_DIGEST, value: "
         "\"sha256:" X64 "\"}]",
         "pkg:maven/x sha256:0123;",                                                                                          ""                                            },
        {"outputs",
         "[{name: o-ARTIFACT_OUTPUTS, value: {uri: r.io/a, digest: \"sha256:" X64 "\"}}]",
         "r.io/a sha256:0123;",                                                                                               ""                                            },
        {"marked",
         "[{name: o-ARTIFACT_OUTPUTS, value: {uri: r.io/a, digest: \"sha256:" X64
         "\", isBuildArtifact: \"true\"}}]",                                                         "r.io/a sha256:0123;",   "r.io/a sha256:0123;"                         },
        {"no object",  "[{name: o-ARTIFACT_OUTPUTS, value: text}]",                                  "",                      ""                                            },
        {"others",     "[{name: commit, value: " C40 "}]",                                           "",                      ""                                            },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        const struct value *results = doc(a, cases[i].results);
        struct value *all = value_new_array(a), *marked = value_new_array(a);
        hints_subjects(results, false, a, all);
        hints_subjects(results, true, a, marked);
        T_EQ_STR(told(all, "name", a), cases[i].all, cases[i].name);
        T_EQ_STR(told(marked, "name", a), cases[i].marked, cases[i].name);
    }
}

#define TASK_RUN                                                                                   \
    "metadata: {name: b, uid: u1, labels: {app: x}, annotations: {chains.tekton.dev/x: y}}\n"      \
    "spec: {params: [{name: CHAINS-GIT_URL, value: https://h/r}]}\n"                               \
    "status:\n"                                                                                    \
    "  startTime: 2026-01-02T03:04:05Z\n"                                                          \
    "  completionTime: 2026-01-02T03:05:05Z\n"                                                     \
    "  taskSpec:\n"                                                                                \
    "    params: [{name: CHAINS-GIT_COMMIT, default: " C40 "}]\n"                                  \
    "    steps: [{name: s, command: [make, all], args: [-j2]}]\n"                                  \
    "  steps:\n"                                                                                   \
    "  - name: s\n"                                                                                \
    "    imageID: docker-pullable://docker.io/library/gcc@sha256:" X64 "\n"                        \
    "    results: [{name: src_ARTIFACT_INPUTS, value: {uri: pkg:s, digest: \"sha1:" C40 "\"}}]\n"  \
    "  results:\n"                                                                                 \
    "  - {name: IMAGE_URL, value: r.io/a}\n"                                                       \
    "  - {name: IMAGE_DIGEST, value: \"sha256:" Y64 "\"}\n"                                        \
    "  - {name: note, value: hi}\n"                                                                \
    "  - {name: in_ARTIFACT_INPUTS, value: {uri: pkg:t, digest: \"sha256:" X64 "\"}}\n"

static struct value *state(struct arena *a, enum chains_format format, const struct chains_run *r)
{
    struct chains_config c;
    T_RC(chains_config_read(NULL, &c, &e), &e, "defaults");
    c.task.format = c.pipeline.format = format;
    c.pipeline.deep = true;
    return chains_statement(r, &c, a);
}

static void states_a_task(void)
{
    static const struct {
        enum chains_format format;
        const char *type, *products, *dependencies;
    } cases[] = {
        {CHAINS_V2ALPHA3, "https://slsa.dev/provenance/v1", "taskRunResults/IMAGE_URL",
         "oci://docker.io/library/gcc sha256:0123;git+https://h/r.git sha1:0123;pkg:t "
         "sha256:0123;"      },
        {CHAINS_V2ALPHA4, "https://slsa.dev/provenance/v1", "taskRunResults/b/note",
         "oci://docker.io/library/gcc sha256:0123;pkg:s sha1:0123;git+https://h/r.git sha1:0123;"
         "pkg:t sha256:0123;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        const struct chains_run r = {"TaskRun", doc(a, TASK_RUN), NULL, 0};
        const struct value *s = state(a, cases[i].format, &r);
        const struct value *b = value_at(s, "predicate.buildDefinition");
        const struct value *d = value_at(s, "predicate.runDetails");
        T_EQ_STR(value_at_str(s, "predicateType", ""), cases[i].type, "type");
        T_EQ_STR(told(value_get(s, "subject"), "name", a), "r.io/a sha256:1123;", "subject");
        T_EQ_STR(told(value_get(b, "resolvedDependencies"), "uri", a), cases[i].dependencies,
                 "dependencies");
        T_EQ_STR(value_at_str(d, "byproducts[0].name", ""), cases[i].products, "by-products");
        T_EQ_STR(value_at_str(d, "metadata.invocationId", ""), "u1", "invocation");
        T_EQ_STR(value_at_str(d, "metadata.finishedOn", ""), "2026-01-02T03:05:05Z", "end");
        T_EQ_STR(value_at_str(b, "externalParameters.runSpec.params[0].value", ""), "https://h/r",
                 "what was asked for");
    }
}

static void states_v02(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const struct chains_run r = {"TaskRun", doc(a, TASK_RUN), NULL, 0};
    const struct value *s = state(a, CHAINS_V1, &r), *p = value_get(s, "predicate");
    T_EQ_STR(value_at_str(s, "_type", ""), "https://in-toto.io/Statement/v0.1", "type");
    T_EQ_STR(value_at_str(p, "buildType", ""), "tekton.dev/v1/TaskRun", "build type");
    T_EQ_STR(value_at_str(p, "buildConfig.steps[0].entryPoint", ""), "make all", "step");
    T_EQ_STR(told(value_get(p, "materials"), "uri", a),
             "oci://docker.io/library/gcc sha256:0123;git+https://h/r.git sha1:0123;"
             "pkg:t sha256:0123;",
             "materials");
    T_EQ_STR(value_str(value_get(value_at(p, "invocation.parameters"), "CHAINS-GIT_COMMIT"), ""),
             C40, "a default is a parameter");
    T_OK(value_at(p, "invocation.environment.annotations") == NULL, "Chains' own are left out");
}

static void states_a_pipeline(void)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    const struct value *child = doc(a, TASK_RUN);
    const struct value *run = doc(a, "metadata: {name: p, uid: u2}\n"
                                     "status: {results: [{name: IMAGES, value: \"r.io/z@sha256:" X64
                                     "\"}], provenance: {refSource: {uri: git+https://h/p.git, "
                                     "digest: {sha1: " C40 "}, entryPoint: p.yaml}}}\n");
    const struct chains_run r = {"PipelineRun", run, &child, 1};
    const struct value *s = state(a, CHAINS_V2ALPHA4, &r);
    const struct value *b = value_at(s, "predicate.buildDefinition");
    T_EQ_STR(told(value_get(s, "subject"), "name", a), "r.io/z sha256:0123;r.io/a sha256:1123;",
             "its own and its tasks'");
    T_EQ_STR(value_at_str(b, "resolvedDependencies[0].name", ""), "pipeline", "where it is from");
    T_EQ_STR(value_at_str(b, "externalParameters.buildConfigSource.ref", ""), "sha1:" C40, "ref");
    T_OK(strstr(told(value_get(b, "resolvedDependencies"), "uri", a), "git+https://h/r.git"),
         "deep inspection finds the commit");
}

static void git_is_precise(void)
{
    static const struct {
        const char *url, *commit, *want;
    } cases[] = {
        {"https://h/r",           C40,    "git+https://h/r.git sha1:0123;"  },
        {"git+https://h/r.git\n", C40,    "git+https://h/r.git sha1:0123;"  },
        {"https://h/r",           X64,    "git+https://h/r.git sha256:0123;"},
        {"https://h/r",           "main", ""                                },
        {"",                      C40,    ""                                },
        {NULL,                    C40,    ""                                },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(1 << 20);
        struct value *into = value_new_array(a);
        const struct hints_git g = {cases[i].url, cases[i].commit};
        hints_git_add(&g, a, into);
        T_EQ_STR(told(into, "uri", a), cases[i].want, cases[i].commit);
    }
}

T_MAIN(finds_subjects, states_a_task, states_v02, states_a_pipeline, git_is_precise)
