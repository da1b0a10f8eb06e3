#include "monitor/relabel.h"

#include <ctype.h>
#include <nettle/md5.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/log.h"
#include "codec/regex.h"

enum { TEXT_MAX = 1 << 20, SOURCES_MAX = 32 };

enum action {
    ACTION_REPLACE,
    ACTION_KEEP,
    ACTION_DROP,
    ACTION_KEEP_EQUAL,
    ACTION_DROP_EQUAL,
    ACTION_HASH,
    ACTION_MAP,
    ACTION_LABEL_DROP,
    ACTION_LABEL_KEEP,
    ACTION_LOWER,
    ACTION_UPPER,
};

static const char *const actions[] = {"replace",   "keep",      "drop",     "keepequal",
                                      "dropequal", "hashmod",   "labelmap", "labeldrop",
                                      "labelkeep", "lowercase", "uppercase"};

struct rule {
    enum action action;
    const char *sources[SOURCES_MAX];
    size_t n_sources;
    const char *separator, *target, *replacement;
    uint64_t modulus;
    struct regex *regex;
};

struct relabel {
    struct arena *arena;
    struct rule *rules;
    size_t n;
};

/* ---- labels ---- */

const char *label_set_get(const struct label_set *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->items[i].name, name) == 0)
            return s->items[i].value;
    return "";
}

void label_set_put(struct label_set *s, const char *name, const char *value)
{
    size_t i = 0;
    while (i < s->n && strcmp(s->items[i].name, name) != 0)
        i++;
    if (i < s->n && *value)
        s->items[i].value = value;
    else if (i < s->n)
        s->items[i] = s->items[--s->n];
    else if (*value && s->n < LABEL_SET_MAX)
        s->items[s->n++] = (struct label){name, value};
}

/* ---- reading ---- */

static const struct value *field(const struct value *v, bool camel, const char *snake,
                                 const char *other)
{
    return value_get(v, camel ? other : snake);
}

static const char *text(struct arena *a, const struct value *v, const char *dflt)
{
    return arena_strdup(
        a, value_is(v, VALUE_STRING) || value_is(v, VALUE_INT) || value_is(v, VALUE_FLOAT) ? v->text
                                                                                           : dflt);
}

static int read_action(const struct value *v, struct rule *out, struct err *e)
{
    const char *name = value_at_str(v, "action", "replace");
    for (unsigned i = 0; i < ARRAY_LEN(actions); i++)
        if (strcasecmp(actions[i], name) == 0) {
            out->action = (enum action)i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "unknown relabel action \"%.60s\"", name);
}

static bool needs_target(enum action x)
{
    return x == ACTION_REPLACE || x == ACTION_HASH || x == ACTION_LOWER || x == ACTION_UPPER ||
           x == ACTION_KEEP_EQUAL || x == ACTION_DROP_EQUAL;
}

static int read_rule(struct arena *a, const struct value *v, bool camel, struct rule *out,
                     struct err *e)
{
    int r = read_action(v, out, e);
    const struct value *sources = field(v, camel, "source_labels", "sourceLabels");
    if (r == 0 && value_count(sources) > SOURCES_MAX)
        r = err_set(e, ERR_INVALID, "more than %d source labels", SOURCES_MAX);
    if (r < 0)
        return r;
    VALUE_EACH_ITEM (s, sources)
        out->sources[out->n_sources++] = text(a, s, "");
    out->separator = text(a, value_get(v, "separator"), ";");
    out->target = text(a, field(v, camel, "target_label", "targetLabel"), "");
    out->replacement = text(a, value_get(v, "replacement"), "$1");
    out->modulus = (uint64_t)value_at_int(v, "modulus", 0);
    const char *pattern = text(a, value_get(v, "regex"), "(.*)");
    if (r == 0 && out->action == ACTION_HASH && !out->modulus)
        r = err_set(e, ERR_INVALID, "relabel configuration for hashmod requires non-zero modulus");
    if (r == 0 && needs_target(out->action) && !*out->target)
        r = err_set(e, ERR_INVALID, "relabel configuration for %s action requires '%s' value",
                    actions[out->action], camel ? "targetLabel" : "target_label");
    if (r == 0)
        r = regex_compile(pattern, strlen(pattern), REGEX_ANCHORED | REGEX_DOT_ALL, &out->regex, e);
    return r;
}

