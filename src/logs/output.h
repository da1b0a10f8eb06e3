/* output.h - lines on their way out to another store.
 *
 * Model      The log store is the buffer: an output reads what its match wants (logdb/reader.h),
 *            hands it to a way (Elasticsearch, forward) in batches and notes in a file how far the
 *            other side has acknowledged each stream.
 * Guarantees At least once; nothing waits for it but its own thread. What retention removes
 *            before it was taken, what the other side refuses for good and what retry_limit gives
 *            up is counted, line by line, and said once a minute.
 * Threads    One of its own.                                                              */
#pragma once
#include <stdatomic.h>

#include "base/buf.h"
#include "logdb/reader.h"

enum output_state { OUTPUT_OPEN, OUTPUT_DONE, OUTPUT_REFUSED };

struct output_line {
    const struct logdb_entry *x;
    const char *tag;
    enum output_state state;
};

struct output_batch {
    struct output_line *lines; /* a stream's lie side by side */
    size_t n;
    const char *name; /* of the output, for the log */
    const atomic_bool *stop;
};

/* A way out. send() tries the lines that are open, once, and sets the states of those that the
 * other side has answered for; < 0 when any are open still. */
struct output_way {
    int (*send)(struct output_way *w, struct output_batch *b, struct err *e);
    void (*free)(struct output_way *w);
};

struct output_opts {
    struct logdb *db;
    const char *file; /* how far it is */
    const char *name, *match;
    int64_t retry_limit;    /* < 0: none */
    int64_t pause_ms;       /* the first after a failure, doubled up to a minute; 0: 1 s */
    struct output_way *way; /* the output's from now on, failure or not */
};

struct output;
int output_start(const struct output_opts *o, struct output **out, struct err *e) MUST_CHECK;
void output_free(struct output *o); /* ends what is under way within seconds */
AUTO_DEFINE(output)

struct output_stats {
    const char *name;
    uint64_t sent, retried, lost, behind; /* lines; retried: sent once more */
};
void output_stats(struct output *o, struct output_stats *out);

/* The tag that match is asked about: what a line came with, else kube.NAMESPACE.POD.CONTAINER of
 * pods' lines, else its source. */
const char *output_tag(const struct value *labels, struct arena *a);
/* A line as others know lines: what was handed in as a document is that; else it has `log`,
 * `stream`, `kubernetes` and the other labels. */
struct value *output_record(const struct logdb_entry *x, struct arena *a);

int output__press(const struct buf *from, struct buf *into, struct err *e) MUST_CHECK; /* gzip */

struct output_forward_opts {
    const char *host;
    unsigned port;
    const char *shared_key, *self_hostname;          /* key: or NULL */
    bool ack, gzip, tls, insecure;                   /* no ack: written is done */
    const char *vhost, *ca_pem, *cert_pem, *key_pem; /* or NULL */
};
struct output_way *output_forward_new(const struct output_forward_opts *o); /* texts are borrowed */

struct output_es_opts {
    const char *url; /* with the path that _bulk is below */
    const char *connect_to, *user, *password, *api_key, *ca_pem, *cert_pem, *key_pem; /* or NULL */
    const char *index, *logstash_prefix; /* prefix: or NULL; PREFIX-YYYY.MM.DD */
    bool insecure, gzip, type_name;
};
struct output_way *output_es_new(const struct output_es_opts *o); /* texts are borrowed */
