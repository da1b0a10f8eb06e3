/* config.c - kubeconfig files. */
#include <string.h>

#include "base/fs.h"
#include "codec/base64.h"
#include "codec/yaml.h"
#include "kube/remote.h"

enum { FILE_MAX = 4 << 20 };

static const struct value *named(const struct value *list, const char *name, const char *inner)
{
    VALUE_EACH_ITEM (x, list)
        if (strcmp(value_str(value_get(x, "name"), ""), name) == 0)
            return value_get(x, inner);
    return NULL;
}

/* The text of `key`-data (base64) or of the file that `key` names; NULL when there is neither. */
static int material(const struct value *of, const char *key, const char *dir, struct arena *a,
                    const char **out, struct err *e)
{
    const char *data = value_str(value_get(of, arena_printf(a, "%s-data", key)), "");
    const char *path = value_str(value_get(of, key), "");
    char *text = NULL;
    size_t n;
    int rc = 0;
    if (*data)
        rc = base64_decode(a, data, strlen(data), BASE64_STD, &text, &n, e);
    else if (*path)
        rc = fs_read(*path == '/' || !dir ? path : arena_printf(a, "%s/%s", dir, path), FILE_MAX, a,
                     &text, &n, e);
    if (rc < 0)
        return err_wrap(e, rc, "kubeconfig: %s", key);
    *out = text;
    return 0;
}

static int refuse_plugins(const struct value *user, const char *name, struct err *e)
{
    const struct value *exec = value_get(user, "exec");
    if (!exec && !value_get(user, "auth-provider"))
        return 0;
    int rc =
        err_set(e, ERR_UNSUPPORTED, "kubeconfig: user \"%s\" gets its credentials from %s", name,
                exec ? value_str(value_get(exec, "command"), "a program") : "an auth-provider");
    (void)err_hint(e, "make a ServiceAccount with the rights wanted and put its token here");
    return rc;
}

static int read_user(const struct value *user, const char *dir, struct arena *a,
                     struct kube_config *c, struct err *e)
{
    int rc = material(user, "client-certificate", dir, a, &c->cert_pem, e);
    if (rc == 0)
        rc = material(user, "client-key", dir, a, &c->key_pem, e);
    c->token = value_str(value_get(user, "token"), NULL);
    const char *file = value_str(value_get(user, "tokenFile"), "");
    if (rc == 0 && !c->token && *file) {
        char *text;
        size_t n;
        rc = fs_read(*file == '/' || !dir ? file : arena_printf(a, "%s/%s", dir, file), FILE_MAX, a,
                     &text, &n, e);
        if (rc < 0)
            return err_wrap(e, rc, "kubeconfig: tokenFile");
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
            text[--n] = '\0';
        c->token = text;
    }
    c->user = value_str(value_get(user, "username"), NULL);
    c->password = value_str(value_get(user, "password"), NULL);
    return rc;
}

int kube_config_parse(const char *text, size_t n, const char *dir, const char *context,
                      struct arena *a, struct kube_config *out, struct err *e)
{
    struct value *root = NULL;
    int rc = yaml_parse(a, text, n, 0, &root, e);
    if (rc < 0)
        return err_wrap(e, rc, "kubeconfig");
    const char *current = context ? context : value_str(value_get(root, "current-context"), "");
    const struct value *ctx = named(value_get(root, "contexts"), current, "context");
    if (!ctx)
        return err_set(e, ERR_INVALID, "kubeconfig: there is no context \"%s\"", current);
    const char *cluster_name = value_str(value_get(ctx, "cluster"), "");
    const char *user_name = value_str(value_get(ctx, "user"), "");
    const struct value *cluster = named(value_get(root, "clusters"), cluster_name, "cluster");
    const struct value *user = named(value_get(root, "users"), user_name, "user");
    if (!cluster)
        return err_set(e, ERR_INVALID, "kubeconfig: there is no cluster \"%s\"", cluster_name);

    struct kube_config c = {.server = value_str(value_get(cluster, "server"), ""),
                            .ns = value_str(value_get(ctx, "namespace"), "default"),
                            .insecure =
                                value_bool(value_get(cluster, "insecure-skip-tls-verify"), false)};
    if (!*c.server)
        return err_set(e, ERR_INVALID, "kubeconfig: cluster \"%s\" has no server", cluster_name);
    rc = refuse_plugins(user, user_name, e);
    if (rc == 0)
        rc = material(cluster, "certificate-authority", dir, a, &c.ca_pem, e);
    if (rc == 0)
        rc = read_user(user, dir, a, &c, e);
    if (rc == 0)
        *out = c;
    return rc;
}

int kube_config_load(const char *path, const char *context, struct arena *a,
                     struct kube_config *out, struct err *e)
{
    char *text;
    size_t n;
    int rc = fs_read(path, FILE_MAX, a, &text, &n, e);
    if (rc < 0)
        return rc;
    const char *slash = strrchr(path, '/');
    const char *dir = slash ? arena_strndup(a, path, (size_t)(slash - path)) : ".";
    return kube_config_parse(text, n, dir, context, a, out, e);
}
