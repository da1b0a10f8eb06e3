#include "logs/push.h"

#include <string.h>

#include "codec/json.h"

const char *push_namespace(const struct value *document)
{
    const struct value *k = value_get(document, "kubernetes");
    const char *ns = value_at_str(k, "namespace_name", NULL);
    if (!ns)
        ns = value_str(value_get(k, "namespace"), NULL);
    if (!ns)
        ns = value_at_str(k, "namespace.name", NULL);
    if (!ns)
        ns = value_str(value_get(document, "kubernetes.namespace_name"), NULL);
    return ns ? ns : value_str(value_get(document, "namespace"), "");
}

enum { NAMESPACE_MAX = 63 };

int push_document(struct logdb *db, const struct push *p, struct pushed *out, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *labels = value_new_object(a);
    if (strlen(p->ns) > NAMESPACE_MAX)
        return err_set(e, ERR_INVALID, "namespace %.100s: a name has at most %d bytes", p->ns,
                       NAMESPACE_MAX);
    (void)value_set_str(a, labels, "index", p->index);
    (void)value_set_str(a, labels, "source", p->source);
    if (*p->ns)
        (void)value_set_str(a, labels, "namespace", p->ns);
    if (p->tag)
        (void)value_set_str(a, labels, "tag", p->tag);
    if (p->time_ms > p->now_ms + PUSH_SLACK_MS || p->time_ms < p->now_ms - PUSH_SLACK_MS)
        (void)value_set_str(a, labels, "late", "yes");
    int r = logdb_stream(db, labels, &out->stream, e);
    if (r < 0)
        return r;
    const char *text = p->text ? p->text : json_text(a, p->document, JSON_NO_HTML);
    size_t n = p->text ? p->text_n : strlen(text);
    if (n > 256 * 1024)
        return err_set(e, ERR_TOO_LARGE, "a document of %zu bytes; at most 256 KiB are taken", n);
    return logdb_append_at(db, out->stream, p->now_ms * 1000000, text, n, &out->place, e);
}
