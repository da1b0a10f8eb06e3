/* json.c - alerts and silences as the API has them. */
#include <string.h>

#include "notify/notify_int.h"

enum { LABELS_MAX = 128, MATCHERS_MAX = 64 };

struct value *json_labels(const struct labels *l, struct arena *a)
{
    struct value *v = value_new_object(a);
    for (size_t i = 0; i < l->n; i++)
        (void)value_set_str(a, v, l->items[i].name, l->items[i].value);
    return v;
}

int json_read_labels(const struct value *v, struct arena *a, struct labels *out, struct err *e)
{
    struct label l[LABELS_MAX];
    size_t n = 0;
    if (value_members_count(v) > LABELS_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d labels", LABELS_MAX);
    VALUE_EACH_MEMBER (m, v) {
        if (m->value.kind != VALUE_STRING)
            return err_set(e, ERR_INVALID, "label %.60s is no text", m->key);
        l[n++] = (struct label){m->key, m->value.text};
    }
    *out = labels_make(a, l, n);
    return 0;
}

void json_set_time(struct arena *a, struct value *v, const char *key, int64_t ms)
{
    char text[CLOCK_TEXT_MAX] = "0001-01-01T00:00:00Z";
    if (ms)
        clock_format_rfc3339_ms(ms, text);
    (void)value_set_str(a, v, key, text);
}

int json_time(const struct value *v, const char *key, int64_t *out_ms, struct err *e)
{
    const char *text = value_at_str(v, key, "");
    int64_t ns;
    *out_ms = 0;
    if (!*text || strncmp(text, "0001-01-01T", 11) == 0)
        return 0;
    if (clock_parse_rfc3339(text, &ns, e) < 0)
        return err_set(e, ERR_INVALID, "%s: \"%.60s\" is no time", key, text);
    *out_ms = ns / 1000000;
    return 0;
}

/* ---- silences ---- */

struct value *json_silence(const struct alert_silence *s, int64_t now_ms, struct arena *a)
{
    static const char *const states[] = {"pending", "active", "expired"};
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "id", s->id);
    (void)value_set_str(a, value_make_object(a, v, "status"), "state",
                        states[alert_silence_state(s, now_ms)]);
    json_set_time(a, v, "updatedAt", s->updated_ms);
    (void)value_set_str(a, v, "comment", s->comment);
    (void)value_set_str(a, v, "createdBy", s->created_by);
    json_set_time(a, v, "endsAt", s->ends_ms);
    struct value *list = value_make_array(a, v, "matchers");
    for (size_t i = 0; i < s->matchers.n; i++) {
        const struct matcher *m = &s->matchers.items[i];
        struct value *x = value_push(a, list, value_new_object(a));
        (void)value_set_bool(a, x, "isEqual", m->op == MATCH_EQ || m->op == MATCH_RE);
        (void)value_set_bool(a, x, "isRegex", m->op == MATCH_RE || m->op == MATCH_NOT_RE);
        (void)value_set_str(a, x, "name", m->name);
        (void)value_set_str(a, x, "value", m->value);
    }
    json_set_time(a, v, "startsAt", s->starts_ms);
    return v;
}

static int read_matcher(const struct value *v, struct matcher *m, struct err *e)
{
    const struct labels none = {0};
    bool equal = value_at_bool(v, "isEqual", true), regex = value_at_bool(v, "isRegex", false);
    bool fits;
    *m = (struct matcher){value_at_str(v, "name", ""),
                          regex ? (equal ? MATCH_RE : MATCH_NOT_RE) : (equal ? MATCH_EQ : MATCH_NE),
                          value_at_str(v, "value", "")};
    return tsdb_matches(m, 1, &none, &fits, e);
}

int json_read_silence(const struct value *v, struct arena *a, struct alert_silence *out,
                      struct err *e)
{
    const struct value *list = value_get(v, "matchers");
    struct matcher *m = ARENA_ARRAY(a, struct matcher, value_count(list) + 1);
    *out = (struct alert_silence){.id = value_at_str(v, "id", ""),
                                  .created_by = value_at_str(v, "createdBy", ""),
                                  .comment = value_at_str(v, "comment", ""),
                                  .matchers.items = m};
    if (value_count(list) > MATCHERS_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d matchers", MATCHERS_MAX);
    int r = json_time(v, "startsAt", &out->starts_ms, e);
    if (r == 0)
        r = json_time(v, "endsAt", &out->ends_ms, e);
    if (r == 0)
        r = json_time(v, "updatedAt", &out->updated_ms, e);
    VALUE_EACH_ITEM (x, list)
        if (r == 0)
            r = read_matcher(x, &m[out->matchers.n++], e);
    return r;
}

/* ---- alerts ---- */

struct value *json_post(const struct alert_post *p, struct arena *a)
{
    struct value *v = value_new_object(a);
    (void)value_set(a, v, "labels", json_labels(&p->labels, a));
    (void)value_set(a, v, "annotations", json_labels(&p->annotations, a));
    if (p->starts_ms)
        json_set_time(a, v, "startsAt", p->starts_ms);
    if (p->ends_ms)
        json_set_time(a, v, "endsAt", p->ends_ms);
    (void)value_set_str(a, v, "generatorURL", p->generator_url);
    return v;
}

int json_read_post(const struct value *v, struct arena *a, struct alert_post *out, struct err *e)
{
    *out = (struct alert_post){.generator_url = value_at_str(v, "generatorURL", "")};
    int r = json_read_labels(value_get(v, "labels"), a, &out->labels, e);
    if (r == 0)
        r = json_read_labels(value_get(v, "annotations"), a, &out->annotations, e);
    if (r == 0)
        r = json_time(v, "startsAt", &out->starts_ms, e);
    return r < 0 ? r : json_time(v, "endsAt", &out->ends_ms, e);
}
