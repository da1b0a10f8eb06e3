/* kustomize_edit.c - kustomize edit: one change to the kustomization file of this folder. */
#include <errno.h>
#include <glob.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/kustomize.h"
#include "render/helm/helm.h"

/* ---- the file ---- */

int kustomize_cli_fail(const struct err *e)
{
    (void)fprintf(stderr, "Error: %s\n", e->msg);
    return EXIT_FAILED;
}

int kustomize_cli_find(const char **out, struct err *e)
{
    static const char *const names[] = {"kustomization.yaml", "kustomization.yml", "Kustomization"};
    const char *found = NULL;
    struct stat st;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (stat(names[i], &st) < 0)
            continue;
        if (found)
            return err_set(e, ERR_INVALID, "Found multiple kustomization file: [%s %s]", found,
                           names[i]);
        if (S_ISDIR(st.st_mode))
            return err_set(e, ERR_INVALID, "%s should be a file", names[i]);
        found = names[i];
    }
    if (!found)
        return err_set(e, ERR_NOT_FOUND, "Missing kustomization file 'kustomization.yaml'.");
    *out = found;
    return 0;
}

int kustomize_cli_glob(const char *pattern, struct arena *a, const char ***out, size_t *n,
                       struct err *e)
{
    glob_t g;
    int r = glob(pattern, GLOB_NOESCAPE, NULL, &g);
    if (r != 0 && r != GLOB_NOMATCH)
        return err_set(e, ERR_INVALID, "error checking the filesystem: %s", pattern);
    *n = r == 0 ? g.gl_pathc : 0;
    *out = ARENA_ARRAY(a, const char *, *n + 1);
    for (size_t i = 0; i < *n; i++)
        (*out)[i] = arena_strdup(a, g.gl_pathv[i]);
    globfree(&g);
    return 0;
}

bool kustomize_cli_listed(const struct value *list, const char *text)
{
    VALUE_EACH_ITEM (item, list)
        if (strcmp(value_str(item, ""), text) == 0)
            return true;
    return false;
}

static void drop(struct value *list, const char *text)
{
    for (size_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n;)
        if (strcmp(value_str(&list->items[i], ""), text) == 0)
            value_remove_at(list, i);
        else
            i++;
}

/* ---- lists of paths ---- */

static const struct paths {
    const char *what, *field, *missing;
    bool folders; /* also a folder or a URL that is no file */
} paths[] = {
    {"resource",      "resources",      "must specify a resource file",       true },
    {"component",     "components",     "must specify a component file",      true },
    {"transformer",   "transformers",
     "must specify a yaml file which contains a transformer plugin resource", false},
    {"generator",     "generators",
     "must specify a yaml file which contains a generator plugin resource",   false},
    {"configuration", "configurations",
     "must specify a yaml file which contains a configuration resource",      false},
    {"validator",     "validators",
     "must specify a yaml file which contains a validator plugin resource",   false},
};

static void add_path(struct edit *q, const struct paths *p, const char *path)
{
    struct value *list = value_make_array(q->a, q->file.doc, p->field);
    if (strcmp(path, q->file.path) == 0)
        return;
    if (kustomize_cli_listed(list, path))
        (void)fprintf(stderr, "%s %s already in kustomization file\n", p->what, path);
    else
        (void)value_push_str(q->a, list, path);
}

static int add_paths(struct edit *q, const struct paths *p, struct err *e)
{
    size_t total = 0;
    if (q->n == 0)
        return err_set(e, ERR_INVALID, "%s", p->missing);
    for (size_t i = 0; i < q->n; i++) {
        const char **found;
        size_t n;
        int rc = q->no_verify ? 0 : kustomize_cli_glob(q->args[i], q->a, &found, &n, e);
        if (rc < 0)
            return rc;
        bool as_it_is = q->no_verify || (n == 0 && p->folders && strstr(q->args[i], "://"));
        if (!as_it_is && n == 0 && p->folders)
            return err_set(e, ERR_NOT_FOUND,
                           "%s has no match: there is no such file or folder, and it is no URL",
                           q->args[i]);
        if (!as_it_is && n == 0)
            (void)fprintf(stderr, "%s has no match\n", q->args[i]);
        if (as_it_is)
            add_path(q, p, q->args[i]);
        for (size_t k = 0; !as_it_is && k < n; k++)
            add_path(q, p, found[k]);
        total += as_it_is ? 1 : n;
    }
    q->unchanged = total == 0;
    return 0;
}