int relabel_new(const struct value *rules, bool camel, struct relabel **out, struct err *e)
{
    AUTO(relabel) struct relabel *r = NULL;
    size_t n = value_count(rules);
    if (!n) {
        *out = NULL;
        return 0;
    }
    if (!value_is(rules, VALUE_ARRAY) || n > RELABEL_RULES_MAX)
        return err_set(e, ERR_INVALID, "a list of at most %d rules was expected",
                       RELABEL_RULES_MAX);
    r = calloc(1, sizeof *r);
    if (!r)
        log_die("out of memory");
    r->arena = arena_new(0);
    r->rules = ARENA_ARRAY(r->arena, struct rule, n);
    VALUE_EACH_ITEM (v, rules) {
        int rc = read_rule(r->arena, v, camel, &r->rules[r->n++], e);
        if (rc < 0)
            return err_wrap(e, ERR_INVALID, "rule %zu", r->n);
    }
    *out = take_ptr(r);
    return 0;
}

void relabel_free(struct relabel *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        regex_free(r->rules[i].regex);
    arena_free(r->arena);
    free(r);
}

/* ---- applying ---- */

static bool matches(const struct rule *x, const char *s)
{
    bool hit = false;
    return regex_match(x->regex, s, strlen(s), 0, NULL, 0, &hit, NULL) == 0 && hit;
}

/* `with` after the groups of the match stand in it. */
static const char *expanded(const struct rule *x, const char *s, const char *with, struct arena *a)
{
    AUTO_BUF struct buf b;
    if (!strchr(with, '$'))
        return with;
    buf_init(&b, TEXT_MAX);
    if (regex_replace(x->regex, s, strlen(s), with, true, 1, &b, NULL) < 0 || b.overflow)
        return "";
    return arena_strdup(a, buf_text(&b));
}

static const char *source_of(const struct rule *x, const struct label_set *s, struct arena *a)
{
    const char *out = x->n_sources ? label_set_get(s, x->sources[0]) : "";
    for (size_t i = 1; i < x->n_sources; i++)
        out = arena_join(a, out, x->separator, label_set_get(s, x->sources[i]), NULL);
    return out;
}

static const char *in_case(const char *s, bool upper, struct arena *a)
{
    char *out = arena_strdup(a, s);
    for (char *p = out; *p; p++)
        *p = (char)(upper ? toupper((unsigned char)*p) : tolower((unsigned char)*p));
    return out;
}

static const char *hash(const char *s, uint64_t modulus, struct arena *a)
{
    struct md5_ctx ctx;
    uint8_t sum[MD5_DIGEST_SIZE];
    uint64_t v = 0;
    md5_init(&ctx);
    md5_update(&ctx, strlen(s), (const uint8_t *)s);
    md5_digest(&ctx, sizeof sum, sum);
    for (size_t i = 8; i < sizeof sum; i++)
        v = v << 8 | sum[i];
    return arena_printf(a, "%llu", (unsigned long long)(v % modulus));
}

static void map_labels(const struct rule *x, struct label_set *s, struct arena *a)
{
    struct label_set before = *s;
    for (size_t i = 0; i < before.n; i++)
        if (matches(x, before.items[i].name))
            label_set_put(s, expanded(x, before.items[i].name, x->replacement, a),
                          before.items[i].value);
}

static void drop_labels(const struct rule *x, struct label_set *s, bool keep)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (matches(x, s->items[i].name) == keep)
            s->items[n++] = s->items[i];
    s->n = n;
}

static void replace(const struct rule *x, const char *source, struct label_set *s, struct arena *a)
{
    if (!matches(x, source))
        return;
    const char *name = expanded(x, source, x->target, a);
    if (*name)
        label_set_put(s, name, expanded(x, source, x->replacement, a));
}

static bool apply(const struct rule *x, struct label_set *s, struct arena *a)
{
    const char *source = source_of(x, s, a);
    switch (x->action) {
    case ACTION_REPLACE:
        replace(x, source, s, a);
        break;
    case ACTION_KEEP:
        return matches(x, source);
    case ACTION_DROP:
        return !matches(x, source);
    case ACTION_KEEP_EQUAL:
        return strcmp(label_set_get(s, x->target), source) == 0;
    case ACTION_DROP_EQUAL:
        return strcmp(label_set_get(s, x->target), source) != 0;
    case ACTION_HASH:
        label_set_put(s, x->target, hash(source, x->modulus, a));
        break;
    case ACTION_MAP:
        map_labels(x, s, a);
        break;
    case ACTION_LABEL_DROP:
    case ACTION_LABEL_KEEP:
        drop_labels(x, s, x->action == ACTION_LABEL_KEEP);
        break;
    case ACTION_LOWER:
    case ACTION_UPPER:
        label_set_put(s, x->target, in_case(source, x->action == ACTION_UPPER, a));
        break;
    }
    return true;
}

bool relabel_apply(const struct relabel *r, struct label_set *s, struct arena *a)
{
    for (size_t i = 0; r && i < r->n; i++)
        if (!apply(&r->rules[i], s, a))
            return false;
    return true;
}
