#include <string.h>
#include <strings.h>

#include "apiserver/apiserver_int.h"
#include "codec/base64.h"

enum { MAX_GROUPS = 128 };

bool identity_in(const struct identity *who, const char *group)
{
    for (size_t i = 0; i < who->n_groups; i++)
        if (strcmp(who->groups[i], group) == 0)
            return true;
    return false;
}

/* Takes as long whatever stands where they differ. */
static bool same_secret(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    unsigned char diff = n != m;
    for (size_t i = 0; i < n; i++)
        diff |= (unsigned char)(a[i] ^ b[m ? i % m : 0]);
    return diff == 0;
}

/* Comma separated text → a list with system:authenticated at its end. */
static void set_groups(struct arena *a, const char *text, struct identity *out)
{
    const char **groups = ARENA_ARRAY(a, const char *, MAX_GROUPS + 2);
    size_t n = 0;
    while (text && *text && n < MAX_GROUPS) {
        size_t len = strcspn(text, ",");
        if (len > 0)
            groups[n++] = arena_strndup(a, text, len);
        text += len + (text[len] == ',');
    }
    groups[n++] = "system:authenticated";
    out->groups = groups;
    out->n_groups = n;
}

static const char *data_of(const struct value *secret, const char *key, struct arena *a)
{
    const char *text = value_str(value_get(value_get(secret, "data"), key), "");
    char *out = NULL;
    size_t n = 0;
    struct err e = {0};
    return base64_decode(a, text, strlen(text), BASE64_STD, &out, &n, &e) < 0 ? "" : out;
}

/* A user's token is a Secret of its own type in kube-system. */
static int find_user(struct apiserver *s, const char *token, struct arena *a, struct identity *out,
                     struct err *e)
{
    const struct served *k = kinds__of(s, &RES_SECRET);
    struct entry_list l = {0};
    int rc = store_list(s->store, stored__key(k, "kube-system", NULL, a), NULL, 0, 0, &l, e);
    bool found = false;
    for (size_t i = 0; rc == 0 && i < l.n && !found; i++) {
        AUTO(object) struct object *o = stored__object(s, k, l.items[i]);
        if (strcmp(value_at_str(o->root, "type", ""), "slipway.dev/user-token") != 0)
            continue;
        const char *is = data_of(o->root, "token", a);
        if (!*is || !same_secret(token, is))
            continue;
        found = true;
        out->user = data_of(o->root, "user", a);
        out->uid = arena_strdup(a, o->uid);
        set_groups(a, data_of(o->root, "groups", a), out);
    }
    entry_list_done(&l);
    return found ? 0 : err_set(e, ERR_UNAUTHENTICATED, "unknown token");
}

int apiserver_authenticate(struct apiserver *s, const char *token, struct arena *a,
                           struct identity *out, struct err *e)
{
    if (!token || !*token)
        return err_set(e, ERR_UNAUTHENTICATED, "no token");
    if (s->admin_token && same_secret(token, s->admin_token)) {
        *out = (struct identity){.user = "admin", .uid = ""};
        set_groups(a, "system:masters", out);
        return 0;
    }
    if (strchr(token, '.')) {
        struct value *extra = NULL;
        int r = tokens__verify(s, token, NULL, a, out, &extra, e);
        if (r == 0)
            out->extra = extra;
        return r;
    }
    return find_user(s, token, a, out, e);
}

static int unauthorized(struct call *c)
{
    return refuse(c, ERR_UNAUTHENTICATED, 401, "Unauthorized", "Unauthorized");
}

static void be_anonymous(struct call *c)
{
    static const char *const groups[] = {"system:unauthenticated"};
    c->who =
        (struct identity){.user = "system:anonymous", .uid = "", .groups = groups, .n_groups = 1};
}

/* ---- impersonation: each part must be allowed on its own ---- */

static int may_be(struct call *c, const char *group, const char *resource, const char *ns,
                  const char *name)
{
    const struct access w = {
        .verb = "impersonate", .group = group, .resource = resource, .ns = ns, .name = name};
    return rbac__authorize(c, &w);
}

static int impersonate(struct call *c, struct http_request *q)
{
    const char *user = http_header(q, "Impersonate-User");
    const char *group = http_header(q, "Impersonate-Group");
    if (!user && group)
        return refuse(c, ERR_SYSTEM, 500, NULL, /* plain text, as upstream */
                      "Internal Server Error: \"%s\": requested [{Group  %s    }] without "
                      "impersonating a user\n",
                      q->raw_path, group);
    if (!user)
        return 0;
    const char *account = strncmp(user, "system:serviceaccount:", 22) == 0 ? user + 22 : NULL;
    const char *colon = account ? strchr(account, ':') : NULL;
    int rc = colon ? may_be(c, "", "serviceaccounts",
                            arena_strndup(c->a, account, (size_t)(colon - account)), colon + 1)
                   : may_be(c, "", "users", NULL, user);
    struct identity as = {.user = user, .uid = ""};
    const char **groups = ARENA_ARRAY(c->a, const char *, MAX_GROUPS + 4);
    for (size_t i = 0; rc == 0; i++) {
        const char *g = http_header_nth(q, "Impersonate-Group", i);
        if (!g || as.n_groups == MAX_GROUPS)
            break;
        rc = may_be(c, "", "groups", NULL, g);
        groups[as.n_groups++] = g;
    }
    if (rc < 0)
        return rc;
    if (colon && as.n_groups == 0) {
        groups[as.n_groups++] = "system:serviceaccounts";
        groups[as.n_groups++] =
            arena_printf(c->a, "system:serviceaccounts:%.*s", (int)(colon - account), account);
    }
    as.groups = groups;
    groups[as.n_groups++] =
        strcmp(user, "system:anonymous") == 0 ? "system:unauthenticated" : "system:authenticated";
    c->who = as;
    c->trusted = identity_in(&as, "system:masters");
    return 0;
}

int authn__request(struct apiserver *s, struct http_request *q, struct call *c)
{
    const char *header = http_header(q, "Authorization");
    struct err e = {0};
    if (header && strncasecmp(header, "Bearer ", 7) == 0) {
        header += 7 + strspn(header + 7, " ");
        if (apiserver_authenticate(s, header, c->a, &c->who, &e) < 0)
            return unauthorized(c);
    } else if (header) {
        return unauthorized(c);
    } else if (q->client_cn) {
        c->who = (struct identity){.user = q->client_cn, .uid = ""};
        set_groups(c->a, q->client_o, &c->who);
    } else {
        be_anonymous(c);
    }
    c->trusted = identity_in(&c->who, "system:masters");
    return impersonate(c, q);
}
