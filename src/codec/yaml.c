/* yaml.c - libyaml's events become a tree. */
#include "codec/yaml.h"

#include <yaml.h>

#include "base/map.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/number.h"
#include "codec/tree_int.h"
#include "codec/yaml_block_int.h"
#include "codec/yaml_int.h"

enum { DEPTH_MAX = 1000 };

struct anchor {
    const struct value *value; /* NULL while it is being read */
    const struct value *key;   /* what it is as a key, when that is another thing */
    size_t nodes;
};

/* What is open, beside the tree's own stack. */
struct level {
    struct anchor *anchor;
    size_t nodes_before;
    bool has_key; /* in an object: a key waits for its value */
    bool merge;   /* that key was "<<" */
    bool flow;    /* written with brackets */
    bool bare;    /* … or reads as something that is no text */
};

struct reader {
    struct arena *arena;
    yaml_parser_t parser;
    const char *mark; /* where the scalar with index mark_index stands in the text */
    size_t mark_index;
    struct tree tree;
    struct buf levels;
    struct map anchors;
    size_t nodes, alias_nodes;
    struct value **docs;
    size_t n_docs;
    uint32_t second_line;        /* where the second document began */
    bool in_doc, whole, slashes; /* somewhere there is a "\\/" */
    unsigned flags;
    struct err *e;
};

static int fail(const struct reader *r, const yaml_event_t *event, const char *fmt, ...)
    PRINTF(3, 4);

static int fail(const struct reader *r, const yaml_event_t *event, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (r->flags & YAML_GO_ERRORS)
        return err_set(r->e, ERR_INVALID, "yaml: %s", what);
    return err_set(r->e, ERR_INVALID, "line %zu, column %zu: %s", event->start_mark.line + 1,
                   event->start_mark.column + 1, what);
}

static struct level *level_top(const struct reader *r)
{
    size_t n = r->levels.len / sizeof(struct level);
    return n ? (struct level *)(void *)r->levels.data + n - 1 : NULL;
}

/* ---- scalars ---- */

/* The tag "!" is gone from the event, but it still stands in the text before the scalar. */
static bool has_lone_tag(struct reader *r, const yaml_event_t *event)
{
    const unsigned char *stop = r->parser.input.string.end;
    const char *s, *end = (const char *)stop;
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    s = yaml__at_index(r->mark, stop, event->start_mark.index - r->mark_index);
    r->mark = s;
    r->mark_index = event->start_mark.index;
    bool anchor = s < end && *s == '&';
    while (anchor && s < end && !strchr(" \t\r\n", *s))
        s++;
    while (anchor && s < end && strchr(" \t\r\n", *s))
        s++;
    return s < end && *s == '!';
}

static void set_text(struct value *v, enum value_kind kind, const char *text, size_t n)
{
    v->kind = kind;
    v->text = text;
    v->n = (uint32_t)n;
}

static void set_float(struct reader *r, struct value *v, double d)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = number_format_json(d, text);
    set_text(v, VALUE_FLOAT, arena_strndup(r->arena, text, n), n);
    if (value_int_from_text(text, &v->i) && strcmp(text, "-0") != 0)
        v->kind = VALUE_INT;
    else
        v->d = d;
}

static void set_resolved(struct reader *r, struct value *v, const struct yaml_scalar *s,
                         const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    switch (s->kind) {
    case YAML_NULL:
        v->kind = VALUE_NULL;
        break;
    case YAML_BOOL:
        v->kind = VALUE_BOOL;
        v->boolean = s->boolean;
        break;
    case YAML_INT:
        text = arena_printf(r->arena, "%lld", (long long)s->i);
        set_text(v, VALUE_INT, text, strlen(text));
        v->i = s->i;
        break;
    case YAML_UINT:
        text = arena_printf(r->arena, "%llu", (unsigned long long)s->u);
        set_text(v, VALUE_FLOAT, text, strlen(text));
        v->d = (double)s->u;
        break;
    case YAML_FLOAT:
        set_float(r, v, s->d);
        break;
    case YAML_STR:
    case YAML_TIME:
        set_text(v, VALUE_STRING, arena_strndup(r->arena, text, n), n);
        break;
    }
}