static int remove_paths(struct edit *q, const struct paths *p, struct err *e)
{
    struct value *list = value_get_mut(q->file.doc, p->field);
    size_t had = value_count(list);
    if (q->n == 0)
        return err_set(e, ERR_INVALID, "must specify a %s file", p->what);
    for (size_t k = 0; k < q->n; k++)
        for (size_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n;)
            if (helm_path_match(q->args[k], value_str(&list->items[i], "")))
                value_remove_at(list, i);
            else
                i++;
    q->unchanged = value_count(list) == had;
    return 0;
}

static int add_base(struct edit *q, struct err *e)
{
    struct value *list = value_make_array(q->a, q->file.doc, "resources");
    if (q->n != 1)
        return err_set(e, ERR_INVALID, "must specify a base directory");
    for (const char *s = q->args[0];; s++) {
        size_t n = strcspn(s, ",");
        const char *path = arena_strndup(q->a, s, n);
        if (access(path, F_OK) < 0)
            return err_set(e, ERR_NOT_FOUND, "%s does not exist", path);
        if (kustomize_cli_listed(list, path))
            return err_set(e, ERR_EXISTS, "base %s already in kustomization file", path);
        (void)value_push_str(q->a, list, path);
        s += n;
        if (!*s)
            return 0;
    }
}

/* ---- patches ---- */

static struct value *patch_of(const struct edit *q)
{
    const struct {
        const char *field, *is;
    } parts[] = {
        {"path",                      q->path               },
        {"patch",                     q->patch              },
        {"target.group",              q->group              },
        {"target.version",            q->version            },
        {"target.kind",               q->kind               },
        {"target.name",               q->name               },
        {"target.namespace",          q->namespace          },
        {"target.annotationSelector", q->annotation_selector},
        {"target.labelSelector",      q->label_selector     }
    };
    struct value *v = value_new_object(q->a);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *dot = strchr(parts[i].field, '.');
        if (!parts[i].is || !*parts[i].is)
            continue;
        struct value *into = dot ? value_make_object(q->a, v, "target") : v;
        (void)value_set_str(q->a, into, dot ? dot + 1 : parts[i].field, parts[i].is);
    }
    return v;
}

static int check_patch(const struct edit *q, bool add, struct err *e)
{
    if (q->path && q->patch)
        return err_set(e, ERR_INVALID, "patch and path can't be set at the same time");
    if (add && !q->path && !q->patch)
        return err_set(e, ERR_INVALID, "must provide either patch or path");
    return 0;
}

static int add_patch(struct edit *q, struct err *e)
{
    struct value *patch = patch_of(q), *list = value_make_array(q->a, q->file.doc, "patches");
    VALUE_EACH_ITEM (item, list)
        if (value_equal(item, patch)) {
            (void)fprintf(stderr, "patch already in kustomization file\n");
            q->unchanged = true;
        }
    if (!q->unchanged)
        (void)value_push(q->a, list, patch);
    return check_patch(q, true, e);
}

static int remove_patch(struct edit *q, struct err *e)
{
    struct value *patch = patch_of(q), *list = value_get_mut(q->file.doc, "patches");
    size_t had = value_count(list);
    for (size_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n;)
        if (value_equal(&list->items[i], patch))
            value_remove_at(list, i);
        else
            i++;
    q->unchanged = value_count(list) == had;
    if (q->unchanged)
        (void)fprintf(stderr, "patch %s doesn't exist in kustomization file\n",
                      q->patch ? q->patch : "");
    return check_patch(q, false, e);
}

/* ---- labels and annotations ---- */

int kustomize_cli_pair(struct arena *a, const char *text, const char *kind, struct value *into,
                       struct err *e)
{
    const char *colon = strchr(text, ':'), *v = colon ? colon + 1 : "";
    size_t n = strlen(v);
    if (colon == text)
        return err_set(e, ERR_INVALID, "invalid %s: '%s' (need k:v pair where v may be quoted)",
                       kind, text);
    if (n >= 2 && v[0] == '"' && v[n - 1] == '"') {
        v++;
        n -= 2;
    }
    const char *key = colon ? arena_strndup(a, text, (size_t)(colon - text)) : text;
    (void)value_set(a, into, key, value_new_strn(a, v, n));
    return 0;
}

