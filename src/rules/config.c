/* config.c - the shape of Prometheus's configuration: which fields there are, and of what kind. */
#include "rules/config_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "codec/utf8.h"
#include "codec/yaml.h"
#include "rules/rules.h"

enum { FILE_MAX = 64 << 20 };

/* "name:k" is a scalar of kind k: s text, b bool, i whole number, f number, d duration, z size;
 * t is a list of texts, m texts by name, a anything. "name{shape}" is an object, "name[shape]" a
 * list of objects. "+shape" has all fields of that shape. "*:k" is any name. */
struct shape {
    const char *name, *fields;
};

#define SD                                                                                         \
    "azure_sd_configs[azure] consul_sd_configs[consul] digitalocean_sd_configs[digitalocean] "     \
    "dns_sd_configs[dns] docker_sd_configs[docker] dockerswarm_sd_configs[dockerswarm] "           \
    "ec2_sd_configs[aws] ecs_sd_configs[aws] msk_sd_configs[aws] rds_sd_configs[aws] "             \
    "elasticache_sd_configs[aws] lightsail_sd_configs[aws] aws_sd_configs[aws] "                   \
    "eureka_sd_configs[eureka] file_sd_configs[file] gce_sd_configs[gce] "                         \
    "hetzner_sd_configs[hetzner] http_sd_configs[http] ionos_sd_configs[ionos] "                   \
    "kubernetes_sd_configs[kubernetes] kuma_sd_configs[kuma] linode_sd_configs[linode] "           \
    "marathon_sd_configs[marathon] nerve_sd_configs[zookeeper] nomad_sd_configs[nomad] "           \
    "oci_sd_configs[oci] openstack_sd_configs[openstack] outscale_sd_configs[outscale] "           \
    "ovhcloud_sd_configs[ovhcloud] puppetdb_sd_configs[puppetdb] scaleway_sd_configs[scaleway] "   \
    "serverset_sd_configs[zookeeper] stackit_sd_configs[stackit] static_configs[static] "          \
    "triton_sd_configs[triton] uyuni_sd_configs[uyuni] vultr_sd_configs[vultr]"
#define POLLED "+client refresh_interval:d port:i "
#define LIMITS                                                                                     \
    "body_size_limit:z sample_limit:i target_limit:i label_limit:i label_name_length_limit:i "     \
    "label_value_length_limit:i keep_dropped_targets:i metric_name_validation_scheme:s "           \
    "metric_name_escaping_scheme:s scrape_native_histograms:b "                                    \
    "convert_classic_histograms_to_nhcb:b always_scrape_classic_histograms:b "                     \
    "extra_scrape_metrics:b scrape_interval:d scrape_timeout:d scrape_protocols:t "                \
    "scrape_failure_log_file:s "

