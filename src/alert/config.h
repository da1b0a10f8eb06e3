/* config.h - Alertmanager's configuration file: who is told about which alerts, when and how.
 *
 * Guarantees A field that is not known, or that this program cannot act on, is refused with its
 *            line. What is secret (passwords, tokens, webhook URLs) is not in `shown`.
 * Lifetime   A configuration is shared: ref and unref; immutable once read.                  */
#pragma once
#include "alert/interval.h"
#include "codec/value.h"
#include "tsdb/tsdb.h"

struct alert_matchers {
    const struct matcher *items;
    size_t n;
};

struct alert_route {
    const char *key; /* "{}/{severity=\"page\"}": where it stands in the tree */
    unsigned index;  /* keys may be alike, this is not */
    struct alert_matchers matchers;
    const struct alert_receiver *receiver;
    bool group_all, go_on; /* group_by: ['...'], continue */
    const char *const *group_by;
    size_t n_group_by;
    int64_t group_wait_ms, group_interval_ms, repeat_ms;
    const char *const *mute, *const *active; /* names of intervals */
    size_t n_mute, n_active;
    struct alert_route *routes;
    size_t n;
};

enum alert_way { WAY_WEBHOOK, WAY_EMAIL, WAY_SLACK };

/* One of a receiver's ways: settings are those of the file, with the global ones laid below. */
struct alert_channel {
    enum alert_way way;
    bool send_resolved;
    const struct value *settings;
};

struct alert_receiver {
    const char *name;
    struct alert_channel *channels;
    size_t n;
};

struct alert_inhibition {
    struct alert_matchers source, target;
    const char *const *equal;
    size_t n_equal;
};

struct alert_config {
    struct arena *arena;
    _Atomic unsigned refs;
    int64_t resolve_timeout_ms;
    struct alert_route root;
    unsigned n_routes;
    struct alert_receiver *receivers;
    size_t n_receivers;
    struct alert_inhibition *inhibitions;
    size_t n_inhibitions;
    struct alert_interval *intervals;
    size_t n_intervals;
    const char *const *templates; /* patterns of files, as the configuration has them */
    size_t n_templates;
    bool names_files;  /* settings are to be read from files of this machine */
    const char *shown; /* the file as YAML, each secret as <secret> */
};

int alert_config_read(const char *text, size_t n, struct alert_config **out,
                      struct err *e) MUST_CHECK;
/* One receiver that nobody listens to: alerts are kept, grouped and shown. */
struct alert_config *alert_config_none(void);
struct alert_config *alert_config_ref(struct alert_config *c);
void alert_config_free(struct alert_config *c); /* drops a reference */
AUTO_DEFINE(alert_config)

/* "a=b", "a=~\"b.*\"", also several in braces. ERR_INVALID. */
int alert_matchers_parse(struct arena *a, const char *text, struct alert_matchers *out,
                         struct err *e) MUST_CHECK;
/* {a="b",c=~"d"} */
char *alert_matchers_text(struct arena *a, const struct alert_matchers *m);
/* Whether all fit. */
bool alert_matches(const struct alert_matchers *m, const struct labels *l);