static int pairs_of(struct edit *q, const char *kind, struct value **out, struct err *e)
{
    struct value *v = value_new_object(q->a);
    int rc = q->n == 0 ? err_set(e, ERR_INVALID, "must specify %s", kind) : 0;
    for (size_t i = 0; rc == 0 && i < q->n; i++)
        rc = kustomize_cli_pair(q->a, q->args[i], kind, v, e);
    *out = v;
    return rc;
}

static int put_pairs(struct edit *q, struct value *into, const struct value *pairs,
                     const char *kind, bool force, struct err *e)
{
    VALUE_EACH_MEMBER (m, pairs) {
        if (value_get(into, m->key) && !force)
            return err_set(e, ERR_EXISTS,
                           "%s %s already in kustomization file. Use --force to override.", kind,
                           m->key);
        (void)value_set(q->a, into, m->key, &m->value);
    }
    return 0;
}

/* The entry of `labels` that has the settings asked for. */
static struct value *labels_entry(struct edit *q)
{
    struct value *list = value_make_array(q->a, q->file.doc, "labels");
    for (size_t i = 0; i < list->n; i++)
        if (!value_at_bool(&list->items[i], "includeSelectors", false) &&
            value_at_bool(&list->items[i], "includeTemplates", false) == q->include_templates)
            return &list->items[i];
    struct value *entry = value_push(q->a, list, value_new_object(q->a));
    if (q->include_templates)
        (void)value_set_bool(q->a, entry, "includeTemplates", true);
    return entry;
}

static int add_label(struct edit *q, struct err *e)
{
    struct value *pairs;
    if (q->include_templates && !q->without_selector)
        return err_set(e, ERR_INVALID,
                       "--without-selector flag must be specified for --include-templates to work");
    int rc = pairs_of(q, "label", &pairs, e);
    if (rc < 0)
        return rc;
    struct value *into = q->without_selector ? value_make_object(q->a, labels_entry(q), "pairs")
                                             : value_make_object(q->a, q->file.doc, "commonLabels");
    return put_pairs(q, into, pairs, "label", q->force, e);
}

static int set_label(struct edit *q, struct err *e)
{
    struct value *pairs;
    int rc = pairs_of(q, "label", &pairs, e);
    return rc < 0 ? rc
                  : put_pairs(q, value_make_object(q->a, q->file.doc, "commonLabels"), pairs,
                              "label", true, e);
}

static int add_annotation(struct edit *q, struct err *e)
{
    struct value *pairs;
    int rc = pairs_of(q, "annotation", &pairs, e);
    return rc < 0 ? rc
                  : put_pairs(q, value_make_object(q->a, q->file.doc, "commonAnnotations"), pairs,
                              "annotation", q->force, e);
}

static bool annotation_key(const char *key)
{
    static const char pattern[] = "^([a-zA-Z](([-a-zA-Z0-9.]{0,251})[a-zA-Z0-9])?/)?"
                                  "[a-zA-Z0-9]([-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?$";
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool fits = regexec(&re, key, 0, NULL, 0) == 0;
    regfree(&re);
    return fits;
}

static int set_annotation(struct edit *q, struct err *e)
{
    struct value *pairs;
    int rc = pairs_of(q, "annotation", &pairs, e);
    VALUE_EACH_MEMBER (m, pairs)
        if (rc == 0 && !annotation_key(m->key))
            rc = err_set(e, ERR_INVALID, "invalid annotation key: %s", m->key);
    return rc < 0 ? rc
                  : put_pairs(q, value_make_object(q->a, q->file.doc, "commonAnnotations"), pairs,
                              "annotation", true, e);
}

static int remove_pairs(struct edit *q, const char *field, const char *kind, struct err *e)
{
    struct value *from = value_get_mut(q->file.doc, field);
    if (q->n != 1)
        return err_set(
            e, ERR_INVALID,
            q->n == 0 ? "must specify %s" : "%ss must be comma-separated, with no spaces", kind);
    if (!from && !q->ignore_missing)
        return err_set(e, ERR_NOT_FOUND, "%s is not defined in kustomization file", field);
    for (const char *s = q->args[0];; s++) {
        size_t n = strcspn(s, ",");
        const char *key = arena_strndup(q->a, s, n);
        if (n == 0)
            return err_set(e, ERR_INVALID, "invalid %s: '' (name is empty)", kind);
        bool there = from && value_remove(from, key);
        if (!there && !q->ignore_missing)
            return err_set(e, ERR_NOT_FOUND, "%s %s is not defined in kustomization file", kind,
                           key);
        s += n;
        if (!*s)
            return 0;
    }
}

