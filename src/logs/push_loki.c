#include "logs/push_loki.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "codec/json.h"
#include "logs/push.h"

/* As Loki's usual limits. */
enum { BODY_MAX = 64 << 20, LABELS_MAX = 30, NAME_MAX_BYTES = 1024, VALUE_MAX_BYTES = 2048 };

static int check_stream(const struct value *labels, struct err *e)
{
    if (!value_is(labels, VALUE_OBJECT) || value_members_count(labels) > LABELS_MAX)
        return err_set(e, ERR_INVALID, "a stream needs an object of at most %d labels", LABELS_MAX);
    VALUE_EACH_MEMBER (m, labels) {
        if (!value_is(&m->value, VALUE_STRING))
            return err_set(e, ERR_INVALID, "label %.100s is no text", m->key);
        if (strlen(m->key) > NAME_MAX_BYTES || m->value.n > VALUE_MAX_BYTES)
            return err_set(e, ERR_INVALID, "label %.100s: names have at most %d bytes, values %d",
                           m->key, NAME_MAX_BYTES, VALUE_MAX_BYTES);
        if (strcmp(m->key, "index") == 0 || strcmp(m->key, "late") == 0)
            return err_set(e, ERR_INVALID, "label %s is the store's own", m->key);
    }
    return 0;
}

/* ["nanoseconds", "line"]. One that retention would take at once is counted, not taken. */
static int push_line(struct logdb *db, uint32_t stream, const struct value *v, size_t *too_old,
                     struct err *e)
{
    const struct value *line = value_item(v, 1);
    int64_t time_ns;
    if (!value_int_from_text(value_str(value_item(v, 0), ""), &time_ns) ||
        !value_is(line, VALUE_STRING))
        return err_set(e, ERR_INVALID, "a value is [\"nanoseconds\", \"line\"]");
    if (time_ns > clock_real_ns() + (int64_t)PUSH_SLACK_MS * 1000000)
        return err_set(e, ERR_INVALID, "the time %" PRId64 " is more than an hour ahead", time_ns);
    if (time_ns >= logdb_oldest_ns(db))
        return logdb_append(db, stream, time_ns, line->text, line->n, e);
    ++*too_old;
    return 0;
}

static int push_stream(struct http_request *q, const struct logs_access *x, const struct value *s,
                       size_t *too_old, struct err *e)
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
    VALUE_EACH_ITEM (v, value_get(s, "values"))
        if (r == 0)
            r = push_line(x->db, id, v, too_old, e);
    return r;
}

static int refuse_old(struct logdb *db, size_t n, struct err *e)
{
    char oldest[40];
    clock_format_rfc3339_nano(logdb_oldest_ns(db), oldest);
    return err_set(e, ERR_INVALID, "%zu lines are too old; the oldest that are kept are of %s", n,
                   oldest);
}

int push_loki(struct http_request *q, const struct logs_access *x, struct err *e)
{
    const char *type = http_header(q, "Content-Type");
    struct value *body;
    char *text;
    size_t n, too_old = 0;
    http_accept_gzip(q);
    int r = x->may(x->arg, q, true, NULL, e); /* known before the body is read */
    if (r < 0 && r != ERR_DENIED)
        return r;
    if (!type || strncmp(type, "application/json", 16) != 0)
        return err_set(e, ERR_UNSUPPORTED, "push takes application/json, not %s",
                       type ? type : "this");
    r = http_read_all(q, BODY_MAX, &text, &n, e);
    if (r == 0)
        r = json_parse(q->arena, text, n, JSON_SHALLOW, &body, e);
    VALUE_EACH_ITEM (s, r == 0 ? value_get(body, "streams") : NULL)
        if (r == 0)
            r = push_stream(q, x, s, &too_old, e);
    if (r == 0)
        r = logdb_sync(x->db, e);
    if (r == 0 && too_old > 0)
        r = refuse_old(x->db, too_old, e);
    if (r == 0)
        http_send(q, 204, "application/json", "", 0);
    return r;
}
