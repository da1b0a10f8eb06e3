/* kustomize_edit_maps.c - what `kustomize edit` does to generated ConfigMaps and Secrets. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/kustomize.h"

static const char *field_of(bool secret)
{
    return secret ? "secretGenerator" : "configMapGenerator";
}

static bool same_ns(const char *a, const char *b)
{
    return strcmp(*a ? a : "default", *b ? b : "default") == 0;
}

static bool meant(const struct value *entry, const char *name, const char *ns)
{
    return strcmp(value_at_str(entry, "name", ""), name) == 0 &&
           same_ns(value_at_str(entry, "namespace", ""), ns);
}

static struct value *find(struct edit *q, bool secret)
{
    struct value *list = value_get_mut(q->file.doc, field_of(secret));
    for (size_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++)
        if (meant(&list->items[i], q->args[0], q->namespace ? q->namespace : ""))
            return &list->items[i];
    return NULL;
}

/* Kustomize writes the options that hold for all into the entry it touches. */
static void merge_options(struct edit *q, struct value *entry)
{
    static const char *const tables[] = {"labels", "annotations"};
    static const char *const flags[] = {"disableNameSuffixHash", "immutable"};
    const struct value *all = value_get(q->file.doc, "generatorOptions");
    if (value_count(all) == 0)
        return;
    struct value *own = value_make_object(q->a, entry, "options");
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        VALUE_EACH_MEMBER (m, value_get(all, tables[i])) {
            struct value *into = value_make_object(q->a, own, tables[i]);
            if (!value_get(into, m->key))
                (void)value_set(q->a, into, m->key, &m->value);
        }
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (value_at_bool(all, flags[i], false))
            (void)value_set_bool(q->a, own, flags[i], true);
}

/* "key=pattern" is one file, a pattern alone any number. */
static int expand(struct edit *q, struct value *out, struct err *e)
{
    for (size_t i = 0; i < q->files.n; i++) {
        const char *text = q->files.items[i], *equals = strchr(text, '=');
        const char **found;
        size_t n;
        int rc = kustomize_cli_glob(equals ? equals + 1 : text, q->a, &found, &n, e);
        if (rc < 0)
            return rc;
        if (n == 0)
            (void)fprintf(stderr, "%s has no match\n", equals ? equals + 1 : text);
        if (equals && n != 1)
            return err_set(e, ERR_INVALID,
                           "failed to expand file source: '%s' catches %zu files, should catch "
                           "only one",
                           text, n);
        for (size_t k = 0; k < n; k++)
            (void)value_push_str(
                q->a, out,
                equals ? arena_printf(q->a, "%.*s=%s", (int)(equals - text), text, found[k])
                       : found[k]);
    }
    return 0;
}

static int check_sources(const struct edit *q, const struct value *files, struct err *e)
{
    static const char *const behaviors[] = {"create", "merge", "replace"};
    bool known = !q->behavior;
    bool others = value_count(files) > 0 || q->literals.n > 0;
    for (size_t i = 0; !known && i < ARRAY_LEN(behaviors); i++)
        known = strcmp(q->behavior, behaviors[i]) == 0;
    if (q->n != 1)
        return err_set(e, ERR_INVALID, "failed to validate flags: name must be specified once");
    if (!q->env_file && !others)
        return err_set(e, ERR_INVALID,
                       "failed to validate flags: at least from-env-file, or from-file or "
                       "from-literal must be set");
    if (q->env_file && others)
        return err_set(e, ERR_INVALID,
                       "failed to validate flags: from-env-file cannot be combined with from-file "
                       "or from-literal");
    if (!known)
        return err_set(e, ERR_INVALID,
                       "failed to validate flags: invalid behavior: must be one of \"create\", "
                       "\"merge\", or \"replace\"");
    if (q->env_file && access(q->env_file, R_OK) < 0)
        return err_set(e, ERR_NOT_FOUND, "failed to create: env source file %s cannot be read",
                       q->env_file);
    for (size_t i = 0; i < q->literals.n; i++)
        if (!strchr(q->literals.items[i], '=') || *q->literals.items[i] == '=')
            return err_set(e, ERR_INVALID, "invalid literal source %s, expected key=value",
                           q->literals.items[i]);
    return 0;
}

