#include <stdio.h>
#include <string.h>

#include "api/managed_int.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "k8s.h"

static const char *str(const struct value *v, const char *key)
{
    return value_str(value_get(v, key), "");
}

static struct fieldset read_paths(const struct value *paths, struct arena *a)
{
    struct fieldset s = {0};
    VALUE_EACH_ITEM (p, paths) {
        struct field_path *at = NULL;
        VALUE_EACH_ITEM (step, p) {
            struct field_path *next = ARENA_NEW(a, struct field_path);
            const char *text = value_str(step, "");
            struct value *v;
            /* keys as this program spells them: sorted, compact */
            if (text[0] == 'k' && json_parse(a, text + 2, strlen(text + 2), 0, &v, NULL) == 0) {
                VALUE_EACH_MEMBER (m, v)
                    if (m->value.kind == VALUE_FLOAT && (double)(int64_t)m->value.d == m->value.d)
                        *value_get_mut(v, m->key) = *value_new_int(a, (int64_t)m->value.d);
                text = arena_printf(a, "k:%s", json_text(a, v, JSON_SORTED | JSON_NO_HTML));
            }
            *next = (struct field_path){at, text};
            at = next;
        }
        fieldset__insert(&s, at, a);
    }
    return s;
}

static const char *set_text(const struct fieldset *s, struct arena *a)
{
    return json_text(a, fieldset__to_value(s, a), JSON_NO_HTML);
}

struct world {
    struct arena *a;
    const struct schema *schema;
    const struct value *ignored;
    struct value *live;
    struct owners owners;
    const char *why;
};

static bool same_conflicts(struct world *w, const struct value *want, const struct owners *got)
{
    struct value *text = value_new_object(w->a);
    VALUE_EACH_ITEM (c, want) {
        struct value *list = value_get_mut(text, str(c, "manager"));
        if (!list)
            list = value_set(w->a, text, str(c, "manager"), value_new_array(w->a));
        (void)value_push(w->a, list, value_get(c, "path"));
    }
    if (value_count(text) != got->n)
        return false;
    for (size_t i = 0; i < got->n; i++) {
        struct fieldset s = read_paths(value_get(text, got->items[i].id), w->a);
        if (!fieldset__equal(&s, &got->items[i].set))
            return false;
    }
    return true;
}

static bool run_apply(struct world *w, const struct value *op, const struct ownership *o)
{
    struct owners lost = {0};
    const struct value *want = value_get(op, "conflicts"), *applied = value_get(op, "object");
    struct value *merged;
    struct err e;
    if (strcmp(str(op, "op"), "ExtractApply") == 0) {
        const struct owner *mine = owners__find(&w->owners, o->id);
        struct fieldset none = {0};
        struct value *had =
            typed__remove(w->schema, w->live, mine ? &mine->set : &none, true, w->a);
        applied = had ? typed__merge(w->schema, had, applied, w->a) : applied;
    }
    if (typed__check(w->schema, applied, false, w->a, &e) < 0) {
        w->why = arena_strdup(w->a, e.msg);
        return false;
    }
    int r = ownership__apply(o, w->live, applied, &w->owners, &merged, &lost, &e);
    if (r == ERR_CONFLICT) {
        w->why = arena_printf(w->a, "conflicts with %s: %s", lost.n ? lost.items[0].id : "?",
                              lost.n ? set_text(&lost.items[0].set, w->a) : "");
        return want && same_conflicts(w, want, &lost);
    }
    w->live = merged;
    w->why = "no conflict";
    return !want;
}

static bool run(struct world *w, const struct value *op)
{
    struct fieldset ignored = read_paths(value_get(w->ignored, str(op, "apiVersion")), w->a);
    struct ownership o = {.schema = w->schema,
                          .id = str(op, "manager"),
                          .a = w->a,
                          .api_version = str(op, "apiVersion"),
                          .force = strcmp(str(op, "op"), "ForceApply") == 0,
                          .ignored =
                              value_get(w->ignored, str(op, "apiVersion")) ? &ignored : NULL};
    if (strcmp(str(op, "op"), "Update") != 0)
        return run_apply(w, op, &o);
    struct value *obj = value_copy(w->a, value_get(op, "object"));
    ownership__update(&o, w->live, obj, &w->owners);
    w->live = obj;
    return true;
}

