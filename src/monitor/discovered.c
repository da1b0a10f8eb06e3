#include "monitor/discovered.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"

enum { URL_MAX = 1 << 16 };

/* ---- what an object says ---- */

const char *discovered_name(struct arena *a, const char *prefix, const char *name)
{
    char *out = arena_join(a, prefix, name, NULL);
    for (char *p = out; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
    return out;
}

static void put_map(struct label_set *l, const char *prefix, const struct value *map,
                    struct arena *a)
{
    const char *with = arena_join(a, prefix, "_", NULL);
    const char *present = arena_join(a, prefix, "present_", NULL);
    VALUE_EACH_MEMBER (m, map) {
        label_set_put(l, discovered_name(a, with, m->key), value_str(&m->value, ""));
        label_set_put(l, discovered_name(a, present, m->key), "true");
    }
}

void discovered_labels(struct label_set *l, const char *kind, const struct object *o,
                       struct arena *a)
{
    put_map(l, arena_join(a, "__meta_kubernetes_", kind, "_label", NULL),
            value_at(o->root, "metadata.labels"), a);
}

void discovered_object(struct label_set *l, const char *kind, const struct object *o,
                       struct arena *a)
{
    label_set_put(l, arena_join(a, "__meta_kubernetes_", kind, "_name", NULL), o->name);
    discovered_labels(l, kind, o, a);
    put_map(l, arena_join(a, "__meta_kubernetes_", kind, "_annotation", NULL),
            value_at(o->root, "metadata.annotations"), a);
}

const char *discovered_address(struct arena *a, const char *host, int64_t port)
{
    return arena_printf(a, strchr(host, ':') ? "[%s]:%lld" : "%s:%lld", host, (long long)port);
}

/* ---- what becomes of it ---- */

static void put_encoded(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
            buf_putc(b, *s);
        else
            buf_printf(b, "%%%02X", (unsigned char)*s);
    }
}

static void put_param(struct buf *b, char between, const char *name, const char *value)
{
    buf_putc(b, between);
    put_encoded(b, name);
    buf_putc(b, '=');
    put_encoded(b, value);
}

/* Parameters: every value of the specification's, the first of them as relabelling left it. */
static const char *url_of(const struct discovered_spec *s, const struct label_set *l,
                          struct arena *a)
{
    static const char prefix[] = "__param_";
    const char *path = label_set_get(l, "__metrics_path__");
    char between = strchr(path, '?') ? '&' : '?';
    AUTO_BUF struct buf b;
    buf_init(&b, URL_MAX);
    buf_printf(&b, "%s://%s%s%s", label_set_get(l, "__scheme__"), label_set_get(l, "__address__"),
               *path == '/' ? "" : "/", path);
    for (size_t i = 0; i < l->n; i++) {
        if (strncmp(l->items[i].name, prefix, sizeof prefix - 1) != 0)
            continue;
        const char *name = l->items[i].name + sizeof prefix - 1;
        put_param(&b, between, name, l->items[i].value);
        between = '&';
        const struct value *all = value_get(s->params, name);
        for (size_t k = 1; k < value_count(all); k++)
            put_param(&b, '&', name, value_str(value_item(all, k), ""));
    }
    return b.overflow ? "" : arena_strdup(a, buf_text(&b));
}

static void put_default(struct label_set *l, const char *name, const char *value)
{
    if (!*label_set_get(l, name))
        label_set_put(l, name, value);
}

bool discovered_target(const struct discovered_spec *s, struct label_set *l, struct arena *a,
                       const char **url, struct labels *out)
{
    put_default(l, "__scheme__", s->scheme);
    put_default(l, "__metrics_path__", s->path);
    VALUE_EACH_MEMBER (m, s->params)
        put_default(l, arena_join(a, "__param_", m->key, NULL),
                    value_str(value_item(&m->value, 0), ""));
    if (!relabel_apply(s->relabel, l, a) || !*label_set_get(l, "__address__"))
        return false;
    *url = url_of(s, l, a);
    put_default(l, "instance", label_set_get(l, "__address__"));
    struct label *own = ARENA_ARRAY(a, struct label, l->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (strncmp(l->items[i].name, "__", 2) != 0)
            own[n++] = l->items[i];
    *out = labels_make(a, own, n);
    return **url != '\0';
}
