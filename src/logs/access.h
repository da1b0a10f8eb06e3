/* access.h - who may see and add which lines. The rules are the API's: lines of a namespace are for
 * those who may get its pods' logs (pods/log), and are added by those who may create `logs` of
 * slipway.dev there. Lines without a namespace need the right everywhere.                     */
#pragma once
#include "logdb/logdb.h"
#include "net/http_server.h"

struct logs_access {
    struct logdb *db;
    /* 0, ERR_UNAUTHENTICATED or ERR_DENIED. `create`: add lines, else see them. ns NULL: of all. */
    int (*may)(void *arg, struct http_request *q, bool create, const char *ns, struct err *e);
    void *arg;
};

/* Fills *out with a matcher that keeps to the namespaces that the request may see; false in *any
 * when it may see all. ERR_DENIED: none. */
int logs_access_narrow(const struct logs_access *x, struct http_request *q,
                       struct logdb_matcher *out, bool *any, struct err *e) MUST_CHECK;

/* The token of an Authorization header: Bearer T, Basic with T as the password, ApiKey with T as
 * the key; in the arena. NULL: none. */
const char *logs_access_token(const char *authorization, struct arena *a);
