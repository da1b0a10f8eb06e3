/* hits.c - the best documents in the order asked for, and how they are shown. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "codec/json.h"
#include "elastic/search_int.h"

/* ---- reading ---- */

static int sort_one(struct elastic_call *c, const char *field, const struct value *v,
                    struct sort_rule *out, struct err *e)
{
    if (out->n == SORTS_MAX - 1)
        return elastic__fault(c, e, ERR_INVALID, "illegal_argument_exception",
                              "sort: more than %d fields", SORTS_MAX - 1);
    bool score = strcmp(field, "_score") == 0;
    const char *order = value_str(v, NULL);
    if (!order)
        order = value_at_str(v, "order", score ? "desc" : "asc");
    if (strcasecmp(order, "asc") != 0 && strcasecmp(order, "desc") != 0)
        return elastic__fault(c, e, ERR_INVALID, "illegal_argument_exception",
                              "sort: Unknown SortOrder [%s]", order);
    VALUE_EACH_MEMBER (m, v)
        if (!strstr(" order missing unmapped_type mode format numeric_type nested ",
                    arena_join(c->arena, " ", m->key, " ", NULL)) ||
            strcmp(m->key, "nested") == 0)
            return elastic__fault(c, e, ERR_INVALID, "parsing_exception",
                                  "[field_sort] unknown field [%s]", m->key);
    struct sort_by *by = &out->by[out->n++];
    *by = (struct sort_by){.field = field,
                           .descending = strcasecmp(order, "desc") == 0,
                           .missing_first =
                               strcmp(value_at_str(v, "missing", "_last"), "_first") == 0,
                           .format = value_at_str(v, "format", NULL)};
    return 0;
}

/* "field", {"field": "desc"}, {"field": {"order": …}}, an array of these; ?sort=a:desc,b is made
 * into an array before. */
int sort_parse(struct elastic_call *c, const struct value *v, struct sort_rule *out, struct err *e)
{
    int r = 0;
    out->given = v != NULL;
    if (value_is(v, VALUE_STRING))
        r = sort_one(c, v->text, NULL, out, e);
    VALUE_EACH_MEMBER (m, v)
        if (r == 0)
            r = sort_one(c, m->key, &m->value, out, e);
    VALUE_EACH_ITEM (x, v)
        if (r == 0)
            r = sort_parse(c, x, out, e);
    return r;
}

static const char *const *texts_of(struct arena *a, const struct value *v, size_t *out_n)
{
    size_t n = value_is(v, VALUE_ARRAY) ? value_count(v) : value_is(v, VALUE_STRING);
    const char **out = ARENA_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = value_str(value_is(v, VALUE_ARRAY) ? value_item(v, i) : v, "");
    *out_n = n;
    return out;
}

int source_parse(struct elastic_call *c, const struct value *v, struct source_filter *out,
                 struct err *e)
{
    if (!v)
        return 0;
    if (value_is(v, VALUE_BOOL)) {
        out->none = !v->boolean;
    } else if (value_is(v, VALUE_OBJECT)) {
        const struct value *in = value_get(v, "includes"), *ex = value_get(v, "excludes");
        out->includes = texts_of(c->arena, in ? in : value_get(v, "include"), &out->n_includes);
        out->excludes = texts_of(c->arena, ex ? ex : value_get(v, "exclude"), &out->n_excludes);
    } else if (value_is(v, VALUE_STRING) || value_is(v, VALUE_ARRAY)) {
        out->includes = texts_of(c->arena, v, &out->n_includes);
    } else {
        return elastic__fault(c, e, ERR_INVALID, "parsing_exception",
                              "_source: one of boolean, text, array or object is needed");
    }
    return 0;
}

int fields_parse(struct elastic_call *c, const struct value *v, struct hit_form *out, struct err *e)
{
    const char **names = ARENA_ARRAY(c->arena, const char *, value_count(v) + 1);
    VALUE_EACH_ITEM (x, v) {
        const char *name = value_str(x, value_at_str(x, "field", NULL));
        if (!name)
            return elastic__fault(c, e, ERR_INVALID, "parsing_exception",
                                  "fields: a name is missing");
        names[out->n_fields++] = name;
    }
    out->fields = names;
    return 0;
}

