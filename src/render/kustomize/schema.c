/* Which lists a strategic patch merges: built-in kinds, and what `openapi` tells of others. */
#include "api/schema.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

struct known {
    const char *name;
    struct schema *schema;
};

struct compile {
    struct arena *a;
    const struct value *definitions;
    struct known *known; /* one per definition, so that they may refer to each other */
    size_t n;
};

static void fill(struct compile *c, struct schema *s, const struct value *from);

static const struct schema *node(struct compile *c, const struct value *from)
{
    static const struct schema any = {.type = SCHEMA_ANY};
    const char *ref = value_at_str(from, "$ref", ""), *name = strrchr(ref, '/');
    if (!from)
        return &any;
    if (!*ref) {
        struct schema *s = ARENA_NEW(c->a, struct schema);
        fill(c, s, from);
        return s;
    }
    name = name ? name + 1 : ref;
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->known[i].name, name) == 0)
            return c->known[i].schema;
    const struct value *definition = value_get(c->definitions, name);
    if (!definition) {
        static const char api[] = "io.k8s.api.";
        bool ours = strncmp(name, api, sizeof api - 1) == 0;
        const struct schema *builtin = ours ? schema_named(name + sizeof api - 1) : NULL;
        return builtin ? builtin : &any;
    }
    struct schema *s = ARENA_NEW(c->a, struct schema);
    c->known[c->n++] = (struct known){name, s};
    fill(c, s, definition);
    return s;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct schema_field *)a)->name, ((const struct schema_field *)b)->name);
}

static void fill_struct(struct compile *c, struct schema *s, const struct value *properties)
{
    size_t n = value_members_count(properties);
    struct schema_field *fields = ARENA_ARRAY(c->a, struct schema_field, n);
    s->type = SCHEMA_STRUCT;
    s->n_fields = (uint16_t)n;
    s->fields = fields;
    VALUE_EACH_MEMBER (m, properties)
        *fields++ = (struct schema_field){.name = m->key, .schema = node(c, &m->value)};
    qsort(fields - n, n, sizeof *fields, by_name);
}

static void fill(struct compile *c, struct schema *s, const struct value *from)
{
    const struct value *properties = value_get(from, "properties");
    const char *type = value_at_str(from, "type", "");
    s->type = SCHEMA_ANY;
    if (value_count(properties) > 0 && value_count(properties) < UINT16_MAX) {
        fill_struct(c, s, properties);
    } else if (strcmp(type, "array") == 0) {
        const char *key = value_str(value_get(from, "x-kubernetes-patch-merge-key"), "");
        const char *strategy = value_str(value_get(from, "x-kubernetes-patch-strategy"), "");
        s->type = SCHEMA_LIST;
        s->items = node(c, value_get(from, "items"));
        s->merge_key = *key ? key : NULL;
        s->flags = strstr(strategy, "merge") ? SCHEMA_PATCH_MERGE : 0;
    }
}

static bool is_kind(const struct value *definition, const char *api_version, const char *kind,
                    struct arena *a)
{
    VALUE_EACH_ITEM (gvk, value_get(definition, "x-kubernetes-group-version-kind")) {
        const char *group = value_at_str(gvk, "group", "");
        const char *version =
            arena_printf(a, "%s%s%s", group, *group ? "/" : "", value_at_str(gvk, "version", ""));
        if (strcmp(version, api_version) == 0 && strcmp(value_at_str(gvk, "kind", ""), kind) == 0)
            return true;
    }
    return false;
}

const struct schema *kust_schema(const struct kust_layer *l, const char *version, const char *kind)
{
    struct compile c = {.a = l->a, .definitions = l->set->openapi};
    VALUE_EACH_MEMBER (m, c.definitions) {
        if (!is_kind(&m->value, version, kind, l->a))
            continue;
        c.known = ARENA_ARRAY(l->a, struct known, value_members_count(c.definitions) + 1);
        struct schema *s = ARENA_NEW(l->a, struct schema);
        fill(&c, s, &m->value);
        return s;
    }
    return kust_known_schema(version, kind);
}

