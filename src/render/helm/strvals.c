/* strvals.c - "a.b=1,list[0].name=x,c={p,q}" into values: the language of --set and its kin.
 *
 * A key goes down through maps (.) and lists ([n]) and makes what is not there. What a value means
 * is the option's: typed, always a string, JSON, the content of a file, or all that is left. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "codec/json.h"
#include "codec/utf8.h"
#include "render/helm/helm_int.h"

enum { INDEX_MAX = 65536, LEVEL_MAX = 30, LISTS_MAX = 500 };

enum { DONE = 1 }; /* the text is at its end: not an error */

struct parser {
    enum helm_values_kind kind;
    const char *at, *end;
    struct helm_reader *reader;
    struct helm_log *log;
    struct err *e;
    unsigned lists; /* how deep in [0][0]... */
};

struct word {
    const char *s;
    size_t n;
    char stop; /* what ended it; '\0': the end of the text */
};

#define FAIL(p, ...) helm__fail((p)->log, (p)->e, ERR_INVALID, __VA_ARGS__)

/* Up to one of `stops`, which is taken, too. A backslash makes the next character ordinary. */
static struct word word_until(struct parser *p, const char *stops)
{
    bool escapes = p->kind != HELM_SET_LITERAL;
    const char *s = p->at;
    while (s < p->end && !strchr(stops, *s))
        s += escapes && *s == '\\' && s + 1 < p->end ? 2 : 1;
    struct word w = {.stop = s < p->end ? *s : '\0'};
    char *out = arena_alloc(p->log->arena, (size_t)(s - p->at) + 1);
    for (; p->at < s; p->at++) {
        if (escapes && *p->at == '\\' && ++p->at == s)
            break;
        out[w.n++] = *p->at;
    }
    p->at = s + (s < p->end);
    w.s = out;
    return w;
}

static void put(struct go_map *m, struct word key, struct go_value v)
{
    if (key.n)
        go_map_set(m, key.s, key.n, v);
}

static bool is_word(struct word w, const char *text)
{
    return w.n == strlen(text) && strncasecmp(w.s, text, w.n) == 0;
}

static struct go_value typed(struct word w)
{
    int64_t i;
    if (is_word(w, "true") || is_word(w, "false"))
        return go_bool(w.n == 4);
    if (is_word(w, "null"))
        return go_nil();
    if (is_word(w, "0"))
        return go_int64(0);
    const char *digits = w.n && *w.s == '+' ? w.s + 1 : w.s;
    bool sign_twice = digits != w.s && (*digits == '-' || *digits == '+');
    if (w.n && *w.s != '0' && !memchr(w.s, '\0', w.n) && !sign_twice &&
        value_int_from_text(digits, &i))
        return go_int64(i);
    return go_strn(w.s, w.n);
}

/* What the option makes of a word. */
static int value_of(struct parser *p, struct word w, struct go_value *out)
{
    const char *bytes;
    size_t n;
    struct err why = {0};
    if (p->kind == HELM_SET) {
        *out = typed(w);
    } else if (p->kind == HELM_SET_FILE) {
        int rc = p->reader->read(p->reader, w.s, p->log->arena, &bytes, &n, &why);
        if (rc < 0)
            return helm__fail(p->log, p->e, why.code, "%s", why.msg);
        *out = go_strn(bytes, n);
    } else {
        *out = go_strn(w.s, w.n);
    }
    return 0;
}

/* Behind a JSON value: blanks and the comma that ends it. True when there is nothing else. */
static bool json_gap(struct parser *p)
{
    for (; p->at < p->end; p->at++) {
        if (*p->at == ',') {
            p->at++;
            return true;
        }
        if (!isspace((unsigned char)*p->at))
            return false;
    }
    return true;
}

static int json_value(struct parser *p, struct go_value *out)
{
    struct value *v;
    size_t used;
    struct err why = {0};
    *out = go_nil();
    if (json_gap(p))
        return 0;
    int rc = json_parse_prefix(p->log->arena, p->at, (size_t)(p->end - p->at), JSON_SHALLOW, &v,
                               &used, &why);
    if (rc < 0)
        return FAIL(p, "%s", why.msg);
    *out = go_from_value(p->log->arena, v);
    p->at += used;
    (void)json_gap(p);
    return 0;
}

