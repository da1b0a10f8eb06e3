#include "ctl/analysis/args.h"

#include <string.h>

#include "codec/base64.h"

static int from_secret(struct kube *k, const char *ns, const struct value *ref, struct arena *a,
                       const char **out, struct err *e)
{
    AUTO(object) struct object *o = NULL;
    const char *name = value_at_str(ref, "name", ""), *key = value_at_str(ref, "key", "");
    char *plain;
    size_t n;
    int rc = kube_get(k, &RES_SECRET, ns, name, &o, e);
    if (rc < 0)
        return rc;
    const char *text = value_str(value_get(value_get(o->root, "data"), key), NULL);
    if (!text || base64_decode(a, text, strlen(text), BASE64_STD, &plain, &n, NULL) < 0)
        return err_set(e, ERR_NOT_FOUND, "secret %s/%s has no key %s", ns, name, key);
    *out = plain;
    return 0;
}

int analysis_args_read(struct kube *k, const struct object *run, struct arena *a,
                       struct analysis_args *out, struct err *e)
{
    const struct value *list = value_at(run->root, "spec.args");
    size_t n = value_count(list), i = 0;
    const char **names = ARENA_ARRAY(a, const char *, n + 1);
    const char **values = ARENA_ARRAY(a, const char *, n + 1);
    bool *secret = ARENA_ARRAY(a, bool, n + 1);
    VALUE_EACH_ITEM (arg, list) {
        const struct value *ref = value_at(arg, "valueFrom.secretKeyRef");
        const char *path = value_at_str(arg, "valueFrom.fieldRef.fieldPath", NULL);
        int rc = 0;
        names[i] = value_at_str(arg, "name", "");
        secret[i] = ref != NULL;
        values[i] = value_at_str(arg, "value", NULL);
        if (ref)
            rc = from_secret(k, run->ns, ref, a, &values[i], e);
        else if (path)
            values[i] = value_at_str(run->root, path, "");
        if (rc == 0 && !values[i])
            rc = err_set(e, ERR_INVALID, "argument %s has no value", names[i]);
        if (rc < 0)
            return err_wrap(e, rc, "spec.args");
        i++;
    }
    *out = (struct analysis_args){names, values, secret, n};
    return 0;
}

static const char *lookup(const struct analysis_args *args, const char *name, size_t n)
{
    for (size_t i = 0; i < args->n; i++)
        if (strlen(args->names[i]) == n && memcmp(args->names[i], name, n) == 0)
            return args->values[i];
    return NULL;
}

static int fill_text(const struct analysis_args *args, const char *text, struct arena *a,
                     const char **out, struct err *e)
{
    const char *done = "";
    for (const char *open; (open = strstr(text, "{{"));) {
        const char *close = strstr(open, "}}");
        if (!close)
            break;
        const char *name = open + 2 + strspn(open + 2, " ");
        size_t n = (size_t)(close - name);
        while (n > 0 && name[n - 1] == ' ')
            n--;
        if (n <= 5 || strncmp(name, "args.", 5) != 0)
            return err_set(e, ERR_INVALID, "{{%.*s}} is not understood", (int)n, name);
        const char *value = lookup(args, name + 5, n - 5);
        if (!value)
            return err_set(e, ERR_INVALID, "argument %.*s is not declared", (int)n - 5, name + 5);
        done = arena_printf(a, "%s%.*s%s", done, (int)(open - text), text, value);
        text = close + 2;
    }
    *out = arena_printf(a, "%s%s", done, text);
    return 0;
}

static int fill(const struct analysis_args *args, struct value *v, struct arena *a, int depth,
                struct err *e)
{
    int rc = depth > 64 ? err_set(e, ERR_TOO_LARGE, "a metric is nested too deep") : 0;
    const char *text = "";
    if (rc == 0 && value_is(v, VALUE_STRING) && strstr(v->text, "{{")) {
        rc = fill_text(args, v->text, a, &text, e);
        if (rc == 0)
            *v = *value_new_str(a, text);
    }
    for (size_t i = 0; rc == 0 && value_is(v, VALUE_ARRAY) && i < v->n; i++)
        rc = fill(args, &v->items[i], a, depth + 1, e);
    for (size_t i = 0; rc == 0 && value_is(v, VALUE_OBJECT) && i < v->n; i++)
        rc = fill(args, &v->members[i].value, a, depth + 1, e);
    return rc;
}

int analysis_args_fill(const struct analysis_args *args, const struct value *v, struct arena *a,
                       struct value **out, struct err *e)
{
    struct value *copy = value_copy(a, v);
    int rc = fill(args, copy, a, 0, e);
    if (rc == 0)
        *out = copy;
    return rc;
}

const char *analysis_args_hide(const struct analysis_args *args, const char *text, struct arena *a)
{
    for (size_t i = 0; i < args->n; i++) {
        const char *value = args->values[i], *at;
        size_t n = strlen(value);
        while (args->secret[i] && n > 0 && (at = strstr(text, value)))
            text = arena_printf(a, "%.*s*****%s", (int)(at - text), text, at + n);
    }
    return text;
}
