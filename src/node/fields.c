#include <string.h>

#include "api/quantity.h"
#include "node/node_int.h"

/* Labels or annotations as the downward API prints them: key="value", sorted, a line each. */
static int by_key(const void *a, const void *b)
{
    return strcmp((*(const struct member *const *)a)->key, (*(const struct member *const *)b)->key);
}

static void quote(struct buf *b, const char *s)
{
    buf_putc(b, '"');
    for (; *s; s++) {
        if (*s == '\n')
            buf_puts(b, "\\n");
        else if (*s == '\t')
            buf_puts(b, "\\t");
        else {
            if (*s == '"' || *s == '\\')
                buf_putc(b, '\\');
            buf_putc(b, *s);
        }
    }
    buf_putc(b, '"');
}

static const char *print_map(const struct value *m, struct arena *a)
{
    size_t n = value_members_count(m), i = 0;
    const struct member **sorted = ARENA_ARRAY(a, const struct member *, n + 1);
    VALUE_EACH_MEMBER (x, m)
        sorted[i++] = x;
    qsort(sorted, n, sizeof *sorted, by_key);
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    for (i = 0; i < n; i++) {
        buf_printf(&b, "%s%s=", i ? "\n" : "", sorted[i]->key);
        quote(&b, value_str(&sorted[i]->value, ""));
    }
    return arena_strdup(a, buf_text(&b));
}

/* metadata.labels['key'] */
static bool subscript(const char *path, const char *prefix, struct arena *a, const char **key)
{
    size_t n = strlen(prefix), len = strlen(path);
    if (strncmp(path, prefix, n) != 0 || len < n + 4 || strncmp(path + n, "['", 2) != 0 ||
        strcmp(path + len - 2, "']") != 0)
        return false;
    *key = arena_strndup(a, path + n + 2, len - n - 4);
    return true;
}

static const char *plain(const struct node *n, const struct pod_def *d, const struct sandbox *s,
                         const char *path)
{
    const struct {
        const char *path, *value;
    } known[] = {
        {"metadata.name",           d->name                  },
        {"metadata.namespace",      d->ns                    },
        {"metadata.uid",            d->uid                   },
        {"spec.nodeName",           n->name                  },
        {"spec.serviceAccountName", value_at_str(d->spec,      "serviceAccountName", "default")},
        {"spec.restartPolicy",               value_at_str(d->spec,                                        "restartPolicy", "Always")},
        {"status.podIP",s->ip},
        {"status.podIPs",                         s->ip                                    },
        {"status.hostIP",                         n->address                                                                          },
        {"status.hostIPs",                         n->address},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(path, known[i].path) == 0)
            return known[i].value;
    return NULL;
}

int field__pod(const struct node *n, const struct pod_def *d, const struct sandbox *s,
               const char *path, struct arena *a, const char **out, struct err *e)
{
    const char *key;
    const struct value *labels = value_at(d->object->root, "metadata.labels");
    const struct value *notes = value_at(d->object->root, "metadata.annotations");
    const char *text = plain(n, d, s, path);
    if (text)
        *out = text;
    else if (strcmp(path, "metadata.labels") == 0)
        *out = print_map(labels, a);
    else if (strcmp(path, "metadata.annotations") == 0)
        *out = print_map(notes, a);
    else if (subscript(path, "metadata.labels", a, &key))
        *out = value_str(value_get(labels, key), "");
    else if (subscript(path, "metadata.annotations", a, &key))
        *out = value_str(value_get(notes, key), "");
    else
        return err_set(e, ERR_INVALID, "fieldPath %s is not supported", path);
    return 0;
}

/* The whole machine, for limits that are not set. */
static struct quantity capacity(const char *resource)
{
    if (strcmp(resource, "cpu") == 0)
        return quantity_from_int(sysconf(_SC_NPROCESSORS_ONLN), QUANTITY_DECIMAL);
    if (strcmp(resource, "memory") == 0)
        return quantity_from_int((int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE),
                                 QUANTITY_BINARY);
    return quantity_from_int(0, QUANTITY_DECIMAL);
}

static int read_quantity(const struct value *v, struct quantity *out)
{
    if (value_is(v, VALUE_STRING))
        return quantity_parse(value_str(v, ""), out, NULL);
    if (value_is(v, VALUE_INT) || value_is(v, VALUE_FLOAT))
        return quantity_parse(v->text, out, NULL);
    return ERR_NOT_FOUND;
}

int field__resource(const struct pod_def *d, const struct container_def *self,
                    const struct value *ref, struct arena *a, const char **out, struct err *e)
{
    const char *name = value_at_str(ref, "containerName", "");
    const char *resource = value_at_str(ref, "resource", "");
    const struct container_def *c = *name ? pod_def_find(d, name) : self;
    if (!c)
        return err_set(e, ERR_INVALID, "resourceFieldRef: there is no container \"%s\"", name);
    bool limit = strncmp(resource, "limits.", 7) == 0;
    if (!limit && strncmp(resource, "requests.", 9) != 0)
        return err_set(e, ERR_INVALID, "resourceFieldRef: %s is not supported", resource);
    const char *what = resource + (limit ? 7 : 9);
    const struct value *res = value_get(c->v, "resources");
    struct quantity q, divisor;
    if (read_quantity(value_get(value_get(res, limit ? "limits" : "requests"), what), &q) < 0)
        q = limit ? capacity(what) : quantity_from_int(0, QUANTITY_DECIMAL);
    if (read_quantity(value_get(ref, "divisor"), &divisor) < 0 || divisor.nano <= 0)
        divisor = quantity_from_int(1, QUANTITY_DECIMAL);
    __int128 whole = (q.nano + divisor.nano - 1) / divisor.nano;
    *out = arena_printf(a, "%lld", (long long)whole);
    return 0;
}
