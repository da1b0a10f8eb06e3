#include "base/own.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "template/functions_int.h"

#include "base/banned.h"

/* ---- YAML ---- */

/* What cannot be written is nothing, as in Helm. */
static int print_yaml(struct go_call *c, const struct go_value *v, unsigned flags, bool last_line,
                      struct go_value *out)
{
    struct value tree;
    struct buf *b = call__scratch(c);
    if (go_to_value(c->arena, v, &tree, NULL) == 0) {
        yaml_print(b, &tree, flags);
        if (!last_line && b->len && b->data[b->len - 1] == '\n')
            buf_cut(b, b->len - 1);
    }
    return call__finish(c, out);
}

int encode__yaml(struct go_call *c, const struct go_value *v, bool last_line, struct go_value *out)
{
    return print_yaml(c, v, YAML_FOLD, last_line, out);
}

static int to_yaml(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    return encode__yaml(c, &args[0], false, out);
}

static int to_yaml_pretty(struct go_call *c, const struct go_value *args, size_t n,
                          struct go_value *out)
{
    (void)n;
    return print_yaml(c, &args[0], YAML_INDENT_LISTS, false, out);
}

/* sigs.k8s.io/yaml's reading: the first document. */
static int read_yaml(struct go_call *c, const struct go_value *text, struct value **out,
                     const char **why)
{
    struct err e = {0};
    int rc = yaml_parse(c->arena, text->s, text->n, YAML_FIRST | YAML_GO_ERRORS, out, &e);
    if (rc)
        *why = arena_printf(c->arena, "error converting YAML to JSON: %s", e.msg);
    return rc;
}

/* What helm says instead of failing: the error as a value. */
static struct go_value error_map(struct go_call *c, const char *text)
{
    struct go_map *m = go_map_new(c->arena, 1);
    go_map_put(m, "Error", go_str(arena_strdup(c->arena, text)));
    return go_map(m);
}

static struct go_value error_list(struct go_call *c, const char *text)
{
    struct go_value *item = ARENA_NEW(c->arena, struct go_value);
    *item = go_str(arena_strdup(c->arena, text));
    return go_list(item, 1);
}

static const char *kind_in_json(const struct value *v)
{
    switch (v->kind) {
    case VALUE_BOOL:
        return "bool";
    case VALUE_INT:
    case VALUE_FLOAT:
        return "number";
    case VALUE_STRING:
        return "string";
    case VALUE_ARRAY:
        return "array";
    case VALUE_OBJECT:
        return "object";
    case VALUE_NULL:
        break;
    }
    return "null";
}

static int from_yaml(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    const char *why = NULL;
    struct value *v = NULL;
    *out = go_map(go_map_new(c->arena, 0));
    if (read_yaml(c, &args[0], &v, &why))
        *out = error_map(c, why);
    else if (v->kind == VALUE_OBJECT)
        *out = go_from_value(c->arena, v);
    else if (v->kind != VALUE_NULL)
        *out = error_map(c, arena_printf(c->arena,
                                         "error unmarshaling JSON: while decoding JSON: json: "
                                         "cannot unmarshal %s into Go value of type "
                                         "map[string]interface {}",
                                         kind_in_json(v)));
    return 0;
}

static int from_yaml_array(struct go_call *c, const struct go_value *args, size_t n,
                           struct go_value *out)
{
    (void)n;
    const char *why = NULL;
    struct value *v = NULL;
    *out = go_list(NULL, 0);
    if (read_yaml(c, &args[0], &v, &why))
        *out = error_list(c, why);
    else if (v->kind == VALUE_ARRAY)
        *out = go_from_value(c->arena, v);
    else if (v->kind != VALUE_NULL)
        *out =
            error_list(c, arena_printf(c->arena,
                                       "error unmarshaling JSON: while decoding JSON: json: "
                                       "cannot unmarshal %s into Go value of type []interface {}",
                                       kind_in_json(v)));
    return 0;
}

/* ---- JSON ---- */

