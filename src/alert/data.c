/* data.c - a notice as templates see it. */
#include <string.h>

#include "alert/message_int.h"

static const int64_t NO_TIME_MS = -62135596800000; /* Go's zero time */

/* ---- KV and Pairs ---- */

static int texts(struct arena *a, const struct go_map *m, bool values, struct go_value *out)
{
    size_t n;
    const struct go_entry *x = go_map_sorted((struct go_map *)(uintptr_t)m, &n);
    struct go_value *items = ARENA_ARRAY(a, struct go_value, n + 1);
    for (size_t i = 0; i < n; i++)
        items[i] = values ? x[i].value : go_strn(x[i].key, x[i].n);
    *out = go_typed_list(&go_strings_type, items, n);
    return 0;
}

static int kv_names(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)args;
    (void)n;
    return texts(c->arena, c->self->map, false, out);
}

static int kv_values(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)args;
    (void)n;
    return texts(c->arena, c->self->map, true, out);
}

static const struct go_field pair_fields[] = {
    {.name = "Name",  .type = &go_string_type},
    {.name = "Value", .type = &go_string_type},
};
static const struct go_type pair_type = {.name = "template.Pair",
                                         .kind = GO_STRUCT,
                                         .fields = pair_fields,
                                         .n_fields = 2,
                                         .defined = true};

static int pairs_part(struct go_call *c, size_t field, struct go_value *out)
{
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, c->self->n + 1);
    for (size_t i = 0; i < c->self->n; i++)
        items[i] = c->self->items[i].fields[field];
    *out = go_typed_list(&go_strings_type, items, c->self->n);
    return 0;
}

static int pairs_names(struct go_call *c, const struct go_value *args, size_t n,
                       struct go_value *out)
{
    (void)args;
    (void)n;
    return pairs_part(c, 0, out);
}

static int pairs_values(struct go_call *c, const struct go_value *args, size_t n,
                        struct go_value *out)
{
    (void)args;
    (void)n;
    return pairs_part(c, 1, out);
}

static const struct go_func pairs_methods[] = {
    {"Names",      "", pairs_names},
    {"Values", "", pairs_values},
    {0    },
};
static const struct go_type pairs_type = {.name = "template.Pairs",
                                          .kind = GO_SLICE,
                                          .elem = &pair_type,
                                          .methods = pairs_methods,
                                          .defined = true};

static int kv_pairs(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    size_t count;
    const struct go_entry *x = go_map_sorted(c->self->map, &count);
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, count + 1);
    (void)args;
    (void)n;
    for (size_t i = 0; i < count; i++) {
        struct go_value *fields = ARENA_ARRAY(c->arena, struct go_value, 2);
        fields[0] = go_strn(x[i].key, x[i].n);
        fields[1] = x[i].value;
        items[i] = go_struct(&pair_type, fields);
    }
    *out = go_typed_list(&pairs_type, items, count);
    return 0;
}

static int kv_remove(struct go_call *c, const struct go_value *args, size_t n,
                     struct go_value *out);

static const struct go_func kv_methods[] = {
    {"SortedPairs", "", kv_pairs},
    {"Names",     "", kv_names},
    {"Values",       "", kv_values},
    {"Remove",     "a", kv_remove},
    {0     },
};
static const struct go_type kv_type = {.name = "template.KV",
                                       .kind = GO_MAP,
                                       .elem = &go_string_type,
                                       .methods = kv_methods,
                                       .defined = true};

static int kv_remove(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    size_t count;
    const struct go_entry *x = go_map_sorted(c->self->map, &count);
    struct go_map *m = go_map_new(c->arena, count);
    (void)n;
    for (size_t i = 0; i < count; i++)
        go_map_set(m, x[i].key, x[i].n, x[i].value);
    for (size_t i = 0; go_kind_of(&args[0]) == GO_SLICE && i < args[0].n; i++) {
        struct go_value name = go_item(&args[0], i);
        if (go_kind_of(&name) == GO_STRING)
            (void)go_map_remove(m, name.s, name.n);
    }
    *out = go_typed_map(&kv_type, m);
    return 0;
}

static struct go_value kv(const struct labels *l, struct arena *a)
{
    struct go_map *m = go_map_new(a, l->n);
    for (size_t i = 0; i < l->n; i++)
        go_map_put(m, l->items[i].name, go_str(l->items[i].value));
    return go_typed_map(&kv_type, m);
}

/* ---- Alert and Alerts ---- */

static const struct go_field alert_fields[] = {
    {.name = "Status",       .type = &go_string_type, .json = "status"      },
    {.name = "Labels",       .type = &kv_type,        .json = "labels"      },
    {.name = "Annotations",  .type = &kv_type,        .json = "annotations" },
    {.name = "StartsAt",     .type = &go_time_type,   .json = "startsAt"    },
    {.name = "EndsAt",       .type = &go_time_type,   .json = "endsAt"      },
    {.name = "GeneratorURL", .type = &go_string_type, .json = "generatorURL"},
    {.name = "Fingerprint",  .type = &go_string_type, .json = "fingerprint" },
};
static const struct go_type alert_type = {.name = "template.Alert",
                                          .kind = GO_STRUCT,
                                          .fields = alert_fields,
                                          .n_fields = ARRAY_LEN(alert_fields),
                                          .defined = true};

