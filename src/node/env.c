#include <ctype.h>
#include <string.h>

#include "node/node_int.h"

/* A list of "NAME=value" in which a later name replaces an earlier one. */
struct env {
    struct arena *a;
    const char **list;
    size_t n, cap;
};

static const char *find(const char *const *list, size_t n, const char *name, size_t len)
{
    for (size_t i = n; i > 0; i--)
        if (strncmp(list[i - 1], name, len) == 0 && list[i - 1][len] == '=')
            return list[i - 1] + len + 1;
    return NULL;
}

static void put(struct env *env, const char *name, const char *value)
{
    size_t len = strlen(name), i = 0;
    while (i < env->n && !(strncmp(env->list[i], name, len) == 0 && env->list[i][len] == '='))
        i++;
    if (i == env->n) {
        if (env->n + 1 >= env->cap) {
            size_t cap = env->cap ? env->cap * 2 : 32;
            env->list = arena_grow(env->a, env->list, env->cap * sizeof *env->list,
                                   cap * sizeof *env->list);
            env->cap = cap;
        }
        env->n++;
    }
    env->list[i] = arena_printf(env->a, "%s=%s", name, value);
}

char *env__expand(const char *text, const char *const *env, size_t n, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    for (const char *p = text; *p;) {
        const char *end;
        if (p[0] == '$' && p[1] == '$') {
            buf_putc(&b, '$');
            p += 2;
        } else if (p[0] == '$' && p[1] == '(' && (end = strchr(p, ')'))) {
            const char *v = find(env, n, p + 2, (size_t)(end - p - 2));
            if (v)
                buf_puts(&b, v);
            else
                buf_add(&b, p, (size_t)(end + 1 - p));
            p = end + 1;
        } else {
            buf_putc(&b, *p++);
        }
    }
    return arena_strdup(a, buf_text(&b));
}

/* ---- services ---- */

/* "my-svc" → "MY_SVC" */
static char *upper(const char *name, struct arena *a)
{
    char *s = arena_strdup(a, name);
    for (char *p = s; *p; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    return s;
}

static void put_port(struct env *env, const char *prefix, const struct value *port, const char *ip)
{
    const char *protocol = value_at_str(port, "protocol", "TCP");
    long long number = value_at_int(port, "port", 0);
    char *lower = arena_strdup(env->a, protocol);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    const char *key = arena_printf(env->a, "%s_PORT_%lld_%s", prefix, number, protocol);
    put(env, key, arena_printf(env->a, "%s://%s:%lld", lower, ip, number));
    put(env, arena_printf(env->a, "%s_PROTO", key), lower);
    put(env, arena_printf(env->a, "%s_PORT", key), arena_printf(env->a, "%lld", number));
    put(env, arena_printf(env->a, "%s_ADDR", key), ip);
}

static void put_service(struct env *env, const char *name, const char *ip,
                        const struct value *ports)
{
    const char *prefix = upper(name, env->a);
    const struct value *first = value_item(ports, 0);
    if (!first)
        return;
    const char *number = arena_printf(env->a, "%lld", (long long)value_at_int(first, "port", 0));
    put(env, arena_printf(env->a, "%s_SERVICE_HOST", prefix), ip);
    put(env, arena_printf(env->a, "%s_SERVICE_PORT", prefix), number);
    VALUE_EACH_ITEM (p, ports) {
        const char *port_name = value_at_str(p, "name", "");
        if (*port_name)
            put(env, arena_printf(env->a, "%s_SERVICE_PORT_%s", prefix, upper(port_name, env->a)),
                arena_printf(env->a, "%lld", (long long)value_at_int(p, "port", 0)));
        put_port(env, prefix, p, ip);
    }
    const char *protocol = value_at_str(first, "protocol", "TCP");
    char *lower = arena_strdup(env->a, protocol);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    put(env, arena_printf(env->a, "%s_PORT", prefix),
        arena_printf(env->a, "%s://%s:%s", lower, ip, number));
}

static void put_services(struct node *n, const struct pod_def *d, struct env *env)
{
    if (n->api_host) {
        const char *port = arena_printf(env->a, "%u", n->api_port);
        put(env, "KUBERNETES_SERVICE_HOST", n->api_host);
        put(env, "KUBERNETES_SERVICE_PORT", port);
        put(env, "KUBERNETES_SERVICE_PORT_HTTPS", port);
    }
    struct kube_list list;
    if (!value_at_bool(d->spec, "enableServiceLinks", true) ||
        kube_list(n->kube, &RES_SERVICE, d->ns, NULL, &list, NULL) < 0)
        return;
    for (size_t i = 0; i < list.n; i++) {
        const struct value *spec = value_get(list.items[i]->root, "spec");
        const char *ip = value_at_str(spec, "clusterIP", "");
        if (*ip && strcmp(ip, "None") != 0)
            put_service(env, list.items[i]->name, ip, value_get(spec, "ports"));
    }
    kube_list_done(&list);
}

/* ---- config maps and secrets ---- */

static int load(struct node *n, const struct resource *r, const char *ns, const char *name,
                bool optional, struct arena *a, const struct object **out, struct err *e)
{
    struct object *o;
    int rc = kube_get(n->kube, r, ns, name, &o, e);
    *out = NULL;
    if (rc == ERR_NOT_FOUND && optional)
        return 0;
    if (rc == ERR_NOT_FOUND)
        return err_set(e, rc, "%s \"%s\" not found", r->singular, name);
    if (rc < 0)
        return rc;
    *out = object_hold(a, o);
    object_unref(o);
    return 0;
}

static bool env_name(const char *s)
{
    if (!*s || isdigit((unsigned char)*s))
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("_-.", *s))
            return false;
    return true;
}

