#include <string.h>
#include <strings.h>

#include "api/table.h"
#include "apiserver/rest_int.h"
#include "apiserver/web_int.h"
#include "base/log.h"
#include "codec/json.h"
#include "codec/yaml.h"

/* ---- what the client accepts ---- */

struct clause {
    const char *type;
    double q;
    const char *as, *g, *v;
};

static const char *trim(struct arena *a, const char *p, size_t n)
{
    while (n > 0 && (*p == ' ' || *p == '\t')) {
        p++;
        n--;
    }
    while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
        n--;
    return arena_strndup(a, p, n);
}

static struct clause parse_clause(struct arena *a, const char *p, size_t n)
{
    struct clause c = {.q = 1};
    size_t len = 0;
    while (len < n && p[len] != ';')
        len++;
    c.type = trim(a, p, len);
    while (len < n) {
        const char *from = p + len + 1;
        size_t part = 0;
        while (len + 1 + part < n && from[part] != ';')
            part++;
        const char *param = trim(a, from, part), *eq = strchr(param, '=');
        len += 1 + part;
        if (!eq)
            continue;
        if (strncmp(param, "as=", 3) == 0)
            c.as = eq + 1;
        else if (strncmp(param, "g=", 2) == 0)
            c.g = eq + 1;
        else if (strncmp(param, "v=", 2) == 0)
            c.v = eq + 1;
        else if (strncmp(param, "q=", 2) == 0)
            c.q = strtod(eq + 1, NULL);
    }
    return c;
}

static size_t parse_accept(struct arena *a, const char *text, struct clause *out, size_t max)
{
    size_t n = 0;
    while (*text && n < max) {
        size_t len = strcspn(text, ",");
        struct clause c = parse_clause(a, text, len);
        text += len + (text[len] == ',');
        if (!*c.type)
            continue;
        size_t at = n++;
        for (; at > 0 && out[at - 1].q < c.q; at--)
            out[at] = out[at - 1];
        out[at] = c;
    }
    return n;
}

static int not_acceptable(struct web *w)
{
    return refuse(&w->call, ERR_UNSUPPORTED, 406, "NotAcceptable",
                  "only the following media types are accepted: application/json, "
                  "application/yaml, application/vnd.kubernetes.protobuf");
}

/* False: not for this kind of answer. */
static bool take_as(struct web *w, const struct clause *c, bool listing)
{
    if (!c->as)
        return true;
    if (!c->g || strcmp(c->g, "meta.k8s.io") != 0 || !c->v ||
        (strcmp(c->v, "v1") != 0 && strcmp(c->v, "v1beta1") != 0))
        return false;
    if (strcmp(c->as, "Table") == 0)
        w->media.as = MEDIA_TABLE;
    else if (strcmp(c->as, "PartialObjectMetadata") == 0)
        w->media.as = MEDIA_PARTIAL;
    else if (strcmp(c->as, "PartialObjectMetadataList") == 0)
        w->media.as = MEDIA_PARTIAL_LIST;
    else
        return false;
    w->media.mismatch = listing ? w->media.as == MEDIA_PARTIAL : w->media.as == MEDIA_PARTIAL_LIST;
    w->media.as_version = c->v;
    return true;
}

int web__negotiate(struct web *w, bool listing, bool watching)
{
    const char *accept = http_header(w->q, "Accept");
    const char *pretty = http_query(w->q, "pretty");
    w->media.pretty = pretty && web__truth(pretty);
    if (!accept || !*accept)
        return 0;
    struct clause clauses[32];
    size_t n = parse_accept(w->call.a, accept, clauses, ARRAY_LEN(clauses));
    bool known = false;
    for (size_t i = 0; i < n; i++) {
        const char *t = clauses[i].type;
        bool json = strcmp(t, "application/json") == 0 || strcmp(t, "*/*") == 0;
        bool yaml = strcmp(t, "application/yaml") == 0;
        if (json || yaml || strcmp(t, "application/vnd.kubernetes.protobuf") == 0)
            known = true;
        if ((json || yaml) && take_as(w, &clauses[i], listing && !watching)) {
            w->media.yaml = yaml;
            return yaml && watching ? not_acceptable(w) : 0;
        }
    }
    if (known)
        return not_acceptable(w);
    refuse(&w->call, ERR_UNSUPPORTED, 406, "NotAcceptable",
           "406: Not Acceptable\n\nAvailable representations: application/json, "
           "application/yaml, application/vnd.kubernetes.protobuf%s",
           listing ? ", application/json;stream=watch, "
                     "application/vnd.kubernetes.protobuf;stream=watch"
                   : "");
    w->call.refusal.details = value_new_object(w->call.a);
    return ERR_UNSUPPORTED;
}

