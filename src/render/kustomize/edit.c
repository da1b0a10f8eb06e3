/* edit.c - the text of a kustomization, changed as little as its meaning asks for. */
#include "render/kustomize/edit.h"

#include <stdlib.h>

#include "codec/yaml.h"
#include "render/kustomize/kust_int.h"

enum { FIELDS_MAX = 64, TEXT_MAX = 16 << 20 };

/* New fields are written in this order. */
static const char *const order[] = {
    "apiVersion",
    "kind",
    "metadata",
    "sortOptions",
    "resources",
    "bases",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "crds",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "configMapGenerator",
    "secretGenerator",
    "helmCharts",
    "helmChartInflationGenerator",
    "helmGlobals",
    "generatorOptions",
    "vars",
    "images",
    "imageTags",
    "replacements",
    "replicas",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "components",
    "openapi",
    "buildMetadata",
};

/* ---- reading ---- */

static void take_place(struct value *doc, struct arena *a, const char *old, const char *fresh)
{
    VALUE_EACH_ITEM (item, value_get(doc, old))
        (void)value_push(a, value_make_array(a, doc, fresh), item);
    (void)value_remove(doc, old);
}

static void mend_envs(struct value *doc, struct arena *a, const char *field)
{
    struct value *list = value_get_mut(doc, field);
    for (size_t i = 0; value_is(list, VALUE_ARRAY) && i < list->n; i++) {
        const char *env = value_at_str(&list->items[i], "env", "");
        if (*env)
            (void)value_push_str(a, value_make_array(a, &list->items[i], "envs"), env);
        (void)value_remove(&list->items[i], "env");
    }
}

static void mend_charts(struct value *doc, struct arena *a)
{
    struct value *globals = value_new_object(a);
    VALUE_EACH_ITEM (item, value_get(doc, "helmChartInflationGenerator"))
        (void)value_push(a, value_make_array(a, doc, "helmCharts"),
                         kust_chart_of_old(a, item, globals));
    if (globals->n > 0 && !value_get(doc, "helmGlobals"))
        (void)value_set(a, doc, "helmGlobals", globals);
    (void)value_remove(doc, "helmChartInflationGenerator");
}

static void mend(struct value *doc, struct arena *a)
{
    bool component = strcmp(value_at_str(doc, "kind", ""), "Component") == 0;
    if (!*value_at_str(doc, "kind", ""))
        (void)value_set_str(a, doc, "kind", "Kustomization");
    if (!*value_at_str(doc, "apiVersion", ""))
        (void)value_set_str(a, doc, "apiVersion",
                            component ? "kustomize.config.k8s.io/v1alpha1"
                                      : "kustomize.config.k8s.io/v1beta1");
    take_place(doc, a, "bases", "resources");
    take_place(doc, a, "imageTags", "images");
    mend_envs(doc, a, "configMapGenerator");
    mend_envs(doc, a, "secretGenerator");
    mend_charts(doc, a);
}

static const char *known_field(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (strlen(order[i]) == n && strncasecmp(order[i], name, n) == 0)
            return order[i];
    return NULL;
}