/* ---- what nodes remember of how they were written ---- */

static unsigned style_of(const yaml_event_t *event)
{
    unsigned tagged = event->data.scalar.tag ? VALUE_TAGGED : 0;
    switch (event->data.scalar.style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return tagged | VALUE_SINGLE;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return tagged | VALUE_DOUBLE;
    case YAML_LITERAL_SCALAR_STYLE:
        return tagged | VALUE_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return tagged | VALUE_FOLDED;
    case YAML_ANY_SCALAR_STYLE:
    case YAML_PLAIN_SCALAR_STYLE:
        break;
    }
    return tagged;
}

static void remember(struct reader *r, const yaml_event_t *event, const struct yaml_scalar *s,
                     struct value *v)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    v->style = style_of(event) & 0xffffff;
    if (s->kind == YAML_TIME)
        v->style |= VALUE_TIME;
    if (v->kind == VALUE_NULL || v->kind == VALUE_BOOL) {
        v->word = arena_strndup(r->arena, text, n);
        v->style |= VALUE_SPELLED;
    } else if (v->kind == VALUE_INT || v->kind == VALUE_FLOAT) {
        v->text = arena_strndup(r->arena, text, n);
        v->n = (uint32_t)n;
        v->style |= VALUE_SPELLED;
    }
}

/* go-yaml does not know the escape "\\/", which libyaml takes. */
static bool has_slash_escape(struct reader *r, const yaml_event_t *event)
{
    const unsigned char *stop = r->parser.input.string.end;
    if (!r->slashes || event->data.scalar.style != YAML_DOUBLE_QUOTED_SCALAR_STYLE)
        return false;
    const char *s = yaml__at_index(r->mark, stop, event->start_mark.index - r->mark_index);
    const char *end = yaml__at_index(s, stop, event->end_mark.index - event->start_mark.index);
    r->mark = s;
    r->mark_index = event->start_mark.index;
    for (; s + 1 < end; s++) {
        if (*s == '\\' && s[1] == '/')
            return true;
        s += *s == '\\';
    }
    return false;
}

static const char *kind_tag(enum yaml_kind kind)
{
    static const char *const tags[] = {"str", "null", "bool", "int", "int", "float", "timestamp"};
    return tags[kind];
}

/* An explicit tag of YAML's own must be what the text is; others make it text. */
static int apply_tag(struct reader *r, const yaml_event_t *event, const char *tag,
                     struct yaml_scalar *s)
{
    static const char *const known[] = {"bool", "int", "float", "null", "timestamp"};
    bool resolvable = false;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        resolvable = resolvable || strcmp(known[i], tag) == 0;
    if (!resolvable) {
        s->kind = YAML_STR;
        return 0;
    }
    if (strcmp(tag, kind_tag(s->kind)) == 0)
        return 0;
    if (strcmp(tag, "float") == 0 && s->kind == YAML_INT) {
        *s = (struct yaml_scalar){YAML_FLOAT, {.d = (double)s->i}};
        return 0;
    }
    return fail(r, event, "cannot decode !!%s `%.100s` as a !!%s", kind_tag(s->kind),
                (const char *)event->data.scalar.value, tag);
}

static struct yaml_scalar resolve(const struct reader *r, const char *text, size_t n)
{
    struct yaml_scalar s = yaml__resolve(text, n);
    if ((r->flags & YAML_NODES) && s.kind == YAML_BOOL && n < 4)
        s.kind = YAML_STR;
    return s;
}

