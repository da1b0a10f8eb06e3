#include <errno.h>
#include <string.h>

#include "apiserver/apiserver_int.h"
#include "codec/base64.h"
#include "codec/json.h"

int list__revision(struct call *c, const char *text, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || *end || *text == '-' || *text == '+')
        return refuse_bad_request(c,
                                  "invalid resource version: resourceVersion: Invalid value: "
                                  "\"%s\": strconv.ParseUint: parsing \"%s\": invalid syntax",
                                  text, text);
    *out = v;
    return 0;
}

static void forbid(struct field_errors *l, const char *field, const char *why)
{
    field_errors_add(l, FIELD_FORBIDDEN, field, NULL, why);
}

static void check_match(struct field_errors *l, const struct list_opts *o, bool watching)
{
    const char *m = o->rv_match;
    bool has_rv = o->rv && *o->rv;
    if (watching && o->send_initial < 0) {
        forbid(l, "resourceVersionMatch",
               "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
        return;
    }
    if (!watching && !has_rv)
        forbid(l, "resourceVersionMatch",
               "resourceVersionMatch is forbidden unless resourceVersion is provided");
    if (!watching && o->cont && *o->cont)
        forbid(l, "resourceVersionMatch",
               "resourceVersionMatch is forbidden when continue is "
               "provided");
    if (strcmp(m, "Exact") != 0 && strcmp(m, "NotOlderThan") != 0) {
        static const char *const known[] = {"Exact", "NotOlderThan", ""};
        static const char *const only[] = {"NotOlderThan"};
        if (watching)
            field_errors_add_unsupported(l, "resourceVersionMatch", m, only, 1);
        else
            field_errors_add_unsupported(l, "resourceVersionMatch", m, known, 3);
    } else if (watching && strcmp(m, "Exact") == 0) {
        static const char *const only[] = {"NotOlderThan"};
        field_errors_add_unsupported(l, "resourceVersionMatch", m, only, 1);
    } else if (strcmp(m, "Exact") == 0 && has_rv && strcmp(o->rv, "0") == 0) {
        forbid(l, "resourceVersionMatch",
               "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
}

int list__check_opts(struct call *c, const struct list_opts *o, bool watching)
{
    struct field_errors l;
    field_errors_init(&l, c->a);
    if (o->rv_match && *o->rv_match)
        check_match(&l, o, watching);
    if (o->send_initial >= 0 && !watching)
        forbid(&l, "sendInitialEvents", "sendInitialEvents is forbidden for list");
    if (o->send_initial >= 0 && watching && !(o->rv_match && *o->rv_match))
        forbid(&l, "resourceVersionMatch",
               "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    return l.n ? refuse_invalid_as(c, "meta.k8s.io", "ListOptions", "", &l) : 0;
}

int list__selection(struct call *c, const struct served *k, const struct list_opts *o,
                    struct selection *out)
{
    struct err e = {0};
    *out = (struct selection){.all = true};
    if (o->labels && *o->labels) {
        if (selector_parse(o->labels, c->a, &out->labels, &e) < 0)
            return refuse_bad_request(c, "%s", e.msg);
        out->all = out->labels.n == 0;
    }
    if (o->fields && *o->fields) {
        if (selector_parse_fields(o->fields, c->a, &out->fields, &e) < 0 ||
            selector_check_fields(&k->kind, &out->fields, &e) < 0)
            return refuse_bad_request(c, "%s", e.msg);
        if (out->fields.n > 0)
            out->all = false;
        for (size_t i = 0; i < out->fields.n; i++) {
            const struct selector_req *r = &out->fields.reqs[i];
            if (strcmp(r->key, "metadata.name") == 0 && r->op == SELECTOR_EQ)
                out->name = r->values[0];
        }
    }
    return 0;
}

bool list__matches(struct apiserver *s, const struct selection *sel, const struct served *k,
                   const struct entry *n)
{
    if (sel->all)
        return true;
    if (sel->name) {
        const char *slash = strrchr(n->key, '/');
        if (!slash || strcmp(slash + 1, sel->name) != 0)
            return false;
        if (sel->fields.n == 1 && sel->labels.n == 0)
            return true; /* the key says it all */
    }
    AUTO(object) struct object *o = stored__object(s, k, n);
    if (sel->labels.n > 0 && !selector_matches(&sel->labels, value_at(o->root, "metadata.labels")))
        return false;
    if (sel->fields.n == 0)
        return true;
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    return selector_matches_fields(&sel->fields, &k->kind, o->root, a);
}

/* ---- continue: {"v":"meta.k8s.io/v1","rv":5,"start":"name\u0000"} in base64url ---- */

static const char *make_continue(struct call *c, uint64_t rv, const char *rest_of_key)
{
    struct value *t = value_new_object(c->a);
    value_set_str(c->a, t, "v", "meta.k8s.io/v1");
    value_set_int(c->a, t, "rv", (int64_t)rv);
    value_set_str(c->a, t, "start", rest_of_key);
    const char *text = json_text(c->a, t, 0);
    return base64_encode(c->a, text, strlen(text), BASE64_URL_RAW);
}

static char clear_spare_bits(char c, size_t last)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *at = c ? strchr(digits, c) : NULL;
    if (!at)
        return c;
    size_t v = (size_t)(at - digits);
    return digits[v & ~(size_t)(last == 2 ? 15 : 3)];
}

static int read_continue(struct call *c, const char *token, uint64_t *rv, const char **after)
{
    struct err e = {0};
    char *bytes = NULL;
    size_t n = 0;
    struct value *t = NULL;
    size_t len = strlen(token);
    char *text = arena_strdup(c->a, token);
    if (len % 4 > 1) /* Go does not mind bits that are left over */
        text[len - 1] = clear_spare_bits(text[len - 1], len % 4);
    if (base64_decode(c->a, text, len, BASE64_URL_RAW, &bytes, &n, &e) < 0)
        return refuse_bad_request(c, "invalid continue token: continue key is not valid: illegal "
                                     "base64 data at input byte 0");
    if (json_parse(c->a, bytes, n, 0, &t, &e) < 0)
        return refuse_bad_request(c, "invalid continue token: continue key is not valid: %s",
                                  web__json_problem(c->a, e.msg));
    *after = value_str(value_get(t, "start"), NULL);
    *rv = (uint64_t)value_int(value_get(t, "rv"), 0);
    if (!*after || strcmp(value_str(value_get(t, "v"), ""), "meta.k8s.io/v1") != 0 || *rv == 0)
        return refuse_bad_request(c, "invalid continue token: continue key is not valid: server "
                                     "does not recognize this encoded version");
    return 0;
}

static void done_list(void *l)
{
    entry_list_done(l);
}

static int check_future(struct call *c, uint64_t at)
{
    uint64_t now = store_revision(c->s->store);
    if (at <= now)
        return 0;
    refuse(c, ERR_TIMEOUT, 504, "Timeout",
           "Timeout: Too large resource version: %llu, current: %llu", (unsigned long long)at,
           (unsigned long long)now);
    struct value *d = c->refusal.details = value_new_object(c->a), *cause = value_new_object(c->a);
    value_set_str(c->a, cause, "reason", "ResourceVersionTooLarge");
    value_set_str(c->a, cause, "message", "Too large resource version");
    value_push(c->a, value_make_array(c->a, d, "causes"), cause);
    value_set_int(c->a, d, "retryAfterSeconds", 1);
    c->refusal.retry_after = 1;
    return ERR_TIMEOUT;
}

int list__check_get(struct call *c, const char *rv)
{
    uint64_t at = 0;
    if (!rv || !*rv)
        return 0;
    if (list__revision(c, rv, &at) == 0)
        return check_future(c, at);
    return refuse(c, ERR_INVALID, 500, "", /* upstream's storage says it here */
                  "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": "
                  "invalid syntax",
                  rv, rv);
}

static int read_state(struct call *c, const char *prefix, const char *after, size_t limit,
                      uint64_t at, struct entry_list **out)
{
    struct entry_list *l = ARENA_NEW(c->a, struct entry_list);
    struct err e = {0};
    int rc = check_future(c, at);
    if (rc < 0)
        return rc;
    rc = store_list(c->s->store, prefix, after, limit, at, l, &e);
    if (rc == ERR_GONE)
        return refuse(c, ERR_GONE, 410, "Expired",
                      after ? "The provided continue parameter is too old to display a consistent "
                              "list result. You can start a new list without the continue "
                              "parameter, or use the continue token in this response to retrieve "
                              "the remainder of the results. Continuing with the provided token "
                              "results in an inconsistent list - objects that were created, "
                              "modified, or deleted between the time the first chunk was returned "
                              "and now may show up in the list."
                            : "The resourceVersion for the provided list is too old.");
    if (rc < 0)
        return refuse_err(c, &e);
    arena_defer(c->a, done_list, l);
    *out = l;
    return 0;
}

/* Collects matching entries until there are `limit`; the rest of the keys decides `cont`. */
static int collect(struct call *c, const struct served *k, const char *prefix,
                   const struct selection *sel, const struct list_opts *o, uint64_t at,
                   const char *after, struct listing *out)
{
    size_t limit = o->limit > 0 ? (size_t)o->limit : 0, cap = 0;
    if (o->rv && strcmp(o->rv, "0") == 0 && !after)
        limit = 0; /* "any state will do" is answered from memory, whole */
    for (;;) {
        struct entry_list *l = NULL;
        int rc = read_state(c, prefix, after, sel->all ? limit : limit ? limit * 4 : 0, at, &l);
        if (rc < 0)
            return rc;
        if (!out->rv)
            out->rv = l->rev;
        at = limit ? out->rv : at;
        if (cap < out->n + l->n + 1) {
            out->items = arena_grow(c->a, out->items, cap * sizeof *out->items,
                                    (out->n + l->n + 1) * sizeof *out->items);
            cap = out->n + l->n + 1;
        }
        size_t i = 0;
        for (; i < l->n && (limit == 0 || out->n < limit); i++)
            if (list__matches(c->s, sel, k, l->items[i]))
                out->items[out->n++] = l->items[i];
        bool more = i < l->n || l->more > 0;
        if (i > 0)
            after = l->items[i - 1]->key;
        if (!more)
            return 0;
        if (limit && out->n == limit) {
            out->cont = make_continue(c, out->rv, after + strlen(prefix));
            out->remaining = sel->all ? l->more + (l->n - i) : 0;
            return 0;
        }
    }
}

int rest_list(struct call *c, const struct served *k, const char *ns, const struct list_opts *o,
              struct listing *out)
{
    struct selection sel;
    uint64_t at = 0, rv = 0;
    const char *after = NULL;
    int rc = list__check_opts(c, o, false);
    if (rc == 0)
        rc = list__selection(c, k, o, &sel);
    if (rc == 0 && o->rv && *o->rv)
        rc = list__revision(c, o->rv, &rv);
    if (rc < 0)
        return rc;
    const char *prefix = stored__key(k, ns, NULL, c->a);
    *out = (struct listing){.cont = ""};
    if (o->cont && *o->cont) {
        if (o->rv && *o->rv && strcmp(o->rv, "0") != 0)
            return refuse_bad_request(c, "specifying resource version is not allowed when using "
                                         "continue");
        const char *rest = NULL;
        rc = read_continue(c, o->cont, &at, &rest);
        if (rc < 0)
            return rc;
        after = arena_printf(c->a, "%s%s", prefix, rest);
    } else if (rv > 0) {
        bool exact = (o->rv_match && strcmp(o->rv_match, "Exact") == 0) ||
                     (!(o->rv_match && *o->rv_match) && o->limit > 0);
        if (exact && rv > store_revision(c->s->store))
            return refuse(c, ERR_INVALID, 500, "",
                          "etcdserver: mvcc: required revision is a future revision");
        if (exact || rv > store_revision(c->s->store))
            at = rv;
    }
    return collect(c, k, prefix, &sel, o, at, after, out);
}