int web__check_include(struct web *w)
{
    const char *v = w->media.as == MEDIA_TABLE ? http_query(w->q, "includeObject") : NULL;
    if (!v || !*v || strcmp(v, "Metadata") == 0 || strcmp(v, "Object") == 0 ||
        strcmp(v, "None") == 0)
        return 0;
    return refuse_bad_request(&w->call,
                              "Unable to convert to Table as requested: includeObject: Invalid "
                              "value: \"%s\": must be 'Metadata', 'Object', 'None', or empty",
                              v);
}

/* ---- sending ---- */

void web_warnings(struct web *w)
{
    for (size_t i = 0; i < w->call.warnings.n; i++) {
        AUTO_BUF struct buf b;
        buf_init(&b, 64 * 1024);
        buf_puts(&b, "299 - \"");
        for (const char *p = w->call.warnings.items[i]; *p; p++) {
            if (*p == '"' || *p == '\\')
                buf_putc(&b, '\\');
            buf_putc(&b, (unsigned char)*p < 0x20 ? ' ' : *p);
        }
        buf_putc(&b, '"');
        http_set_header(w->q, "Warning", buf_text(&b));
    }
    http_set_header(w->q, "Cache-Control", "no-cache, private");
}

static void send_bytes(struct web *w, int status, const void *p, size_t n)
{
    w->status = status;
    web_warnings(w);
    http_send(w->q, status, w->media.yaml ? "application/yaml" : "application/json", p, n);
}

void web_send_value(struct web *w, int status, struct value *v)
{
    AUTO_BUF struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    if (w->media.yaml) {
        yaml_print(&b, v, 0);
    } else {
        json_print(&b, v, w->media.pretty ? JSON_PRETTY : 0);
        buf_putc(&b, '\n');
    }
    send_bytes(w, status, b.data, b.len);
}

void web_send_text(struct web *w, int status, const char *text)
{
    w->status = status;
    http_send_text(w->q, status, text);
}

void web_refuse(struct web *w)
{
    const struct refusal *r = &w->call.refusal;
    if (!r->reason) {
        web_send_text(w, r->code ? r->code : 500, r->message ? r->message : "refused\n");
        return;
    }
    if (r->retry_after)
        http_set_header(w->q, "Retry-After",
                        arena_printf(w->call.a, "%lld", (long long)r->retry_after));
    web_send_value(w, r->code, refusal_status(r, w->call.a));
}

/* ---- objects ---- */

static struct value *partial(struct web *w, const struct value *obj)
{
    struct arena *a = w->call.a;
    struct value *p = value_new_object(a);
    value_set_str(a, p, "kind", "PartialObjectMetadata");
    value_set_str(a, p, "apiVersion", arena_printf(a, "meta.k8s.io/%s", w->media.as_version));
    value_set(a, p, "metadata", value_get(obj, "metadata"));
    return p;
}

/* Lets kubectl leave finished pods out. */
static void note_completed(struct arena *a, struct value *r, const char *phase)
{
    bool good = strcmp(phase, "Succeeded") == 0;
    if (!good && strcmp(phase, "Failed") != 0)
        return;
    struct value *c = value_new_object(a);
    value_set_str(a, c, "type", "Completed");
    value_set_str(a, c, "status", "True");
    value_set_str(a, c, "reason", phase);
    value_set_str(a, c, "message",
                  good ? "The pod has completed successfully." : "The pod failed.");
    value_push(a, value_make_array(a, r, "conditions"), c);
}