static struct go_value alert_value(const struct alert_told *t, struct arena *a)
{
    struct go_value *f = ARENA_ARRAY(a, struct go_value, ARRAY_LEN(alert_fields));
    f[0] = go_str(t->resolved ? "resolved" : "firing");
    f[1] = kv(&t->labels, a);
    f[2] = kv(&t->annotations, a);
    f[3] = go_time(a, t->starts_ms);
    f[4] = go_time(a, t->resolved ? t->ends_ms : NO_TIME_MS);
    f[5] = go_str(t->generator_url);
    f[6] = go_str(t->print);
    return go_struct(&alert_type, f);
}

static const struct go_type alerts_type;

static int alerts_of(struct go_call *c, const char *status, struct go_value *out)
{
    struct go_value *items = ARENA_ARRAY(c->arena, struct go_value, c->self->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < c->self->n; i++)
        if (strcmp(c->self->items[i].fields[0].s, status) == 0)
            items[n++] = c->self->items[i];
    *out = go_typed_list(&alerts_type, items, n);
    return 0;
}

static int alerts_firing(struct go_call *c, const struct go_value *args, size_t n,
                         struct go_value *out)
{
    (void)args;
    (void)n;
    return alerts_of(c, "firing", out);
}

static int alerts_resolved(struct go_call *c, const struct go_value *args, size_t n,
                           struct go_value *out)
{
    (void)args;
    (void)n;
    return alerts_of(c, "resolved", out);
}

static const struct go_func alerts_methods[] = {
    {"Firing",       "", alerts_firing},
    {"Resolved", "", alerts_resolved},
    {0    },
};
static const struct go_type alerts_type = {.name = "template.Alerts",
                                           .kind = GO_SLICE,
                                           .elem = &alert_type,
                                           .methods = alerts_methods,
                                           .defined = true};

/* ---- the whole ---- */

const char *alert_status(const struct alert_notice *n)
{
    for (size_t i = 0; i < n->n; i++)
        if (!n->alerts[i].resolved)
            return "firing";
    return "resolved";
}

static const struct labels *part(const struct alert_told *t, bool annotations)
{
    return annotations ? &t->annotations : &t->labels;
}

struct labels alert_common(const struct alert_notice *n, bool annotations, struct arena *a)
{
    if (n->n == 0)
        return (struct labels){0};
    const struct labels *first = part(&n->alerts[0], annotations);
    struct label *out = ARENA_ARRAY(a, struct label, first->n + 1);
    size_t count = 0;
    for (size_t i = 0; i < first->n; i++) {
        size_t k = 1;
        while (k < n->n &&
               strcmp(labels_get(part(&n->alerts[k], annotations), first->items[i].name),
                      first->items[i].value) == 0)
            k++;
        if (k == n->n)
            out[count++] = first->items[i];
    }
    return (struct labels){out, count};
}

char *alert_subject(const struct alert_notice *n, struct arena *a)
{
    struct labels common = alert_common(n, false, a);
    size_t firing = 0;
    for (size_t i = 0; i < n->n; i++)
        firing += !n->alerts[i].resolved;
    char *out = firing ? arena_printf(a, "[FIRING:%zu]", firing) : arena_strdup(a, "[RESOLVED]");
    const char *open = " (";
    for (size_t i = 0; i < n->group_labels.n; i++)
        out = arena_join(a, out, " ", n->group_labels.items[i].value, NULL);
    for (size_t i = 0; i < common.n; i++)
        if (!*labels_get(&n->group_labels, common.items[i].name)) {
            out = arena_join(a, out, open, common.items[i].value, NULL);
            open = " ";
        }
    return *open == ' ' && open[1] == '\0' ? arena_join(a, out, ")", NULL) : out;
}

struct go_value alert_data(const struct alert_notice *n, const char *external_url, struct arena *a)
{
    struct go_map *m = go_map_new(a, 10);
    struct go_value *items = ARENA_ARRAY(a, struct go_value, n->n + 1);
    struct labels labels = alert_common(n, false, a), annotations = alert_common(n, true, a);
    for (size_t i = 0; i < n->n; i++)
        items[i] = alert_value(&n->alerts[i], a);
    go_map_put(m, "Receiver", go_str(n->receiver->name));
    go_map_put(m, "Status", go_str(alert_status(n)));
    go_map_put(m, "Alerts", go_typed_list(&alerts_type, items, n->n));
    go_map_put(m, "GroupLabels", kv(&n->group_labels, a));
    go_map_put(m, "CommonLabels", kv(&labels, a));
    go_map_put(m, "CommonAnnotations", kv(&annotations, a));
    go_map_put(m, "ExternalURL", go_str(external_url));
    go_map_put(m, "GroupKey", go_str(n->group_key));
    return go_map(m);
}