static int remove_label(struct edit *q, struct err *e)
{
    return remove_pairs(q, "commonLabels", "label", e);
}

static int remove_annotation(struct edit *q, struct err *e)
{
    return remove_pairs(q, "commonAnnotations", "annotation", e);
}

/* ---- buildMetadata ---- */

static int metadata_of(struct edit *q, struct value **out, struct err *e)
{
    static const char *const known[] = {"originAnnotations", "transformerAnnotations",
                                        "managedByLabel"};
    *out = value_new_array(q->a);
    if (q->n == 0)
        return err_set(e, ERR_INVALID, "must specify a buildMetadata option");
    if (q->n > 1)
        return err_set(e, ERR_INVALID,
                       "too many arguments; to provide multiple buildMetadata options, please "
                       "separate options by comma");
    for (const char *s = q->args[0];; s++) {
        size_t n = strcspn(s, ",");
        bool fits = false;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            fits |= strlen(known[i]) == n && strncmp(known[i], s, n) == 0;
        if (!fits)
            return err_set(e, ERR_INVALID, "invalid buildMetadata option: %.*s", (int)n, s);
        (void)value_push(q->a, *out, value_new_strn(q->a, s, n));
        s += n;
        if (!*s)
            return 0;
    }
}

static int add_metadata(struct edit *q, struct err *e)
{
    struct value *words, *list = value_make_array(q->a, q->file.doc, "buildMetadata");
    int rc = metadata_of(q, &words, e);
    VALUE_EACH_ITEM (word, rc == 0 ? words : NULL) {
        if (kustomize_cli_listed(list, value_str(word, "")))
            return err_set(e, ERR_EXISTS, "buildMetadata option %s already in kustomization file",
                           value_str(word, ""));
        (void)value_push(q->a, list, word);
    }
    return rc;
}

static int set_metadata(struct edit *q, struct err *e)
{
    struct value *words;
    int rc = metadata_of(q, &words, e);
    if (rc == 0)
        (void)value_set(q->a, q->file.doc, "buildMetadata", words);
    return rc;
}

static int remove_metadata(struct edit *q, struct err *e)
{
    struct value *words;
    int rc = metadata_of(q, &words, e);
    VALUE_EACH_ITEM (word, rc == 0 ? words : NULL)
        drop(value_get_mut(q->file.doc, "buildMetadata"), value_str(word, ""));
    return rc;
}

/* ---- texts ---- */

static int set_text(struct edit *q, const char *field, const char *what, struct err *e)
{
    if (q->n != 1)
        return err_set(e, ERR_INVALID, "must specify exactly one %s value", what);
    (void)value_set_str(q->a, q->file.doc, field, q->args[0]);
    return 0;
}

static int set_prefix(struct edit *q, struct err *e)
{
    return set_text(q, "namePrefix", "prefix", e);
}

static int set_suffix(struct edit *q, struct err *e)
{
    return set_text(q, "nameSuffix", "suffix", e);
}

static int set_namespace(struct edit *q, struct err *e)
{
    return set_text(q, "namespace", "namespace", e);
}

/* ---- images and replicas: tables by name, sorted by it ---- */

/* Replaces the entries of that name; Kustomize keeps one of each and sorts them. */
static void put_named(struct edit *q, const char *field, const struct value *entry)
{
    struct value *list = value_make_array(q->a, q->file.doc, field);
    const char *name = value_at_str(entry, "name", "");
    size_t at = 0;
    for (size_t i = 0; i < list->n;)
        if (strcmp(value_at_str(&list->items[i], "name", ""), name) == 0)
            value_remove_at(list, i);
        else
            i++;
    while (at < list->n && strcmp(value_at_str(&list->items[at], "name", ""), name) < 0)
        at++;
    (void)value_insert(q->a, list, at, entry);
}

static void sort_named(struct edit *q, const char *field)
{
    struct value *old = value_copy(q->a, value_get(q->file.doc, field));
    if (!value_is(old, VALUE_ARRAY))
        return;
    (void)value_set(q->a, q->file.doc, field, value_new_array(q->a));
    VALUE_EACH_ITEM (item, old)
        put_named(q, field, item);
}

