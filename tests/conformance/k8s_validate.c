/* Manifests and what another validator says of them. Its sentences come from another library, so
 * the verdict and the fields blamed are compared. */
#include <dirent.h>
#include <string.h>

#include "api/admit.h"
#include "api/typed_int.h"
#include "base/fs.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "k8s.h"

enum { CRDS_MAX = 64 };

struct validator {
    struct arena *a;
    const struct crd *crds[CRDS_MAX];
    size_t n_crds;
    const char *blamed; /* all fields that were found wrong, in lines */
};

static const char *str(const struct value *v, const char *key)
{
    return value_str(value_get(v, key), "");
}

static void load_crds(struct validator *v, const char *dir)
{
    struct dirent **list;
    int n = scandir(dir, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char *text;
        size_t len, docs = 0;
        struct value **d;
        const char *path = arena_printf(v->a, "%s/%s", dir, list[i]->d_name);
        if (list[i]->d_name[0] != '.' && fs_read(path, 16 << 20, v->a, &text, &len, NULL) == 0 &&
            yaml_or_json_parse_all(v->a, text, len, 0, &d, &docs, NULL) == 0)
            for (size_t j = 0; j < docs && v->n_crds < CRDS_MAX; j++)
                if (strcmp(str(d[j], "kind"), "CustomResourceDefinition") == 0 &&
                    crd_compile(v->a, d[j], &v->crds[v->n_crds], NULL) == 0)
                    v->n_crds++;
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}

static bool find_kind(struct validator *v, const struct value *doc, struct kind *out)
{
    const struct resource *r = resource_find(str(doc, "apiVersion"), str(doc, "kind"));
    if (r && (*out = kind_builtin(r)).schema)
        return true;
    for (size_t i = 0; i < v->n_crds; i++)
        for (size_t j = 0; j < v->crds[i]->n; j++) {
            const struct crd_version *c = &v->crds[i]->versions[j];
            if (strcmp(c->resource.kind, str(doc, "kind")) == 0 &&
                strcmp(resource_api_version(&c->resource, v->a), str(doc, "apiVersion")) == 0) {
                *out = kind_custom(c);
                return true;
            }
        }
    return false;
}

static void blame(struct validator *v, const char *field)
{
    v->blamed = arena_printf(v->a, "%s%s\n", v->blamed, field);
}

static void judge(struct validator *v, struct value *doc)
{
    struct kind k;
    struct strict_errors strict = {0};
    struct field_errors l;
    struct err e;
    field_errors_init(&l, v->a);
    if (!find_kind(v, doc, &k)) {
        blame(v, "kind");
        return;
    }
    if (k.resource->namespaced && !*value_at_str(doc, "metadata.namespace", ""))
        (void)value_set_str(v->a, value_make_object(v->a, doc, "metadata"), "namespace", "default");
    if (admit_decode(&k, doc, &strict, v->a, &e) < 0) {
        blame(v, "decode");
        return;
    }
    if (typed__check(k.schema, doc, false, v->a, &e) < 0) /* an apply would be refused */
        blame(v, "decode");
    for (size_t i = 0; i < strict.n; i++) /* unknown field "spec.x" */
        blame(v, arena_printf(v->a, "%.*s", (int)strcspn(strict.items[i] + 15, "\""),
                              strict.items[i] + 15));
    admit_default(&k, doc, v->a);
    admit_validate_create(&k, doc, &l);
    for (size_t i = 0; i < l.n; i++) /* the other one knows no domains of finalizers */
        if (strncmp(l.items[i].field, "metadata.finalizers[", 20) != 0)
            blame(v, l.items[i].field);
}

/* The JSON in the comments at the head; several in a row. */
static bool expects_failure(const char *text, const char **fields, struct arena *a)
{
    bool failure = false;
    *fields = "";
    for (const char *p = strstr(text, "#"); p && *p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (*p != '#')
            continue;
        size_t n = strcspn(p, "\n");
        const char *line = arena_strndup(a, p, n), *field = strstr(line, "\"field\": \"");
        failure |= strstr(line, "\"status\": \"Failure\"") != NULL;
        if (field && !strstr(field, "<nil>")) {
            field += strlen("\"field\": \"");
            *fields = arena_printf(a, "%s%.*s\n", *fields, (int)strcspn(field, "\""), field);
        }
    }
    return failure;
}

static bool names_all(const char *fields, const char *blamed, struct arena *a)
{
    char *save = NULL, *copy = arena_strdup(a, fields);
    for (char *f = strtok_r(copy, "\n", &save); f; f = strtok_r(NULL, "\n", &save))
        if (!strstr(arena_printf(a, "\n%s", blamed), arena_printf(a, "\n%s\n", f)) &&
            strcmp(blamed, "decode\n") != 0)
            return false;
    return true;
}

static void run_manifest(struct tally *t, struct validator *v, const char *path, const char *name)
{
    char *text;
    size_t n, docs;
    struct value **d;
    const char *fields;
    v->blamed = "";
    if (fs_read(path, 16 << 20, v->a, &text, &n, NULL) < 0)
        return;
    bool failure = expects_failure(text, &fields, v->a);
    if (yaml_or_json_parse_all(v->a, text, n, YAML_STRICT_KEYS, &d, &docs, NULL) < 0)
        v->blamed = "parse\n";
    else
        for (size_t i = 0; i < docs; i++)
            judge(v, d[i]);
    bool ok = failure == (*v->blamed != '\0') && names_all(fields, v->blamed, v->a);
    tally_case(t, ok, "validate", name, v->blamed);
}

void k8s_validate_suite(struct tally *t, const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(256 << 20);
    struct validator v = {.a = a};
    const char *dir = arena_printf(a, "%s/validate", folder);
    load_crds(&v, arena_printf(a, "%s/crds", dir));
    load_crds(&v, arena_printf(a, "%s/more-crds", dir));
    const char *manifests = arena_printf(a, "%s/manifests", dir);
    struct dirent **list;
    int n = scandir(manifests, &list, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (list[i]->d_name[0] != '.')
            run_manifest(t, &v, arena_printf(a, "%s/%s", manifests, list[i]->d_name),
                         list[i]->d_name);
        free(list[i]);
    }
    if (n >= 0)
        free(list);
}
