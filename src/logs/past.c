#include "logs/past.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum { PAGE_LINES = 5000, TAIL_MAX = 100000 };

/* ---- which pod ---- */

static const struct value *known(const struct logdb_stream_info *x, const char *label)
{
    const struct value *v = value_get(x->labels, label);
    return value_is(v, VALUE_STRING) ? v : NULL;
}

static int by_first_line(const void *a, const void *b)
{
    const struct logdb_stream_info *x = a, *y = b;
    return x->from_ns < y->from_ns ? -1 : x->from_ns > y->from_ns;
}

static bool listed(const struct value *list, const char *name)
{
    VALUE_EACH_ITEM (v, list)
        if (strcmp(value_at_str(v, "name", ""), name) == 0)
            return true;
    return false;
}

/* As Kubernetes says of a container that went with its pod before anyone saw how it ended. */
static struct value *ended(const char *name, struct arena *a)
{
    struct value *v = value_new_object(a), *state = value_new_object(a), *end = value_new_object(a);
    (void)value_set_str(a, end, "reason", "ContainerStatusUnknown");
    (void)value_set_str(a, end, "message", "the pod is deleted; its lines are what is left");
    (void)value_set_int(a, end, "exitCode", 137);
    (void)value_set(a, state, "terminated", end);
    (void)value_set_str(a, v, "name", name);
    (void)value_set(a, v, "state", state);
    (void)value_set(a, v, "lastState", value_new_object(a));
    (void)value_set_bool(a, v, "ready", false);
    (void)value_set_int(a, v, "restartCount", 0);
    (void)value_set_str(a, v, "image", "");
    (void)value_set_str(a, v, "imageID", "");
    return v;
}

static void add_containers(struct value *pod, const struct logdb_stream_info *x, size_t n,
                           struct arena *a)
{
    struct value *list = value_make_array(a, pod, "spec.containers");
    struct value *statuses = value_make_array(a, pod, "status.containerStatuses");
    for (size_t i = 0; i < n; i++) {
        const char *name = value_str(known(&x[i], "container"), "");
        if (!*name || listed(list, name))
            continue;
        struct value *c = value_new_object(a);
        (void)value_set_str(a, c, "name", name);
        (void)value_push(a, list, c);
        (void)value_push(a, statuses, ended(name, a));
    }
}

static struct value *make_pod(const char *ns, const char *name, const struct logdb_stream_info *x,
                              size_t n, struct arena *a)
{
    struct value *pod = value_new_object(a), *meta = value_new_object(a);
    struct value *marks = value_new_object(a), *status = value_new_object(a);
    char first[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX];
    int64_t to_ns = x[0].to_ns;
    for (size_t i = 1; i < n; i++)
        to_ns = x[i].to_ns > to_ns ? x[i].to_ns : to_ns;
    clock_format_rfc3339(x[0].from_ns / 1000000, first);
    clock_format_rfc3339_nano(to_ns, last);
    (void)value_set_str(a, pod, "apiVersion", "v1");
    (void)value_set_str(a, pod, "kind", "Pod");
    (void)value_set_str(a, meta, "name", name);
    (void)value_set_str(a, meta, "namespace", ns);
    (void)value_set_str(a, meta, "creationTimestamp", first);
    (void)value_set_str(a, marks, "slipway.dev/deleted", "true");
    (void)value_set_str(a, marks, "slipway.dev/last-line", last);
    (void)value_set(a, meta, "annotations", marks);
    (void)value_set_str(a, status, "phase", "Unknown");
    (void)value_set_str(a, status, "reason", "Deleted");
    (void)value_set_str(a, status, "message", "the pod is deleted; its lines are what is left");
    (void)value_set(a, pod, "metadata", meta);
    (void)value_set(a, pod, "spec", value_new_object(a));
    (void)value_set(a, pod, "status", status);
    add_containers(pod, x, n, a);
    return pod;
}

int past_pod(struct logdb *db, const char *ns, const char *name, struct arena *a,
             const struct value **out, struct err *e)
{
    const struct logdb_matcher m[] = {
        {"namespace", LOGDB_EQ, ns  },
        {"pod",       LOGDB_EQ, name},
        {"source",    LOGDB_EQ, ""  },
        {"container", LOGDB_NE, ""  }
    };
    const struct logdb_query q = {
        .matchers = m, .n_matchers = ARRAY_LEN(m), .from_ns = logdb_oldest_ns(db)};
    struct logdb_stream_info *list;
    size_t n;
    int r = logdb_streams(db, &q, a, &list, &n, e);
    if (r < 0)
        return r;
    if (n == 0)
        return err_set(e, ERR_NOT_FOUND, "there is no line of a pod %s/%s", ns, name);
    qsort(list, n, sizeof *list, by_first_line);
    *out = make_pod(ns, name, list, n, a);
    return 0;
}

