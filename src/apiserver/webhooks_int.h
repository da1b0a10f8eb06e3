/* webhooks_int.h - admission webhooks: who is asked about a write, and what of the answer counts.
 *
 * Model      Configurations are read when one of them has changed; without any, a write costs one
 *            comparison. Mutating ones are asked in the order of their configurations' names, each
 *            with what the one before has made of the object; then the validating ones.
 * Guarantees The configurations themselves are asked about nobody. What a hook says is at most
 *            API_BODY_MAX bytes, and it is waited for as long as its timeoutSeconds say.
 * Not here   CONNECT; versions of a kind other than the request's (matchPolicy Equivalent is
 *            Exact); audit annotations.                                                     */
#pragma once
#include "apiserver/apiserver_int.h"

struct webhook_write {
    const struct served *k;
    const char *ns, *sub;    /* sub: the subresource, or NULL */
    const char *operation;   /* "CREATE", "UPDATE", "DELETE" */
    struct value *obj;       /* NULL: it is deleted */
    const struct value *old; /* NULL: it is new */
};

/* Changes w->obj. Refuses as the hook says. */
int webhooks__mutate(struct call *c, const struct webhook_write *w);
int webhooks__validate(struct call *c, const struct webhook_write *w);
/* One of the configurations was written. */
void webhooks__changed(struct apiserver *s);

/* ---- webhooks_call.c ---- */

struct webhook {
    const struct value *doc; /* an entry of webhooks */
    const char *name, *config;
};

/* Posts an AdmissionReview; *out is its response, of this uid. The sentence of a failure says which
 * address was asked. */
int webhooks__ask(struct call *c, const struct webhook *h, const struct value *review,
                  const char *uid, const struct value **out, struct err *e) MUST_CHECK;