static int read_doc(struct kustomize_edit *k, struct value **out, struct err *e)
{
    int rc = yaml_parse(k->a, k->text, k->n, 0, out, e);
    if (rc < 0)
        return err_wrap(e, rc, "%s: invalid Kustomization", k->path);
    if (value_is(*out, VALUE_NULL))
        *out = value_new_object(k->a);
    if (!value_is(*out, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "%s: a kustomization is expected", k->path);
    for (size_t i = 0; i < (*out)->n; i++) {
        struct member *m = &(*out)->members[i];
        const char *known = known_field(m->key, m->key_len);
        if (!known)
            return err_set(e, ERR_INVALID, "%s:%u: invalid Kustomization: unknown field \"%s\"",
                           k->path, m->line, m->key);
        m->key = known;
    }
    return 0;
}

int kustomize_edit_open(struct arena *a, const char *path, const char *text, size_t n,
                        struct kustomize_edit *out, struct err *e)
{
    struct kustomize_edit k = {.a = a, .path = path, .text = text, .n = n};
    int rc = read_doc(&k, &k.before, e);
    if (rc < 0)
        return rc;
    k.doc = value_copy(a, k.before);
    mend(k.doc, a);
    *out = k;
    return 0;
}

/* ---- scalars, where they stand ---- */

/* What Kustomize does not write. */
static bool blank(const struct value *v)
{
    return !v || value_is(v, VALUE_NULL) ||
           (value_count(v) == 0 &&
            (v->kind == VALUE_ARRAY || v->kind == VALUE_OBJECT || v->kind == VALUE_STRING));
}

static const char *scalar(struct arena *a, const struct value *v)
{
    return value_is(v, VALUE_STRING) ? v->text : kust_scalar(a, v);
}

/* Of its own accord the text stays as it is where this cannot be done. */
static void put_scalar(struct kustomize_edit *k, const char *path, const struct value *is,
                       const struct value *was)
{
    const char *fresh = scalar(k->a, is), *old = scalar(k->a, was);
    struct kustomize_edit tried = *k;
    char *text;
    size_t n;
    if (!fresh || !old || is->kind != was->kind || value_equal(is, was) ||
        yaml_edit_scalar(k->a, k->text, k->n, 0, path, fresh, &text, &n, NULL) < 0)
        return;
    tried.text = text;
    tried.n = n;
    struct value *doc;
    if (read_doc(&tried, &doc, NULL) < 0 || !value_equal(value_at(doc, path), is))
        return;
    k->text = text;
    k->n = n;
    k->before = doc;
}

static bool plain(const char *key)
{
    return *key && !strpbrk(key, ".[]/\\\"'");
}

static void put_scalars(struct kustomize_edit *k, const char *path, const struct value *is,
                        const struct value *was)
{
    VALUE_EACH_MEMBER (m, is) {
        const struct value *old = value_get(was, m->key);
        if (old && plain(m->key))
            put_scalar(k, arena_printf(k->a, "%s.%s", path, m->key), &m->value, old);
    }
}

static const char *name_of(const struct value *entry)
{
    return value_at_str(entry, "name", "");
}

/* An entry of a list is the one of the same name, if only one has it. */
static const struct value *named(const struct value *list, const char *name)
{
    const struct value *found = NULL;
    VALUE_EACH_ITEM (item, list)
        if (*name && strcmp(name_of(item), name) == 0) {
            if (found)
                return NULL;
            found = item;
        }
    return found;
}

static void put_all_scalars(struct kustomize_edit *k)
{
    const struct value *was = k->before;
    VALUE_EACH_MEMBER (m, k->doc) {
        const struct value *old = value_get(was, m->key);
        if (!old || blank(&m->value) || value_equal(old, &m->value))
            continue;
        put_scalar(k, m->key, &m->value, old);
        put_scalars(k, m->key, &m->value, old);
        for (size_t i = 0; value_is(old, VALUE_ARRAY) && i < old->n; i++) {
            const char *name = name_of(&old->items[i]);
            if (named(old, name))
                put_scalars(k, arena_printf(k->a, "%s[%zu]", m->key, i), named(&m->value, name),
                            &old->items[i]);
        }
    }
}

/* ---- lines ---- */

struct span {
    const char *from, *to;
};

static void put(struct buf *b, struct span s)
{
    buf_add(b, s.from, (size_t)(s.to - s.from));
}

static const char *next_line(const char *s, const char *end)
{
    const char *nl = memchr(s, '\n', (size_t)(end - s));
    return nl ? nl + 1 : end;
}

static size_t indent_of(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n < end && s[n] == ' ')
        n++;
    return n;
}

/* Nothing, or a comment no deeper than `depth`. */
static bool idle(const char *s, const char *end, size_t depth)
{
    size_t n = indent_of(s, end);
    const char *at = s + n;
    return at == end || *at == '\n' || *at == '\r' || (*at == '#' && n <= depth);
}

/* Moves the idle lines at the end of a span to what follows it. */
static const char *without_tail(const char *from, const char *to, size_t depth)
{
    const char *end = from;
    for (const char *s = from; s < to; s = next_line(s, to))
        if (s == from || !idle(s, to, depth))
            end = next_line(s, to);
    return end;
}

/* One field of the file: the comments in front of it, and it. */
struct section {
    const char *field;
    struct span head, body;
};

struct sections {
    struct section items[FIELDS_MAX];
    size_t n;
    struct span tail;
};

