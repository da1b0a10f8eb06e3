#include <string.h>
#include <sys/random.h>

#include "apiserver/rest_int.h"
#include "base/log.h"
#include "codec/base64.h"
#include "codec/json.h"

static void unref_entry(void *n)
{
    entry_unref(n);
}

int rest__load(struct call *c, const struct served *k, const char *ns, const char *name,
               struct entry **out)
{
    struct err e = {0};
    struct entry *n;
    int rc = store_get(c->s->store, stored__key(k, ns, name, c->a), 0, &n, &e);
    if (rc == ERR_NOT_FOUND)
        return refuse_not_found(c, k, name);
    if (rc < 0)
        return refuse_err(c, &e);
    arena_defer(c->a, unref_entry, n);
    *out = n;
    return 0;
}

int rest_get(struct call *c, const struct served *k, const char *ns, const char *name,
             struct result *out)
{
    struct entry *n = NULL;
    int rc = rest__load(c, k, ns, name, &n);
    if (rc == 0)
        *out = (struct result){.entry = n, .rv = n->rev};
    return rc;
}

struct value *rest__tree(struct call *c, const struct served *k, struct result *r)
{
    struct err e = {0};
    if (!r->tree && stored__decode(k, r->entry, c->a, &r->tree, &e) < 0)
        log_die("the store holds what was never written: %s", e.msg);
    return r->tree;
}

/* ---- bodies ---- */

static const char *cannot_handle(struct call *c, const struct served *k, const char *why)
{
    return arena_printf(c->a, "%s in version \"%s\" cannot be handled as a %s: %s", k->res->kind,
                        k->res->version, k->res->kind, why);
}

int refuse_unrecognized(struct call *c, const char *kind, const char *why)
{
    enum { SHOWN = 30 };
    const char *body = c->body ? c->body : "";
    size_t n = c->body_len;
    const char *more = n > SHOWN ? " ..." : "";
    const char *text = "<empty>";
    if (n > 0 && *body == '{')
        text = arena_printf(c->a, "%.*s%s", (int)(n < SHOWN ? n : SHOWN), body, more);
    else if (n > 0)
        text = arena_printf(c->a, "%s%s", hex_encode(c->a, body, n < SHOWN ? n : SHOWN), more);
    return refuse_bad_request(
        c, "the object provided is unrecognized (must be of type %s): %s (%s)", kind, why, text);
}

/* The kind is in upstream's scheme under that version, though we may not serve it. */
static bool is_registered(struct call *c, const char *version, const char *kind)
{
    static const char *const old[] = {"extensions/v1beta1",
                                      "apps/v1beta1",
                                      "apps/v1beta2",
                                      "batch/v1beta1",
                                      "autoscaling/v2beta1",
                                      "autoscaling/v2beta2",
                                      "policy/v1beta1",
                                      "networking.k8s.io/v1beta1",
                                      "storage.k8s.io/v1beta1",
                                      "scheduling.k8s.io/v1beta1",
                                      "discovery.k8s.io/v1beta1",
                                      "events.k8s.io/v1beta1",
                                      "coordination.k8s.io/v1beta1",
                                      "rbac.authorization.k8s.io/v1beta1"};
    if (kinds__of_kind(c->s, version, kind))
        return true;
    size_t n = strlen(kind);
    if (n > 4 && strcmp(kind + n - 4, "List") == 0 &&
        kinds__of_kind(c->s, version, arena_strndup(c->a, kind, n - 4)))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(old); i++)
        if (strcmp(version, old[i]) == 0)
            return true;
    return false;
}