static struct value *row(struct web *w, const struct served *k, struct value *obj)
{
    struct arena *a = w->call.a;
    const char *include = http_query(w->q, "includeObject");
    struct value *r = value_new_object(a);
    value_set(a, r, "cells", table_cells(&k->kind, obj, w->call.now_ms, a));
    if (k->res == &RES_POD)
        note_completed(a, r, value_at_str(obj, "status.phase", ""));
    if (!include || !*include || strcmp(include, "Metadata") == 0) {
        value_set(a, r, "object", partial(w, obj));
    } else if (strcmp(include, "Object") == 0) {
        value_set(a, r, "object", obj);
    } else {
        value_set(a, r, "object", value_null(a));
    }
    return r;
}

static struct value *table(struct web *w, const struct served *k, struct value *const *objs,
                           size_t n, bool headers)
{
    struct arena *a = w->call.a;
    struct value *t = value_new_object(a);
    value_set_str(a, t, "kind", "Table");
    value_set_str(a, t, "apiVersion", arena_printf(a, "meta.k8s.io/%s", w->media.as_version));
    struct value *meta = value_make_object(a, t, "metadata");
    if (n == 1)
        value_set(a, meta, "resourceVersion", value_at(objs[0], "metadata.resourceVersion"));
    value_set(a, t, "columnDefinitions", headers ? table_columns(&k->kind, a) : value_null(a));
    bool bare = k->res == &RES_ROLE || k->res == &RES_CLUSTER_ROLE || k->res == &RES_LIMIT_RANGE;
    if (n == 0 && bare) /* upstream has no printer for these, and prints a nil list */
        value_set(a, t, "rows", value_null(a));
    struct value *rows = n > 0 || !bare ? value_make_array(a, t, "rows") : NULL;
    for (size_t i = 0; i < n; i++)
        value_push(a, rows, row(w, k, objs[i]));
    return t;
}

/* A list asked for as one object, or the reverse: known only when there is an answer. */
static bool refuse_mismatch(struct web *w, const struct served *k, bool listing)
{
    if (!w->media.mismatch)
        return false;
    const char *group = *k->res->group ? k->res->group : "core";
    refuse(&w->call, ERR_UNSUPPORTED, 406, "NotAcceptable",
           listing ? "you requested PartialObjectMetadata, but the requested object is a list "
                     "(*%.*s.%s)"
                   : "you requested PartialObjectMetadataList, but the requested object is not a "
                     "list (*%.*s.%s)",
           (int)strcspn(group, "."), group, listing ? k->list_kind : k->res->kind);
    web_refuse(w);
    return true;
}

struct value *encode__as(struct web *w, const struct served *k, struct value *obj, bool headers)
{
    if (w->media.as == MEDIA_TABLE)
        return table(w, k, &obj, 1, headers);
    if (w->media.as == MEDIA_PARTIAL)
        return partial(w, obj);
    return obj;
}

void web_send_result(struct web *w, const struct served *k, int status, struct result *r)
{
    if (refuse_mismatch(w, k, false))
        return;
    bool bytes = r->entry && k->plain && !w->media.yaml && !w->media.pretty;
    if (!bytes || w->media.as != MEDIA_OBJECT) {
        web_send_value(w, status, encode__as(w, k, rest__tree(&w->call, k, r), true));
        return;
    }
    AUTO_BUF struct buf b;
    buf_init(&b, 2 * API_OBJECT_MAX);
    stored__splice(k, r->entry, r->rv, &b);
    buf_putc(&b, '\n');
    send_bytes(w, status, b.data, b.len);
}

static struct value *decoded(struct web *w, const struct served *k, struct entry *n)
{
    struct result r = {.entry = n};
    return rest__tree(&w->call, k, &r);
}

static void list_meta(struct arena *a, struct value *meta, bool untyped, const struct listing *l)
{
    if (untyped)
        value_set_str(a, meta, "continue", ""); /* as upstream's untyped lists print it */
    value_set(a, meta, "resourceVersion", value_new_strf(a, "%llu", (unsigned long long)l->rv));
    if (l->cont && *l->cont)
        value_set_str(a, meta, "continue", l->cont);
    if (l->remaining > 0)
        value_set_int(a, meta, "remainingItemCount", (int64_t)l->remaining);
}

