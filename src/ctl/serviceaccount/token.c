/* token.c - fills Secrets of type service-account-token, removes those of accounts that went. */
#include <string.h>

#include "codec/base64.h"
#include "ctl/ctl.h"
#include "ctl/serviceaccount/serviceaccount.h"
#include "kube/cache.h"
#include "kube/write.h"

#define TOKEN_TYPE  "kubernetes.io/service-account-token"
#define OF_ACCOUNT  "kubernetes.io/service-account.name"
#define ACCOUNT_UID "kubernetes.io/service-account.uid"

static bool is_token(const struct object *secret)
{
    return strcmp(value_at_str(secret->root, "type", ""), TOKEN_TYPE) == 0 &&
           object_annotation(secret, OF_ACCOUNT);
}

static struct value *encoded(struct arena *a, const char *text)
{
    return value_new_str(a, base64_encode(a, text, strlen(text), 0));
}

/* What the Secret lacks, as a merge patch; empty when it lacks nothing. */
static int missing(struct controller_ctx *c, const struct object *account,
                   const struct object *secret, struct arena *a, struct value **out, struct err *e)
{
    const struct ctl_opts *opts = c->arg;
    struct value *patch = value_new_object(a);
    const struct value *data = value_get(secret->root, "data");
    const char *uid = object_annotation(secret, ACCOUNT_UID);
    if (!uid)
        (void)value_set_str(a, value_make_object(a, patch, "metadata.annotations"), ACCOUNT_UID,
                            account->uid);
    if (!value_get(data, "namespace"))
        (void)value_set(a, value_make_object(a, patch, "data"), "namespace",
                        encoded(a, secret->ns));
    if (!value_get(data, "ca.crt") && opts && opts->ca_pem)
        (void)value_set(a, value_make_object(a, patch, "data"), "ca.crt", encoded(a, opts->ca_pem));
    if (!value_get(data, "token") && opts && opts->mint) {
        const char *token = NULL;
        int rc = opts->mint(opts->mint_arg, account, secret, a, &token, e);
        if (rc < 0)
            return rc;
        (void)value_set(a, value_make_object(a, patch, "data"), "token", encoded(a, token));
    }
    *out = patch;
    return 0;
}

/* A cached account may lag behind; a Secret is only removed when the API says it is gone. */
static int account_of(struct controller_ctx *c, const struct object *secret, struct arena *a,
                      const struct object **out, struct err *e)
{
    const char *name = object_annotation(secret, OF_ACCOUNT);
    const char *uid = object_annotation(secret, ACCOUNT_UID);
    struct object *o = NULL;
    int rc = kube_get(c->kube, &RES_SERVICE_ACCOUNT, secret->ns, name, &o, e);
    if (rc < 0)
        return rc;
    const struct object *held = object_hold(a, o);
    object_unref(o);
    if (uid && strcmp(uid, held->uid) != 0)
        return err_set(e, ERR_NOT_FOUND, "service account %s is another one now", name);
    *out = held;
    return 0;
}

static int token_sync(struct controller_ctx *c, const struct key *key, struct arena *a,
                      struct err *e)
{
    const struct object *secret = cache_get(c->cache, &RES_SECRET, key->ns, key->name, a);
    const struct object *account = NULL;
    if (!secret || secret->deleting || !is_token(secret))
        return 0;
    int rc = account_of(c, secret, a, &account, e);
    if (rc == ERR_NOT_FOUND)
        return write_delete(c, &RES_SECRET, secret, NULL, e);
    struct value *patch = NULL;
    if (rc == 0)
        rc = missing(c, account, secret, a, &patch, e);
    if (rc < 0 || value_count(patch) == 0)
        return rc;
    return write_patch(c, &RES_SECRET, secret, patch, e);
}

static void of_secret(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    (void)c;
    if (is_token(o))
        key_add(s, o->ns, o->name);
}

static void of_account(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct object_list l = cache_list(c->cache, &RES_SECRET, o->ns, a);
    for (size_t i = 0; i < l.n; i++)
        if (is_token(l.items[i]) && strcmp(object_annotation(l.items[i], OF_ACCOUNT), o->name) == 0)
            key_add(s, o->ns, l.items[i]->name);
}

static const struct controller_watch WATCHES[] = {
    {&RES_SECRET,          of_secret },
    {&RES_SERVICE_ACCOUNT, of_account},
    {NULL,                 NULL      },
};

const struct controller token_controller = {
    .name = "tokens-controller",
    .watches = WATCHES,
    .sync = token_sync,
};
