/* schema_keywords.c - what each keyword of a schema asks of a value. */
#include <math.h>
#include <string.h>

#include "codec/regex.h"
#include "render/helm/schema_int.h"

static bool number_of(const struct value *v, double *out)
{
    if (!value_is(v, VALUE_INT) && !value_is(v, VALUE_FLOAT))
        return false;
    *out = value_num(v, 0);
    return true;
}

static bool count_of(const struct value *v, size_t *out)
{
    double d;
    if (!number_of(v, &d) || d != floor(d) || d < 0 || d > 1e15)
        return false;
    *out = (size_t)d;
    return true;
}

static bool value_number(const struct go_value *v, double *out)
{
    if (go_kind_of(v) == GO_FLOAT64)
        *out = v->f;
    else if (go_kind_of(v) == GO_INT64 || go_kind_of(v) == GO_INT)
        *out = (double)v->i;
    else
        return false;
    return true;
}

static const char *type_of(const struct go_value *v)
{
    double d;
    if (value_number(v, &d))
        return "number";
    switch ((int)go_kind_of(v)) {
    case GO_BOOL:
        return "boolean";
    case GO_STRING:
        return "string";
    case GO_SLICE:
        return "array";
    case GO_MAP:
        return "object";
    default:
        return "null";
    }
}

/* A value of the chart and one of the schema; numbers by what they are worth. */
static bool equal(const struct go_value *v, const struct value *want)
{
    double a, b;
    if (value_number(v, &a))
        return number_of(want, &b) && a == b;
    switch (want->kind) {
    case VALUE_NULL:
        return go_kind_of(v) == GO_INTERFACE;
    case VALUE_BOOL:
        return go_kind_of(v) == GO_BOOL && v->b == want->boolean;
    case VALUE_STRING:
        return go_kind_of(v) == GO_STRING && v->n == want->n && memcmp(v->s, want->text, v->n) == 0;
    case VALUE_ARRAY:
        if (go_kind_of(v) != GO_SLICE || v->n != want->n)
            return false;
        for (uint32_t i = 0; i < v->n; i++)
            if (!equal(&v->items[i], &want->items[i]))
                return false;
        return true;
    case VALUE_OBJECT:
        if (go_kind_of(v) != GO_MAP || go_map_size(v->map) != want->n)
            return false;
        VALUE_EACH_MEMBER (m, want) {
            const struct go_value *mine = go_map_get(v->map, m->key, m->key_len);
            if (!mine || !equal(mine, &m->value))
                return false;
        }
        return true;
    case VALUE_INT:
    case VALUE_FLOAT:
        break;
    }
    return false;
}

/* Of two values of the chart. */
static bool same(const struct go_value *a, const struct go_value *b)
{
    double x, y;
    if (value_number(a, &x) && value_number(b, &y))
        return x == y;
    return go_deep_equal(a, b);
}

static void free_pattern(void *r)
{
    regex_free(r);
}

static bool matches(struct checker *k, const char *pattern, const char *s, size_t n)
{
    struct regex *r = map_get(&k->patterns, pattern);
    struct err why = {0};
    bool hit = false;
    if (!r) {
        int rc = regex_compile(pattern, strlen(pattern), 0, &r, &why);
        if (rc < 0) {
            if (k->rc == 0)
                k->rc = helm__fail(k->log, k->e, ERR_INVALID, "%s is not valid regex: %s",
                                   helm__schema_quote(k->log->arena, pattern), why.msg);
            return true;
        }
        arena_defer(k->log->arena, free_pattern, r);
        (void)map_put(&k->patterns, pattern, r);
    }
    return regex_match(r, s, n, 0, NULL, 0, &hit, &why) == 0 && hit;
}

static struct complaint *check_item(struct checker *k, struct visit *s, const struct value *schema,
                                    size_t i)
{
    return helm__check_below(k, s, schema, &s->v->items[i], arena_printf(k->log->arena, "%zu", i));
}

/* ---- what any value may be asked ---- */

static const char *const type_names[] = {"null",   "boolean", "number", "integer",
                                         "string", "array",   "object"};

static bool lists_type(const struct value *types, const char *name)
{
    if (value_is(types, VALUE_STRING))
        return strcmp(types->text, name) == 0;
    VALUE_EACH_ITEM (t, types)
        if (strcmp(value_str(t, ""), name) == 0)
            return true;
    return false;
}