static void send_list_trees(struct web *w, const struct served *k, const struct listing *l)
{
    struct arena *a = w->call.a;
    struct value **objs = ARENA_ARRAY(a, struct value *, l->n + 1);
    for (size_t i = 0; i < l->n; i++)
        objs[i] = decoded(w, k, l->items[i]);
    struct value *out;
    if (w->media.as == MEDIA_TABLE) {
        out = table(w, k, objs, l->n, true);
        value_set(a, out, "metadata", value_new_object(a));
        list_meta(a, value_get_mut(out, "metadata"), false, l);
        web_send_value(w, 200, out);
        return;
    }
    bool partials = w->media.as == MEDIA_PARTIAL_LIST;
    out = value_new_object(a);
    value_set_str(a, out, "kind", partials ? "PartialObjectMetadataList" : k->list_kind);
    value_set_str(a, out, "apiVersion",
                  partials ? arena_printf(a, "meta.k8s.io/%s", w->media.as_version)
                           : k->api_version);
    list_meta(a, value_make_object(a, out, "metadata"), k->kind.crd && !partials, l);
    if (partials && l->n == 0)
        value_set(a, out, "items", value_null(a));
    struct value *items = partials && l->n == 0 ? NULL : value_make_array(a, out, "items");
    for (size_t i = 0; i < l->n; i++) {
        if (!partials && !k->kind.crd) {
            value_remove(objs[i], "kind");
            value_remove(objs[i], "apiVersion");
        }
        struct value *item = objs[i];
        if (partials)
            item = partial(w, objs[i]);
        value_push(a, items, item);
    }
    web_send_value(w, 200, out);
}

static int send_item(struct web *w, const struct served *k, const struct entry *n, bool comma)
{
    struct err e = {0};
    struct spliced s = stored__spliced(k, n, 0, true);
    int rc = comma ? http_send_piece(w->q, ",", 1, &e) : 0;
    if (rc == 0)
        rc = http_send_piece(w->q, s.head, s.head_len, &e);
    if (rc == 0)
        rc = http_send_piece(w->q, s.start, s.start_len, &e);
    return rc == 0 ? http_send_piece(w->q, s.rest, s.rest_len, &e) : rc;
}

/* Objects lie scattered in memory: the processor fetches the next one while this one is copied. */
static void fetch_ahead(const struct entry *n)
{
    for (size_t at = 0; at < n->len && at < 2048; at += 64)
        __builtin_prefetch((const char *)n->bytes + at);
}

/* Straight from the stored bytes to the socket, a record at a time. */
static void send_list_bytes(struct web *w, const struct served *k, const struct listing *l)
{
    static const char end[] = "]}\n";
    AUTO_BUF struct buf b;
    buf_init(&b, 2 * API_OBJECT_MAX);
    buf_printf(&b, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":", k->list_kind,
               k->api_version);
    struct value *meta = value_new_object(w->call.a);
    list_meta(w->call.a, meta, k->kind.crd != NULL, l);
    json_print(&b, meta, 0);
    buf_puts(&b, ",\"items\":[");
    size_t total = b.len + sizeof end - 1 + (l->n ? l->n - 1 : 0);
    for (size_t i = 0; i < l->n; i++)
        total += stored__spliced_size(k, l->items[i], true);
    w->status = 200;
    web_warnings(w);
    http_send_begin(w->q, 200, "application/json", total);
    struct err e = {0};
    int rc = http_send_piece(w->q, b.data, b.len, &e);
    for (size_t i = 0; rc == 0 && i < l->n; i++) {
        if (i + 2 < l->n)
            fetch_ahead(l->items[i + 2]);
        rc = send_item(w, k, l->items[i], i > 0);
    }
    if (rc == 0)
        (void)!http_send_piece(w->q, end, sizeof end - 1, &e);
}

void web_send_list(struct web *w, const struct served *k, const struct listing *l)
{
    if (refuse_mismatch(w, k, true))
        return;
    if (!k->plain || w->media.yaml || w->media.pretty || w->media.as != MEDIA_OBJECT) {
        send_list_trees(w, k, l);
        return;
    }
    send_list_bytes(w, k, l);
}