/* ---- schemas in comments ---- */

enum { MARKS_MAX = 255 };

struct kust_marks {
    const struct schema *schema[MARKS_MAX];
    size_t n;
};

struct kust_marks *kust_marks_new(struct arena *a)
{
    return ARENA_NEW(a, struct kust_marks);
}

const struct schema *kust_marked(const struct kust_marks *m, const struct value *v)
{
    size_t mark = v ? v->style >> VALUE_MARK_SHIFT : 0;
    return mark > 0 && mark <= m->n ? m->schema[mark - 1] : NULL;
}

/* The object of JSON in the comment that ends a line, or NULL. */
static const struct value *comment_of(struct arena *a, const char *line, const char *end)
{
    const char *hash = memmem(line, (size_t)(end - line), " #", 2);
    struct value *v;
    if (!hash)
        return NULL;
    hash += 1 + strspn(hash + 1, "# ");
    if (hash >= end || *hash != '{' || json_parse(a, hash, (size_t)(end - hash), 0, &v, NULL) < 0)
        return NULL;
    return value_is(v, VALUE_OBJECT) && v->n > 0 ? v : NULL;
}

struct marking {
    const struct kust_layer *l;
    const char *at, *end; /* line number `line` begins at `at` */
    uint32_t line;
};

static void mark_member(struct marking *k, struct member *m)
{
    while (k->line < m->line) {
        const char *next = memchr(k->at, '\n', (size_t)(k->end - k->at));
        if (!next)
            return;
        k->at = next + 1;
        k->line++;
    }
    if (k->line != m->line)
        return;
    const char *end = memchr(k->at, '\n', (size_t)(k->end - k->at));
    const struct value *comment = comment_of(k->l->a, k->at, end ? end : k->end);
    struct kust_marks *marks = k->l->marks;
    if (!comment || marks->n == MARKS_MAX)
        return;
    struct compile c = {.a = k->l->a, .definitions = k->l->set->openapi};
    c.known = ARENA_ARRAY(c.a, struct known, value_members_count(c.definitions) + 1);
    marks->schema[marks->n++] = node(&c, comment);
    m->value.style |= (unsigned)marks->n << VALUE_MARK_SHIFT & 0xffffff;
}

/* Members stand in the order of their lines. */
static void mark(struct marking *k, struct value *v)
{
    for (uint32_t i = 0; v->kind == VALUE_ARRAY && i < v->n; i++)
        mark(k, &v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_OBJECT && i < v->n; i++) {
        struct member *m = &v->members[i];
        if (m->value.kind < VALUE_ARRAY)
            continue;
        mark_member(k, m);
        mark(k, &m->value);
    }
}

void kust_mark(const struct kust_layer *l, const char *text, size_t n, struct value *const *docs,
               size_t n_docs)
{
    struct marking k = {.l = l, .at = text, .end = text + n, .line = 1};
    if (!memmem(text, n, "# {", 3))
        return;
    for (size_t i = 0; i < n_docs; i++)
        mark(&k, docs[i]);
}

int kust_openapi(struct kust_layer *l, struct err *e)
{
    static const char *const known[] = {"path", "version", NULL};
    const struct value *v = value_get(l->doc, "openapi");
    const char *name = value_at_str(v, "path", "");
    struct kust_file f;
    size_t docs;
    struct value **doc;
    int rc = kust_only(l, v, "openapi", known, e);
    if (rc < 0 || !*name)
        return rc;
    if (value_get(v, "version"))
        return kust_error(l, v, e, "openapi: one of path and version, not both");
    rc = kust_read(l, v, name, &f, e);
    if (rc < 0)
        return rc;
    rc = yaml_or_json_parse_all(l->a, f.text, f.n, 0, &doc, &docs, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s:%u", l->file, v->line);
    l->set->openapi = docs ? value_get(doc[0], "definitions") : NULL;
    return 0;
}