static bool check_type(struct checker *k, struct visit *s)
{
    const struct value *types = helm__keyword(s, "type");
    const char *is = type_of(s->v), *want = "";
    double d;
    bool known = false, hit = lists_type(types, is);
    if (!types)
        return true;
    if (value_number(s->v, &d) && d == floor(d) && isfinite(d))
        hit |= lists_type(types, "integer");
    for (size_t i = 0; i < ARRAY_LEN(type_names) && !hit; i++) {
        if (!lists_type(types, type_names[i]))
            continue;
        want = arena_printf(k->log->arena, "%s%s%s", want, known ? " or " : "", type_names[i]);
        known = true;
    }
    if (known)
        SAY(k, s, "got %s, want %s", is, want);
    return !known;
}

static bool check_enum(struct checker *k, struct visit *s)
{
    struct arena *a = k->log->arena;
    const struct value *list = helm__keyword(s, "enum");
    const char *shown = "";
    bool plain = true;
    if (!value_is(list, VALUE_ARRAY))
        return true;
    VALUE_EACH_ITEM (v, list) {
        if (equal(s->v, v))
            return true;
        plain &= v->kind != VALUE_ARRAY && v->kind != VALUE_OBJECT;
        shown = arena_printf(a, "%s%s%s", shown, *shown ? ", " : "", helm__schema_shown(a, v));
    }
    if (plain)
        SAY(k, s, "value must be %s%s", value_count(list) == 1 ? "" : "one of ", shown);
    else
        SAY(k, s, "'enum' failed");
    return false;
}

static bool check_const(struct checker *k, struct visit *s)
{
    const struct value *want = k->draft >= 6 ? helm__keyword(s, "const") : NULL;
    if (!want || equal(s->v, want))
        return true;
    if (want->kind == VALUE_ARRAY || want->kind == VALUE_OBJECT)
        SAY(k, s, "'const' failed");
    else
        SAY(k, s, "value must be %s", helm__schema_shown(k->log->arena, want));
    return false;
}

static bool check_format(struct checker *k, struct visit *s)
{
    struct arena *a = k->log->arena;
    const char *format = k->draft < 2019 ? value_str(helm__keyword(s, "format"), NULL) : NULL;
    if (!format || go_kind_of(s->v) != GO_STRING)
        return true;
    const char *problem = helm__format_problem(a, format, s->v->s, s->v->n);
    if (!problem)
        return true;
    SAY(k, s, "%s is not valid %s: %s", helm__schema_quote(a, go_cstr(a, s->v)), format, problem);
    return false;
}

/* ---- objects ---- */

static const char *quoted_list(struct arena *a, const char *list, const char *name)
{
    return arena_printf(a, "%s%s%s", list, *list ? ", " : "", helm__schema_quote(a, name));
}

/* The names of a list that the object has not, quoted; "" when it has all. */
static const char *missing_of(struct checker *k, const struct visit *s, const struct value *names,
                              size_t *n)
{
    const char *out = "";
    *n = 0;
    VALUE_EACH_ITEM (name, names)
        if (value_is(name, VALUE_STRING) && !go_map_get(s->v->map, name->text, name->n)) {
            out = quoted_list(k->log->arena, out, name->text);
            ++*n;
        }
    return out;
}

static void check_counts(struct checker *k, struct visit *s, const char *min, const char *max,
                         size_t n)
{
    size_t want;
    struct arena *a = k->log->arena;
    if (count_of(helm__keyword(s, min), &want) && n < want)
        SAY(k, s, "%s: got %s, want %s", min, helm__schema_number(a, (double)n),
            helm__schema_number(a, (double)want));
    if (count_of(helm__keyword(s, max), &want) && n > want)
        SAY(k, s, "%s: got %s, want %s", max, helm__schema_number(a, (double)n),
            helm__schema_number(a, (double)want));
}

static void check_required(struct checker *k, struct visit *s)
{
    size_t n;
    const char *missing = missing_of(k, s, helm__keyword(s, "required"), &n);
    if (n)
        SAY(k, s, "missing propert%s %s", n == 1 ? "y" : "ies", missing);
}