static const char *field_at(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n < end && ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z') ||
                           (n > 0 && s[n] >= '0' && s[n] <= '9')))
        n++;
    return s + n < end && s[n] == ':' ? known_field(s, n) : NULL;
}

/* False when the file is not written field by field, one a line. */
static bool split(const struct kustomize_edit *k, struct sections *out)
{
    const char *end = k->text + k->n, *begun = k->text;
    out->n = 0;
    for (const char *s = k->text; s < end; s = next_line(s, end)) {
        const char *field = field_at(s, end);
        if (!field)
            continue;
        if (out->n == FIELDS_MAX)
            return false;
        if (out->n > 0) {
            struct section *last = &out->items[out->n - 1];
            begun = last->body.to = without_tail(last->body.from, s, 0);
        }
        out->items[out->n++] = (struct section){
            field, {begun, s  },
             {s,     end}
        };
    }
    if (out->n > 0)
        begun = out->items[out->n - 1].body.to =
            without_tail(out->items[out->n - 1].body.from, end, 0);
    out->tail = (struct span){begun, end};
    for (size_t i = 0; i < out->n; i++)
        if (!value_get(k->before, out->items[i].field))
            return false;
    return out->n == value_members_count(k->before);
}

/* ---- entries of a list or a table ---- */

struct entry {
    struct span text; /* with the comments in front of it */
    const char *key;  /* of a table */
    const struct value *value;
    bool used;
};

struct entries {
    struct entry *items;
    size_t n, indent;
    struct span first; /* the field's own line */
};

static bool begins_entry(const char *s, const char *end, size_t indent, bool list)
{
    if (indent_of(s, end) != indent || idle(s, end, SIZE_MAX))
        return false;
    s += indent;
    return !list || (*s == '-' && (s + 1 == end || s[1] == ' ' || s[1] == '\n' || s[1] == '\r'));
}

/* False when the field is not written in block style, an entry a line. */
static bool split_entries(struct arena *a, struct span body, const struct value *was,
                          struct entries *out)
{
    bool list = value_is(was, VALUE_ARRAY);
    const char *s = next_line(body.from, body.to), *first = s;
    size_t max = value_count(was), n = 0;
    while (first < body.to && idle(first, body.to, SIZE_MAX))
        first = next_line(first, body.to);
    *out = (struct entries){
        .items = ARENA_ARRAY(a, struct entry, max + 1),
        .n = max,
        .indent = indent_of(first, body.to),
        .first = {body.from, s}
    };
    const char *lead = s;
    for (; s < body.to; s = next_line(s, body.to)) {
        if (!begins_entry(s, body.to, out->indent, list))
            continue;
        if (n == max)
            return false;
        if (n > 0)
            lead = out->items[n - 1].text.to =
                without_tail(out->items[n - 1].text.from, s, out->indent);
        out->items[n] = (struct entry){
            .text = {lead, body.to},
            .key = list ? NULL : was->members[n].key,
            .value = list ? &was->items[n] : &was->members[n].value,
        };
        n++;
    }
    return n == max && n > 0;
}

/* A new entry in Kustomize's words, at the depth of the others. */
static void put_entry(struct arena *a, struct buf *b, const char *key, const struct value *v,
                      size_t indent)
{
    struct value *alone = key ? value_new_object(a) : value_new_array(a);
    if (key)
        (void)value_set(a, alone, key, v);
    else
        (void)value_push(a, alone, v);
    const char *text = yaml_text(a, alone, YAML_FOLD), *end = text + strlen(text);
    for (const char *s = text; s < end; s = next_line(s, end)) {
        for (size_t i = 0; i < indent && *s != '\n'; i++)
            buf_putc(b, ' ');
        put(b, (struct span){s, next_line(s, end)});
    }
}

static struct entry *unused(const struct entries *all, const char *key, const struct value *v)
{
    for (size_t i = 0; i < all->n; i++) {
        struct entry *x = &all->items[i];
        if (!x->used && (!key || strcmp(key, x->key) == 0) && value_equal(x->value, v))
            return x;
    }
    return NULL;
}

static void put_list(struct arena *a, struct buf *b, struct entries *all, const struct value *is)
{
    VALUE_EACH_ITEM (item, is) {
        struct entry *old = unused(all, NULL, item);
        if (old) {
            old->used = true;
            put(b, old->text);
        } else {
            put_entry(a, b, NULL, item, all->indent);
        }
    }
}

