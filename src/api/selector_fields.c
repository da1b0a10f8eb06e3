#include <string.h>

#include "api/kind.h"
#include "api/selector.h"

/* One term up to a comma that no backslash hides. */
static size_t term_length(const char *s)
{
    size_t n = 0;
    for (; s[n] && s[n] != ','; n++)
        if (s[n] == '\\' && s[n + 1])
            n++;
    return n;
}

static int unescape(struct arena *a, const char *s, const char **out, struct err *e)
{
    char *text = arena_alloc(a, strlen(s) + 1), *p = text;
    for (; *s; s++) {
        if (*s == '\\') {
            s++;
            if (!*s || !strchr("\\,=", *s))
                return err_set(e, ERR_INVALID,
                               "invalid field selector: invalid escape sequence: \\%.1s", s);
        } else if (*s == '=') {
            return err_set(e, ERR_INVALID,
                           "invalid field selector: invalid unescaped character in value: =");
        }
        *p++ = *s;
    }
    *out = text;
    return 0;
}

static bool split(char *term, enum selector_op *op, const char **value)
{
    for (char *p = term; *p; p++) {
        if (*p == '\\' && p[1]) {
            p++;
            continue;
        }
        size_t n = strncmp(p, "!=", 2) == 0 || strncmp(p, "==", 2) == 0 ? 2 : *p == '=';
        if (!n)
            continue;
        *op = *p == '!' ? SELECTOR_NE : SELECTOR_EQ;
        *value = p + n;
        *p = '\0';
        return true;
    }
    return false;
}

int selector_parse_fields(const char *text, struct arena *a, struct selector *out, struct err *e)
{
    struct selector_req *reqs = NULL;
    size_t n = 0;
    for (const char *p = text; *p;) {
        size_t len = term_length(p);
        char *term = arena_strndup(a, p, len);
        const char *whole = arena_strndup(a, p, len), *raw;
        p += len + (p[len] == ',');
        if (!len)
            continue;
        struct selector_req r = {.key = term, .n = 1};
        const char **value = ARENA_NEW(a, const char *);
        if (!split(term, &r.op, &raw))
            return err_set(e, ERR_INVALID, "invalid selector: '%s'; can't understand '%s'", text,
                           whole);
        int rc = unescape(a, raw, value, e);
        if (rc < 0)
            return rc;
        r.values = value;
        reqs = arena_grow(a, reqs, n * sizeof r, (n + 1) * sizeof r);
        reqs[n++] = r;
    }
    *out = (struct selector){.reqs = reqs, .n = n};
    return 0;
}

/* What each kind offers besides metadata.name and metadata.namespace. */
static const struct {
    const struct resource *resource;
    const char *fields[12];
} FIELDS[] = {
    {&RES_POD,
     {"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
      "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs",
      "status.nominatedNodeName"}                                                  },
    {&RES_NODE,                   {"spec.unschedulable"}                           },
    {&RES_NAMESPACE,              {"status.phase", "name"}                         },
    {&RES_SECRET,                 {"type"}                                         },
    {&RES_SERVICE,                {"spec.clusterIP", "spec.type"}                  },
    {&RES_REPLICATION_CONTROLLER, {"status.replicas"}                              },
    {&RES_JOB,                    {"status.successful"}                            },
    {&RES_EVENT,
     {"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
      "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
      "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"}},
    {&RES_EVENT_EVENTS,
     {"regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid",
      "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath", "reason",
      "reportingController", "type"}                                               },
    {&RES_CRD,                    {NULL}                                           },
};

static const char *const *extra_fields(const struct kind *k)
{
    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++)
        if (FIELDS[i].resource == k->resource)
            return FIELDS[i].fields;
    return NULL;
}

static bool is_offered(const struct kind *k, const char *field)
{
    if (strcmp(field, "metadata.name") == 0 || strcmp(field, "metadata.namespace") == 0)
        return true;
    if (k->crd)
        for (size_t i = 0; i < k->crd->n_selectable; i++)
            if (strcmp(k->crd->selectable[i] + 1, field) == 0)
                return true;
    const char *const *extra = extra_fields(k);
    for (size_t i = 0; extra && i < 12 && extra[i]; i++)
        if (strcmp(extra[i], field) == 0)
            return true;
    return false;
}

static const char *scalar(const struct value *v, struct arena *a)
{
    if (!v)
        return "";
    switch (v->kind) {
    case VALUE_STRING:
    case VALUE_INT:
    case VALUE_FLOAT:
        return arena_strndup(a, v->text, v->n);
    case VALUE_BOOL:
        return v->boolean ? "true" : "false";
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return "";
}

/* Members that Go's types always have, so that their zero can be asked for. */
static const char *zero_of(const char *field)
{
    if (strcmp(field, "spec.unschedulable") == 0 || strcmp(field, "spec.hostNetwork") == 0)
        return "false";
    if (strcmp(field, "status.replicas") == 0 || strcmp(field, "status.successful") == 0)
        return "0";
    return "";
}

static const char *path_of(const char *field)
{
    if (strcmp(field, "name") == 0)
        return "metadata.name";
    if (strcmp(field, "status.successful") == 0)
        return "status.succeeded";
    if (strcmp(field, "source") == 0)
        return "source.component";
    return field;
}

bool selector_field(const struct kind *k, const struct value *obj, const char *field,
                    struct arena *a, const char **out)
{
    if (!is_offered(k, field))
        return false;
    const char *text = scalar(value_at(obj, path_of(field)), a);
    if (!*text && strcmp(field, "source") == 0)
        text = scalar(value_get(obj, "reportingComponent"), a);
    *out = *text || k->crd ? text : zero_of(field);
    return true;
}

int selector_check_fields(const struct kind *k, const struct selector *s, struct err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        const char *field = s->reqs[i].key;
        if (is_offered(k, field))
            continue;
        if (k->crd || extra_fields(k))
            return err_set(e, ERR_INVALID, "field label not supported: %s", field);
        return err_set(e, ERR_INVALID,
                       "\"%s\" is not a known field selector: only \"metadata.name\", "
                       "\"metadata.namespace\"",
                       field);
    }
    return 0;
}

bool selector_matches_fields(const struct selector *s, const struct kind *k,
                             const struct value *obj, struct arena *a)
{
    for (size_t i = 0; i < s->n; i++) {
        const char *is;
        if (!selector_field(k, obj, s->reqs[i].key, a, &is))
            return false;
        if ((strcmp(is, s->reqs[i].values[0]) == 0) != (s->reqs[i].op == SELECTOR_EQ))
            return false;
    }
    return true;
}