static const struct value *entry_named(const struct edit *q, const char *field, const char *name)
{
    const struct value *found = NULL;
    VALUE_EACH_ITEM (item, value_get(q->file.doc, field))
        if (strcmp(value_at_str(item, "name", ""), name) == 0)
            found = item;
    return found;
}

/* "name:tag@digest", where a domain in front may have a port. */
static void split_image(struct arena *a, const char *text, const char **name, const char **tag,
                        const char **digest)
{
    const char *slash = strchr(text, '/'), *from = slash && slash > text ? slash : text;
    const char *at = strchr(from, '@'), *colon = strchr(from, ':');
    if (at && colon && at < colon)
        colon = NULL;
    const char *end = colon ? colon : at ? at : text + strlen(text);
    *name = arena_strndup(a, text, (size_t)(end - text));
    *tag =
        colon ? arena_strndup(a, colon + 1, at ? (size_t)(at - colon - 1) : strlen(colon + 1)) : "";
    *digest = at ? at + 1 : "";
}

static int set_image(struct edit *q, const char *text, struct err *e)
{
    const char *equals = strchr(text, '='), *image = equals ? equals + 1 : text;
    const char *name, *tag, *digest, *key;
    split_image(q->a, image, &name, &tag, &digest);
    if (strcmp(name, text) == 0)
        return err_set(e, ERR_INVALID,
                       "invalid format of image, use one of the following options:\n"
                       "- <image>=<newimage>:<newtag>\n- <image>=<newimage>@<digest>\n"
                       "- <image>=<newimage>:<newtag>@<digest>\n- <image>=<newimage>\n"
                       "- <image>:<newtag>\n- <image>:<newtag>@<digest>\n- <image>@<digest>");
    key = equals ? arena_strndup(q->a, text, (size_t)(equals - text)) : name;
    const struct value *old = entry_named(q, "images", key);
    const struct {
        const char *field, *is;
    } parts[] = {
        {"digest",  digest            },
        {"newName", equals ? name : ""},
        {"newTag",  tag               }
    };
    struct value *entry = value_new_object(q->a);
    (void)value_set_str(q->a, entry, "name", key);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const char *is = parts[i].is;
        if (strcmp(is, "*") == 0)
            is = value_at_str(old, parts[i].field, "");
        if (*is)
            (void)value_set_str(q->a, entry, parts[i].field, is);
    }
    put_named(q, "images", entry);
    return 0;
}

static int set_images(struct edit *q, struct err *e)
{
    int rc = q->n == 0 ? err_set(e, ERR_INVALID, "no image specified") : 0;
    sort_named(q, "images");
    for (size_t i = 0; rc == 0 && i < q->n; i++)
        rc = set_image(q, q->args[i], e);
    return rc;
}

static int set_replicas(struct edit *q, struct err *e)
{
    int rc = q->n == 0 ? err_set(e, ERR_INVALID, "no replicas specified") : 0;
    sort_named(q, "replicas");
    for (size_t i = 0; rc == 0 && i < q->n; i++) {
        const char *equals = strchr(q->args[i], '=');
        int64_t count;
        if (!equals || !value_int_from_text(equals + 1 + (equals[1] == '+'), &count))
            return err_set(e, ERR_INVALID,
                           "invalid format of replica, use the following format: <name>=<count>");
        struct value *entry = value_new_object(q->a);
        (void)value_set_int(q->a, entry, "count", count);
        (void)value_set_str(q->a, entry, "name",
                            arena_strndup(q->a, q->args[i], (size_t)(equals - q->args[i])));
        put_named(q, "replicas", entry);
    }
    return rc;
}

/* ---- generated maps ---- */

static int add_configmap(struct edit *q, struct err *e)
{
    return kustomize_cli_add_map(q, false, e);
}

static int add_secret(struct edit *q, struct err *e)
{
    return kustomize_cli_add_map(q, true, e);
}

static int set_configmap(struct edit *q, struct err *e)
{
    return kustomize_cli_set_map(q, false, e);
}

static int set_secret(struct edit *q, struct err *e)
{
    return kustomize_cli_set_map(q, true, e);
}

static int remove_configmap(struct edit *q, struct err *e)
{
    return kustomize_cli_remove_map(q, false, e);
}

static int remove_secret(struct edit *q, struct err *e)
{
    return kustomize_cli_remove_map(q, true, e);
}

/* ---- fix ---- */