static int resolve_scalar(struct reader *r, const yaml_event_t *event, struct value *v,
                          struct yaml_scalar *s)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    const char *text = (const char *)event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    size_t n = event->data.scalar.length;
    *s = (struct yaml_scalar){.kind = YAML_STR};
    if (tag && strncmp(tag, prefix, sizeof prefix - 1) == 0) {
        tag += sizeof prefix - 1;
        if (strcmp(tag, "binary") == 0) {
            char *bytes = NULL;
            size_t n_bytes = 0;
            if (base64_decode(r->arena, text, n, BASE64_STD, &bytes, &n_bytes, NULL))
                return fail(r, event, "!!binary value contains invalid base64 data");
            set_text(v, VALUE_STRING, bytes, n_bytes);
            return 0;
        }
        *s = resolve(r, text, n);
        int rc = apply_tag(r, event, tag, s);
        if (rc)
            return rc;
    } else if (!tag && event->data.scalar.plain_implicit && !has_lone_tag(r, event)) {
        *s = resolve(r, text, n);
    }
    set_resolved(r, v, s, event);
    if (r->flags & YAML_NODES) {
        remember(r, event, s, v);
        if (has_slash_escape(r, event))
            return fail(r, event, "found unknown escape character");
    }
    return 0;
}

/* A key is text, whatever it means as a value. */
static int make_key(struct reader *r, const yaml_event_t *event, const struct value *v,
                    const struct yaml_scalar *s, struct member *m)
{
    char number[NUMBER_TEXT_MAX];
    const char *text = v->text;
    level_top(r)->bare = (r->flags & YAML_NODES) && s->kind != YAML_STR && s->kind != YAML_TIME;
    if (level_top(r)->bare) {
        m->key = s->kind == YAML_NULL || s->kind == YAML_BOOL ? v->word : v->text;
        m->key_len = (uint32_t)strlen(m->key);
        return 0;
    }
    if (s->kind == YAML_NULL || s->kind == YAML_UINT)
        return fail(r, event, "unsupported map key: %s", s->kind == YAML_NULL ? "null" : v->text);
    if (s->kind == YAML_BOOL) {
        text = s->boolean ? "true" : "false";
    } else if (s->kind == YAML_FLOAT) {
        (void)number_format_g32(s->d, number);
        text = strcmp(number, "NaN") == 0    ? ".nan"
               : strcmp(number, "+Inf") == 0 ? ".inf"
               : strcmp(number, "-Inf") == 0 ? "-.inf"
                                             : arena_strdup(r->arena, number);
    }
    m->key = text;
    m->key_len = s->kind == YAML_BOOL || s->kind == YAML_FLOAT ? (uint32_t)strlen(text) : v->n;
    return 0;
}

/* ---- places ---- */

static bool wants_key(const struct reader *r)
{
    return r->levels.len && tree__inner(&r->tree)->object && !level_top(r)->has_key;
}

/* The slot of the value that comes now. */
static struct value *place(struct reader *r, const yaml_event_t *event)
{
    struct member *m;
    if (r->levels.len && tree__inner(&r->tree)->object)
        m = tree__top(&r->tree);
    else
        m = tree__push(&r->tree);
    m->value = (struct value){.line = (uint32_t)event->start_mark.line + 1,
                              .column = (uint32_t)event->start_mark.column + 1};
    return &m->value;
}

static int splice(struct reader *r, const yaml_event_t *event, const struct value *from)
{
    if (from->kind != VALUE_OBJECT)
        return fail(r, event, "map merge requires map or sequence of maps as the value");
    for (uint32_t i = 0; i < from->n; i++) {
        struct member *m = tree__push(&r->tree);
        *m = from->members[i];
        m->line = r->flags & YAML_NODES ? 0 : m->line;
    }
    return 0;
}

/* The newest slot holds the value of "<<": its members take its place; of several maps the
 * first counts most, so it comes last. */
static int merge(struct reader *r, const yaml_event_t *event)
{
    struct value v = tree__top(&r->tree)->value;
    tree__pop(&r->tree);
    if (v.kind != VALUE_ARRAY)
        return splice(r, event, &v);
    for (uint32_t i = v.n; i > 0; i--) {
        int rc = splice(r, event, &v.items[i - 1]);
        if (rc)
            return rc;
    }
    return 0;
}

/* A value is whole: in an object the next thing is a key. */
static int placed(struct reader *r, const yaml_event_t *event)
{
    struct level *l = level_top(r);
    if (!l || !tree__inner(&r->tree)->object)
        return 0;
    l->has_key = false;
    if (l->bare)
        tree__top(&r->tree)->value.style |= VALUE_BARE_KEY;
    l->bare = false;
    if (!l->merge)
        return 0;
    l->merge = false;
    return merge(r, event);
}

