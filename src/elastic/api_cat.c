/* api_cat.c - health, and tables for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "elastic/api_int.h"

int api_health(struct ask *k, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *v = value_new_object(a);
    struct index_info *list;
    size_t n;
    int r = indices_resolve(k, k->part[2], &list, &n, e);
    if (r < 0)
        return r;
    (void)value_set_str(a, v, "cluster_name", "slipway");
    (void)value_set_str(a, v, "status", "green");
    (void)value_set_bool(a, v, "timed_out", false);
    (void)value_set_int(a, v, "number_of_nodes", 1);
    (void)value_set_int(a, v, "number_of_data_nodes", 1);
    (void)value_set_int(a, v, "active_primary_shards", (int64_t)n);
    (void)value_set_int(a, v, "active_shards", (int64_t)n);
    static const char *const zeros[] = {"relocating_shards",
                                        "initializing_shards",
                                        "unassigned_shards",
                                        "delayed_unassigned_shards",
                                        "number_of_pending_tasks",
                                        "number_of_in_flight_fetch",
                                        "task_max_waiting_in_queue_millis"};
    for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
        (void)value_set_int(a, v, zeros[i], 0);
    (void)value_set(a, v, "active_shards_percent_as_number", value_new_float(a, 100));
    ask_send(k, 200, v);
    return 0;
}

/* ---- tables: rows are objects of texts with the same members ---- */

static const char *size_text(struct arena *a, uint64_t bytes)
{
    static const char *const units[] = {"b", "kb", "mb", "gb", "tb"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= 1024 && u + 1 < ARRAY_LEN(units); u++)
        v /= 1024;
    return u ? arena_printf(a, "%.1f%s", v, units[u]) : arena_printf(a, "%.0f%s", v, units[u]);
}

static int index_rows(struct ask *k, struct value *rows, struct err *e)
{
    struct arena *a = k->call.arena;
    struct index_info *list;
    size_t n;
    int r = indices_resolve(k, k->part[2], &list, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct value *row = value_new_object(a);
        const char *size = size_text(a, list[i].bytes);
        (void)value_set_str(a, row, "health", "green");
        (void)value_set_str(a, row, "status", "open");
        (void)value_set_str(a, row, "index", list[i].name);
        (void)value_set_str(
            a, row, "uuid",
            arena_printf(a, "%016" PRIx64, map_hash(list[i].name, strlen(list[i].name))));
        (void)value_set_str(a, row, "pri", "1");
        (void)value_set_str(a, row, "rep", "0");
        (void)value_set_str(a, row, "docs.count", arena_printf(a, "%" PRIu64, list[i].lines));
        (void)value_set_str(a, row, "docs.deleted", "0");
        (void)value_set_str(a, row, "store.size", size);
        (void)value_set_str(a, row, "pri.store.size", size);
        (void)value_push(a, rows, row);
    }
    return r;
}

static int count_rows(struct ask *k, struct value *rows, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *row = value_new_object(a);
    struct index_info *list;
    uint64_t lines = 0;
    size_t n;
    int r = indices_resolve(k, k->part[2], &list, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        lines += list[i].lines;
    (void)value_set_str(a, row, "epoch", arena_printf(a, "%" PRId64, k->call.now_ms / 1000));
    (void)value_set_str(a, row, "timestamp", date_text(a, k->call.now_ms, "HH:mm:ss", 0));
    (void)value_set_str(a, row, "count", arena_printf(a, "%" PRIu64, lines));
    (void)value_push(a, rows, row);
    return r;
}

static int health_rows(struct ask *k, struct value *rows, struct err *e)
{
    struct arena *a = k->call.arena;
    struct value *row = value_new_object(a);
    (void)e;
    (void)value_set_str(a, row, "epoch", arena_printf(a, "%" PRId64, k->call.now_ms / 1000));
    (void)value_set_str(a, row, "timestamp", date_text(a, k->call.now_ms, "HH:mm:ss", 0));
    (void)value_set_str(a, row, "cluster", "slipway");
    (void)value_set_str(a, row, "status", "green");
    (void)value_set_str(a, row, "node.total", "1");
    (void)value_set_str(a, row, "node.data", "1");
    (void)value_push(a, rows, row);
    return 0;
}

/* ?h=a,b: these columns in this order. */
static struct value *columns(struct ask *k, const struct value *row)
{
    struct arena *a = k->call.arena;
    struct value *out = value_new_array(a);
    const char *h = ask_param(k, "h", NULL);
    for (const char *t = h; t && *t;) {
        size_t n = strcspn(t, ",");
        char *name = arena_strndup(a, t, n);
        if (value_get(row, name))
            (void)value_push_str(a, out, name);
        t += n + (t[n] == ',');
    }
    if (!h)
        VALUE_EACH_MEMBER (m, row)
            (void)value_push_str(a, out, m->key);
    return out;
}

static void send_text(struct ask *k, const struct value *rows)
{
    struct arena *a = k->call.arena;
    const struct value *names = columns(k, value_item(rows, 0));
    size_t *width = ARENA_ARRAY(a, size_t, value_count(names) + 1);
    bool heads = ask_flag(k, "v");
    AUTO_BUF struct buf b;
    buf_init(&b, 64 << 20);
    for (size_t c = 0; c < value_count(names); c++) {
        const char *name = value_item(names, c)->text;
        width[c] = heads ? strlen(name) : 0;
        VALUE_EACH_ITEM (row, rows) {
            size_t n = strlen(value_str(value_get(row, name), ""));
            width[c] = n > width[c] ? n : width[c];
        }
    }
    for (size_t i = 0; i < value_count(rows) + heads; i++) {
        const struct value *row = heads && i == 0 ? NULL : value_item(rows, i - heads);
        for (size_t c = 0; c < value_count(names); c++) {
            const char *name = value_item(names, c)->text;
            const char *text = row ? value_str(value_get(row, name), "") : name;
            bool last = c + 1 == value_count(names);
            buf_printf(&b, "%-*s%s", last ? 0 : (int)width[c], text, last ? "\n" : " ");
        }
    }
    http_send(k->q, 200, "text/plain; charset=UTF-8", buf_text(&b), b.len);
}

int api_cat(struct ask *k, struct err *e)
{
    struct value *rows = value_new_array(k->call.arena);
    const char *what = k->part[1], *accept = http_header(k->q, "Accept");
    int r = strcmp(what, "indices") == 0 ? index_rows(k, rows, e)
            : strcmp(what, "count") == 0 ? count_rows(k, rows, e)
            : strcmp(what, "health") == 0
                ? health_rows(k, rows, e)
                : elastic__fault(&k->call, e, ERR_NOT_FOUND, "illegal_argument_exception",
                                 "there is _cat/indices, _cat/count and _cat/health");
    if (r < 0)
        return r;
    bool json =
        strcmp(ask_param(k, "format", "text"), "json") == 0 || (accept && strstr(accept, "json"));
    if (!json) {
        send_text(k, rows);
        return 0;
    }
    struct value *list = value_new_array(k->call.arena);
    const struct value *names = columns(k, value_item(rows, 0));
    VALUE_EACH_ITEM (row, rows) {
        struct value *one = value_new_object(k->call.arena);
        VALUE_EACH_ITEM (name, names)
            (void)value_set(k->call.arena, one, name->text, value_get(row, name->text));
        (void)value_push(k->call.arena, list, one);
    }
    ask_send(k, 200, list);
    return 0;
}
