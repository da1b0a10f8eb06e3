#include "logs/push_loki.h"

#include <string.h>

#include "codec/json.h"

enum { BODY_MAX = 64 << 20, LABELS_MAX = 30 };

static int check_stream(const struct value *labels, struct err *e)
{
    if (!value_is(labels, VALUE_OBJECT) || value_members_count(labels) > LABELS_MAX)
        return err_set(e, ERR_INVALID, "a stream needs an object of at most %d labels", LABELS_MAX);
    VALUE_EACH_MEMBER (m, labels) {
        if (!value_is(&m->value, VALUE_STRING))
            return err_set(e, ERR_INVALID, "label %s is no text", m->key);
        if (strcmp(m->key, "index") == 0 || strcmp(m->key, "late") == 0)
            return err_set(e, ERR_INVALID, "label %s is the store's own", m->key);
    }
    return 0;
}

static int push_stream(struct http_request *q, const struct logs_access *x, const struct value *s,
                       struct err *e)
{
    const struct value *given = value_get(s, "stream");
    uint32_t id;
    int r = check_stream(given, e);
    if (r < 0)
        return r;
    const char *ns = value_at_str(given, "namespace", NULL);
    r = x->may(x->arg, q, true, ns && *ns ? ns : NULL, e);
    if (r < 0)
        return r;
    struct value *labels = value_copy(q->arena, given);
    (void)value_set_str(q->arena, labels, "source", "loki");
    r = logdb_stream(x->db, labels, &id, e);
    VALUE_EACH_ITEM (v, value_get(s, "values")) {
        const struct value *line = value_item(v, 1);
        int64_t time_ns;
        if (r == 0 && (!value_int_from_text(value_str(value_item(v, 0), ""), &time_ns) ||
                       !value_is(line, VALUE_STRING)))
            return err_set(e, ERR_INVALID, "a value is [\"nanoseconds\", \"line\"]");
        if (r == 0)
            r = logdb_append(x->db, id, time_ns, line->text, line->n, e);
    }
    return r;
}

int push_loki(struct http_request *q, const struct logs_access *x, struct err *e)
{
    const char *type = http_header(q, "Content-Type");
    struct value *body;
    char *text;
    size_t n;
    http_accept_gzip(q);
    if (!type || strncmp(type, "application/json", 16) != 0)
        return err_set(e, ERR_UNSUPPORTED, "push takes application/json, not %s",
                       type ? type : "this");
    int r = http_read_all(q, BODY_MAX, &text, &n, e);
    if (r == 0)
        r = json_parse(q->arena, text, n, JSON_SHALLOW, &body, e);
    VALUE_EACH_ITEM (s, r == 0 ? value_get(body, "streams") : NULL)
        if (r == 0)
            r = push_stream(q, x, s, e);
    if (r == 0)
        r = logdb_sync(x->db, e);
    if (r == 0)
        http_send(q, 204, "application/json", "", 0);
    return r;
}