/* New keys go before the first that is greater, as Kustomize sorts tables. */
static void put_table(struct arena *a, struct buf *b, struct entries *all, const struct value *is)
{
    size_t n = value_count(is), put_n = 0;
    const struct member **fresh = ARENA_ARRAY(a, const struct member *, n + 1);
    size_t n_fresh = 0;
    VALUE_EACH_MEMBER (m, is)
        if (!unused(all, m->key, &m->value)) {
            size_t at = n_fresh++;
            for (; at > 0 && strcmp(fresh[at - 1]->key, m->key) > 0; at--)
                fresh[at] = fresh[at - 1];
            fresh[at] = m;
        }
    for (size_t i = 0; i < all->n; i++) {
        const struct value *v = value_get(is, all->items[i].key);
        for (; put_n < n_fresh && strcmp(fresh[put_n]->key, all->items[i].key) <= 0; put_n++)
            put_entry(a, b, fresh[put_n]->key, &fresh[put_n]->value, all->indent);
        if (v && value_equal(v, all->items[i].value))
            put(b, all->items[i].text);
    }
    for (; put_n < n_fresh; put_n++)
        put_entry(a, b, fresh[put_n]->key, &fresh[put_n]->value, all->indent);
}

/* ---- writing ---- */

static void put_field(struct arena *a, struct buf *b, const char *field, const struct value *v)
{
    struct value *alone = value_new_object(a);
    if (blank(v))
        return;
    (void)value_set(a, alone, field, v);
    yaml_print(b, alone, YAML_FOLD);
}

static void put_section(const struct kustomize_edit *k, struct buf *b, const struct section *s)
{
    const struct value *was = value_get(k->before, s->field), *is = value_get(k->doc, s->field);
    struct entries all;
    put(b, s->head);
    if (is && value_equal(was, is)) {
        put(b, s->body);
        if (b->len > 0 && buf_text(b)[b->len - 1] != '\n')
            buf_putc(b, '\n');
        return;
    }
    if (blank(is) || is->kind != was->kind ||
        (is->kind != VALUE_ARRAY && is->kind != VALUE_OBJECT) ||
        !split_entries(k->a, s->body, was, &all)) {
        put_field(k->a, b, s->field, is);
        return;
    }
    put(b, all.first);
    if (is->kind == VALUE_ARRAY)
        put_list(k->a, b, &all, is);
    else
        put_table(k->a, b, &all, is);
}

static void put_new_fields(const struct kustomize_edit *k, struct buf *b, bool all)
{
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        if (all || !value_get(k->before, order[i]))
            put_field(k->a, b, order[i], value_get(k->doc, order[i]));
}

/* Whatever was kept of the old text, the new one must mean the document. */
static bool means_doc(const struct kustomize_edit *k, const struct buf *b)
{
    struct kustomize_edit again = {.a = k->a, .path = k->path, .text = buf_text(b), .n = b->len};
    struct value *doc;
    if (read_doc(&again, &doc, NULL) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        const struct value *is = value_get(doc, order[i]), *want = value_get(k->doc, order[i]);
        if (blank(is) ? !blank(want) : !want || !value_equal(is, want))
            return false;
    }
    return true;
}

int kustomize_edit_text(struct kustomize_edit *k, struct buf *out, struct err *e)
{
    AUTO_BUF struct buf b;
    struct sections parts;
    put_all_scalars(k);
    buf_init(&b, TEXT_MAX);
    bool kept = split(k, &parts);
    if (kept) {
        for (size_t i = 0; i < parts.n; i++)
            put_section(k, &b, &parts.items[i]);
        put(&b, parts.tail);
        if (b.len > 0 && buf_text(&b)[b.len - 1] != '\n')
            buf_putc(&b, '\n');
        put_new_fields(k, &b, false);
        kept = buf_check(&b, NULL) == 0 && means_doc(k, &b);
    }
    if (!kept) {
        buf_clear(&b);
        put_new_fields(k, &b, true);
        if (!means_doc(k, &b))
            return err_set(e, ERR_UNSUPPORTED, "%s: it cannot be written so that it means this",
                           k->path);
    }
    buf_add(out, buf_text(&b), b.len);
    return buf_check(out, e);
}