static bool as_expected(struct world *w, const struct value *c)
{
    const struct value *object = value_get(c, "object"), *managed = value_get(c, "managed");
    if (object && !value_equal(object, w->live)) {
        w->why = arena_printf(w->a, "object is %s", json_text(w->a, w->live, JSON_NO_HTML));
        return false;
    }
    if (!managed)
        return true;
    if (value_count(managed) != w->owners.n) {
        w->why = arena_printf(w->a, "%zu managers", w->owners.n);
        return false;
    }
    VALUE_EACH_MEMBER (m, managed) {
        const struct owner *o = owners__find(&w->owners, m->key);
        struct fieldset want = read_paths(value_get(&m->value, "set"), w->a);
        if (!o || !fieldset__equal(&o->set, &want) ||
            strcmp(o->api_version, str(&m->value, "apiVersion")) != 0) {
            w->why = arena_printf(w->a, "%s owns %s, not %s", m->key,
                                  o ? set_text(&o->set, w->a) : "nothing", set_text(&want, w->a));
            return false;
        }
    }
    return true;
}

static const struct schema *schema_of(struct arena *a, const struct value *schemas,
                                      const struct value *c)
{
    const struct value *s = value_get(schemas, str(c, "schema"));
    const char *root = str(s, "rootType");
    if (root[0] == '(')
        root = str(value_item(value_get(c, "ops"), 0), "apiVersion");
    return s ? k8s_smd(a, str(s, "schema"), root) : NULL;
}

static void run_case(struct tally *t, const struct value *schemas, const struct value *c)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct world w = {.a = a,
                      .schema = schema_of(a, schemas, c),
                      .live = value_new_object(a),
                      .ignored = value_get(c, "ignoredFields"),
                      .why = ""};
    bool ok = true, refused = false;
    if (value_bool(value_get(c, "converter"), false)) {
        t->skipped++;
        return;
    }
    VALUE_EACH_ITEM (op, value_get(c, "ops")) {
        if (run(&w, op))
            continue;
        refused = true;
        break;
    }
    if (value_bool(value_get(c, "expect_error"), false))
        ok = refused;
    else
        ok = !refused && as_expected(&w, c);
    tally_case(t, ok, "server-side-apply", str(c, "id"), w.why);
}

static void run_merges(struct tally *t, const struct value *doc)
{
    VALUE_EACH_ITEM (c, value_get(doc, "cases")) {
        AUTO(arena) struct arena *a = arena_new(64 << 20);
        const char *names[] = {"lhs", "rhs", "out"};
        struct value *v[3];
        int64_t at = value_int(value_get(c, "schema_index"), 0);
        const struct value *yaml = value_item(value_get(doc, "schemas"), (size_t)at);
        const struct schema *s = k8s_smd(a, value_str(yaml, ""), str(c, "rootTypeName"));
        bool ok = s != NULL;
        for (size_t i = 0; i < 3; i++) {
            const char *text = str(c, names[i]);
            ok = ok && yaml_parse(a, text, strlen(text), 0, &v[i], NULL) == 0;
        }
        struct value *got = ok ? typed__merge(s, v[0], v[1], a) : NULL;
        ok = ok && got && value_equal(got, v[2]);
        tally_case(t, ok, "merge",
                   arena_printf(a, "%s: %s + %s", str(c, "name"), str(c, "lhs"), str(c, "rhs")),
                   got ? json_text(a, got, 0) : "nothing");
    }
}

void k8s_apply_suite(struct tally *t, const char *folder)
{
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    const char *dir = arena_printf(a, "%s/server-side-apply", folder);
    const struct value *schemas = k8s_read_json(a, dir, "schemas.json");
    const struct value *ops = k8s_read_json(a, dir, "operations.json");
    const struct value *merges = k8s_read_json(a, dir, "merge.json");
    VALUE_EACH_ITEM (c, value_get(ops, "cases"))
        run_case(t, schemas, c);
    if (merges)
        run_merges(t, merges);
}
