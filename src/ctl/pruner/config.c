/* config.c - each level is a table of the fields it has. */
#include "ctl/pruner/config.h"

#include <string.h>

#include "codec/glob.h"
#include "codec/yaml.h"

enum { TEXT_MAX = 1 << 20 };

enum kind {
    COUNT,    /* 0 … */
    POSITIVE, /* 1 … */
    BYTES,    /* 1 MiB … */
    LEVEL,    /* global, namespace, resource */
    TEXT,
    MAP,     /* of objects with the fields of `below` */
    LIST,    /* the same */
    STRINGS, /* an object of texts */
    GLOBS,   /* a list of patterns */
};

struct field {
    const char *name;
    enum kind kind;
    const struct field *below;
};

#define LIMITS                                                                                     \
    {"enforcedConfigLevel", LEVEL, NULL}, {"ttlSecondsAfterFinished", COUNT, NULL},                \
        {"historyLimit", COUNT, NULL}, {"successfulHistoryLimit", COUNT, NULL},                    \
    {                                                                                              \
        "failedHistoryLimit", COUNT, NULL                                                          \
    }

static const struct field selector_fields[] = {
    {"matchLabels",      STRINGS, NULL},
    {"matchAnnotations", STRINGS, NULL},
    {NULL,               COUNT,   NULL},
};
static const struct field rule_fields[] = {
    {"name",     TEXT,  NULL           },
    {"selector", LIST,  selector_fields},
    LIMITS,
    {NULL,       COUNT, NULL           },
};
static const struct field ns_fields[] = {
    LIMITS,
    {"pipelineRuns", LIST,  rule_fields},
    {"taskRuns",     LIST,  rule_fields},
    {NULL,           COUNT, NULL       },
};
static const struct field global_fields[] = {
    LIMITS,
    {"namespaces", MAP,   ns_fields},
    {NULL,         COUNT, NULL     },
};
static const struct field repository_fields[] = {
    {"historyLimit", POSITIVE, NULL},
    {"ttlSeconds",   POSITIVE, NULL},
    {"keepTags",     GLOBS,    NULL},
    {NULL,           COUNT,    NULL},
};
static const struct field image_fields[] = {
    {"historyLimit", POSITIVE, NULL             },
    {"ttlSeconds",   POSITIVE, NULL             },
    {"keepTags",     GLOBS,    NULL             },
    {"repositories", MAP,      repository_fields},
    {NULL,           COUNT,    NULL             },
};
static const struct field log_fields[] = {
    {"ttlSeconds", POSITIVE, NULL},
    {"maxBytes",   BYTES,    NULL},
    {NULL,         COUNT,    NULL},
};

static int check_object(const struct value *v, const struct field *fields, const char *at,
                        struct arena *a, struct err *e);

static int check_number(const struct value *v, enum kind kind, const char *at, struct err *e)
{
    int64_t least = kind == COUNT ? 0 : kind == POSITIVE ? 1 : 1 << 20;
    int64_t most = kind == BYTES ? (int64_t)1 << 50 : INT32_MAX;
    if (value_is(v, VALUE_INT) && value_int(v, -1) >= least && value_int(v, -1) <= most)
        return 0;
    return err_set(e, ERR_INVALID, "%s has to be a whole number from %lld to %lld", at,
                   (long long)least, (long long)most);
}

static int check_text(const struct value *v, enum kind kind, const char *at, struct err *e)
{
    const char *s = value_str(v, NULL);
    if (!s)
        return err_set(e, ERR_INVALID, "%s has to be text", at);
    if (kind == TEXT || strcmp(s, "global") == 0 || strcmp(s, "namespace") == 0 ||
        strcmp(s, "resource") == 0)
        return 0;
    return err_set(e, ERR_INVALID, "%s: %s is none of global, namespace, resource", at, s);
}

static int check_list(const struct value *v, const struct field *fields, const char *at,
                      struct arena *a, struct err *e)
{
    size_t i = 0;
    if (!value_is(v, VALUE_ARRAY))
        return err_set(e, ERR_INVALID, "%s has to be a list", at);
    VALUE_EACH_ITEM (item, v) {
        int rc = check_object(item, fields, arena_printf(a, "%s[%zu]", at, i++), a, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_globs(const struct value *v, const char *at, struct err *e)
{
    if (!value_is(v, VALUE_ARRAY))
        return err_set(e, ERR_INVALID, "%s has to be a list", at);
    VALUE_EACH_ITEM (item, v)
        if (!glob_valid(value_str(item, "[")))
            return err_set(e, ERR_INVALID, "%s: %s is no pattern", at, value_str(item, "a value"));
    return 0;
}

static int check_map(const struct value *v, const struct field *f, const char *at, struct arena *a,
                     struct err *e)
{
    if (!value_is(v, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "%s has to be an object", at);
    VALUE_EACH_MEMBER (m, v) {
        const char *below = arena_printf(a, "%s.%s", at, m->key);
        int rc = f->kind == STRINGS ? check_text(&m->value, TEXT, below, e)
                                    : check_object(&m->value, f->below, below, a, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_field(const struct value *v, const struct field *f, const char *at,
                       struct arena *a, struct err *e)
{
    if (value_is(v, VALUE_NULL))
        return 0;
    switch (f->kind) {
    case COUNT:
    case POSITIVE:
    case BYTES:
        return check_number(v, f->kind, at, e);
    case LEVEL:
    case TEXT:
        return check_text(v, f->kind, at, e);
    case LIST:
        return check_list(v, f->below, at, a, e);
    case GLOBS:
        return check_globs(v, at, e);
    case MAP:
    case STRINGS:
        break;
    }
    return check_map(v, f, at, a, e);
}

static int check_object(const struct value *v, const struct field *fields, const char *at,
                        struct arena *a, struct err *e)
{
    if (value_is(v, VALUE_NULL))
        return 0;
    if (!value_is(v, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "%s has to be an object", *at ? at : "it");
    VALUE_EACH_MEMBER (m, v) {
        const struct field *f = fields;
        const char *below = arena_printf(a, "%s%s%s", at, *at ? "." : "", m->key);
        while (f->name && strcmp(f->name, m->key) != 0)
            f++;
        if (!f->name)
            return err_set(e, ERR_INVALID, "unknown field %s", below);
        int rc = check_field(&m->value, f, below, a, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int prune_config_read(const char *text, enum prune_config which, struct arena *a,
                      const struct value **out, struct err *e)
{
    static const struct field *const roots[] = {[PRUNE_GLOBAL] = global_fields,
                                                [PRUNE_NAMESPACE] = ns_fields,
                                                [PRUNE_IMAGES] = image_fields,
                                                [PRUNE_LOGS] = log_fields};
    struct value *v;
    *out = NULL;
    if (!*text)
        return 0;
    if (strlen(text) > TEXT_MAX)
        return err_set(e, ERR_INVALID, "it is longer than %d bytes", TEXT_MAX);
    int rc = yaml_parse(a, text, strlen(text), YAML_STRICT_KEYS, &v, e);
    if (rc == 0)
        rc = check_object(v, roots[which], "", a, e);
    if (rc == 0)
        *out = v;
    return rc < 0 ? ERR_INVALID : 0;
}