/* ---- its lines ---- */

struct writing {
    const struct past_log *o;
    int (*write)(void *arg, const void *bytes, size_t n, struct err *e);
    void *arg;
    struct buf out;
    int64_t left; /* of limit_bytes; < 0: no limit */
};

/* A record may have several lines: each has the time when it is asked for. */
static void put_record(struct writing *w, const struct logdb_line *x)
{
    char stamp[CLOCK_TEXT_MAX];
    clock_format_rfc3339_nano(x->time_ns, stamp);
    for (const char *p = x->text, *end = p + x->n, *nl; p <= end; p = nl + 1) {
        nl = memchr(p, '\n', (size_t)(end - p));
        nl = nl ? nl : end;
        if (w->o->timestamps)
            buf_printf(&w->out, "%s ", stamp);
        buf_add(&w->out, p, (size_t)(nl - p));
        buf_putc(&w->out, '\n');
    }
}

static int put_out(struct writing *w, struct err *e)
{
    size_t n = w->out.len;
    if (w->left >= 0 && (int64_t)n > w->left)
        n = (size_t)w->left;
    int r = buf_check(&w->out, e);
    if (r == 0 && n)
        r = w->write(w->arg, buf_text(&w->out), n, e);
    w->left -= w->left >= 0 ? (int64_t)n : 0;
    buf_clear(&w->out);
    return r;
}

static int write_tail(struct writing *w, struct logdb *db, struct logdb_query *q, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct logdb_result found;
    if (w->o->tail_lines > TAIL_MAX)
        return err_set(e, ERR_INVALID, "at most the last %d lines of a deleted pod are shown",
                       TAIL_MAX);
    q->limit = (size_t)w->o->tail_lines;
    q->newest_first = true;
    int r = q->limit ? logdb_query(db, q, a, &found, e) : 0;
    if (r < 0 || !q->limit)
        return r;
    for (size_t i = found.n; r == 0 && i-- > 0 && w->left != 0;) {
        put_record(w, &found.lines[i]);
        r = put_out(w, e);
    }
    return r;
}

/* Page by page: the next one begins at the time of the last line, and passes over those of that
 * time that were written. */
static int write_all(struct writing *w, struct logdb *db, struct logdb_query *q, struct err *e)
{
    size_t written = 0;
    int r = 0;
    q->limit = PAGE_LINES;
    for (bool more = true; r == 0 && more && w->left != 0;) {
        AUTO(arena) struct arena *a = arena_new(0);
        struct logdb_result page;
        r = logdb_query(db, q, a, &page, e);
        if (r < 0)
            return r;
        more = page.n == q->limit;
        size_t new = page.n > written ? page.n - written : 0, same = 0;
        for (size_t i = page.n - new; r == 0 && i < page.n && w->left != 0; i++) {
            put_record(w, &page.lines[i]);
            r = put_out(w, e);
        }
        while (same < page.n &&
               page.lines[page.n - 1 - same].time_ns == page.lines[page.n - 1].time_ns)
            same++;
        q->limit = same == page.n ? q->limit * 2 : PAGE_LINES;
        q->from_ns = page.n ? page.lines[page.n - 1].time_ns : q->from_ns;
        written = same;
    }
    return r;
}

int past_log(struct logdb *db, const struct past_log *o,
             int (*write)(void *arg, const void *bytes, size_t n, struct err *e), void *arg,
             struct err *e)
{
    const struct logdb_matcher m[] = {
        {"namespace", LOGDB_EQ, o->ns       },
        {"pod",       LOGDB_EQ, o->pod      },
        {"source",    LOGDB_EQ, ""          },
        {"container", LOGDB_EQ, o->container}
    };
    struct logdb_query q = {.matchers = m, .n_matchers = ARRAY_LEN(m), .from_ns = o->since_ns};
    struct writing w = {.o = o, .write = write, .arg = arg, .left = o->limit_bytes};
    buf_init(&w.out, 4 << 20);
    int r = o->tail_lines >= 0 ? write_tail(&w, db, &q, e) : write_all(&w, db, &q, e);
    buf_done(&w.out);
    return r;
}