/* "dependencies" and the two that took its place. */
static void check_dependents(struct checker *k, struct visit *s, const char *name)
{
    VALUE_EACH_MEMBER (m, helm__keyword(s, name)) {
        size_t n = 0;
        if (!go_map_get(s->v->map, m->key, m->key_len))
            continue;
        if (m->value.kind != VALUE_ARRAY) {
            helm__complain(s, helm__check_here(k, s, &m->value, false));
            continue;
        }
        const char *missing = missing_of(k, s, &m->value, &n);
        if (n)
            SAY(k, s, "properties %s required, if %s exists", missing,
                helm__schema_quote(k->log->arena, m->key));
    }
}

/* One member against properties, patternProperties and additionalProperties; false: it is one
 * too many. */
static bool check_member(struct checker *k, struct visit *s, size_t i)
{
    const struct go_entry *m = &s->entries[i];
    const struct value *schema = value_getn(helm__keyword(s, "properties"), m->key, m->n);
    const struct value *more = helm__keyword(s, "additionalProperties");
    bool seen = schema != NULL, fits = true;
    if (schema)
        helm__complain(s, helm__check_below(k, s, schema, &m->value, m->key));
    VALUE_EACH_MEMBER (p, helm__keyword(s, "patternProperties"))
        if (matches(k, p->key, m->key, m->n)) {
            seen = true;
            helm__complain(s, helm__check_below(k, s, &p->value, &m->value, m->key));
        }
    if (!seen && more) {
        seen = true;
        if (more->kind == VALUE_BOOL)
            fits = more->boolean;
        else
            helm__complain(s, helm__check_below(k, s, more, &m->value, m->key));
    }
    if (seen && s->unseen.left)
        s->unseen.left[i] = 0;
    return fits;
}

static void check_names(struct checker *k, struct visit *s)
{
    const struct value *names = k->draft >= 6 ? helm__keyword(s, "propertyNames") : NULL;
    for (size_t i = 0; i < s->n && names; i++) {
        struct go_value name = go_strn(s->entries[i].key, s->entries[i].n);
        struct complaint *c = helm__check_alone(k, names, &name, s->quick);
        if (!c)
            continue;
        struct complaint *wrap = helm__complaint_new(k, s, "");
        wrap->at = "";
        wrap->text = arena_printf(k->log->arena, "invalid propertyName %s",
                                  helm__schema_quote(k->log->arena, s->entries[i].key));
        wrap->causes = c->text || c->reference ? c : c->causes;
        helm__complain(s, wrap);
    }
}

static void check_object(struct checker *k, struct visit *s)
{
    const char *extra = "";
    check_counts(k, s, "minProperties", "maxProperties", s->n);
    check_required(k, s);
    if (s->quick && s->n_complaints)
        return;
    check_dependents(k, s, "dependencies");
    for (size_t i = 0; i < s->n && !(s->quick && s->n_complaints); i++)
        if (!check_member(k, s, i))
            extra = quoted_list(k->log->arena, extra, s->entries[i].key);
    if (*extra)
        SAY(k, s, "additional properties %s not allowed", extra);
    check_names(k, s);
    if (k->draft >= 2019) {
        check_dependents(k, s, "dependentSchemas");
        check_dependents(k, s, "dependentRequired");
    }
}

/* ---- arrays ---- */

static void check_unique(struct checker *k, struct visit *s)
{
    if (!value_bool(helm__keyword(s, "uniqueItems"), false))
        return;
    for (uint32_t i = 1; i < s->v->n; i++)
        for (uint32_t j = 0; j < i; j++)
            if (same(&s->v->items[i], &s->v->items[j])) {
                SAY(k, s, "items at %u and %u are equal", j, i);
                return;
            }
}

static void check_items(struct checker *k, struct visit *s)
{
    const struct value *items = helm__keyword(s, "items");
    const struct value *first = k->draft >= 2020 ? helm__keyword(s, "prefixItems") : items;
    const struct value *rest = k->draft >= 2020 ? items : helm__keyword(s, "additionalItems");
    size_t i = 0;
    if (k->draft < 2020 && !value_is(items, VALUE_ARRAY)) {
        first = NULL;
        rest = items;
    }
    for (; i < s->v->n && i < value_count(first); i++)
        helm__complain(s, check_item(k, s, value_item(first, i), i));
    if (k->draft < 2020 && value_is(rest, VALUE_BOOL) && rest != items) {
        if (!rest->boolean && i < s->v->n)
            SAY(k, s, "last %zu additionalItem(s) not allowed", s->v->n - i);
        return;
    }
    for (; i < s->v->n && rest; i++)
        helm__complain(s, check_item(k, s, rest, i));
}

