/* yaml_edit.c - one scalar of a user's file replaced, all other bytes kept. */
#include <yaml.h>

#include "codec/utf8.h"
#include "codec/yaml.h"
#include "codec/yaml_int.h"

enum { DEPTH_MAX = 1000, STEP_MAX = 128 };

struct step {
    const char *key; /* NULL: an element */
    size_t n, index;
};

struct level {
    size_t index; /* elements that began */
    bool object, has_key;
    bool on_path, key_matches;
};

struct search {
    const char *text;
    size_t n, doc, docs_seen, depth, flow;
    struct step steps[STEP_MAX];
    size_t n_steps;
    struct level levels[DEPTH_MAX];
    bool found, aliased;
    yaml_event_t hit;
    bool hit_in_flow;
};

static int split_path(struct search *s, const char *path, struct err *e)
{
    const char *p = path;
    while (*p) {
        if (s->n_steps == STEP_MAX)
            return err_set(e, ERR_INVALID, "path \"%.80s\" has more than %d parts", path, STEP_MAX);
        struct step *step = &s->steps[s->n_steps++];
        if (*p == '[') {
            char *end = NULL;
            *step = (struct step){.index = strtoul(p + 1, &end, 10)};
            if (end == p + 1 || *end != ']')
                return err_set(e, ERR_INVALID, "path \"%.80s\" is malformed", path);
            p = end + 1;
        } else {
            *step = (struct step){.key = p, .n = strcspn(p, ".[")};
            p += step->n;
        }
        p += *p == '.';
    }
    return 0;
}

const char *yaml__at_index(const char *text, const unsigned char *end, size_t index)
{
    const char *p = text, *stop = (const char *)end;
    for (; index > 0 && p < stop; index--)
        for (p++; p < stop && ((unsigned char)*p & 0xc0) == 0x80; p++)
            ;
    return p;
}

/* Whether the node that begins now lies on the path (its last step or a parent of it). */
static bool on_path(const struct search *s)
{
    if (s->docs_seen != s->doc + 1)
        return false;
    if (s->depth == 0)
        return true;
    const struct level *l = &s->levels[s->depth - 1];
    if (!l->on_path || s->depth > s->n_steps)
        return false;
    const struct step *step = &s->steps[s->depth - 1];
    return l->object ? l->key_matches : !step->key && step->index == l->index;
}

static void node_done(struct search *s)
{
    if (s->depth == 0)
        return;
    struct level *l = &s->levels[s->depth - 1];
    if (!l->object)
        l->index++;
    else
        l->has_key = !l->has_key;
}

static bool is_key(const struct search *s)
{
    return s->depth && s->levels[s->depth - 1].object && !s->levels[s->depth - 1].has_key;
}

static void on_scalar(struct search *s, yaml_event_t *event)
{
    if (is_key(s)) {
        struct level *l = &s->levels[s->depth - 1];
        const struct step *step = s->depth <= s->n_steps ? &s->steps[s->depth - 1] : NULL;
        l->key_matches = step && step->key && step->n == event->data.scalar.length &&
                         memcmp(step->key, event->data.scalar.value, step->n) == 0;
    } else if (!s->found && s->depth == s->n_steps && on_path(s)) {
        s->found = true;
        s->hit = *event;
        s->hit_in_flow = s->flow > 0;
        memset(event, 0, sizeof *event);
    }
    node_done(s);
}

static int on_open(struct search *s, bool object, bool flow, struct err *e)
{
    if (s->depth == DEPTH_MAX)
        return err_set(e, ERR_INVALID, "exceeded max depth of %d", DEPTH_MAX);
    bool path = !is_key(s) && on_path(s);
    s->levels[s->depth++] = (struct level){.object = object, .on_path = path};
    if (flow || s->flow)
        s->flow++;
    return 0;
}

static int on_event(struct search *s, yaml_event_t *event, struct err *e)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        s->docs_seen++;
        return 0;
    case YAML_SCALAR_EVENT:
        on_scalar(s, event);
        return 0;
    case YAML_ALIAS_EVENT:
        s->aliased = s->aliased || (!is_key(s) && on_path(s));
        node_done(s);
        return 0;
    case YAML_SEQUENCE_START_EVENT:
        return on_open(s, false, event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE, e);
    case YAML_MAPPING_START_EVENT:
        return on_open(s, true, event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE, e);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        s->depth--;
        s->flow -= s->flow > 0;
        node_done(s);
        return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return 0;
}

/* The whole text is read, so that a broken file is refused rather than edited. */
static int find(struct search *s, struct err *e)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return err_set(e, ERR_TOO_LARGE, "no memory for a YAML parser");
    yaml_parser_set_input_string(&parser, (const yaml_char_t *)s->text, s->n);
    int rc = 0;
    for (bool whole = false; !whole && !rc;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rc = yaml__parser_error(&parser, e);
            break;
        }
        whole = event.type == YAML_STREAM_END_EVENT;
        rc = on_event(s, &event, e);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return rc;
}