static int refuse_other_type(struct call *c, const struct served *k, const char *version,
                             const char *kind, const char *name)
{
    const char *slash = strchr(version, '/');
    const char *v = slash ? slash + 1 : version;
    if (k->kind.crd && strcmp(version, k->api_version) == 0) {
        struct field_errors l;
        field_errors_init(&l, c->a);
        field_errors_addf(&l, FIELD_INVALID, "kind", value_new_str(c->a, kind), "must be %s",
                          k->res->kind);
        return refuse_invalid_as(c, k->res->group, kind, name, &l);
    }
    if (slash && strchr(v, '/'))
        return refuse_unrecognized(
            c, k->res->kind, arena_printf(c->a, "unexpected GroupVersion string: %s", version));
    if (!k->kind.crd && !is_registered(c, version, kind))
        return refuse_bad_request(c,
                                  "%s in version \"%s\" cannot be handled as a %s: no kind \"%s\" "
                                  "is registered for version \"%s\" in scheme "
                                  "\"pkg/runtime/scheme.go:110\"",
                                  kind, v, k->res->kind, kind, version);
    if (strcmp(kind, k->res->kind) == 0 || k->kind.crd)
        return refuse_bad_request(c,
                                  "the API version in the data (%s) does not match the expected "
                                  "API version (%s)",
                                  version, k->api_version);
    const char *group = *k->res->group ? k->res->group : "core";
    return refuse_bad_request(c,
                              "%s in version \"%s\" cannot be handled as a %s: converting (%s.%s) "
                              "to (%.*s.%s): unknown conversion",
                              kind, v, k->res->kind, v, kind, (int)strcspn(group, "."), group,
                              k->res->kind);
}

static int check_type(struct call *c, const struct served *k, struct value *obj)
{
    const char *kind = value_str(value_get(obj, "kind"), "");
    const char *version = value_str(value_get(obj, "apiVersion"), "");
    if (!*kind)
        kind = k->res->kind;
    if (!*version)
        version = k->api_version;
    if (strcmp(version, k->api_version) != 0 || strcmp(kind, k->res->kind) != 0)
        return refuse_other_type(c, k, version, kind, value_at_str(obj, "metadata.name", ""));
    value_set_str(c->a, obj, "kind", k->res->kind);
    value_set_str(c->a, obj, "apiVersion", k->api_version);
    return 0;
}

int rest__strict(struct call *c, const struct strict_errors *found, const char **out)
{
    struct strict_errors all = c->body_errors;
    all.items = ARENA_ARRAY(c->a, const char *, all.n + found->n + 1);
    for (size_t i = 0; i < c->body_errors.n; i++)
        all.items[i] = c->body_errors.items[i];
    for (size_t i = 0; i < found->n; i++)
        all.items[all.n++] = found->items[i];
    if (all.n == 0 || c->validation == VALIDATE_IGNORE)
        return 0;
    if (c->validation == VALIDATE_STRICT) {
        *out = strict_errors_text(&all, c->a);
        return ERR_INVALID;
    }
    for (size_t i = 0; i < all.n; i++)
        call_warn(c, all.items[i]);
    return 0;
}

int rest__decode_body(struct call *c, const struct served *k, struct value *obj)
{
    if (!value_is(obj, VALUE_OBJECT))
        return refuse_bad_request(c, "%s",
                                  cannot_handle(c, k, "json: cannot unmarshal into Go value"));
    int rc = check_type(c, k, obj);
    if (rc < 0)
        return rc;
    struct strict_errors found = {0};
    struct err e = {0};
    if (admit_decode(&k->kind, obj, &found, c->a, &e) < 0)
        return refuse_bad_request(c, "%s", cannot_handle(c, k, e.msg));
    const char *strict = NULL;
    if (rest__strict(c, &found, &strict) < 0)
        return refuse_bad_request(c, "%s", k->kind.crd ? strict : cannot_handle(c, k, strict));
    admit_default(&k->kind, obj, c->a);
    admit_normalize(&k->kind, obj, c->a);
    return 0;
}

/* ---- system fields ---- */

const char *rest__uid(struct arena *a)
{
    unsigned char b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        log_die("no random numbers");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    char text[37], *out = text;
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = "0123456789abcdef"[b[i] >> 4];
        *out++ = "0123456789abcdef"[b[i] & 15];
    }
    return arena_strndup(a, text, sizeof text - 1);
}