int kustomize_cli_add_map(struct edit *q, bool secret, struct err *e)
{
    struct value *files = value_new_array(q->a);
    int rc = expand(q, files, e);
    if (rc == 0)
        rc = check_sources(q, files, e);
    if (rc < 0)
        return rc;
    struct value *entry = find(q, secret);
    if (!entry) {
        entry = value_push(q->a, value_make_array(q->a, q->file.doc, field_of(secret)),
                           value_new_object(q->a));
        (void)value_set_str(q->a, entry, "name", q->args[0]);
        if (q->namespace && *q->namespace)
            (void)value_set_str(q->a, entry, "namespace", q->namespace);
        if (secret)
            (void)value_set_str(q->a, entry, "type", q->type ? q->type : "Opaque");
    }
    for (size_t i = 0; i < q->literals.n; i++)
        (void)value_push_str(q->a, value_make_array(q->a, entry, "literals"), q->literals.items[i]);
    VALUE_EACH_ITEM (f, files)
        (void)value_push(q->a, value_make_array(q->a, entry, "files"), f);
    if (q->env_file)
        (void)value_push_str(q->a, value_make_array(q->a, entry, "envs"), q->env_file);
    if (q->no_hash) {
        (void)value_remove(entry, "options");
        (void)value_set_bool(q->a, value_make_object(q->a, entry, "options"),
                             "disableNameSuffixHash", true);
    }
    if (q->behavior)
        (void)value_set_str(q->a, entry, "behavior", q->behavior);
    merge_options(q, entry);
    return 0;
}

static int set_literal(struct edit *q, struct value *entry, const char *text, struct err *e)
{
    const char *equals = strchr(text, '=');
    struct value *list = value_get_mut(entry, "literals");
    if (!equals || strchr(equals + 1, '='))
        return err_set(e, ERR_INVALID,
                       "invalid format: literal values must be specified in the key=value format");
    size_t n = (size_t)(equals - text) + 1;
    for (size_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++)
        if (strncmp(value_str(&list->items[i], ""), text, n) == 0) {
            list->items[i] = *value_new_str(q->a, text);
            return 0;
        }
    return err_set(e, ERR_NOT_FOUND, "key '%.*s' not found in resource", (int)n - 1, text);
}

int kustomize_cli_set_map(struct edit *q, bool secret, struct err *e)
{
    if (q->n != 1)
        return err_set(e, ERR_INVALID, "failed to validate flags: name must be specified once");
    if (q->literals.n == 0 && !q->new_namespace)
        return err_set(e, ERR_INVALID,
                       "failed to validate flags: at least one of [--from-literal, "
                       "--new-namespace] must be specified");
    struct value *entry = find(q, secret);
    if (!entry)
        return err_set(e, ERR_NOT_FOUND, "unable to find %s with name \"%s\"",
                       secret ? "Secret" : "ConfigMap", q->args[0]);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < q->literals.n; i++)
        rc = set_literal(q, entry, q->literals.items[i], e);
    if (rc == 0 && q->new_namespace)
        (void)value_set_str(q->a, entry, "namespace", q->new_namespace);
    if (rc == 0)
        merge_options(q, entry);
    return rc;
}

int kustomize_cli_remove_map(struct edit *q, bool secret, struct err *e)
{
    const char *what = secret ? "secret" : "configmap";
    struct value *list = value_get_mut(q->file.doc, field_of(secret));
    size_t found = 0;
    if (q->n == 0)
        return err_set(e, ERR_INVALID, "at least one %s name must be specified", what);
    if (q->n > 1)
        return err_set(e, ERR_INVALID,
                       "too many arguments; to provide multiple %ss to remove, please separate %s "
                       "names by commas",
                       what, what);
    for (const char *s = q->args[0];; s++) {
        size_t n = strcspn(s, ","), before = found;
        const char *name = arena_strndup(q->a, s, n);
        for (size_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n;)
            if (meant(&list->items[i], name, q->namespace ? q->namespace : "")) {
                value_remove_at(list, i);
                found++;
            } else {
                i++;
            }
        if (found == before)
            (void)fprintf(stderr, "%s %s doesn't exist in kustomization file\n", what, name);
        s += n;
        if (!*s)
            break;
    }
    if (found == 0)
        return err_set(e, ERR_NOT_FOUND,
                       "no specified %s(s) were found in the kustomization.yaml "
                       "file",
                       what);
    return 0;
}
