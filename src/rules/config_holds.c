/* config_holds.c - what must hold within a configuration beyond the kinds of its fields. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/regex.h"
#include "codec/utf8.h"
#include "rules/config_int.h"
#include "rules/rules.h"

#define REFUSE(c, ...) err_set((c)->e, ERR_INVALID, __VA_ARGS__)

/* ---- relabeling ---- */

static bool is_default(const struct value *v, const char *field, const char *dflt)
{
    return !config__has(v, field) || strcmp(config__text(v, field), dflt) == 0;
}

static bool only_target(const struct value *v)
{
    return is_default(v, "regex", "(.*)") && is_default(v, "modulus", "0") &&
           is_default(v, "separator", ";") && is_default(v, "replacement", "$1");
}

static bool only_regex(const struct value *v)
{
    return !value_count(value_get(v, "source_labels")) && is_default(v, "target_label", "") &&
           is_default(v, "modulus", "0") && is_default(v, "separator", ";") &&
           is_default(v, "replacement", "$1");
}

static bool is(const char *text, const char *list)
{
    size_t n = strlen(text);
    for (const char *p = list; n && (p = strstr(p, text)); p++)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
            return true;
    return false;
}

static int regex_holds(struct config_check *c, const struct value *v)
{
    AUTO(regex) struct regex *r = NULL;
    const char *text = config__text(v, "regex");
    if (regex_compile(text, strlen(text), REGEX_ANCHORED, &r, c->e) < 0)
        return err_wrap(c->e, ERR_INVALID, "error parsing regexp");
    return 0;
}

static int relabel_holds(struct config_check *c, const struct value *v)
{
    char *action =
        arena_strdup(c->arena, value_get(v, "action") ? config__text(v, "action") : "replace");
    for (char *p = action; *p; p++)
        *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
    bool equal = is(action, "keepequal dropequal"), letters = is(action, "lowercase uppercase");
    if (!*action)
        return REFUSE(c, "relabel action cannot be empty");
    if (!is(action, "replace keep drop hashmod labelmap labeldrop labelkeep") && !equal && !letters)
        return REFUSE(c, "unknown relabel action \"%s\"", action);
    if (regex_holds(c, v) < 0)
        return ERR_INVALID;
    if (is(action, "hashmod") && is_default(v, "modulus", "0"))
        return REFUSE(c, "relabel configuration for hashmod requires non-zero modulus");
    if ((is(action, "replace hashmod") || equal || letters) && !config__set(v, "target_label"))
        return REFUSE(c, "relabel configuration for %s action requires 'target_label' value",
                      action);
    if (letters && !is_default(v, "replacement", "$1"))
        return REFUSE(c, "'replacement' can not be set for %s action", action);
    if (equal && !only_target(v))
        return REFUSE(c,
                      "%s action requires only 'source_labels' and `target_label`, and no other "
                      "fields",
                      action);
    if (is(action, "labeldrop labelkeep") && !only_regex(v))
        return REFUSE(c, "%s action requires only 'regex', and no other fields", action);
    return 0;
}

/* ---- scraping ---- */

static const char PROTOCOLS[] =
    "OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 "
    "PrometheusText1.0.0";

/* "[a b]" */
static const char *said(struct config_check *c, const struct value *list)
{
    const char *text = "[";
    VALUE_EACH_ITEM (p, list)
        text =
            arena_printf(c->arena, "%s%s%s", text, p == list->items ? "" : " ", value_str(p, ""));
    return arena_printf(c->arena, "%s]", text);
}

static bool well_formed(const char *s, size_t n)
{
    for (size_t len; n; s += len, n -= len)
        if (!(len = utf8_valid(s, n)))
            return false;
    return true;
}

static int labels_hold(struct config_check *c, const struct value *labels)
{
    VALUE_EACH_MEMBER (m, labels) {
        if (!m->key_len || !well_formed(m->key, m->key_len))
            return REFUSE(c, "line %u: not a valid label name", m->line);
        if (m->value.kind == VALUE_STRING && !well_formed(m->value.text, m->value.n))
            return REFUSE(c, "line %u: \"\\x%02x\" is not a valid label value", m->line,
                          (unsigned char)m->value.text[0]);
    }
    return 0;
}