static int labels_from_common(struct edit *q, struct err *e)
{
    struct arena *a = q->a;
    struct value *doc = q->file.doc;
    const struct value *common = value_get(doc, "commonLabels");
    if (value_count(common) == 0)
        return 0;
    VALUE_EACH_ITEM (item, value_get(doc, "labels"))
        VALUE_EACH_MEMBER (m, value_get(item, "pairs"))
            if (value_get(common, m->key))
                return err_set(e, ERR_CONFLICT,
                               "label name '%s' exists in both commonLabels and labels", m->key);
    struct value *entry = value_new_object(a);
    (void)value_set_bool(a, entry, "includeSelectors", true);
    (void)value_set(a, entry, "pairs", value_copy(a, common));
    (void)value_push(a, value_make_array(a, doc, "labels"), entry);
    (void)value_remove(doc, "commonLabels");
    return 0;
}

/* Says whether the folder makes something else now. */
static int compare_builds(struct edit *q, struct err *e)
{
    AUTO_BUF struct buf now = {.max = (size_t)256 << 20};
    struct err why = {0};
    (void)e;
    if (kustomize_cli_built(q->a, &now, &why) < 0)
        (void)printf("Warning: 'Fixed' kustomization now produces the error when running "
                     "`kustomize build`: %s\n",
                     why.msg);
    else if (strcmp(buf_text(&now), q->built ? q->built : "") != 0)
        (void)printf("Warning: 'Fixed' kustomization now produces different output when running "
                     "`kustomize build`:\n...%s...\n",
                     buf_text(&now));
    return 0;
}

static int fix(struct edit *q, struct err *e)
{
    struct arena *a = q->a;
    struct value *doc = q->file.doc;
    AUTO_BUF struct buf built = {.max = (size_t)256 << 20};
    if (kustomize_cli_built(a, &built, NULL) == 0)
        q->built = arena_strndup(a, buf_text(&built), built.len);
    VALUE_EACH_ITEM (item, value_get(doc, "patchesJson6902"))
        (void)value_push(a, value_make_array(a, doc, "patches"), item);
    VALUE_EACH_ITEM (item, value_get(doc, "patchesStrategicMerge")) {
        const char *text = value_str(item, "");
        struct value *patch = value_new_object(a);
        (void)value_set_str(a, patch, access(text, R_OK) == 0 ? "path" : "patch", text);
        (void)value_push(a, value_make_array(a, doc, "patches"), patch);
    }
    (void)value_remove(doc, "patchesJson6902");
    (void)value_remove(doc, "patchesStrategicMerge");
    int rc = labels_from_common(q, e);
    if (rc == 0 && q->vars)
        rc = kustomize_cli_vars(a, doc, e);
    if (rc < 0)
        return rc;
    (void)puts("\nFixed fields:\n  patchesJson6902 -> patches\n"
               "  patchesStrategicMerge -> patches\n  commonLabels -> labels");
    (void)puts(q->vars ? "  vars -> replacements"
                       : "\nTo convert vars -> replacements, run the command `kustomize edit fix "
                         "--vars`\n\n"
                         "WARNING: Converting vars to replacements will potentially overwrite many "
                         "resource files \n"
                         "and the resulting files may not produce the same output when `kustomize "
                         "build` is run. \n"
                         "We recommend doing this in a clean git repository where the change is "
                         "easy to undo.");
    q->after = compare_builds;
    return 0;
}

/* ---- the verb ---- */

enum {
    FORCE = 1 << 0,
    LABELS = 1 << 1,
    PATCH = 1 << 2,
    SOURCES = 1 << 3,
    NAMESPACE = 1 << 4,
    SECRET = 1 << 5,
    LITERALS = 1 << 6,
    RENAME = 1 << 7,
    LAX = 1 << 8,
    UNSEEN = 1 << 9,
    VARS = 1 << 10,
};