int secret__text(const struct value *data, struct arena *a, char **out, size_t *n, struct err *e);

static int put_from(struct node *n, const struct pod_def *d, const struct value *from,
                    struct env *env, struct err *e)
{
    const struct value *cm = value_get(from, "configMapRef");
    const struct value *ref = cm ? cm : value_get(from, "secretRef");
    const char *prefix = value_at_str(from, "prefix", "");
    const struct object *o;
    int rc = load(n, cm ? &RES_CONFIG_MAP : &RES_SECRET, d->ns, value_at_str(ref, "name", ""),
                  value_at_bool(ref, "optional", false), env->a, &o, e);
    if (rc < 0 || !o)
        return rc;
    VALUE_EACH_MEMBER (m, value_get(o->root, "data")) {
        char *text = arena_strdup(env->a, value_str(&m->value, ""));
        size_t len;
        if (!cm && (rc = secret__text(&m->value, env->a, &text, &len, e)) < 0)
            return rc;
        const char *name = arena_printf(env->a, "%s%s", prefix, m->key);
        if (env_name(name))
            put(env, name, text);
    }
    return 0;
}

static int key_value(struct node *n, const struct pod_def *d, const struct value *ref, bool secret,
                     struct arena *a, const char **out, struct err *e)
{
    const char *name = value_at_str(ref, "name", ""), *key = value_at_str(ref, "key", "");
    bool optional = value_at_bool(ref, "optional", false);
    const struct object *o;
    *out = NULL;
    int rc = load(n, secret ? &RES_SECRET : &RES_CONFIG_MAP, d->ns, name, optional, a, &o, e);
    if (rc < 0 || !o)
        return rc;
    const struct value *v = value_get(value_get(o->root, "data"), key);
    if (!v && optional)
        return 0;
    if (!v)
        return err_set(e, ERR_NOT_FOUND, "couldn't find key %s in %s %s/%s", key,
                       secret ? "Secret" : "ConfigMap", d->ns, name);
    char *text;
    size_t len;
    if (!secret) {
        *out = value_str(v, "");
        return 0;
    }
    rc = secret__text(v, a, &text, &len, e);
    if (rc == 0)
        *out = text;
    return rc;
}

struct env_source {
    struct node *n;
    const struct pod_def *d;
    const struct container_def *c;
    const struct sandbox *s;
};

static int put_one(const struct env_source *src, const struct value *v, struct env *env,
                   struct err *e)
{
    const char *name = value_at_str(v, "name", ""), *text = NULL;
    const struct value *from = value_get(v, "valueFrom"), *ref;
    int rc = 0;
    if (!from)
        text = env__expand(value_at_str(v, "value", ""), env->list, env->n, env->a);
    else if ((ref = value_get(from, "fieldRef")))
        rc = field__pod(src->n, src->d, src->s, value_at_str(ref, "fieldPath", ""), env->a, &text,
                        e);
    else if ((ref = value_get(from, "resourceFieldRef")))
        rc = field__resource(src->d, src->c, ref, env->a, &text, e);
    else if ((ref = value_get(from, "configMapKeyRef")))
        rc = key_value(src->n, src->d, ref, false, env->a, &text, e);
    else if ((ref = value_get(from, "secretKeyRef")))
        rc = key_value(src->n, src->d, ref, true, env->a, &text, e);
    else
        rc = err_set(e, ERR_UNSUPPORTED, "env %s: this kind of valueFrom is not supported", name);
    if (rc == 0 && text)
        put(env, name, text);
    return rc;
}

int env__of(struct node *n, const struct pod_def *d, const struct container_def *c,
            const struct sandbox *s, const char *const *image_env, struct arena *a,
            const char ***out, struct err *e)
{
    struct env env = {.a = a};
    put(&env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    put(&env, "HOSTNAME", s->hostname);
    if (c->tty)
        put(&env, "TERM", "xterm");
    for (; image_env && *image_env; image_env++) {
        const char *eq = strchr(*image_env, '=');
        if (eq)
            put(&env, arena_strndup(a, *image_env, (size_t)(eq - *image_env)), eq + 1);
    }
    put_services(n, d, &env);
    VALUE_EACH_ITEM (from, value_get(c->v, "envFrom")) {
        int rc = put_from(n, d, from, &env, e);
        if (rc < 0)
            return rc;
    }
    const struct env_source src = {n, d, c, s};
    VALUE_EACH_ITEM (v, value_get(c->v, "env")) {
        int rc = put_one(&src, v, &env, e);
        if (rc < 0)
            return rc;
    }
    *out = env.list; /* arena_grow zeroed what follows the last one */
    return 0;
}