static int write_json(struct go_call *c, const struct go_value *v, unsigned flags, bool must,
                      struct go_value *out)
{
    struct value tree;
    struct err e = {0};
    struct buf *b = call__scratch(c);
    int rc = go_to_value(c->arena, v, &tree, &e);
    if (rc && must)
        return go_fail(c, "%s", e.msg);
    if (rc == 0)
        json_print(b, &tree, flags);
    return call__finish(c, out);
}

static int to_json(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    return write_json(c, &args[0], 0, false, out);
}

static int must_to_json(struct go_call *c, const struct go_value *args, size_t n,
                        struct go_value *out)
{
    (void)n;
    return write_json(c, &args[0], 0, true, out);
}

static int to_pretty_json(struct go_call *c, const struct go_value *args, size_t n,
                          struct go_value *out)
{
    (void)n;
    return write_json(c, &args[0], JSON_PRETTY, false, out);
}

static int must_to_pretty_json(struct go_call *c, const struct go_value *args, size_t n,
                               struct go_value *out)
{
    (void)n;
    return write_json(c, &args[0], JSON_PRETTY, true, out);
}

static int to_raw_json(struct go_call *c, const struct go_value *args, size_t n,
                       struct go_value *out)
{
    (void)n;
    return write_json(c, &args[0], JSON_NO_HTML, true, out);
}

static int from_json(struct go_call *c, const struct go_value *args, size_t n, struct go_value *out)
{
    (void)n;
    struct err e = {0};
    struct value *v = NULL;
    *out = go_map(go_map_new(c->arena, 0));
    if (json_parse(c->arena, args[0].s, args[0].n, JSON_SHALLOW, &v, &e))
        *out = error_map(c, json__error(c->arena, args[0].s, args[0].n));
    else if (v->kind == VALUE_OBJECT)
        *out = go_from_value(c->arena, v);
    else if (v->kind == VALUE_NULL)
        *out = go_typed_map(&go_map_type, NULL);
    else
        *out = error_map(c, arena_printf(c->arena,
                                         "json: cannot unmarshal %s into Go value of type "
                                         "map[string]interface {}",
                                         kind_in_json(v)));
    return 0;
}

static int from_json_array(struct go_call *c, const struct go_value *args, size_t n,
                           struct go_value *out)
{
    (void)n;
    struct err e = {0};
    struct value *v = NULL;
    *out = go_list(NULL, 0);
    if (json_parse(c->arena, args[0].s, args[0].n, JSON_SHALLOW, &v, &e))
        *out = error_list(c, json__error(c->arena, args[0].s, args[0].n));
    else if (v->kind == VALUE_ARRAY)
        *out = go_from_value(c->arena, v);
    else if (v->kind == VALUE_NULL)
        *out = (struct go_value){.type = &go_list_type};
    else
        *out = error_list(c, arena_printf(c->arena,
                                          "json: cannot unmarshal %s into Go value of type "
                                          "[]interface {}",
                                          kind_in_json(v)));
    return 0;
}

static int must_from_json(struct go_call *c, const struct go_value *args, size_t n,
                          struct go_value *out)
{
    (void)n;
    struct err e = {0};
    struct value *v = NULL;
    if (json_parse(c->arena, args[0].s, args[0].n, JSON_SHALLOW, &v, &e))
        return go_fail(c, "%s", json__error(c->arena, args[0].s, args[0].n));
    *out = go_from_value(c->arena, v);
    return 0;
}

const struct go_func encode_functions[] = {
    {"fromJson",         "D",   from_json          },
    {"fromJsonArray",    "D",   from_json_array    },
    {"fromYaml",         "D",   from_yaml          },
    {"fromYamlArray",    "D",   from_yaml_array    },
    {"mustFromJson",     "s>a", must_from_json     },
    {"mustToJson",       "A",   must_to_json       },
    {"mustToPrettyJson", "A",   must_to_pretty_json},
    {"mustToRawJson",    "A",   to_raw_json        },
    {"toJson",           "A",   to_json            },
    {"toPrettyJson",     "A",   to_pretty_json     },
    {"toRawJson",        "A",   to_raw_json        },
    {"toYaml",           "A",   to_yaml            },
    {"toYamlPretty",     "A",   to_yaml_pretty     },
    {NULL,               NULL,  NULL               },
};