static int protocols_hold(struct config_check *c, const struct value *v)
{
    const struct value *list = value_get(v, "scrape_protocols");
    if (list && list->kind == VALUE_ARRAY && !list->n)
        return REFUSE(c, "scrape_protocols cannot be empty");
    VALUE_EACH_ITEM (p, list) {
        const char *name = value_str(p, "");
        if (!is(name, PROTOCOLS))
            return REFUSE(c, "scrape_protocols: unknown scrape protocol %s, supported: [%s]", name,
                          PROTOCOLS);
        for (const struct value *q = list->items; q < p; q++)
            if (strcmp(value_str(q, ""), name) == 0)
                return REFUSE(c, "duplicated protocol in scrape_protocols, got %s", said(c, list));
    }
    return 0;
}

static int64_t time_of(const struct value *v, const char *field)
{
    struct err e;
    int64_t ms = 0;
    return config__set(v, field) && rules_duration(config__text(v, field), &ms, &e) == 0 ? ms : 0;
}

static int schemes_hold(struct config_check *c, const struct value *v, const struct value *global)
{
    const char *names = config__text(v, "metric_name_validation_scheme");
    const char *escaping = config__text(v, "metric_name_escaping_scheme");
    if (*names && !is(names, "utf8 legacy"))
        return REFUSE(c, "unrecognized ValidationScheme: \"%s\"", names);
    if (*escaping && !is(escaping, "allow-utf-8 underscores dots values"))
        return REFUSE(c, "unknown metric name escaping scheme \"%s\"", escaping);
    if (!*names)
        names = config__text(global, "metric_name_validation_scheme");
    if (is(names, "legacy") && is(escaping, "allow-utf-8"))
        return REFUSE(c, "utf8 metric names requested but validation scheme is not set to UTF8");
    return 0;
}

enum { INTERVAL_MS = 60000, TIMEOUT_MS = 10000 };

static int scrape_holds(struct config_check *c, const struct value *v)
{
    const struct value *global = value_get(c->root, "global");
    const char *job = config__text(v, "job_name"),
               *fallback = config__text(v, "fallback_scrape_protocol");
    int64_t interval = time_of(v, "scrape_interval"), timeout = time_of(v, "scrape_timeout");
    if (!*job)
        return REFUSE(c, "job_name is empty");
    if (!interval)
        interval = time_of(global, "scrape_interval");
    if (timeout > (interval ? interval : INTERVAL_MS))
        return REFUSE(c,
                      "scrape timeout greater than scrape interval for scrape config with job "
                      "name \"%s\"",
                      job);
    if (protocols_hold(c, v) < 0)
        return err_set(c->e, ERR_INVALID, "%s for scrape config with job name \"%s\"",
                       arena_strdup(c->arena, c->e->msg), job);
    if (*fallback && !is(fallback, PROTOCOLS))
        return REFUSE(c,
                      "invalid fallback_scrape_protocol for scrape config with job name \"%s\": "
                      "unknown scrape protocol %s, supported: [%s]",
                      job, fallback, PROTOCOLS);
    return schemes_hold(c, v, global);
}

static int global_holds(struct config_check *c, const struct value *v)
{
    int64_t interval = time_of(v, "scrape_interval"), timeout = time_of(v, "scrape_timeout");
    if (timeout > (interval ? interval : INTERVAL_MS))
        return REFUSE(c, "global scrape timeout greater than scrape interval");
    if (labels_hold(c, value_get(v, "external_labels")) < 0 || protocols_hold(c, v) < 0)
        return ERR_INVALID;
    return schemes_hold(c, v, v);
}

static int static_holds(struct config_check *c, const struct value *v)
{
    VALUE_EACH_ITEM (t, value_get(v, "targets"))
        if (strchr(value_str(t, ""), '/'))
            return REFUSE(c, "\"%s\" is not a valid hostname", value_str(t, ""));
    return labels_hold(c, value_get(v, "labels"));
}

/* ---- remote storage, tracing, OTLP, the store ---- */

static int headers_hold(struct config_check *c, const struct value *v, bool tracing)
{
    static const char reserved[] =
        "host content-encoding content-length content-type user-agent connection keep-alive "
        "proxy-authenticate proxy-authorization www-authenticate accept-encoding "
        "x-prometheus-remote-write-version x-prometheus-remote-read-version";
    VALUE_EACH_MEMBER (m, value_get(v, "headers")) {
        char *name = arena_strdup(c->arena, m->key);
        for (char *p = name; *p; p++)
            *p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
        if (is(name, "authorization"))
            return tracing ? REFUSE(c, "authorization header configuration is not yet supported")
                           : REFUSE(c, "authorization header must be changed via the basic_auth, "
                                       "authorization, oauth2, sigv4, azuread or google_iam "
                                       "parameter");
        if (is(name, reserved))
            return REFUSE(c, "%s is a reserved header. It must not be changed", name);
    }
    return 0;
}