int after_parse(struct elastic_call *c, const struct value *v, struct top *t, struct err *e)
{
    size_t n = value_count(v);
    if (n != t->rule->n && n + 1 != t->rule->n)
        return elastic__fault(c, e, ERR_INVALID, "illegal_argument_exception",
                              "search_after has %zu value(s) but sort has %zu", n, t->rule->n);
    for (size_t i = 0; i < n; i++) {
        const struct value *x = value_item(v, i);
        int64_t ms;
        if (x->kind == VALUE_INT || x->kind == VALUE_FLOAT)
            t->after[i] = (struct sort_key){.kind = KEY_NUMBER, .number = value_num(x, 0)};
        else if (x->kind == VALUE_STRING && strchr(t->rule->by[i].field, '@') &&
                 date_read(x->text, x->n, t->rule->by[i].format, &ms))
            t->after[i] = (struct sort_key){.kind = KEY_NUMBER, .number = (double)ms};
        else if (x->kind == VALUE_STRING)
            t->after[i] = (struct sort_key){.kind = KEY_TEXT, .text = x->text};
    }
    t->has_after = true;
    return 0;
}

/* ---- order ---- */

static void top_done(void *arg)
{
    struct top *t = arg;
    for (size_t i = 0; i < t->n; i++) {
        doc_done(&t->hits[i]->doc);
        arena_free(t->hits[i]->arena);
    }
    free(t->hits);
}

void top_init(struct top *t, const struct sort_rule *rule, size_t max, struct arena *a)
{
    t->rule = rule;
    t->max = max;
    arena_defer(a, top_done, t);
}

static struct sort_key key_of(struct elastic_doc *d, const struct sort_by *by, double score,
                              struct arena *a)
{
    struct doc_values v;
    struct sort_key best = {0};
    if (strcmp(by->field, "_score") == 0)
        return (struct sort_key){.kind = KEY_NUMBER, .number = score};
    if (strcmp(by->field, "_doc") == 0 || strcmp(by->field, "_shard_doc") == 0)
        return (struct sort_key){.kind = KEY_TEXT, .text = doc_place(d, a)};
    doc_values(d, by->field, &v);
    for (size_t i = 0; i < v.n; i++) { /* the least of several, the greatest going down */
        struct sort_key k = {.kind = KEY_NUMBER};
        bool text = v.v[i]->kind == VALUE_STRING && v.type != FIELD_DATE &&
                    v.type != FIELD_NUMBER && strcmp(by->field, "@timestamp") != 0;
        if (text || !doc_number(v.v[i], &v, &k.number)) {
            char room[64];
            size_t n;
            const char *s = doc_text(v.v[i], room, &n);
            k = (struct sort_key){.kind = KEY_TEXT, .text = arena_strndup(a, s, n)};
        }
        bool less = best.kind == KEY_NUMBER && k.kind == KEY_NUMBER ? k.number < best.number
                    : best.kind == KEY_TEXT && k.kind == KEY_TEXT   ? strcmp(k.text, best.text) < 0
                                                                    : false;
        if (i == 0 || less != by->descending)
            best = k;
    }
    return best;
}

static int compare_keys(const struct sort_key *a, const struct sort_key *b,
                        const struct sort_by *by)
{
    if (a->kind == KEY_NONE || b->kind == KEY_NONE) {
        int r = (a->kind == KEY_NONE) - (b->kind == KEY_NONE);
        return by->missing_first ? -r : r;
    }
    int r = 0;
    if (a->kind != b->kind)
        r = a->kind == KEY_NUMBER ? -1 : 1;
    else if (a->kind == KEY_NUMBER)
        r = a->number < b->number ? -1 : a->number > b->number;
    else
        r = strcmp(a->text, b->text);
    return by->descending ? -r : r;
}

