/* event.h - one event that triggers judge: a webhook's request or a push of a Repository.
 *
 * Model      Interceptors look at header, body and extensions; each may stop the event or add
 *            extensions. Bindings take parameters out of it with $(body.…), $(header.…),
 *            $(extensions.…) and $(context.eventID). A template puts them into resources.   */
#pragma once
#include "codec/value.h"

struct event {
    struct value *header;     /* {"X-Github-Event": ["push"]}, names canonical */
    const char *text;         /* the body as it came; "" when there is none */
    const struct value *body; /* parsed, or NULL */
    struct value *extensions;
    const char *url, *id;
    bool trusted; /* made by this program: signatures are not asked for */
};

/* Parses the body. ERR_INVALID with Go's sentence when it is not JSON. */
int event_parse(struct event *ev, struct arena *a, struct err *e) MUST_CHECK;
/* Go, and so CEL, reads every number of JSON as a double. */
const struct value *event_doubles(const struct value *v, struct arena *a);

/* "x-github-event" → "X-Github-Event". */
const char *event_canonical(const char *name, struct arena *a);
/* The first value of a header, "" when absent; any spelling. */
const char *event_header(const struct event *ev, const char *name, struct arena *a);

/* Where interceptors find secrets. */
struct event_secrets {
    int (*get)(void *arg, const char *ns, const char *name, const char *key, struct arena *a,
               const char **out, size_t *out_n, struct err *e);
    void *arg;
    const char *ns; /* of the trigger */
};

/* Runs one interceptor of a trigger. 0: go on; ERR_DENIED: the event is not for this trigger,
 * with the reason; others: it cannot be judged. */
int event_intercept(struct event *ev, const struct value *interceptor,
                    const struct event_secrets *secrets, struct arena *a, struct err *e) MUST_CHECK;
/* The CEL interceptor: {filter, overlays: [{key, expression}]}. */
int event_intercept_cel(struct event *ev, const struct value *params,
                        const struct event_secrets *secrets, struct arena *a,
                        struct err *e) MUST_CHECK;

/* The $(…) of a binding's value: canonical expressions, and as they stand. */
void event_expressions(const char *text, struct arena *a, struct value *canonical,
                       struct value *original);
/* What one of them means, as a piece of JSON text that may stand inside quotes. */
int event_lookup(const struct event *ev, const char *expression, struct arena *a, const char **out,
                 struct err *e) MUST_CHECK;

/* {name: text} of bindings' params over the template's defaults. */
int event_params(const struct event *ev, const struct value *bindings, const struct value *declared,
                 struct arena *a, struct value **out, struct err *e) MUST_CHECK;
/* One resource template with $(tt.params.…) and $(uid) replaced. */
int event_resource(const struct value *template, const struct value *params, const char *uid,
                   struct arena *a, struct value **out, struct err *e) MUST_CHECK;
