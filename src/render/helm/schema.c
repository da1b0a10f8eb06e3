/* schema.c - JSON Schema, read as it stands: no form of its own between the text and the check.
 *
 * A check gives a tree of complaints, which is printed as Helm's validator prints it: a schema with
 * one complaint hands it on, one with several groups them. */
#include <string.h>

#include "base/buf.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "render/helm/schema_int.h"

enum { COMPLAINT_BYTES_MAX = 4 << 20 };

static struct complaint *check(struct checker *k, struct visit *s);

/* ---- complaints ---- */

struct complaint *helm__complaint_new(struct checker *k, const struct visit *s, const char *text)
{
    struct complaint *c = ARENA_NEW(k->log->arena, struct complaint);
    *c = (struct complaint){.at = s->at, .text = text};
    return c;
}

void helm__complain(struct visit *s, struct complaint *c)
{
    if (!c)
        return;
    if (s->last)
        s->last->next = c;
    else
        s->first = c;
    s->last = c;
    s->n_complaints++;
}

void helm__adopt(struct complaint *parent, struct complaint *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->causes = child;
    parent->last = child;
}

/* ---- below and beside ---- */

static bool is_set(const struct value *v)
{
    return v && v->kind != VALUE_NULL;
}

/* Whether the keywords beside say all there is to say about members or items. */
static bool sees_all(const struct checker *k, const struct value *schema, bool map)
{
    if (map)
        return value_get(schema, "additionalProperties") != NULL;
    const struct value *items = value_get(schema, "items");
    if (k->draft >= 2020)
        return items != NULL;
    return value_is(items, VALUE_ARRAY) ? value_get(schema, "additionalItems") != NULL
                                        : items != NULL;
}

static void unseen_begin(const struct checker *k, struct visit *s, bool asked)
{
    enum go_kind kind = go_kind_of(s->v);
    bool map = kind == GO_MAP;
    if ((!map && kind != GO_SLICE) || k->draft < 2019)
        return;
    asked |= value_get(s->schema, map ? "unevaluatedProperties" : "unevaluatedItems") != NULL;
    if (!asked || sees_all(k, s->schema, map))
        return;
    s->unseen.n = map ? s->n : s->v->n;
    s->unseen.left = arena_alloc(k->log->arena, s->unseen.n + 1);
    size_t from = 0;
    if (!map)
        from = value_count(value_get(s->schema, k->draft < 2020 ? "items" : "prefixItems"));
    for (size_t i = from; i < s->unseen.n; i++)
        s->unseen.left[i] = 1;
}

bool helm__any_left(const struct unseen *u)
{
    return u->left && memchr(u->left, 1, u->n);
}

/* What another schema of the same value has seen is seen. */
static void unseen_merge(struct unseen *mine, const struct unseen *theirs)
{
    for (size_t i = 0; mine->left && i < mine->n; i++)
        mine->left[i] &= theirs->left && theirs->left[i];
}

static void enter(struct visit *s)
{
    if (go_kind_of(s->v) == GO_MAP)
        s->entries = go_map_sorted(s->v->map, &s->n);
}

/* The same value against another schema. */
struct complaint *helm__check_here(struct checker *k, struct visit *s, const struct value *schema,
                                   bool quick)
{
    struct visit sub = {.schema = schema,
                        .v = s->v,
                        .at = s->at,
                        .up = s,
                        .value_id = s->value_id,
                        .quick = s->quick || quick,
                        .entries = s->entries,
                        .n = s->n};
    unseen_begin(k, &sub, helm__any_left(&s->unseen));
    struct complaint *c = check(k, &sub);
    if (!c)
        unseen_merge(&s->unseen, &sub.unseen);
    return c;
}

static const char *escaped(struct arena *a, const char *token)
{
    if (!strpbrk(token, "~/"))
        return token;
    AUTO_BUF struct buf b;
    buf_init(&b, 2 * strlen(token) + 1);
    for (const char *s = token; *s; s++) {
        if (*s == '~' || *s == '/')
            buf_puts(&b, *s == '~' ? "~0" : "~1");
        else
            buf_putc(&b, *s);
    }
    return arena_strdup(a, buf_text(&b));
}

/* A member or an item of the value. */
struct complaint *helm__check_below(struct checker *k, struct visit *s, const struct value *schema,
                                    const struct go_value *v, const char *token)
{
    struct visit sub = {
        .schema = schema,
        .v = v,
        .at = arena_printf(k->log->arena, "%s/%s", s->at, escaped(k->log->arena, token)),
        .up = s,
        .value_id = s->value_id + 1,
        .quick = s->quick};
    enter(&sub);
    unseen_begin(k, &sub, false);
    return check(k, &sub);
}