static void check_contains(struct checker *k, struct visit *s)
{
    const struct value *schema = k->draft >= 6 ? helm__keyword(s, "contains") : NULL;
    struct complaint *list = helm__complaint_new(k, s, NULL);
    size_t hits = 0, min = 1, max;
    const char *where = "";
    for (size_t i = 0; i < s->v->n && schema; i++) {
        struct complaint *c = check_item(k, s, schema, i);
        if (c) {
            helm__adopt(list, c);
            continue;
        }
        where = arena_printf(k->log->arena, "%s%s%zu", where, hits++ ? " " : "", i);
        if (k->draft >= 2020 && s->unseen.left)
            s->unseen.left[i] = 0;
    }
    if (!schema)
        return;
    bool counted = k->draft >= 2019 && count_of(helm__keyword(s, "minContains"), &min);
    if (hits < min) {
        list->text = !counted ? "no items match contains schema"
                     : hits   ? arena_printf(k->log->arena,
                                             "min %zu items required to match contains schema, but "
                                               "matched %zu items at %s",
                                             min, hits, where)
                              : arena_printf(k->log->arena,
                                             "min %zu items required to match contains schema, but "
                                               "none matched",
                                             min);
        helm__complain(s, list);
    }
    if (k->draft >= 2019 && count_of(helm__keyword(s, "maxContains"), &max) && hits > max)
        SAY(k, s, "max %zu items required to match contains schema, but matched %zu items at %s",
            max, hits, where);
}

static void check_array(struct checker *k, struct visit *s)
{
    check_counts(k, s, "minItems", "maxItems", s->v->n);
    check_unique(k, s);
    check_items(k, s);
    check_contains(k, s);
}

/* ---- texts and numbers ---- */

static void check_string(struct checker *k, struct visit *s)
{
    struct arena *a = k->log->arena;
    if (helm__keyword(s, "minLength") || helm__keyword(s, "maxLength")) {
        size_t n = 0;
        for (uint32_t i = 0; i < s->v->n; i++)
            n += ((unsigned char)s->v->s[i] & 0xc0) != 0x80;
        check_counts(k, s, "minLength", "maxLength", n);
    }
    const char *pattern = value_str(helm__keyword(s, "pattern"), NULL);
    if (pattern && !matches(k, pattern, s->v->s, s->v->n))
        SAY(k, s, "%s does not match pattern %s", helm__schema_quote(a, go_cstr(a, s->v)),
            helm__schema_quote(a, pattern));
}

/* "minimum: got 1, want 2" when `bad`. */
static void check_bound(struct checker *k, struct visit *s, const char *name, double want, bool bad)
{
    struct arena *a = k->log->arena;
    double got = 0;
    (void)value_number(s->v, &got);
    if (bad)
        SAY(k, s, "%s: got %s, want %s", name, helm__schema_number(a, got),
            helm__schema_number(a, want));
}

static void check_number(struct checker *k, struct visit *s)
{
    double d = 0, w;
    (void)value_number(s->v, &d);
    bool above = value_bool(helm__keyword(s, "exclusiveMinimum"), false);
    bool below = value_bool(helm__keyword(s, "exclusiveMaximum"), false);
    if (number_of(helm__keyword(s, "minimum"), &w) && !above)
        check_bound(k, s, "minimum", w, d < w);
    if (number_of(helm__keyword(s, "maximum"), &w) && !below)
        check_bound(k, s, "maximum", w, d > w);
    if (number_of(helm__keyword(s, above ? "minimum" : "exclusiveMinimum"), &w))
        check_bound(k, s, "exclusiveMinimum", w, d <= w);
    if (number_of(helm__keyword(s, below ? "maximum" : "exclusiveMaximum"), &w))
        check_bound(k, s, "exclusiveMaximum", w, d >= w);
    if (number_of(helm__keyword(s, "multipleOf"), &w) && w != 0) {
        double q = d / w;
        check_bound(k, s, "multipleOf", w, fabs(q - nearbyint(q)) > 1e-9 * fmax(1, fabs(q)));
    }
}