static int compare_hits(const struct top *t, const struct hit *a, const struct hit *b)
{
    for (size_t i = 0; i < t->rule->n; i++) {
        int r = compare_keys(&a->keys[i], &b->keys[i], &t->rule->by[i]);
        if (r)
            return r;
    }
    if (!t->rule->given && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return strcmp(a->place, b->place);
}

static bool comes_after(const struct top *t, const struct hit *h)
{
    for (size_t i = 0; i < t->rule->n; i++) {
        int r = compare_keys(&h->keys[i], &t->after[i], &t->rule->by[i]);
        if (r)
            return r > 0;
    }
    return false;
}

/* The copy owns all it needs, so that it outlives the scan's buffers. */
static void copy_doc(struct hit *h, const struct elastic_doc *d)
{
    h->doc = *d;
    h->doc.text = arena_strndup(h->arena, d->text, d->n);
    h->doc.arena = NULL;
    h->doc.json = NULL;
    h->doc.read = false;
}

static size_t hit_bytes(const struct hit *h)
{
    return arena_used(h->arena) + sizeof *h;
}

void top_add(struct elastic_call *c, struct top *t, struct elastic_doc *d, double score)
{
    AUTO(arena) struct arena *a = t->max ? arena_new(0) : NULL;
    if (!t->max)
        return;
    struct hit h = {.arena = a, .score = score};
    for (size_t i = 0; i < t->rule->n; i++)
        h.keys[i] = key_of(d, &t->rule->by[i], score, a);
    h.place = doc_place(d, a);
    if (t->has_after && !comes_after(t, &h))
        return;
    if (t->n == t->max && compare_hits(t, &h, t->hits[t->n - 1]) >= 0)
        return;
    size_t low = 0, high = t->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare_hits(t, &h, t->hits[mid]) < 0)
            high = mid;
        else
            low = mid + 1;
    }
    if (t->n == t->max) {
        struct hit *last = t->hits[--t->n];
        c->held -= hit_bytes(last);
        doc_done(&last->doc);
        arena_free(last->arena);
    }
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        t->hits = realloc((void *)t->hits, t->cap * sizeof(struct hit *));
        if (!t->hits)
            abort();
    }
    memmove((void *)&t->hits[low + 1], (void *)&t->hits[low], (t->n - low) * sizeof(struct hit *));
    struct hit *kept = arena_dup(a, &h, sizeof h);
    copy_doc(kept, d);
    c->held += hit_bytes(kept);
    t->hits[low] = kept;
    t->n++;
    a = NULL; /* the hit's now */
}

/* ---- showing ---- */

struct value *top_keys(const struct hit *h, const struct sort_rule *rule, struct arena *a)
{
    struct value *list = value_new_array(a);
    for (size_t i = 0; i < rule->n; i++) {
        const struct sort_key *k = &h->keys[i];
        const char *format = rule->by[i].format;
        if (k->kind == KEY_TEXT)
            (void)value_push_str(a, list, k->text);
        else if (k->kind == KEY_NUMBER && format)
            (void)value_push_str(a, list, date_text(a, date_whole(k->number), format, 0));
        else if (k->kind == KEY_NUMBER && fabs(k->number) < 9e15 &&
                 k->number == (double)(int64_t)k->number)
            (void)value_push(a, list, value_new_int(a, (int64_t)k->number));
        else if (k->kind == KEY_NUMBER)
            (void)value_push(a, list, value_new_float(a, k->number));
        else
            (void)value_push(a, list, value_null(a));
    }
    return list;
}

struct show_field {
    struct value *out;
    struct arena *a;
};

static bool show_field(void *arg, const char *field, const struct doc_values *v)
{
    struct show_field *s = arg;
    struct value *list = value_new_array(s->a);
    for (size_t i = 0; i < v->n; i++) {
        if (v->type == FIELD_DATE && v->v[i]->kind == VALUE_INT)
            (void)value_push_str(s->a, list, date_text(s->a, v->v[i]->i, NULL, 0));
        else
            (void)value_push(s->a, list, value_copy(s->a, v->v[i]));
    }
    (void)value_set(s->a, s->out, field, list);
    return false;
}

static bool sorted_by_score(const struct sort_rule *rule)
{
    for (size_t i = 0; i < rule->n; i++)
        if (strcmp(rule->by[i].field, "_score") == 0)
            return true;
    return !rule->given;
}

struct value *hit_print(struct hit *h, const struct sort_rule *rule, const struct hit_form *form,
                        struct arena *a)
{
    struct value *out = value_new_object(a);
    (void)value_set_str(a, out, "_index", h->doc.index);
    (void)value_set_str(a, out, "_id", doc_id(&h->doc, a));
    if (form->version)
        (void)value_set_int(a, out, "_version", 1);
    if (form->seq_no) {
        (void)value_set_int(a, out, "_seq_no", 0);
        (void)value_set_int(a, out, "_primary_term", 1);
    }
    (void)value_set(a, out, "_score",
                    sorted_by_score(rule) ? value_new_float(a, h->score) : value_null(a));
    if (!form->source.none)
        (void)value_set(a, out, "_source",
                        source_filter_apply(&form->source, doc_source(&h->doc, a), a));
    if (form->n_fields) {
        struct show_field s = {value_new_object(a), a};
        for (size_t i = 0; i < form->n_fields; i++) {
            struct doc_values v;
            if (strchr(form->fields[i], '*')) {
                doc_each(&h->doc, form->fields[i], show_field, &s);
                continue;
            }
            doc_values(&h->doc, form->fields[i], &v);
            if (v.n)
                (void)show_field(&s, form->fields[i], &v);
        }
        (void)value_set(a, out, "fields", s.out);
    }
    if (rule->given)
        (void)value_set(a, out, "sort", top_keys(h, rule, a));
    doc_done(&h->doc);
    h->doc.read = false;
    return out;
}