static const struct shape shapes[] = {
    {"config",
     "global{global} runtime{runtime} alerting{alerting} rule_files:t scrape_config_files:t "
     "scrape_configs[scrape] storage{storage} tracing{tracing} remote_write[remote_write] "
     "remote_read[remote_read] otlp{otlp}"                                                                   },
    {"scrape_file",    "scrape_configs[scrape]"                                                              },
    {"global",
     LIMITS "evaluation_interval:d rule_query_offset:d query_log_file:s external_labels:m"                   },
    {"runtime",        "gogc:i"                                                                              },
    {"storage",        "tsdb{tsdb} exemplars{exemplars}"                                                     },
    {"exemplars",      "max_exemplars:i"                                                                     },
    {"tsdb",           "out_of_order_time_window:d stale_series_compaction_threshold:f "
             "chunk_encoding{chunk_encoding} retention{retention}"                               },
    {"chunk_encoding", "floats:s"                                                                            },
    {"retention",      "time:d size:s percentage:f"                                                          },
    {"tracing",        "client_type:s endpoint:s sampling_fraction:f insecure:b tls_config{tls} headers:m "
                "compression:s timeout:d"                                                     },
    {"otlp",           "promote_all_resource_attributes:b promote_resource_attributes:t "
             "ignore_resource_attributes:t translation_strategy:s "
             "keep_identifying_resource_attributes:b convert_histograms_to_nhcb:b "
             "promote_scope_metadata:b label_name_underscore_sanitization:b "
             "label_name_preserve_multiple_underscores:b"                                        },
    {"alerting",       "alert_relabel_configs[relabel] alertmanagers[alertmanager]"                          },
    {"alertmanager",   "+client " SD " sigv4{sigv4} scheme:s path_prefix:s timeout:d api_version:s "
                     "relabel_configs[relabel] alert_relabel_configs[relabel]"           },
    {"sigv4",          "region:s access_key:s secret_key:s profile:s role_arn:s external_id:s "
              "use_fips_sts_endpoint:b service_name:s"                                          },
    {"scrape",         LIMITS
     "+client " SD " job_name:s honor_labels:b honor_timestamps:b track_timestamps_staleness:b "
     "params:a fallback_scrape_protocol:s metrics_path:s scheme:s enable_compression:b "
     "native_histogram_bucket_limit:i native_histogram_min_bucket_factor:f "
     "relabel_configs[relabel] metric_relabel_configs[relabel]"                                },
    {"relabel",
     "source_labels:t separator:s regex:s modulus:i target_label:s replacement:s action:s"                   },
    {"static",         "targets:t labels:m"                                                                  },
    {"remote_write",
     "+client url:s remote_timeout:d headers:m write_relabel_configs[relabel] name:s "
     "send_exemplars:b send_native_histograms:b round_robin_dns:b protobuf_message:s "
     "failed_request_logging:a queue_config{queue} metadata_config{metadata} sigv4{sigv4} "
     "azuread:a google_iam:a"                                                                                },
    {"remote_read",    "+client url:s remote_timeout:d chunked_read_limit:i headers:m read_recent:b "
                    "name:s required_matchers:m filter_external_labels:b"                 },
    {"queue",          "capacity:i max_shards:i min_shards:i max_samples_per_send:i batch_send_deadline:d "
              "min_backoff:d max_backoff:d retry_on_http_429:b sample_age_limit:d"              },
    {"metadata",       "send:b send_interval:d max_samples_per_send:i"                                       },
    {"client",
     "basic_auth{basic_auth} authorization{authorization} oauth2{oauth2} bearer_token:s "
     "bearer_token_file:s tls_config{tls} follow_redirects:b enable_http2:b http_headers{headers} "
     "+proxy"                                                                                                },
    {"proxy",          "proxy_url:s no_proxy:s proxy_from_environment:b proxy_connect_header:a"              },
    {"basic_auth",     "username:s username_file:s username_ref:s password:s password_file:s "
                   "password_ref:s"                                                        },
    {"authorization",  "type:s credentials:s credentials_file:s credentials_ref:s"                           },
    {"oauth2",         "client_id:s client_secret:s client_secret_file:s client_secret_ref:s scopes:t "
               "token_url:s endpoint_params:m tls_config{tls} grant_type:s "
               "client_certificate_key_id:s client_certificate_key:s "
               "client_certificate_key_file:s client_certificate_key_ref:s signature_algorithm:s "
               "iss:s audience:s claims:a +proxy"                                              },
    {"tls",            "ca:s cert:s key:s ca_file:s cert_file:s key_file:s ca_ref:s cert_ref:s key_ref:s "
            "server_name:s insecure_skip_verify:b min_version:s max_version:s"                    },
    {"headers",        "*{header}"                                                                           },
    {"header",         "values:t secrets:t files:t"                                                          },
    {"filter",         "name:s values:t"                                                                     },
    {"aws",            POLLED "role:s region:s endpoint:s access_key:s secret_key:s profile:s role_arn:s "
                   "external_id:s filters[filter] clusters:t request_concurrency:i"               },
    {"azure",          POLLED "environment:s subscription_id:s tenant_id:s client_id:s client_secret:s "
                     "authentication_method:s resource_group:s"                                 },
    {"consul",         "+client server:s path_prefix:s token:s datacenter:s namespace:s partition:s "
               "tag_separator:s scheme:s username:s password:s allow_stale:b refresh_interval:d "
               "services:t tags:t node_meta:m filter:s health_filter:s"                        },
    {"digitalocean",   POLLED "role:s"                                                                       },
    {"dns",            "names:t refresh_interval:d type:s port:i"                                            },
    {"docker",         POLLED "host:s filters[filter] host_networking_host:s match_first_network:b"          },
    {"dockerswarm",    POLLED "host:s role:s filters[filter]"                                                },
    {"eureka",         POLLED "server:s"                                                                     },
    {"file",           "files:t refresh_interval:d"                                                          },
    {"gce",            "project:s zone:s filter:s refresh_interval:d port:i tag_separator:s"                 },
    {"hetzner",        POLLED "role:s label_selector:s"                                                      },
    {"http",           POLLED "url:s"                                                                        },
    {"ionos",          POLLED "datacenter_id:s"                                                              },
    {"kubernetes",     "+client api_server:s role:s kubeconfig_file:s namespaces{namespaces} "
                   "selectors[selector] attach_metadata{attach}"                           },
    {"namespaces",     "own_namespace:b names:t"                                                             },
    {"selector",       "role:s label:s field:s"                                                              },
    {"attach",         "node:b namespace:b deployment:b job:b cronjob:b"                                     },
    {"kuma",           "+client server:s client_id:s refresh_interval:d fetch_timeout:d"                     },
    {"linode",         POLLED "tag_separator:s region:s"                                                     },
    {"marathon",       "+client servers:t refresh_interval:d auth_token:s auth_token_file:s"                 },
    {"nomad",          POLLED "allow_stale:b namespace:s region:s server:s tag_separator:s"                  },
    {"oci",            POLLED "auth:s tenancy:s user:s fingerprint:s key_file:s key_passphrase:s "
                   "key_passphrase_file:s region:s compartments:t"                                },
    {"openstack",      "identity_endpoint:s username:s userid:s password:s project_name:s project_id:s "
                  "domain_name:s domain_id:s application_credential_name:s "
                  "application_credential_id:s application_credential_secret:s role:s region:s "
                  "refresh_interval:d port:i all_tenants:b tls_config{tls} availability:s"  },
    {"outscale",       POLLED "endpoint:s region:s access_key:s secret_key:s secret_key_file:s"              },
    {"ovhcloud",       "endpoint:s application_key:s application_secret:s consumer_key:s "
                 "refresh_interval:d service:s"                                              },
    {"puppetdb",       POLLED "url:s query:s include_parameters:b"                                           },
    {"scaleway",       POLLED "project_id:s api_url:s zone:s access_key:s secret_key:s secret_key_file:s "
                        "name_filter:s tags_filter:t role:s"                                 },
    {"stackit",        POLLED "project:s region:s endpoint:s service_account_key:s private_key:s "
                       "service_account_key_path:s private_key_path:s credentials_file_path:s"},
    {"triton",         "account:s role:s dns_suffix:s endpoint:s groups:t port:i refresh_interval:d "
               "tls_config{tls} version:i"                                                     },
    {"uyuni",          POLLED "server:s username:s password:s entitlement:s separator:s"                     },
    {"vultr",          POLLED                                                                                },
    {"zookeeper",      "servers:t paths:t timeout:d"                                                         },
};