const char *rest__suffix(struct arena *a)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    unsigned char b[5];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
        log_die("no random numbers");
    char out[6] = "";
    for (size_t i = 0; i < 5; i++)
        out[i] = letters[b[i] % (sizeof letters - 1)];
    return arena_strdup(a, out);
}

const char *rest__now(struct call *c)
{
    char text[CLOCK_TEXT_MAX];
    clock_format_rfc3339(c->now_ms, text);
    return arena_strdup(c->a, text);
}

static bool generate_name(struct call *c, struct value *meta)
{
    const char *base = value_str(value_get(meta, "generateName"), "");
    if (*value_str(value_get(meta, "name"), "") || !*base)
        return false;
    value_set_str(c->a, meta, "name", arena_printf(c->a, "%.58s%s", base, rest__suffix(c->a)));
    return true;
}

static int fill_system_fields(struct call *c, const struct served *k, const char *ns,
                              struct value *obj)
{
    struct value *meta = value_make_object(c->a, obj, "metadata");
    const char *sent = value_str(value_get(meta, "namespace"), "");
    if (!k->res->namespaced) {
        if (*sent && strcmp(k->res->kind, "Namespace") != 0)
            return refuse_bad_request(c, "the namespace of the provided object does not match the "
                                         "namespace sent on the request");
        value_remove(meta, "namespace");
    } else if (*sent && strcmp(sent, ns) != 0) {
        return refuse_bad_request(c, "the namespace of the provided object does not match the "
                                     "namespace sent on the request");
    } else {
        value_set_str(c->a, meta, "namespace", ns);
    }
    const char *rv = value_str(value_get(meta, "resourceVersion"), "");
    if (*rv && strcmp(rv, "0") != 0)
        return refuse(c, ERR_INVALID, 500, "",
                      "resourceVersion should not be set on objects to be created");
    static const char *const own[] = {"resourceVersion", "selfLink", "deletionTimestamp",
                                      "deletionGracePeriodSeconds"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        value_remove(meta, own[i]);
    value_set_str(c->a, meta, "uid", rest__uid(c->a));
    value_set_str(c->a, meta, "creationTimestamp", rest__now(c));
    return 0;
}

static struct managed_opts managed_of(const struct call *c, const char *sub)
{
    return (struct managed_opts){.manager = c->manager ? c->manager : "unknown",
                                 .subresource = sub ? sub : "",
                                 .now_ms = c->now_ms,
                                 .force = c->force};
}

int rest__own(struct call *c, const struct served *k, const char *sub, const struct value *live,
              struct value *obj)
{
    struct err e = {0};
    struct managed_opts o = managed_of(c, sub);
    return managed_update(&k->kind, live, obj, &o, c->a, &e) < 0 ? refuse_err(c, &e) : 0;
}

/* ---- storing ---- */

static int encode(struct call *c, const struct served *k, struct value *obj, struct buf *out)
{
    struct value *stored = obj;
    if (k->storage != k) {
        stored = value_copy(c->a, obj);
        convert__object(k, k->storage, stored, c->a);
    }
    stored__encode(stored, out);
    struct err e = {0};
    return buf_check(out, &e) < 0 ? refuse(c, ERR_TOO_LARGE, 413, "RequestEntityTooLarge",
                                           "Request entity too large: limit is %d", API_OBJECT_MAX)
                                  : 0;
}

int rest__store(struct call *c, const struct served *k, struct value *obj, const char *key,
                uint64_t expect, struct result *out)
{
    AUTO_BUF struct buf b;
    buf_init(&b, API_OBJECT_MAX);
    int rc = encode(c, k, obj, &b);
    if (rc < 0)
        return rc;
    struct entry *made = ARENA_NEW(c->a, struct entry);
    *made = (struct entry){.key = key, .len = b.len, .create_rev = expect, .rev = expect};
    struct err e = {0};
    if (!c->dry_run) {
        rc = store_put(c->s->store, key, b.data, b.len, expect, &made->rev, &e);
        if (rc == ERR_CONFLICT || rc == ERR_EXISTS || rc == ERR_NOT_FOUND)
            return rc; /* the caller knows what it means */
        if (rc < 0)
            return refuse_err(c, &e);
    }
    made->bytes = arena_dup(c->a, b.data, b.len + 1);
    struct value *meta = value_get_mut(obj, "metadata");
    if (made->rev)
        value_set(c->a, meta, "resourceVersion",
                  value_new_strf(c->a, "%llu", (unsigned long long)made->rev));
    *out = (struct result){.tree = obj, .entry = made->rev ? made : NULL, .rv = made->rev};
    if (!c->dry_run)
        admission_wrote(c->s, k, obj, false);
    return 0;
}

static int validate_create(struct call *c, const struct served *k, const struct value *obj)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    admit_validate_create(&k->kind, obj, &l);
    if (l.n == 0)
        return 0;
    const struct value *meta = value_get(obj, "metadata");
    const char *name = value_str(value_get(meta, "name"), "");
    return refuse_invalid(c, k, name, &l);
}

