/* configMapGenerator and secretGenerator. */
#include "codec/base64.h"
#include "render/kustomize/kust_int.h"

struct generator {
    struct kust_layer *l;
    const struct value *entry;
    const char *field;
    struct value *object;
    bool secret;
};

static bool utf8(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)s[i];
        size_t more = c < 0x80                ? 0
                      : c >= 0xc2 && c < 0xe0 ? 1
                      : c >= 0xe0 && c < 0xf0 ? 2
                      : c >= 0xf0 && c < 0xf5 ? 3
                                              : 9;
        if (more == 9 || i + more >= n + (more == 0))
            return false;
        for (size_t k = 1; k <= more; k++)
            if (((unsigned char)s[i + k] & 0xc0) != 0x80)
                return false;
        i += more + 1;
    }
    return true;
}

/* Kustomize breaks long base64 into lines, the last one too. */
static const char *wrapped(struct arena *a, const char *text)
{
    enum { LINE = 70 };
    size_t n = strlen(text);
    if (n < LINE)
        return text;
    char *out = arena_alloc(a, n + n / LINE + 2), *p = out;
    for (size_t i = 0; i < n; i += LINE) {
        size_t len = n - i < LINE ? n - i : LINE;
        memcpy(p, text + i, len);
        p += len;
        *p++ = '\n';
    }
    *p = '\0';
    return out;
}

static int put(struct generator *g, const struct value *at, const char *key, const char *bytes,
               size_t n, struct err *e)
{
    struct arena *a = g->l->a;
    bool text = !g->secret && utf8(bytes, n);
    struct value *data = value_make_object(a, g->object, g->secret || text ? "data" : "binaryData");
    if (value_get(data, key))
        return kust_error(g->l, at, e, "%s: key %s is there twice", g->field, key);
    if (!*key)
        return kust_error(g->l, at, e, "%s: a key is empty", g->field);
    const char *encoded = text ? NULL : wrapped(a, base64_encode(a, bytes, n, BASE64_STD));
    (void)value_set(a, data, key, text ? value_new_strn(a, bytes, n) : value_new_str(a, encoded));
    return 0;
}