/* What an item that is null is called, by the shape it stands in and its field. */
static const struct {
    const char *in, *field, *text;
} empties[] = {
    {"config",       "scrape_configs",         "scrape config section"                 },
    {"scrape_file",  "scrape_configs",         "scrape config section"                 },
    {"config",       "remote_write",           "remote write config section"           },
    {"config",       "remote_read",            "remote read config section"            },
    {"scrape",       "relabel_configs",        "target relabeling rule"                },
    {"scrape",       "metric_relabel_configs", "metric relabeling rule"                },
    {"alerting",     "alert_relabel_configs",  "alert relabeling rule"                 },
    {"alertmanager", "relabel_configs",        "Alertmanager target relabeling rule"   },
    {"alertmanager", "alert_relabel_configs",  "Alertmanager alert relabeling rule"    },
    {"remote_write", "write_relabel_configs",  "relabeling rule in remote write config"},
};

/* ---- reading ---- */

bool config__has(const struct value *object, const char *field)
{
    const struct value *v = value_get(object, field);
    return v && v->kind != VALUE_NULL;
}

bool config__set(const struct value *object, const char *field)
{
    const struct value *v = value_get(object, field);
    return v && v->kind != VALUE_NULL && (v->kind != VALUE_STRING || v->n) &&
           (v->kind != VALUE_OBJECT || v->n);
}