struct complaint *helm__check_alone(struct checker *k, const struct value *schema,
                                    const struct go_value *v, bool quick)
{
    struct visit s = {.schema = schema, .v = v, .at = "", .quick = quick};
    enter(&s);
    unseen_begin(k, &s, false);
    return check(k, &s);
}

/* ---- references ---- */

static const struct value *find_anchor(const struct value *v, const char *name, unsigned depth)
{
    if (depth > HELM__SCHEMA_DEPTH_MAX)
        return NULL;
    if (v->kind == VALUE_ARRAY)
        VALUE_EACH_ITEM (item, v) {
            const struct value *hit = find_anchor(item, name, depth + 1);
            if (hit)
                return hit;
        }
    if (v->kind != VALUE_OBJECT)
        return NULL;
    if (strcmp(value_str(value_get(v, "$anchor"), ""), name) == 0 ||
        strcmp(value_str(value_get(v, "$dynamicAnchor"), ""), name) == 0)
        return v;
    VALUE_EACH_MEMBER (m, v) {
        const struct value *hit = find_anchor(&m->value, name, depth + 1);
        if (hit)
            return hit;
    }
    return NULL;
}

/* One part of "/a~1b/%25" in plain text. */
static const char *token_text(struct arena *a, const char *s, size_t n)
{
    char *out = arena_alloc(a, n + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        bool percent =
            s[i] == '%' && i + 2 < n + 0 && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0;
        if (percent) {
            out[len++] = (char)(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
            i += 2;
        } else if (s[i] == '~' && i + 1 < n && (s[i + 1] == '0' || s[i + 1] == '1')) {
            out[len++] = s[++i] == '0' ? '~' : '/';
        } else {
            out[len++] = s[i];
        }
    }
    return out;
}

static const struct value *by_pointer(struct arena *a, const struct value *v, const char *pointer)
{
    while (v && *pointer == '/') {
        size_t n = strcspn(++pointer, "/");
        const char *token = token_text(a, pointer, n);
        if (v->kind == VALUE_ARRAY)
            v = value_item(v, strtoul(token, NULL, 10));
        else
            v = value_get(v, token);
        pointer += n;
    }
    return v;
}

/* The schema a reference means; NULL and k->rc when there is none here. */
static const struct value *resolve(struct checker *k, const char *ref)
{
    struct arena *a = k->log->arena;
    const char *id = value_str(value_get(k->root, "$id"), ""), *hash = strchr(ref, '#');
    size_t base = hash ? (size_t)(hash - ref) : strlen(ref);
    const char *fragment = hash ? hash + 1 : "";
    bool own = base == 0 || (strncmp(id, ref, base) == 0 && (!id[base] || id[base] == '#'));
    const struct value *v = NULL;
    if (own && (!*fragment || *fragment == '/'))
        v = by_pointer(a, k->root, fragment);
    else if (own)
        v = find_anchor(k->root, fragment, 0);
    if (!v && k->rc == 0 && own)
        k->rc = helm__fail(k->log, k->e, ERR_INVALID,
                           "json-pointer in \"file:///values.schema.json#%s\" not found", fragment);
    if (!v && k->rc == 0)
        k->rc = helm__fail(k->log, k->e, ERR_UNSUPPORTED,
                           "failing loading \"%.*s\": schemas are read from the chart only",
                           (int)base, ref);
    return v;
}

void helm__check_ref(struct checker *k, struct visit *s, const char *name)
{
    const char *ref = value_str(helm__keyword(s, name), NULL);
    const struct value *target = ref ? resolve(k, ref) : NULL;
    struct complaint *c = target ? helm__check_here(k, s, target, false) : NULL;
    if (!c)
        return;
    struct complaint *wrap = helm__complaint_new(k, s, "validation failed");
    wrap->reference = true;
    if (!c->text && !c->reference)
        wrap->causes = c->causes;
    else
        wrap->causes = c;
    helm__complain(s, wrap);
}

/* ---- all of it ---- */

static bool is_cycle(const struct visit *s)
{
    for (const struct visit *up = s->up; up && up->value_id == s->value_id; up = up->up)
        if (up->schema == s->schema)
            return true;
    return false;
}

/* NULL: it fits; else one complaint, or a group of them. */
static struct complaint *check(struct checker *k, struct visit *s)
{
    if (s->schema->kind == VALUE_BOOL && !s->schema->boolean)
        return helm__complaint_new(k, s, "false schema");
    if (s->schema->kind != VALUE_OBJECT || s->schema->n == 0 || k->rc < 0)
        return NULL;
    if (is_cycle(s))
        return helm__complaint_new(k, s, "the schema refers to itself: reference cycle");
    /* $ref silences what stands beside it, but for drafts since 2019. */
    if (++k->depth > HELM__SCHEMA_DEPTH_MAX) {
        k->rc = helm__fail(k->log, k->e, ERR_TOO_LARGE,
                           "values and their schema are nested more than %d levels deep",
                           HELM__SCHEMA_DEPTH_MAX);
        return NULL;
    }
    if (++k->checks > HELM__SCHEMA_CHECKS_MAX) {
        k->rc = helm__fail(k->log, k->e, ERR_TOO_LARGE, "a schema takes more than %d checks",
                           HELM__SCHEMA_CHECKS_MAX);
        return NULL;
    }
    if (k->draft < 2019 && is_set(helm__keyword(s, "$ref")))
        helm__check_ref(k, s, "$ref");
    else
        helm__check_keywords(k, s);
    k->depth--;
    if (s->n_complaints < 2)
        return s->first;
    struct complaint *group = helm__complaint_new(k, s, NULL);
    group->causes = s->first;
    return group;
}

static void print(struct checker *k, struct buf *b, const struct complaint *c, unsigned indent)
{
    for (; c; c = c->next) {
        bool skip = c->reference && c->causes && !c->causes->next;
        if (!skip) {
            buf_putc(b, '\n');
            for (unsigned i = 1; i < indent; i++)
                buf_puts(b, "  ");
            buf_printf(b, "- at %s: %s", helm__schema_quote(k->log->arena, c->at),
                       c->text ? c->text : "validation failed");
        }
        print(k, b, c->causes, indent + !skip);
    }
}

static int draft_of(const struct value *schema)
{
    static const struct {
        const char *url;
        int draft;
    } drafts[] = {
        {"json-schema.org/draft-04/schema",      4   },
        {"json-schema.org/draft-06/schema",      6   },
        {"json-schema.org/draft-07/schema",      7   },
        {"json-schema.org/draft/2019-09/schema", 2019},
    };
    const char *url = value_str(value_get(schema, "$schema"), "");
    url += strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
    for (size_t i = 0; i < ARRAY_LEN(drafts); i++) {
        size_t n = strlen(drafts[i].url);
        if (strncmp(url, drafts[i].url, n) == 0 && (!url[n] || strcmp(url + n, "#") == 0))
            return drafts[i].draft;
    }
    return 2020;
}

int helm__schema_validate(struct helm_log *log, const char *schema, size_t n,
                          const struct go_value *v, const char **out, struct err *e)
{
    struct value *root;
    struct err why = {0};
    int rc = json_parse(log->arena, schema, n, JSON_SHALLOW, &root, &why);
    if (rc < 0)
        return helm__fail(log, e, ERR_INVALID, "%s", why.msg);
    struct checker k = {.log = log, .root = root, .draft = draft_of(root), .e = e};
    map_init(&k.patterns);
    struct complaint *c = helm__check_alone(&k, root, v, false);
    map_done(&k.patterns);
    if (k.rc < 0)
        return k.rc;
    *out = NULL;
    if (!c)
        return 0;
    AUTO_BUF struct buf b;
    buf_init(&b, COMPLAINT_BYTES_MAX);
    print(&k, &b, c->text || c->reference ? c : c->causes, 1);
    *out = arena_strdup(log->arena, buf_text(&b) + 1);
    return 0;
}

/* ---- charts ---- */

static const char *type_words(const struct go_value *v)
{
    return go_kind_of(v) == GO_INTERFACE ? "<nil>" : go_type_name(v);
}

/* Appends what is wrong in a chart and those below it. */
static void check_chart(struct helm_log *log, const struct helm_chart *c, struct go_map *values,
                        struct buf *out)
{
    struct go_value v = go_map(values);
    const char *problems = NULL;
    if (c->schema) {
        int rc = helm__schema_validate(log, c->schema, c->schema_len, &v, &problems, NULL);
        if (rc < 0)
            buf_printf(out, "%s:\n%s", c->name, log->error);
        else if (problems)
            buf_printf(out, "%s:\n%s\n", c->name, problems);
    }
    for (size_t i = 0; i < c->n_deps; i++) {
        const struct helm_chart *sub = c->deps[i];
        const struct go_value *theirs = go_map_get(values, sub->name, strlen(sub->name));
        if (!theirs || go_kind_of(theirs) == GO_INTERFACE)
            continue;
        if (go_kind_of(theirs) == GO_MAP)
            check_chart(log, sub, theirs->map, out);
        else
            buf_printf(out, "%s:\ninvalid type for values: expected object (map), got %s\n",
                       sub->name, type_words(theirs));
    }
}

int helm__schema_check(struct helm_log *log, const struct helm_chart *c, struct go_map *values,
                       struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, COMPLAINT_BYTES_MAX);
    check_chart(log, c, values, &b);
    if (b.len == 0)
        return 0;
    return helm__fail(log, e, ERR_INVALID,
                      "values don't meet the specifications of the schema(s) in the following "
                      "chart(s):\n%s",
                      buf_text(&b));
}