void rest__warn(struct call *c, const struct served *k, const struct value *obj,
                const struct value *old)
{
    struct strict_errors found = {0};
    admit_warnings(&k->kind, obj, old, &found, c->a);
    for (size_t i = 0; i < found.n; i++)
        call_warn(c, found.items[i]);
}

static int put_new(struct call *c, const struct served *k, const char *ns, struct value *obj,
                   bool generated, struct result *out)
{
    const char *name = value_at_str(obj, "metadata.name", "");
    int rc = rest__store(c, k, obj, stored__key(k, ns, name, c->a), 0, out);
    if (rc == ERR_EXISTS || rc == ERR_CONFLICT) {
        (void)refuse_exists(c, k, name);
        AUTO(object) struct object *had = peek(c->s, k->storage->res, ns, name);
        if (had && had->deleting)
            c->refusal.message =
                arena_printf(c->a, "object is being deleted: %s", c->refusal.message);
        if (generated) {
            c->refusal.message = arena_printf(
                c->a, "%s, the server was not able to generate a unique name for the object",
                c->refusal.message);
        }
        rc = ERR_EXISTS;
    }
    return rc;
}

static int exists_already(struct call *c, const struct served *k, const char *ns, const char *name)
{
    struct entry *n = NULL;
    struct err e = {0};
    if (!*name || strchr(name, '/') ||
        store_get(c->s->store, stored__key(k, ns, name, c->a), 0, &n, &e) < 0)
        return 0;
    entry_unref(n);
    return refuse_exists(c, k, name);
}

int rest__create_decoded(struct call *c, const struct served *k, const char *ns, struct value *obj,
                         bool owned, struct result *out)
{
    int rc = fill_system_fields(c, k, ns, obj);
    if (rc == 0 && !owned)
        rc = rest__own(c, k, NULL, NULL, obj);
    struct value *meta = value_get_mut(obj, "metadata");
    bool generated = rc == 0 && generate_name(c, meta);
    if (rc == 0)
        rc = admission_create(c, k, ns, obj);
    if (rc < 0)
        return rc;
    admit_prepare_create(&k->kind, obj, c->a);
    rc = validate_create(c, k, obj);
    if (rc == 0) {
        rest__warn(c, k, obj, NULL); /* also when a quota refuses it */
        rc = admission_check_create(c, k, ns, obj);
    }
    if (rc == 0 && c->dry_run)
        rc = exists_already(c, k, ns, value_at_str(obj, "metadata.name", ""));
    if (rc == 0) {
        admit_normalize(&k->kind, obj, c->a);
        rc = put_new(c, k, ns, obj, generated, out);
    }
    if (rc < 0 || c->dry_run)
        admission_undo(c);
    if (rc == 0)
        out->created = true;
    return rc;
}

int rest_create(struct call *c, const struct served *k, const char *ns, struct value *obj,
                struct result *out)
{
    int rc = rest__decode_body(c, k, obj);
    return rc < 0 ? rc : rest__create_decoded(c, k, ns, obj, false, out);
}