const char *config__text(const struct value *object, const char *field)
{
    const struct value *v = value_get(object, field);
    bool scalar = value_is(v, VALUE_STRING) || value_is(v, VALUE_INT) || value_is(v, VALUE_FLOAT);
    return scalar ? v->text : value_is(v, VALUE_BOOL) ? v->boolean ? "true" : "false" : "";
}

int config__read(struct config_check *c, const char *path, const struct value **out)
{
    char *text;
    size_t n;
    struct value *v;
    int r = fs_read(path, FILE_MAX, c->arena, &text, &n, c->e);
    if (r == 0)
        r = yaml_parse(c->arena, text, n, YAML_STRICT_KEYS, &v, c->e);
    *out = r < 0 ? NULL : v;
    return r;
}

/* ---- walking ---- */

static const struct shape *shape_of(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        if (strncmp(shapes[i].name, name, n) == 0 && !shapes[i].name[n])
            return &shapes[i];
    return NULL;
}

/* What follows the field's name in the shape ("…:s", "{tls}", "[relabel]"), or NULL. */
static const char *field_of(const struct shape *s, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = s->fields; *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " "), key = strcspn(p, ":[{ ");
        if (*p == '+') {
            const char *inner = field_of(shape_of(p + 1, len - 1), name);
            if (inner)
                return inner;
        } else if ((key == n && strncmp(p, name, n) == 0) || *p == '*') {
            return p + key;
        }
        p += len;
    }
    return NULL;
}

static int size_fits(const char *text, struct err *e)
{
    size_t n = strspn(text, "0123456789.");
    static const char *const units[] = {"B",  "KB",  "KiB", "MB",  "MiB", "GB", "GiB",
                                        "TB", "TiB", "PB",  "PiB", "EB",  "EiB"};
    if (strcmp(text, "0") == 0 || !*text)
        return 0;
    for (size_t i = 0; n && i < ARRAY_LEN(units); i++)
        if (strcmp(text + n, units[i]) == 0)
            return 0;
    return err_set(e, ERR_INVALID, "units: unknown unit %s in %s", text + n, text);
}

static bool all_texts(const struct value *v)
{
    if (v->kind == VALUE_ARRAY) {
        VALUE_EACH_ITEM (item, v)
            if (item->kind == VALUE_ARRAY || item->kind == VALUE_OBJECT)
                return false;
        return true;
    }
    VALUE_EACH_MEMBER (m, v)
        if (m->value.kind == VALUE_ARRAY || m->value.kind == VALUE_OBJECT)
            return false;
    return true;
}

