/* schema_int.h - values.schema.json. */
#pragma once
#include "base/map.h"
#include "render/helm/helm_int.h"

/* The values of a chart and its subcharts against their schemas (drafts 4 to 2020-12). */
int helm__schema_check(struct helm_log *log, const struct helm_chart *c, struct go_map *values,
                       struct err *e) MUST_CHECK;

/* One value against one schema: *out is NULL when it fits, else the complaints, a line each.
 * ERR_INVALID: the schema itself is no schema. */
int helm__schema_validate(struct helm_log *log, const char *schema, size_t n,
                          const struct go_value *v, const char **out, struct err *e) MUST_CHECK;

/* ---- one check: schema.c walks, schema_keywords.c asks ---- */

enum { HELM__SCHEMA_DEPTH_MAX = 500, HELM__SCHEMA_CHECKS_MAX = 2000000 };

struct complaint {
    const char *at;   /* a JSON pointer into the values */
    const char *text; /* NULL: a group, or a reference */
    bool reference;   /* shown only when it has several causes */
    struct complaint *causes, *last, *next;
};

/* One walk: what is the same everywhere. */
struct checker {
    struct helm_log *log;
    const struct value *root;
    int draft;
    struct map patterns; /* compiled */
    unsigned depth, checks;
    int rc; /* the schema cannot be used */
    struct err *e;
};

/* Which members or items no keyword has looked at yet; `left` NULL: nobody asks. */
struct unseen {
    unsigned char *left;
    size_t n;
};

/* One value against one schema. */
struct visit {
    const struct value *schema;
    const struct go_value *v;
    const char *at;
    const struct visit *up;
    unsigned value_id; /* visits of one value in a row share it */
    bool quick;        /* only yes or no is asked */
    struct unseen unseen;
    const struct go_entry *entries; /* of a map, by key */
    size_t n;
    struct complaint *first, *last;
    size_t n_complaints;
};

static inline const struct value *helm__keyword(const struct visit *s, const char *name)
{
    return value_get(s->schema, name);
}

struct complaint *helm__complaint_new(struct checker *k, const struct visit *s, const char *text);
void helm__complain(struct visit *s, struct complaint *c); /* NULL: nothing */
void helm__adopt(struct complaint *parent, struct complaint *child);
#define SAY(k, s, ...)                                                                             \
    helm__complain(s, helm__complaint_new(                                                         \
                          k, s, (s)->quick ? "" : arena_printf((k)->log->arena, __VA_ARGS__)))

/* The same value against another schema; a member or an item of it. NULL: it fits. */
struct complaint *helm__check_here(struct checker *k, struct visit *s, const struct value *schema,
                                   bool quick);
struct complaint *helm__check_below(struct checker *k, struct visit *s, const struct value *schema,
                                    const struct go_value *v, const char *token);
/* A value that stands for itself: the name of a member. */
struct complaint *helm__check_alone(struct checker *k, const struct value *schema,
                                    const struct go_value *v, bool quick);
void helm__check_ref(struct checker *k, struct visit *s, const char *name);
bool helm__any_left(const struct unseen *u);

void helm__check_keywords(struct checker *k, struct visit *s);

/* ---- schema_format.c ---- */

/* What is wrong with a text of a "format", or NULL; unknown formats are never wrong. */
const char *helm__format_problem(struct arena *a, const char *format, const char *s, size_t n);

/* ---- schema_text.c: numbers and texts as complaints show them ---- */

const char *helm__schema_number(struct arena *a, double d);     /* 12,345.5 or 1.2×10⁰⁶ */
const char *helm__schema_quote(struct arena *a, const char *s); /* 'it\'s' */
const char *helm__schema_shown(struct arena *a, const struct value *v);