static void push(struct arena *a, struct go_value *list, struct go_value v)
{
    size_t n = list->n, size = sizeof v;
    if ((n & (n - 1)) == 0)
        list->items = arena_grow(a, list->items, n * size, (n ? 2 * n : 1) * size);
    list->items[list->n++] = v;
}

/* "{a,b}" behind the brace. */
static int braced(struct parser *p, struct go_value *out)
{
    struct go_value list = go_list(NULL, 0), v;
    for (;;) {
        struct word w = word_until(p, ",}");
        if (!w.stop)
            return FAIL(p, "list must terminate with '}'");
        int rc = value_of(p, w, &v);
        if (rc < 0)
            return rc;
        push(p->log->arena, &list, v);
        if (w.stop == '}')
            break;
    }
    p->at += p->at < p->end && *p->at == ',';
    *out = go_list(list.items, list.n);
    return 0;
}

/* What stands behind "=". */
static int value_here(struct parser *p, struct go_value *out)
{
    if (p->kind == HELM_SET_JSON)
        return json_value(p, out);
    if (p->kind == HELM_SET_LITERAL)
        return value_of(p, word_until(p, ""), out);
    if (p->at == p->end) {
        *out = go_str("");
        return 0;
    }
    if (*p->at == '{') {
        p->at++;
        return braced(p, out);
    }
    return value_of(p, word_until(p, ","), out);
}

static int index_here(struct parser *p, long *out)
{
    struct word w = word_until(p, "]");
    if (!w.stop)
        return FAIL(p, "error parsing index: EOF");
    char *end;
    errno = 0;
    long i = strtol(w.s, &end, 10);
    bool number = w.n && end == w.s + w.n && !isspace((unsigned char)*w.s);
    if (!number || errno == ERANGE)
        return FAIL(p, "error parsing index: strconv.Atoi: parsing %s: %s",
                    helm__quote(p->log->arena, w.s, w.n),
                    number ? "value out of range" : "invalid syntax");
    *out = i;
    return 0;
}

static int set_index(struct parser *p, struct go_value *list, long i, struct go_value v)
{
    struct arena *a = p->log->arena;
    if (i < 0)
        return FAIL(p, "negative %ld index not allowed", i);
    if (i > INDEX_MAX)
        return FAIL(p, "index of %ld is greater than maximum supported index of %d", i, INDEX_MAX);
    if (list->n <= i) {
        size_t old = list->n, n = (size_t)i + 1;
        struct go_value *items = ARENA_ARRAY(a, struct go_value, n);
        if (old)
            memcpy(items, list->items, old * sizeof *items);
        for (size_t k = old; k < n; k++)
            items[k] = go_nil();
        *list = go_list(items, n);
    }
    list->items[i] = v;
    return 0;
}

/* Go's words for a value of another type than the key's form asks for. */
static int not_a(struct parser *p, const struct go_value *v, const char *want)
{
    const char *is = go_kind_of(v) == GO_INTERFACE ? "nil" : go_type_name(v);
    return FAIL(p, "unable to parse key: interface conversion: interface {} is %s, not %s", is,
                want);
}

static int key(struct parser *p, struct go_map *data, unsigned level);

/* %q of the characters: ['a' 'b'] */
static const char *quoted_runes(struct arena *a, struct word w)
{
    const char *out = "[";
    for (size_t i = 0, len; i < w.n; i += len) {
        len = utf8_valid(w.s + i, w.n - i);
        len = len ? len : 1;
        out = arena_printf(a, "%s%s'%.*s'", out, i ? " " : "", (int)len, w.s + i);
    }
    return arena_printf(a, "%s]", out);
}

static int list_item(struct parser *p, struct go_value *list, long i, unsigned level);

/* "[0][1]": a list in a list. */
static int nested_list(struct parser *p, struct go_value *list, long i, unsigned level)
{
    long next;
    int rc = index_here(p, &next);
    if (rc < 0)
        return rc;
    if (++p->lists > LISTS_MAX)
        return FAIL(p, "lists are nested more than %d levels deep", LISTS_MAX);
    struct go_value inner = go_list(NULL, 0);
    if (i < list->n && go_kind_of(&list->items[i]) != GO_INTERFACE) {
        if (list->items[i].type != &go_list_type)
            return not_a(p, &list->items[i], "[]interface {}");
        inner = list->items[i];
    }
    rc = list_item(p, &inner, next, level);
    p->lists--;
    return rc ? rc : set_index(p, list, i, inner);
}