static int scalar_fits(struct config_check *c, char kind, const char *name, const struct value *v)
{
    bool text = v->kind == VALUE_STRING || v->kind == VALUE_INT || v->kind == VALUE_FLOAT ||
                v->kind == VALUE_BOOL;
    const char *s = text && v->kind != VALUE_BOOL ? v->text : "";
    int64_t ms;
    bool fits = text;
    int r = 0;
    switch (kind) {
    case 'b':
        fits = v->kind == VALUE_BOOL;
        break;
    case 'i':
        fits = v->kind == VALUE_INT;
        break;
    case 'f':
        fits = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
        break;
    case 't':
        fits = v->kind == VALUE_ARRAY && all_texts(v);
        break;
    case 'm':
        fits = v->kind == VALUE_OBJECT && all_texts(v);
        break;
    case 'a':
        fits = true;
        break;
    case 'd':
        r = fits ? rules_duration(s, &ms, c->e) : 0;
        break;
    case 'z':
        r = fits ? size_fits(s, c->e) : 0;
        break;
    default:
        break;
    }
    if (!fits)
        return err_set(c->e, ERR_INVALID, "line %u: cannot unmarshal %s into field %s", v->line,
                       value_kind_name(v->kind), name);
    return r < 0 ? err_wrap(c->e, r, "line %u", v->line) : 0;
}

static const char *empty_text(const char *in, const char *field, struct arena *a)
{
    for (size_t i = 0; i < ARRAY_LEN(empties); i++)
        if (strcmp(empties[i].in, in) == 0 && strcmp(empties[i].field, field) == 0)
            return empties[i].text;
    return arena_printf(a, "section in %s", field);
}

static int walk_list(struct config_check *c, const char *in, const char *shape,
                     const struct member *m)
{
    if (m->value.kind != VALUE_ARRAY)
        return err_set(c->e, ERR_INVALID, "line %u: cannot unmarshal %s into field %s",
                       m->value.line, value_kind_name(m->value.kind), m->key);
    VALUE_EACH_ITEM (item, &m->value) {
        if (item->kind == VALUE_NULL)
            return err_set(c->e, ERR_INVALID, "empty or null %s", empty_text(in, m->key, c->arena));
        int r = config__walk(c, shape, item);
        if (r < 0)
            return r;
    }
    return 0;
}

static int walk_field(struct config_check *c, const struct shape *s, const struct member *m)
{
    const char *kind = field_of(s, m->key);
    if (!kind)
        return err_set(c->e, ERR_INVALID, "line %u: field %s not found in type %s", m->line, m->key,
                       s->name);
    if (m->value.kind == VALUE_NULL)
        return 0;
    const char *shape = arena_strndup(c->arena, kind + 1, strcspn(kind + 1, "]}"));
    if (*kind == '[')
        return walk_list(c, s->name, shape, m);
    return *kind == '{' ? config__walk(c, shape, &m->value)
                        : scalar_fits(c, kind[1], m->key, &m->value);
}

int config__walk(struct config_check *c, const char *name, const struct value *v)
{
    const struct shape *s = shape_of(name, strlen(name));
    if (v->kind != VALUE_OBJECT)
        return err_set(c->e, ERR_INVALID, "line %u: cannot unmarshal %s into %s", v->line,
                       value_kind_name(v->kind), name);
    VALUE_EACH_MEMBER (m, v) {
        int r = walk_field(c, s, m);
        if (r < 0)
            return r;
    }
    int r = field_of(s, "bearer_token") && strcmp(name, "client") != 0
                ? config__client_holds(c, name, v)
                : 0;
    if (r == 0)
        r = config__holds(c, name, v);
    return r < 0 ? r : config__discovery_holds(c, name, v);
}

int config_check(const char *path, bool agent, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *slash = strrchr(path, '/');
    struct config_check c = {
        .arena = a, .dir = slash ? arena_strndup(a, path, (size_t)(slash - path)) : ".", .e = e};
    int r = config__read(&c, path, &c.root);
    if (r == 0 && c.root->kind != VALUE_NULL)
        r = config__walk(&c, "config", c.root);
    if (r == 0 && c.root->kind != VALUE_NULL)
        r = config__whole_holds(&c, agent);
    return r < 0 ? err_wrap(e, r, "parsing YAML file %s", path) : 0;
}
