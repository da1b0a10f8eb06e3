/* fluentbit.h - which ways in and out lines have: Fluent Bit's configuration file in YAML.
 *
 * Model      pipeline.inputs (forward, syslog) and pipeline.outputs (es, forward), with Fluent
 *            Bit's names, defaults and ${VARIABLES}. What is in the file and not offered is
 *            refused by name.                                                              */
#pragma once
#include "codec/value.h"

enum fluentbit_kind {
    FLUENTBIT_FORWARD_IN,
    FLUENTBIT_SYSLOG_IN,
    FLUENTBIT_ES_OUT,
    FLUENTBIT_FORWARD_OUT,
};

struct fluentbit_plugin {
    enum fluentbit_kind kind;
    const char *name; /* "pipeline.outputs[0] (es)" */
    int64_t port;
    int64_t retry_limit; /* < 0: none */
    bool tls, verify, ack, logstash_format, suppress_type_name;
    const char *listen, *mode, *parser; /* of inputs */
    const char *match, *host, *index, *path, *user, *password, *api_key, *logstash_prefix,
        *compress, *self_hostname; /* of outputs */
    const char *shared_key;
    const char *ca_file, *cert_file, *key_file, *vhost; /* of TLS, or NULL */
};

struct fluentbit {
    struct fluentbit_plugin *items;
    size_t n;
};

/* What `variable` gives for a name (NULL: it is not set) takes the place of ${NAME}. */
int fluentbit_parse(const char *text, size_t n, const char *(*variable)(const char *name),
                    struct arena *a, struct fluentbit *out, struct err *e) MUST_CHECK;

/* Does a tag match? `*` stands for any run of characters. */
bool fluentbit_match(const char *pattern, const char *tag);