static int64_t number_of(const struct value *v, const char *field, int64_t dflt)
{
    return config__has(v, field) ? value_int(value_get(v, field), dflt) : dflt;
}

static int queue_holds(struct config_check *c, const struct value *v)
{
    static const char *const fields[] = {"max_samples_per_send", "max_shards", "min_shards",
                                         "capacity"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (number_of(v, fields[i], 1) <= 0)
            return REFUSE(c, "remote write queue %s must be positive", fields[i]);
    if (number_of(v, "min_shards", 1) > number_of(v, "max_shards", 50))
        return REFUSE(c, "remote write queue min_shards must not be greater than max_shards");
    int64_t least = config__has(v, "min_backoff") ? time_of(v, "min_backoff") : 30;
    if ((config__has(v, "max_backoff") ? time_of(v, "max_backoff") : 5000) < least)
        return REFUSE(c, "remote write queue max_backoff must not be less than min_backoff");
    return 0;
}

static int remote_holds(struct config_check *c, const char *name, const struct value *v)
{
    const char *message = config__text(v, "protobuf_message");
    if (!config__set(v, "url"))
        return REFUSE(c, "url for %s is empty", name);
    if (*message && !is(message, "prometheus.WriteRequest io.prometheus.write.v2.Request"))
        return REFUSE(c,
                      "invalid protobuf_message value: unknown type for remote write protobuf "
                      "message %s, supported: prometheus.WriteRequest, "
                      "io.prometheus.write.v2.Request",
                      message);
    return headers_hold(c, v, false);
}

static int tracing_holds(struct config_check *c, const struct value *v)
{
    const char *type = config__text(v, "client_type"),
               *compression = config__text(v, "compression");
    if (headers_hold(c, v, true) < 0)
        return ERR_INVALID;
    if (!config__set(v, "endpoint"))
        return REFUSE(c, "tracing endpoint must be set");
    if (*compression && !is(compression, "gzip"))
        return REFUSE(c, "invalid compression type %s provided, valid options: gzip", compression);
    if (*type && !is(type, "http grpc"))
        return REFUSE(c, "expected tracing client type to be to be http or grpc, but got %s", type);
    return 0;
}

static int otlp_list_holds(struct config_check *c, const char *kind, const struct value *list)
{
    VALUE_EACH_ITEM (p, list) {
        const char *text = value_str(p, "");
        size_t n = strspn(text, " ");
        if (!text[n])
            return REFUSE(c, "empty %s OTel resource attribute", kind);
        text += n;
        n = strcspn(text, " ");
        for (const struct value *q = list->items; q < p; q++) {
            const char *other = value_str(q, "") + strspn(value_str(q, ""), " ");
            if (strcspn(other, " ") == n && strncmp(other, text, n) == 0)
                return REFUSE(c, "duplicated %s OTel resource attribute \"%.*s\"", kind, (int)n,
                              text);
        }
    }
    return 0;
}

static int otlp_holds(struct config_check *c, const struct value *v)
{
    const struct value *promote = value_get(v, "promote_resource_attributes");
    const struct value *ignored = value_get(v, "ignore_resource_attributes");
    const char *how = config__text(v, "translation_strategy");
    bool all = value_at_bool(v, "promote_all_resource_attributes", false);
    if (*how && !is(how, "UnderscoreEscapingWithSuffixes UnderscoreEscapingWithoutSuffixes "
                         "NoUTF8EscapingWithSuffixes NoTranslation"))
        return REFUSE(c, "unsupported OTLP translation strategy \"%s\"", how);
    if (all && value_count(promote))
        return REFUSE(c, "'promote_all_resource_attributes' and 'promote_resource_attributes' "
                         "cannot be configured simultaneously");
    if (!all && value_count(ignored))
        return REFUSE(c, "'ignore_resource_attributes' can only be set when "
                         "'promote_all_resource_attributes' is true");
    if (otlp_list_holds(c, "promoted", promote) < 0 || otlp_list_holds(c, "ignored", ignored) < 0)
        return ERR_INVALID;
    if (is(how, "NoUTF8EscapingWithSuffixes NoTranslation") &&
        is(config__text(value_get(c->root, "global"), "metric_name_validation_scheme"), "legacy"))
        return REFUSE(c, "OTLP translation strategy \"%s\" is not allowed when UTF8 is disabled",
                      how);
    return 0;
}

static int retention_holds(struct config_check *c, const struct value *v)
{
    double share = value_num(value_get(v, "percentage"), 0);
    if (config__text(v, "size")[0] == '-')
        return REFUSE(c, "'storage.tsdb.retention.size' must be greater than or equal to 0");
    if (share < 0 || share > 100)
        return REFUSE(c, "'storage.tsdb.retention.percentage' must be in the range [0, 100]");
    return 0;
}

/* ---- by shape ---- */

int config__holds(struct config_check *c, const char *name, const struct value *v)
{
    static const struct {
        const char *name;
        int (*holds)(struct config_check *c, const struct value *v);
    } checks[] = {
        {"relabel",   relabel_holds  },
        {"scrape",    scrape_holds   },
        {"global",    global_holds   },
        {"static",    static_holds   },
        {"queue",     queue_holds    },
        {"tracing",   tracing_holds  },
        {"otlp",      otlp_holds     },
        {"retention", retention_holds},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        if (strcmp(checks[i].name, name) == 0)
            return checks[i].holds(c, v);
    const char *floats = config__text(v, "floats"), *api = config__text(v, "api_version");
    if (strncmp(name, "remote_", 7) == 0)
        return remote_holds(c, name, v);
    if (is(name, "chunk_encoding") && *floats && !is(floats, "xor xor2"))
        return REFUSE(c,
                      "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the "
                      "field must be omitted entirely, got \"%s\"",
                      floats);
    if (is(name, "alertmanager") && *api && !is(api, "v2"))
        return REFUSE(c, "expected Alertmanager api version to be one of [v2] but got %s", api);
    return 0;
}

/* ---- the whole ---- */

static int unique(struct config_check *c, const struct value *list, const char *field,
                  const char *what, const char **seen)
{
    VALUE_EACH_ITEM (item, list) {
        const char *name = config__text(item, field);
        if (*name && strstr(*seen, arena_printf(c->arena, "\n%s\n", name)))
            return REFUSE(c, "found multiple %s configs with job name \"%s\"", what, name);
        *seen = arena_printf(c->arena, "%s%s\n", *seen, name);
    }
    return 0;
}

static int globs_hold(struct config_check *c, const char *field, const char *what)
{
    VALUE_EACH_ITEM (p, value_get(c->root, field)) {
        const char *star = strchr(value_str(p, ""), '*');
        if (star && (strchr(star, '/') || strchr(star + 1, '*')))
            return REFUSE(c, "invalid %s file path \"%s\"", what, value_str(p, ""));
    }
    return 0;
}

static int file_holds(struct config_check *c, const char *path, const char **jobs)
{
    const struct value *v;
    int r = config__read(c, path, &v);
    if (r == 0 && v->kind != VALUE_NULL)
        r = config__walk(c, "scrape_file", v);
    return r < 0 ? r : unique(c, value_get(v, "scrape_configs"), "job_name", "scrape", jobs);
}

static int files_hold(struct config_check *c, const char **jobs)
{
    VALUE_EACH_ITEM (p, value_get(c->root, "scrape_config_files")) {
        const char *pattern = value_str(p, "");
        glob_t found = {0};
        if (*pattern != '/')
            pattern = arena_printf(c->arena, "%s/%s", c->dir, pattern);
        int r = glob(pattern, 0, NULL, &found) == 0 ? 0 : GLOB_NOMATCH;
        for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
            r = file_holds(c, found.gl_pathv[i], jobs);
        globfree(&found);
        if (r < 0)
            return r;
    }
    return 0;
}

int config__whole_holds(struct config_check *c, bool agent)
{
    static const char *const servers_only[] = {"alerting", "rule_files", "remote_read"};
    const struct value *root = c->root;
    const char *jobs = "\n", *writes = "\n", *reads = "\n";
    for (size_t i = 0; agent && i < ARRAY_LEN(servers_only); i++)
        if (config__set(root, servers_only[i]))
            return REFUSE(c, "field %s is not allowed in agent mode", servers_only[i]);
    if (globs_hold(c, "rule_files", "rule") < 0 ||
        globs_hold(c, "scrape_config_files", "scrape config") < 0 ||
        unique(c, value_get(root, "scrape_configs"), "job_name", "scrape", &jobs) < 0 ||
        unique(c, value_get(root, "remote_write"), "name", "remote write", &writes) < 0 ||
        unique(c, value_get(root, "remote_read"), "name", "remote read", &reads) < 0)
        return ERR_INVALID;
    return files_hold(c, &jobs);
}