static struct anchor *anchor_new(struct reader *r, const yaml_char_t *name)
{
    if (!name)
        return NULL;
    struct anchor *a = ARENA_NEW(r->arena, struct anchor);
    (void)map_put(&r->anchors, (const char *)name, a);
    return a;
}

/* ---- events ---- */

static int on_key(struct reader *r, const yaml_event_t *event)
{
    struct member *m = tree__push(&r->tree);
    struct yaml_scalar s;
    struct value v = {0};
    m->line = (uint32_t)event->start_mark.line + 1;
    int rc = resolve_scalar(r, event, &v, &s);
    if (rc)
        return rc;
    const yaml_char_t *text = event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    struct level *l = level_top(r);
    l->has_key = true;
    l->merge =
        event->data.scalar.length == 2 && memcmp(text, "<<", 2) == 0 &&
        (tag ? strcmp(tag, "tag:yaml.org,2002:merge") == 0 : event->data.scalar.plain_implicit);
    struct anchor *a = anchor_new(r, event->data.scalar.anchor);
    if (a) {
        a->value = arena_dup(r->arena, &v, sizeof v);
        a->nodes = 1;
    }
    return l->merge ? 0 : make_key(r, event, &v, &s, m);
}

static int on_scalar(struct reader *r, const yaml_event_t *event)
{
    r->nodes++;
    if (wants_key(r))
        return on_key(r, event);
    struct yaml_scalar s;
    struct value *v = place(r, event);
    int rc = resolve_scalar(r, event, v, &s);
    if (rc)
        return rc;
    if (s.kind == YAML_FLOAT && s.d - s.d != 0)
        return fail(r, event, "unsupported value: %s", v->text);
    struct anchor *a = anchor_new(r, event->data.scalar.anchor);
    if (a) {
        a->value = arena_dup(r->arena, v, sizeof *v);
        a->nodes = 1;
    }
    return placed(r, event);
}