static const struct command {
    const char *verb, *noun, *usage;
    int (*run)(struct edit *q, struct err *e);
    unsigned options;
} commands[] = {
    {"add",    "base",          "DIR[,DIR ...]",        add_base,          0                                      },
    {"add",    "patch",         "--path FILE [target]", add_patch,         PATCH | NAMESPACE                      },
    {"add",    "label",         "KEY:VALUE ...",        add_label,         FORCE | LABELS                         },
    {"add",    "annotation",    "KEY:VALUE ...",        add_annotation,    FORCE                                  },
    {"add",    "buildmetadata", "OPTION[,OPTION ...]",  add_metadata,      0                                      },
    {"add",    "configmap",     "NAME",                 add_configmap,     SOURCES | LITERALS | NAMESPACE         },
    {"add",    "secret",        "NAME",                 add_secret,        SOURCES | LITERALS | NAMESPACE | SECRET},
    {"set",    "image",         "NAME=NEW:TAG ...",     set_images,        0                                      },
    {"set",    "namespace",     "NAME",                 set_namespace,     0                                      },
    {"set",    "nameprefix",    "TEXT",                 set_prefix,        0                                      },
    {"set",    "namesuffix",    "TEXT",                 set_suffix,        0                                      },
    {"set",    "replicas",      "NAME=COUNT ...",       set_replicas,      0                                      },
    {"set",    "label",         "KEY:VALUE ...",        set_label,         0                                      },
    {"set",    "annotation",    "KEY:VALUE ...",        set_annotation,    0                                      },
    {"set",    "buildmetadata", "OPTION[,OPTION ...]",  set_metadata,      0                                      },
    {"set",    "configmap",     "NAME",                 set_configmap,     LITERALS | NAMESPACE | RENAME          },
    {"set",    "secret",        "NAME",                 set_secret,        LITERALS | NAMESPACE | RENAME          },
    {"remove", "patch",         "--path FILE [target]", remove_patch,      PATCH | NAMESPACE                      },
    {"remove", "label",         "KEY[,KEY ...]",        remove_label,      LAX                                    },
    {"remove", "annotation",    "KEY[,KEY ...]",        remove_annotation, LAX                                    },
    {"remove", "buildmetadata", "OPTION[,OPTION ...]",  remove_metadata,   0                                      },
    {"remove", "configmap",     "NAME[,NAME ...]",      remove_configmap,  NAMESPACE                              },
    {"remove", "secret",        "NAME[,NAME ...]",      remove_secret,     NAMESPACE                              },
    {"fix",    "",              "",                     fix,               VARS                                   },
};

static const struct command *find_command(const char *verb, const char *noun)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(commands[i].verb, verb) == 0 &&
            (!*commands[i].noun || strcmp(commands[i].noun, noun) == 0))
            return &commands[i];
    return NULL;
}

static const struct paths *find_paths(const char *verb, const char *noun)
{
    bool known = strcmp(verb, "add") == 0 || strcmp(verb, "remove") == 0;
    for (size_t i = 0; known && i < ARRAY_LEN(paths); i++)
        if (strcmp(paths[i].what, noun) == 0)
            return &paths[i];
    return NULL;
}

/* The options that the command has. */
static struct option *options_of(struct edit *q, unsigned wanted)
{
    const struct {
        unsigned of;
        struct option option;
    } all[] = {
        {FORCE,     {"force", 'f', OPTION_FLAG, &q->force, NULL, "overwrite what is there"}        },
        {LABELS,    {"without-selector", 0, OPTION_FLAG, &q->without_selector, NULL, "into labels"}},
        {LABELS,
         {"include-templates", 0, OPTION_FLAG, &q->include_templates, NULL,
          "also in templates of pods"}                                                             },
        {UNSEEN,    {"no-verify", 0, OPTION_FLAG, &q->no_verify, NULL, "it need not be there"}     },
        {LAX,
         {"ignore-non-existence", 'i', OPTION_FLAG, &q->ignore_missing, NULL,
          "it need not be there"}                                                                  },
        {VARS,
         {"vars", 0, OPTION_FLAG, &q->vars, NULL,
          "vars into replacements, in resource files, too"}                                        },
        {PATCH,     {"path", 0, OPTION_TEXT, &q->path, "FILE", "of the patch"}                     },
        {PATCH,     {"patch", 0, OPTION_TEXT, &q->patch, "TEXT", "the patch itself"}               },
        {PATCH,     {"group", 0, OPTION_TEXT, &q->group, "NAME", "of the target"}                  },
        {PATCH,     {"version", 0, OPTION_TEXT, &q->version, "NAME", "of the target"}              },
        {PATCH,     {"kind", 0, OPTION_TEXT, &q->kind, "NAME", "of the target"}                    },
        {PATCH,     {"name", 0, OPTION_TEXT, &q->name, "NAME", "of the target"}                    },
        {PATCH,
         {"annotation-selector", 0, OPTION_TEXT, &q->annotation_selector, "SELECTOR",
          "of the target"}                                                                         },
        {PATCH,
         {"label-selector", 0, OPTION_TEXT, &q->label_selector, "SELECTOR", "of the target"}       },
        {NAMESPACE, {"namespace", 0, OPTION_TEXT, &q->namespace, "NAME", "which it is in"}         },
        {RENAME,    {"new-namespace", 0, OPTION_TEXT, &q->new_namespace, "NAME", "to be in"}       },
        {LITERALS,  {"from-literal", 0, OPTION_LIST, &q->literals, "KEY=VALUE", "a value"}         },
        {SOURCES,   {"from-file", 0, OPTION_LIST, &q->files, "[KEY=]FILE", "a file"}               },
        {SOURCES,   {"from-env-file", 0, OPTION_TEXT, &q->env_file, "FILE", "lines of KEY=VALUE"}  },
        {SOURCES,   {"behavior", 0, OPTION_TEXT, &q->behavior, "WORD", "create, merge or replace"} },
        {SOURCES,   {"disableNameSuffixHash", 0, OPTION_FLAG, &q->no_hash, NULL, "no suffix"}      },
        {SECRET,    {"type", 0, OPTION_TEXT, &q->type, "TYPE", "of the Secret (Opaque)"}           },
    };
    struct option *out = ARENA_ARRAY(q->a, struct option, ARRAY_LEN(all) + 1);
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i].of & wanted)
            out[n++] = all[i].option;
    return out;
}

