/* Vars become replacements: where each stands, between which signs, and what the files say then. */
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/kustomize.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "t.h"

#define TEXT_MAX 4096

static const char vars[] = "resources: [d.yaml, base]\n"
                           "vars: [{name: X, objref: {kind: Service, name: s, apiVersion: v1}}]\n";

static void put(const char *path, const char *text)
{
    struct err e = {0};
    T_RC(fs_write_atomic(path, 0644, text, strlen(text), &e), &e, path);
}

static const char *get(struct arena *a, const char *path)
{
    char *text = NULL;
    struct err e = {0};
    T_RC(fs_read(path, TEXT_MAX, a, &text, NULL, &e), &e, path);
    return text ? text : "";
}

/* The targets of the one replacement as JSON, or the error. */
static const char *convert(struct arena *a, const char *resource)
{
    struct value *doc;
    struct err e = {0};
    put("d.yaml", resource);
    put("base/kustomization.yaml", "resources: [b.yaml]\n");
    put("base/b.yaml", "kind: B\nd: $(Y)\n");
    T_RC(yaml_parse(a, vars, strlen(vars), 0, &doc, &e), &e, "vars");
    if (kustomize_cli_vars(a, doc, &e) < 0)
        return arena_strdup(a, e.msg);
    T_OK(!value_get(doc, "vars"), "vars are gone");
    const struct value *targets = value_at(doc, "replacements[0].targets");
    return targets ? json_text(a, targets, 0) : "none";
}

static void converts(void)
{
#define SELECT ",\"select\":{\"kind\":\"K\",\"name\":\"n\",\"version\":\"v1\"}"
#define HEAD   "apiVersion: v1\nkind: K\nmetadata: {name: n}\n"
    static const char *const cases[][3] = {
        {HEAD "d: {e: [$(X)]}\n",    "[{\"fieldPaths\":[\"d.e.0\"]" SELECT "}]",
         HEAD "d: {e: [X_PLACEHOLDER]}\n"                                                                              },
        {HEAD "d.e: a/$(X)/b\n",
         "[{\"fieldPaths\":[\"[d.e]\"],\"options\":{\"delimiter\":\"/\",\"index\":1}" SELECT "}]",
         HEAD "d.e: a/X_PLACEHOLDER/b\n"                                                                               },
        {HEAD "d: $(X):80 # $(X)\n",
         "[{\"fieldPaths\":[\"d\"],\"options\":{\"delimiter\":\":\"}" SELECT "}]",
         HEAD "d: X_PLACEHOLDER:80 # X_PLACEHOLDER\n"                                                                  },
        {HEAD "d: a-$(X)_b\n",
         "error with d.yaml: cannot convert all vars to replacements; $(X) is not delimited",      HEAD "d: a-$(X)_b\n"},
        {HEAD "d: $(Y)\n",           "none",                                                       HEAD "d: $(Y)\n"    },
    };
    char dir[] = "/tmp/slipway-vars-XXXXXX";
    struct err e = {0};
    T_OK(mkdtemp(dir) && chdir(dir) == 0, "folder");
    T_RC(fs_mkdirs("base", 0755, &e), &e, "base");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUTO(arena) struct arena *a = arena_new(64 << 20);
        T_EQ_STR(convert(a, cases[i][0]), cases[i][1], cases[i][0]);
        T_EQ_STR(get(a, "d.yaml"), cases[i][2], "the file");
    }
    T_OK(chdir("/") == 0, "leave");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
}

T_MAIN(converts)
