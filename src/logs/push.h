/* push.h - lines that others hand in: documents, as JSON objects.
 *
 * Model      A document is stored as its JSON text in the stream of its index and namespace, at
 *            the time of its arrival; its own time is what its @timestamp says. Streams are in the
 *            order of time, documents need not be: those more than an hour off go to a stream
 *            with the label late, which searches never leave out for its time.             */
#pragma once
#include "logdb/logdb.h"

enum { PUSH_SLACK_MS = 3600 * 1000 };

struct push {
    const char *index, *ns, *source; /* ns "": none */
    const struct value *document;
    int64_t time_ms, now_ms; /* its own, and of arrival */
    const char *tag;         /* or NULL */
    const char *text;        /* the document as it came; NULL: it is printed */
    size_t text_n;
};

/* Where it says that it comes from: kubernetes.namespace_name, kubernetes.namespace (a text or an
 * object with a name), namespace; "" when it says nothing. */
const char *push_namespace(const struct value *document);

struct pushed {
    uint32_t stream;
    struct logdb_place place;
};
int push_document(struct logdb *db, const struct push *p, struct pushed *out,
                  struct err *e) MUST_CHECK;
