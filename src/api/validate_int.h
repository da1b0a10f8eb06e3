/* validate_int.h - what the checks of all kinds share.
 *
 * Model    A check is handed the value at a path and adds what is wrong with it. Paths are
 *          text ("spec.ports[0].name"), made with path().                               */
#pragma once
#include "api/admit.h"
#include "api/names_int.h"
#include "api/quantity.h"
#include "api/tree_int.h"

const char *path(const struct field_errors *l, const char *fmt, ...) PRINTF(2, 3);

void bad(struct field_errors *l, const char *at, const struct value *v, const char *why);
void bad_str(struct field_errors *l, const char *at, const char *s, const char *why);
void required(struct field_errors *l, const char *at, const char *why);
void forbidden(struct field_errors *l, const char *at, const char *why);
void duplicate(struct field_errors *l, const char *at, const char *s);
/* For values that only Go can show. */
void bad_shown(struct field_errors *l, const char *at, const char *shown, const char *why);

/* One INVALID per sentence. */
void name_errors(struct field_errors *l, const char *at, const char *s, struct name_errors n);

/* supported: NULL-terminated. An absent or "" value: required when `must`. */
void one_of(struct field_errors *l, const char *at, const char *s, const char *const *supported,
            bool must);

void not_negative(struct field_errors *l, const char *base, const struct value *v, const char *key);
void port_number(struct field_errors *l, const char *at, const struct value *v);
void immutable(struct field_errors *l, const char *at, const struct value *now,
               const struct value *old);
void immutable_shown(struct field_errors *l, const char *at, const struct value *now,
                     const struct value *old);

void check_meta_labels(struct field_errors *l, const char *at, const struct value *labels);
void check_label_selector(struct field_errors *l, const char *at, const struct value *s,
                          bool empty_forbidden);
/* As Go prints a map[string]string. */
const char *go_string_map(const struct value *m, struct arena *a);

struct value;
typedef void validate_fn(const struct value *obj, struct field_errors *l);
typedef void validate_update_fn(const struct value *obj, const struct value *old,
                                struct field_errors *l);

void check_pod_template(struct field_errors *l, const char *at, const struct value *t);
void check_pod_spec(struct field_errors *l, const char *at, const struct value *spec, bool is_pod);
void check_volume_source(struct field_errors *l, const char *at, const struct value *v,
                         const char *const *kinds);
void check_node_selector(struct field_errors *l, const char *at, const struct value *terms);
void check_quantity_name(struct field_errors *l, const char *at, const char *name);
void check_claim_spec(struct field_errors *l, const char *at, const struct value *spec);
void check_ip(struct field_errors *l, const char *at, const struct value *v);
bool not_loopback(struct field_errors *l, const char *at, const char *ip);
void check_cidr(struct field_errors *l, const char *at, const struct value *v);
const char *go_json_error(struct arena *a, const char *text, size_t n, const struct err *e);
bool loose_ip(const char *s);
bool cidr_within(const char *inner, const char *outer);
void check_config_keys(struct field_errors *l, const char *at, const struct value *map);
bool selector_fits(const struct value *selector, const struct value *labels, struct arena *a);

validate_fn validate_pod, validate_pod_template, validate_deployment, validate_replica_set,
    validate_stateful_set, validate_daemon_set, validate_replication, validate_job,
    validate_cron_job, validate_config_map, validate_secret, validate_service, validate_endpoints,
    validate_namespace, validate_limit_range, validate_resource_quota, validate_volume,
    validate_claim, validate_event, validate_endpoint_slice, validate_ingress,
    validate_ingress_class, validate_network_policy, validate_role, validate_cluster_role,
    validate_role_binding, validate_cluster_role_binding, validate_lease, validate_storage_class,
    validate_disruption_budget, validate_autoscaler, validate_autoscaler_v1,
    validate_priority_class, validate_runtime_class, validate_service_account,
    validate_controller_revision, validate_token_request, validate_node;
validate_update_fn update_pod, update_deployment, update_replica_set, update_stateful_set,
    update_daemon_set, update_job, update_config_map, update_secret, update_service, update_volume,
    update_claim, update_role_binding, update_storage_class, update_priority_class,
    update_runtime_class, update_endpoint_slice, update_ingress_class, update_controller_revision,
    update_job_status, update_namespace_status, update_service_status, update_ingress_status;