/* "[0].name": a map in a list. */
static int nested_map(struct parser *p, struct go_value *list, long i, unsigned level)
{
    struct go_map *inner = NULL;
    if (i < list->n && go_kind_of(&list->items[i]) == GO_MAP)
        inner = list->items[i].map;
    if (!inner)
        inner = go_map_new(p->log->arena, 4);
    if (i < list->n)
        list->items[i] = go_map(inner);
    int rc = key(p, inner, level);
    return rc ? rc : set_index(p, list, i, go_map(inner));
}

/* What stands behind "[i]". */
static int list_item(struct parser *p, struct go_value *list, long i, unsigned level)
{
    if (i < 0)
        return FAIL(p, "negative %ld index not allowed", i);
    struct word w = word_until(p, "[.=");
    if (w.n)
        return FAIL(p, "unexpected data at end of array index: %s", quoted_runes(p->log->arena, w));
    if (!w.stop)
        return DONE;
    if (w.stop == '[')
        return nested_list(p, list, i, level);
    if (w.stop == '.')
        return nested_map(p, list, i, level);
    struct go_value v;
    int rc = value_here(p, &v);
    return rc ? rc : set_index(p, list, i, v);
}

/* "name[": the list is made where there is none. */
static int key_list(struct parser *p, struct go_map *data, struct word w, unsigned level)
{
    long i;
    int rc = index_here(p, &i);
    if (rc < 0)
        return rc;
    struct go_value list = go_list(NULL, 0);
    const struct go_value *old = go_map_get(data, w.s, w.n);
    if (old && old->type != &go_list_type)
        return not_a(p, old, "[]interface {}");
    if (old)
        list = *old;
    rc = list_item(p, &list, i, level);
    put(data, w, list);
    return rc;
}

/* "name.": the map is made where there is none. */
static int key_map(struct parser *p, struct go_map *data, struct word w, unsigned level)
{
    if (level > LEVEL_MAX)
        return FAIL(p,
                    "value name nested level is greater than maximum supported nested level of %d",
                    LEVEL_MAX);
    const struct go_value *old = go_map_get(data, w.s, w.n);
    if (old && go_kind_of(old) != GO_MAP)
        return not_a(p, old, "map[string]interface {}");
    struct go_map *inner = old ? old->map : NULL;
    if (!inner)
        inner = go_map_new(p->log->arena, 4);
    int rc = key(p, inner, level);
    if (rc == 0 && go_map_size(inner) == 0)
        return FAIL(p, "key map %s has no value", helm__quote(p->log->arena, w.s, w.n));
    if (go_map_size(inner))
        put(data, w, go_map(inner));
    return rc;
}

static int key(struct parser *p, struct go_map *data, unsigned level)
{
    struct word w = word_until(p, p->kind == HELM_SET_LITERAL ? "=[." : "=[,.");
    struct go_value v;
    int rc;
    switch (w.stop) {
    case '[':
        return key_list(p, data, w, level);
    case '.':
        return key_map(p, data, w, level + 1);
    case '=':
        rc = value_here(p, &v);
        if (rc == 0)
            put(data, w, v);
        return rc;
    case ',':
        put(data, w, go_str(""));
        return FAIL(p, "key %s has no value (cannot end with ,)",
                    helm__quote(p->log->arena, w.s, w.n));
    default:
        return w.n ? FAIL(p, "key %s has no value", helm__quote(p->log->arena, w.s, w.n)) : DONE;
    }
}

int helm_values_set(enum helm_values_kind kind, const char *text, struct helm_reader *r,
                    struct helm_log *log, struct go_map *values, struct err *e)
{
    struct parser p = {
        .kind = kind, .at = text, .end = text + strlen(text), .reader = r, .log = log, .e = e};
    int rc = 0;
    while (rc == 0)
        rc = key(&p, values, 0);
    return rc == DONE ? 0 : rc;
}