/* ---- schemas of schemas ---- */

static void check_all_of(struct checker *k, struct visit *s)
{
    struct complaint *all = NULL;
    VALUE_EACH_ITEM (schema, helm__keyword(s, "allOf")) {
        struct complaint *c = helm__check_here(k, s, schema, false);
        if (c && !all)
            all = helm__complaint_new(k, s, "'allOf' failed");
        if (c)
            helm__adopt(all, c);
    }
    helm__complain(s, all);
}

static void check_any_of(struct checker *k, struct visit *s)
{
    const struct value *list = helm__keyword(s, "anyOf");
    bool hit = value_count(list) == 0;
    struct complaint *all = helm__complaint_new(k, s, "'anyOf' failed");
    VALUE_EACH_ITEM (schema, list) {
        struct complaint *c = helm__check_here(k, s, schema, false);
        if (c) {
            helm__adopt(all, c);
            continue;
        }
        hit = true;
        if (!helm__any_left(&s->unseen))
            break;
    }
    if (!hit)
        helm__complain(s, all);
}

static void check_one_of(struct checker *k, struct visit *s)
{
    const struct value *list = helm__keyword(s, "oneOf");
    size_t hit = SIZE_MAX, i = 0;
    struct complaint *all = helm__complaint_new(k, s, "'oneOf' failed, none matched");
    VALUE_EACH_ITEM (schema, list) {
        struct complaint *c = helm__check_here(k, s, schema, hit != SIZE_MAX);
        if (!c && hit != SIZE_MAX) {
            SAY(k, s, "'oneOf' failed, subschemas %zu, %zu matched", hit, i);
            return;
        }
        if (!c)
            hit = i;
        else if (hit == SIZE_MAX)
            helm__adopt(all, c);
        i++;
    }
    if (hit == SIZE_MAX && i)
        helm__complain(s, all);
}

static void check_combined(struct checker *k, struct visit *s)
{
    const struct value *not = helm__keyword(s, "not"),
                       *cond = k->draft >= 7 ? helm__keyword(s, "if") : NULL;
    if (not &&!helm__check_here(k, s, not, true))
        SAY(k, s, "'not' failed");
    check_all_of(k, s);
    check_any_of(k, s);
    check_one_of(k, s);
    if (!cond)
        return;
    const struct value *next =
        helm__keyword(s, helm__check_here(k, s, cond, true) ? "else" : "then");
    if (next)
        helm__complain(s, helm__check_here(k, s, next, false));
}

static void check_unseen(struct checker *k, struct visit *s)
{
    bool map = go_kind_of(s->v) == GO_MAP;
    const struct value *schema =
        helm__keyword(s, map ? "unevaluatedProperties" : "unevaluatedItems");
    if (!schema || !s->unseen.left)
        return;
    for (size_t i = 0; i < s->unseen.n; i++) {
        if (!s->unseen.left[i])
            continue;
        helm__complain(
            s, map ? helm__check_below(k, s, schema, &s->entries[i].value, s->entries[i].key)
                   : check_item(k, s, schema, i));
    }
    s->unseen.left = NULL;
}

static void check_by_type(struct checker *k, struct visit *s)
{
    double d;
    if (value_number(s->v, &d)) {
        check_number(k, s);
        return;
    }
    switch ((int)go_kind_of(s->v)) {
    case GO_MAP:
        check_object(k, s);
        break;
    case GO_SLICE:
        check_array(k, s);
        break;
    case GO_STRING:
        check_string(k, s);
        break;
    default:
        break;
    }
}

void helm__check_keywords(struct checker *k, struct visit *s)
{
    if (!check_type(k, s) || !check_const(k, s) || !check_enum(k, s) || !check_format(k, s))
        return;
    if (helm__keyword(s, "$ref")) {
        helm__check_ref(k, s, "$ref");
        if (k->draft < 2019)
            return;
    }
    check_by_type(k, s);
    if (s->quick && s->n_complaints)
        return;
    if (k->draft == 2019)
        helm__check_ref(k, s, "$recursiveRef");
    if (k->draft >= 2020)
        helm__check_ref(k, s, "$dynamicRef");
    check_combined(k, s);
    if (k->draft >= 2019)
        check_unseen(k, s);
}