static int on_open(struct reader *r, const yaml_event_t *event, bool object)
{
    const yaml_char_t *name =
        object ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    if (wants_key(r))
        return fail(r, event, "invalid map key: %s", object ? "a map" : "a list");
    if (tree__depth(&r->tree) >= DEPTH_MAX)
        return fail(r, event, "exceeded max depth of %d", DEPTH_MAX);
    (void)place(r, event);
    struct level l = {.anchor = anchor_new(r, name), .nodes_before = r->nodes++};
    l.flow = (r->flags & YAML_NODES) &&
             (object ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                     : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
    buf_add(&r->levels, &l, sizeof l);
    tree__open(&r->tree, object);
    return 0;
}

static int on_close(struct reader *r, const yaml_event_t *event)
{
    struct level l = *level_top(r);
    int rc = tree__close(&r->tree);
    if (rc)
        return rc;
    buf_cut(&r->levels, r->levels.len - sizeof l);
    if (l.flow)
        tree__top(&r->tree)->value.style |= VALUE_FLOW;
    if (l.anchor) {
        const struct value *v = &tree__top(&r->tree)->value;
        l.anchor->value = arena_dup(r->arena, v, sizeof *v);
        l.anchor->nodes = r->nodes - l.nodes_before;
    }
    return placed(r, event);
}

/* Small documents may be nearly all aliases, large ones must not: go-yaml's measure. */
static bool too_many_aliases(size_t alias_nodes, size_t nodes)
{
    const double low = 400000, high = 4000000;
    double n = (double)nodes;
    double allowed = n <= low ? 0.99 : n >= high ? 0.10 : 0.99 - 0.89 * (n - low) / (high - low);
    return alias_nodes > 100 && nodes > 1000 && (double)alias_nodes / n > allowed;
}

static int key_from_alias(struct reader *r, const yaml_event_t *event, const struct value *v)
{
    struct yaml_scalar s = {.kind = YAML_STR};
    switch (v->kind) {
    case VALUE_NULL:
        s.kind = YAML_NULL;
        break;
    case VALUE_BOOL:
        s = (struct yaml_scalar){YAML_BOOL, {.boolean = v->boolean}};
        break;
    case VALUE_FLOAT:
        s = (struct yaml_scalar){YAML_FLOAT, {.d = v->d}};
        break;
    case VALUE_INT:
    case VALUE_STRING:
        break;
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        return fail(r, event, "invalid map key: %s", v->kind == VALUE_OBJECT ? "a map" : "a list");
    }
    struct member *m = tree__push(&r->tree);
    m->line = (uint32_t)event->start_mark.line + 1;
    level_top(r)->has_key = true;
    return make_key(r, event, v, &s, m);
}

static int on_alias(struct reader *r, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *a = map_get(&r->anchors, name);
    if (!a)
        return fail(r, event, "unknown anchor '%.100s' referenced", name);
    if (!a->value)
        return fail(r, event, "anchor '%.100s' value contains itself", name);
    r->nodes += 1 + a->nodes;
    r->alias_nodes += a->nodes;
    if (too_many_aliases(r->alias_nodes, r->nodes))
        return fail(r, event, "document contains excessive aliasing");
    if (wants_key(r))
        return key_from_alias(r, event, a->value);
    *place(r, event) = *value_copy(r->arena, a->value);
    return placed(r, event);
}

static void doc_begin(struct reader *r)
{
    map_done(&r->anchors);
    map_init(&r->anchors);
    r->nodes = r->alias_nodes = 0;
    r->tree.slots.len = r->tree.opens.len = r->levels.len = 0;
}

static void doc_end(struct reader *r)
{
    const struct value *root = &tree__slot(&r->tree, 0)->value;
    if (tree__count(&r->tree) == 0 || root->kind == VALUE_NULL)
        return;
    size_t old = r->n_docs * sizeof *r->docs;
    if ((r->n_docs & (r->n_docs - 1)) == 0)
        r->docs = arena_grow(r->arena, r->docs, old, old ? 2 * old : sizeof *r->docs);
    if (r->n_docs == 1)
        r->second_line = root->line;
    r->docs[r->n_docs++] = arena_dup(r->arena, root, sizeof *root);
}

static int on_event(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        doc_begin(r);
        return 0;
    case YAML_DOCUMENT_END_EVENT:
        doc_end(r);
        r->whole = r->flags & YAML_FIRST;
        return 0;
    case YAML_STREAM_END_EVENT:
        r->whole = true;
        return 0;
    case YAML_SCALAR_EVENT:
        return on_scalar(r, event);
    case YAML_ALIAS_EVENT:
        return on_alias(r, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(r, event, false);
    case YAML_MAPPING_START_EVENT:
        return on_open(r, event, true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_close(r, event);
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
        break;
    }
    return 0;
}

int yaml__parser_error(const yaml_parser_t *p, struct err *e)
{
    const char *what = p->problem ? p->problem : "cannot be read";
    if (p->error == YAML_READER_ERROR)
        return err_set(e, ERR_INVALID, "at byte %zu: %s", p->problem_offset, what);
    return err_set(e, ERR_INVALID, "line %zu, column %zu: %s%s%s", p->problem_mark.line + 1,
                   p->problem_mark.column + 1, p->context ? p->context : "", p->context ? ": " : "",
                   what);
}

/* go-yaml counts the lines of its scanner from 1 and those of its parser from 0, and is silent
 * about line 0. */
static int go_error(const yaml_parser_t *p, struct err *e)
{
    const char *what = p->problem ? p->problem : "unknown problem parsing YAML content";
    size_t line = p->problem_mark.line + (p->error == YAML_SCANNER_ERROR);
    if (p->problem_mark.line == 0)
        line = p->context_mark.line;
    if (p->error == YAML_READER_ERROR || line == 0)
        return err_set(e, ERR_INVALID, "yaml: %s", what);
    return err_set(e, ERR_INVALID, "yaml: line %zu: %s", line, what);
}

static int read_events(struct reader *r)
{
    while (!r->whole) {
        yaml_event_t event;
        if (!yaml_parser_parse(&r->parser, &event))
            return r->flags & YAML_GO_ERRORS ? go_error(&r->parser, r->e)
                                             : yaml__parser_error(&r->parser, r->e);
        int rc = on_event(r, &event);
        yaml_event_delete(&event);
        if (rc)
            return rc;
    }
    return 0;
}

static int on_quick_event(void *arg, const yaml_event_t *event)
{
    struct reader *r = arg;
    return on_event(r, event) < 0 ? -1 : r->whole;
}

/* What the quick reader does not read to its end, libyaml does; errors are always libyaml's. */
static bool read_quickly(struct reader *r, const char *text, size_t n)
{
    struct err *e = r->e;
    r->e = r->tree.e = NULL;
    bool read = yaml__block_events(text, n, on_quick_event, r);
    r->e = r->tree.e = e;
    if (!read) {
        r->docs = NULL;
        r->n_docs = 0;
        r->whole = false;
    }
    return read;
}

static int read_with_libyaml(struct reader *r, const char *text, size_t n)
{
    if (!yaml_parser_initialize(&r->parser))
        return err_set(r->e, ERR_TOO_LARGE, "no memory for a YAML parser");
    yaml_parser_set_input_string(&r->parser, (const yaml_char_t *)text, n);
    r->slashes = (r->flags & YAML_NODES) && memmem(text, n, "\\/", 2);
    int rc = read_events(r);
    yaml_parser_delete(&r->parser);
    return rc;
}

static int read_all(struct reader *r, struct arena *a, const char *text, size_t n, unsigned flags,
                    struct err *e)
{
    *r = (struct reader){.arena = a, .mark = text, .flags = flags, .e = e};
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        r->mark += 3; /* libyaml does not count a byte order mark */
    if (n >= UINT32_MAX)
        return err_set(e, ERR_TOO_LARGE, "a YAML text of %zu bytes is too large", n);
    tree__init(&r->tree, a, flags & YAML_STRICT_KEYS, e);
    r->tree.merged_gives = flags & YAML_NODES;
    buf_init(&r->levels, SIZE_MAX / 2);
    map_init(&r->anchors);
    int rc = read_quickly(r, text, n) ? 0 : read_with_libyaml(r, text, n);
    tree__done(&r->tree);
    buf_done(&r->levels);
    map_done(&r->anchors);
    return rc;
}

int yaml_parse_all(struct arena *a, const char *text, size_t n, unsigned flags, struct value ***out,
                   size_t *out_n, struct err *e)
{
    struct reader r;
    int rc = read_all(&r, a, text, n, flags, e);
    if (rc)
        return rc;
    *out = r.docs;
    *out_n = r.n_docs;
    return 0;
}

int yaml_parse(struct arena *a, const char *text, size_t n, unsigned flags, struct value **out,
               struct err *e)
{
    struct reader r;
    unsigned json_flags = flags & YAML_STRICT_KEYS ? JSON_STRICT_KEYS : 0;
    if (!(flags & YAML_NODES) && yaml__reads_as_json(text, n) &&
        json_parse(a, text, n, json_flags, out, NULL) == 0)
        return 0;
    int rc = read_all(&r, a, text, n, flags, e);
    if (rc)
        return rc;
    if (r.n_docs > 1)
        return err_set(e, ERR_INVALID, "line %u: a second document begins here", r.second_line);
    *out = r.n_docs ? r.docs[0] : value_null(a);
    return 0;
}

int yaml_or_json_parse_all(struct arena *a, const char *text, size_t n, unsigned flags,
                           struct value ***out, size_t *out_n, struct err *e)
{
    size_t blank = 0;
    while (blank < n && memchr(" \t\r\n", text[blank], 4))
        blank++;
    unsigned json_flags = flags & YAML_STRICT_KEYS ? JSON_STRICT_KEYS : 0;
    if (blank == n || text[blank] != '{' || (flags & YAML_NODES))
        return yaml_parse_all(a, text, n, flags, out, out_n, e);
    struct err json_error = {0};
    int rc = json_parse_all(a, text, n, json_flags, out, out_n, &json_error);
    if (rc == 0 || yaml_parse_all(a, text, n, flags, out, out_n, NULL) == 0)
        return 0;
    if (e)
        *e = json_error;
    return rc;
}