static int change(struct edit *q, const struct command *c, const struct paths *p, bool add,
                  struct err *e)
{
    AUTO_BUF struct buf b;
    const char *path;
    char *text;
    size_t n;
    int rc = kustomize_cli_find(&path, e);
    if (rc == 0)
        rc = fs_read(path, KUSTOMIZE_FILE_MAX, q->a, &text, &n, e);
    if (rc == 0)
        rc = kustomize_edit_open(q->a, path, text, n, &q->file, e);
    if (rc == 0)
        rc = c ? c->run(q, e) : add ? add_paths(q, p, e) : remove_paths(q, p, e);
    if (rc < 0 || q->unchanged)
        return rc;
    buf_init(&b, 2 * KUSTOMIZE_FILE_MAX);
    rc = kustomize_edit_text(&q->file, &b, e);
    if (rc == 0)
        rc = fs_write_atomic(path, 0644, buf_text(&b), b.len, e);
    return rc == 0 && q->after ? q->after(q, e) : rc;
}

static void print_commands(const struct verb *verb)
{
    (void)printf("usage: slipway %s %s\n\n%s\n\n", verb->name, verb->usage, verb->summary);
    for (size_t i = 0; i < 2 * ARRAY_LEN(paths); i++)
        (void)printf("  %s %s FILE ...\n", i % 2 ? "remove" : "add", paths[i / 2].what);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        (void)printf("  %s %s %s\n", commands[i].verb, commands[i].noun, commands[i].usage);
}

int kustomize_cli_edit(int argc, char **argv, const struct verb *verb)
{
    AUTO(arena) struct arena *a = arena_new((size_t)256 << 20);
    struct edit q = {.a = a};
    struct arguments args;
    struct err e = {0};
    const char *word = argc > 0 ? argv[0] : "", *noun = argc > 1 ? argv[1] : "";
    const struct paths *p = find_paths(word, noun);
    const struct command *c = p ? NULL : find_command(word, noun);
    if (!p && !c) {
        bool help = argc == 0 || strcmp(argv[argc - 1], "--help") == 0 || *word == '-';
        print_commands(verb);
        if (!help)
            (void)fprintf(stderr, "Error: unknown command \"%s %s\" for \"kustomize edit\"\n", word,
                          noun);
        return help ? EXIT_OK : EXIT_FAILED;
    }
    bool add = strcmp(word, "add") == 0;
    int skip = c && !*c->noun ? 1 : 2;
    struct option *table = options_of(&q, c ? c->options : add && p->folders ? UNSEEN : 0);
    if (options_parse(table, argc - skip, argv + skip, a, &args, &e) < 0)
        return kustomize_cli_fail(&e);
    if (args.help) {
        (void)printf("usage: slipway %s %s %s %s\n\n", verb->name, word, c ? c->noun : p->what,
                     c ? c->usage : "FILE ...");
        options_print(table);
        return EXIT_OK;
    }
    q.args = args.items;
    q.n = args.n;
    return change(&q, c, p, add, &e) < 0 ? kustomize_cli_fail(&e) : EXIT_OK;
}