static int from_literals(struct generator *g, struct err *e)
{
    struct arena *a = g->l->a;
    VALUE_EACH_ITEM (item, value_get(g->entry, "literals")) {
        const char *text = value_str(item, ""), *equals = strchr(text, '=');
        if (!equals || equals == text)
            return kust_error(g->l, item, e, "%s: literals are key=value", g->field);
        const char *value = equals + 1;
        size_t n = strlen(value);
        if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value)
            value++, n -= 2;
        int rc = put(g, item, arena_strndup(a, text, (size_t)(equals - text)), value, n, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_file(struct generator *g, const struct value *at, const char *name,
                     const char **text, size_t *n, struct err *e)
{
    struct kust_file f = {.n = 0};
    int rc = kust_read(g->l, at, name, &f, e);
    *text = f.text;
    *n = f.n;
    return rc;
}

static int from_files(struct generator *g, struct err *e)
{
    VALUE_EACH_ITEM (item, value_get(g->entry, "files")) {
        const char *text = value_str(item, ""), *equals = strchr(text, '='), *bytes;
        const char *name = equals ? equals + 1 : text, *slash = strrchr(name, '/');
        const char *key = equals  ? arena_strndup(g->l->a, text, (size_t)(equals - text))
                          : slash ? slash + 1
                                  : name;
        size_t n;
        int rc = read_file(g, item, name, &bytes, &n, e);
        if (rc == 0)
            rc = put(g, item, key, bytes, n, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int env_line(struct generator *g, const struct value *at, const char *line, size_t n,
                    struct err *e)
{
    struct arena *a = g->l->a;
    while (n > 0 && (*line == ' ' || *line == '\t'))
        line++, n--;
    if (n > 0 && line[n - 1] == '\r')
        n--;
    if (n == 0 || *line == '#')
        return 0;
    const char *equals = memchr(line, '=', n);
    if (!equals) /* a variable of its name is not looked for */
        return put(g, at, arena_strndup(a, line, n), "", 0, e);
    return put(g, at, arena_strndup(a, line, (size_t)(equals - line)), equals + 1,
               n - (size_t)(equals + 1 - line), e);
}

static int from_env(struct generator *g, const struct value *item, struct err *e)
{
    const char *text;
    size_t n;
    int rc = read_file(g, item, value_str(item, ""), &text, &n, e);
    if (rc == 0 && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    while (rc == 0 && *text) {
        size_t len = strcspn(text, "\n");
        rc = env_line(g, item, text, len, e);
        text += len + (text[len] == '\n');
    }
    return rc;
}

static void put_pairs(struct arena *a, struct value *object, const char *where,
                      const struct value *pairs)
{
    if (value_count(pairs) == 0)
        return;
    struct value *into = value_make_object(a, object, where);
    VALUE_EACH_MEMBER (m, pairs)
        (void)value_set(a, into, m->key, &m->value);
}

static const struct value *option(const struct generator *g, const char *name)
{
    const struct value *own = value_get(value_get(g->entry, "options"), name);
    return own ? own : value_get(value_get(g->l->doc, "generatorOptions"), name);
}

static int make_object(struct generator *g, struct err *e)
{
    struct arena *a = g->l->a;
    const char *name = value_at_str(g->entry, "name", ""),
               *ns = value_at_str(g->entry, "namespace", "");
    if (!*name)
        return kust_error(g->l, g->entry, e, "%s: name is missing", g->field);
    g->object = value_new_object(a);
    (void)value_set_str(a, g->object, "apiVersion", "v1");
    (void)value_make_object(a, g->object, "data");
    (void)value_set_str(a, g->object, "kind", g->secret ? "Secret" : "ConfigMap");
    struct value *meta = value_make_object(a, g->object, "metadata");
    (void)value_set_str(a, meta, "name", name);
    if (*ns)
        (void)value_set_str(a, meta, "namespace", ns);
    put_pairs(a, g->object, "metadata.labels",
              value_get(value_get(g->l->doc, "generatorOptions"), "labels"));
    put_pairs(a, g->object, "metadata.labels", value_at(g->entry, "options.labels"));
    put_pairs(a, g->object, "metadata.annotations",
              value_get(value_get(g->l->doc, "generatorOptions"), "annotations"));
    put_pairs(a, g->object, "metadata.annotations", value_at(g->entry, "options.annotations"));
    if (g->secret)
        (void)value_set_str(a, g->object, "type", value_at_str(g->entry, "type", "Opaque"));
    int rc = from_literals(g, e);
    if (rc == 0)
        rc = from_files(g, e);
    VALUE_EACH_ITEM (item, value_get(g->entry, "envs"))
        if (rc == 0)
            rc = from_env(g, item, e);
    if (rc == 0 && value_get(g->entry, "env"))
        rc = from_env(g, value_get(g->entry, "env"), e);
    if (rc == 0 && value_bool(option(g, "immutable"), false))
        (void)value_set_bool(a, g->object, "immutable", true);
    if (!g->secret && value_count(value_get(g->object, "data")) == 0)
        (void)value_remove(g->object, "data");
    return rc;
}

static struct kust_resource *find_generated(struct kust_layer *l, const struct value *object)
{
    const char *kind = value_at_str(object, "kind", "");
    const char *name = value_at_str(object, "metadata.name", "");
    const char *ns = value_at_str(object, "metadata.namespace", "");
    for (size_t i = 0; i < l->set->n; i++) {
        struct kust_resource *r = l->set->items[i];
        for (size_t k = 0; strcmp(kust_kind(r), kind) == 0 && k < r->n_was; k++)
            if (strcmp(r->was[k].name, name) == 0 && kust_same_ns(r->was[k].ns, ns))
                return r;
    }
    return NULL;
}

int kust_absorb(struct kust_layer *l, const struct value *at, const struct value *object,
                const char *behavior, struct kust_resource **out, struct err *e)
{
    static const char *const parts[] = {"data", "binaryData", "metadata.labels",
                                        "metadata.annotations"};
    struct kust_resource *there = find_generated(l, object);
    if (!there)
        return kust_error(l, at, e, "behavior %s, but there is no \"%s\" yet", behavior,
                          value_at_str(object, "metadata.name", ""));
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strcmp(behavior, "replace") == 0 && i < 2)
            (void)value_remove(there->object, parts[i]);
        put_pairs(l->a, there->object, parts[i], value_at(object, parts[i]));
    }
    *out = there;
    return 0;
}

static int merge_generated(struct generator *g, const char *behavior, struct err *e)
{
    struct kust_resource *there;
    int rc = kust_absorb(g->l, g->entry, g->object, behavior, &there, e);
    if (rc == 0)
        there->wants_hash &= !value_bool(option(g, "disableNameSuffixHash"), false);
    return rc;
}

static int generate(struct generator *g, struct err *e)
{
    static const char *const known[] = {"name", "namespace", "behavior", "literals", "files",
                                        "envs", "env",       "options",  "type",     NULL};
    static const char *const options[] = {"labels", "annotations", "disableNameSuffixHash",
                                          "immutable", NULL};
    int rc = kust_only(g->l, g->entry, g->field, known, e);
    if (rc == 0)
        rc = kust_only(g->l, value_get(g->entry, "options"), "options", options, e);
    if (rc == 0)
        rc = kust_only(g->l, value_get(g->l->doc, "generatorOptions"), "generatorOptions", options,
                       e);
    if (rc == 0)
        rc = make_object(g, e);
    if (rc < 0)
        return rc;
    const char *behavior = value_at_str(g->entry, "behavior", "create");
    if (strcmp(behavior, "merge") == 0 || strcmp(behavior, "replace") == 0)
        return merge_generated(g, behavior, e);
    if (strcmp(behavior, "create") != 0 && *behavior)
        return kust_error(g->l, g->entry, e, "%s: behavior %s is unknown", g->field, behavior);
    struct kust_resource *made;
    rc = kust_add(g->l->set, g->object, &made, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s:%u", g->l->file, g->entry->line);
    made->origin = g->l->plugin ? g->l->plugin->origin : g->l->file;
    made->of = g->l->of;
    made->made_by = g->secret ? "SecretGenerator" : "ConfigMapGenerator";
    made->made_name = g->l->plugin ? kust_name(g->l->plugin) : NULL;
    made->wants_hash = !value_bool(option(g, "disableNameSuffixHash"), false);
    return 0;
}

int kust_generators(struct kust_layer *l, struct err *e)
{
    static const char *const fields[] = {"configMapGenerator", "secretGenerator"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        VALUE_EACH_ITEM (entry, value_get(l->doc, fields[i])) {
            struct generator g = {.l = l, .entry = entry, .field = fields[i], .secret = i == 1};
            int rc = generate(&g, e);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

/* The service account of a cluster on GKE that may act as one of the cloud. */
int kust_iam_policy(struct kust_layer *l, struct err *e)
{
    const struct value *v = value_item(value_get(l->doc, "iamPolicy"), 0);
    const char *cloud = value_at_str(v, "cloud", "");
    const char *ns = value_at_str(v, "kubernetesService.namespace", "");
    if (strcmp(cloud, "gke") != 0)
        return kust_error(l, v, e, "IAMPolicyGenerator: cloud \"%s\" is not gke", cloud);
    struct value *object = value_new_object(l->a);
    (void)value_set_str(l->a, object, "apiVersion", "v1");
    (void)value_set_str(l->a, object, "kind", "ServiceAccount");
    (void)value_set_str(l->a, value_make_object(l->a, object, "metadata"), "name",
                        value_at_str(v, "kubernetesService.name", ""));
    if (*ns)
        (void)value_set_str(l->a, value_make_object(l->a, object, "metadata"), "namespace", ns);
    const char *account = arena_printf(l->a, "%s@%s.iam.gserviceaccount.com",
                                       value_at_str(v, "serviceAccount.name", ""),
                                       value_at_str(v, "serviceAccount.projectId", ""));
    (void)value_set_str(l->a, value_make_object(l->a, object, "metadata.annotations"),
                        "iam.gke.io/gcp-service-account", account);
    struct kust_resource *made;
    int rc = kust_add(l->set, object, &made, e);
    if (rc < 0)
        return rc;
    made->origin = l->plugin ? l->plugin->origin : l->file;
    made->made_by = "IAMPolicyGenerator";
    made->made_name = l->plugin ? kust_name(l->plugin) : NULL;
    return 0;
}