static bool is_anchor_char(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
           c == '_';
}

/* Behind an anchor and a tag, if the scalar has any. */
static const char *skip_properties(const char *p, const char *end)
{
    while (p < end && (*p == '&' || *p == '!')) {
        bool anchor = *p++ == '&';
        while (p < end && (anchor ? is_anchor_char(*p) : !strchr(" \t\r\n", *p)))
            p++;
        while (p < end && strchr(" \t\r\n", *p))
            p++;
    }
    return p;
}

static bool plain_is_good(const struct search *s, const char *value, size_t n)
{
    struct yaml_shape shape = yaml__shape(value, n);
    if (n == 0 || !(s->hit_in_flow ? shape.flow_plain : shape.block_plain))
        return false;
    if (yaml__reads_as_text(value, n))
        return true;
    const char *old = (const char *)s->hit.data.scalar.value;
    return s->hit.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !s->hit.data.scalar.tag &&
           !yaml__reads_as_text(old, s->hit.data.scalar.length) && s->hit.data.scalar.length > 0;
}

/* In the style the old value had, unless the new one cannot be written so. */
static void write_value(const struct search *s, struct buf *b, const char *value)
{
    size_t n = strlen(value);
    struct yaml_shape shape = yaml__shape(value, n);
    yaml_scalar_style_t style = s->hit.data.scalar.style;
    if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE && shape.single && !shape.multiline)
        yaml__write_single(b, value, n, (struct yaml_lines){0});
    else if (style != YAML_DOUBLE_QUOTED_SCALAR_STYLE && style != YAML_SINGLE_QUOTED_SCALAR_STYLE &&
             plain_is_good(s, value, n))
        buf_add(b, value, n);
    else
        yaml__write_double(b, value, n, (struct yaml_lines){0});
}

static void splice(const struct search *s, struct buf *b, const char *value)
{
    const unsigned char *stop = (const unsigned char *)s->text + s->n;
    bool bom = s->n >= 3 && memcmp(s->text, "\xef\xbb\xbf", 3) == 0;
    const char *text = s->text + (bom ? 3 : 0);
    const char *end = yaml__at_index(text, stop, s->hit.end_mark.index);
    const char *start = yaml__at_index(text, stop, s->hit.start_mark.index);
    yaml_scalar_style_t style = s->hit.data.scalar.style;
    start = skip_properties(start, end);
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
        while (end > start && strchr(" \r\n", end[-1]))
            end--;
    }
    buf_add(b, s->text, (size_t)(start - s->text));
    if (start > s->text && !strchr(" \t\r\n[{,", start[-1]))
        buf_putc(b, ' '); /* behind the colon of an empty value, or an anchor */
    write_value(s, b, value);
    buf_add(b, end, (size_t)((const char *)stop - end));
}

static int locate(struct search *s, const char *path, struct err *e)
{
    int rc = split_path(s, path, e);
    rc = rc ? rc : find(s, e);
    if (rc || s->found)
        return rc;
    return s->aliased ? err_set(e, ERR_UNSUPPORTED, "\"%s\" is written as an alias", path)
                      : err_set(e, ERR_NOT_FOUND, "there is no scalar at \"%s\"", path);
}

static struct search *search_new(struct arena *a, const char *text, size_t n, size_t doc)
{
    struct search *s = ARENA_NEW(a, struct search);
    s->text = text;
    s->n = n;
    s->doc = doc;
    return s;
}

static void search_done(struct search *s)
{
    if (s->found)
        yaml_event_delete(&s->hit);
}

/* Reads the result again: what surrounds a scalar may make one style good and another not. */
static int verify(struct arena *a, const struct buf *b, size_t doc, const char *path,
                  const char *value, struct err *e)
{
    struct search *s = search_new(a, buf_text(b), b->len, doc);
    bool good = locate(s, path, NULL) == 0 && s->hit.data.scalar.length == strlen(value) &&
                memcmp(s->hit.data.scalar.value, value, strlen(value)) == 0;
    search_done(s);
    return good ? 0 : err_set(e, ERR_UNSUPPORTED, "\"%s\" stands where it cannot be edited", path);
}

int yaml_edit_scalar(struct arena *a, const char *text, size_t n, size_t doc, const char *path,
                     const char *new_value, char **out, size_t *out_n, struct err *e)
{
    struct search *s = search_new(a, text, n, doc);
    int rc = locate(s, path, e);
    if (!rc) {
        AUTO_BUF struct buf b;
        buf_init(&b, SIZE_MAX / 2);
        splice(s, &b, new_value);
        rc = verify(a, &b, doc, path, new_value, e);
        if (!rc) {
            *out = arena_strndup(a, buf_text(&b), b.len);
            *out_n = b.len;
        }
    }
    search_done(s);
    return rc;
}
