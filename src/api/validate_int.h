/* validate_int.h - what the checks of all kinds share.
 *
 * Model    A check is handed the value at a path and adds what is wrong with it. Paths are
 *          text ("spec.ports[0].name"), made with path().                               */
#pragma once
#include "api/admit.h"
#include "api/names_int.h"
#include "api/quantity.h"
#include "api/tree_int.h"
#include "api/validate_say_int.h"

/* Of validate_say_int.h: path() prints a path; bad, required, forbidden, duplicate, one_of … add
 * what is wrong there. */
void validate__meta_labels(struct field_errors *l, const char *at, const struct value *labels);
void validate__label_selector(struct field_errors *l, const char *at, const struct value *s,
                              bool empty_forbidden);
/* As Go prints a map[string]string. */
const char *validate__go_string_map(const struct value *m, struct arena *a);

struct value;
typedef void validate_fn(const struct value *obj, struct field_errors *l);
typedef void validate_update_fn(const struct value *obj, const struct value *old,
                                struct field_errors *l);

void validate__pod_template(struct field_errors *l, const char *at, const struct value *t);
void validate__pod_spec(struct field_errors *l, const char *at, const struct value *spec,
                        bool is_pod);
void validate__volume_source(struct field_errors *l, const char *at, const struct value *v,
                             const char *const *kinds);
void validate__node_selector(struct field_errors *l, const char *at, const struct value *terms);
void validate__quantity_name(struct field_errors *l, const char *at, const char *name);
void validate__claim_spec(struct field_errors *l, const char *at, const struct value *spec);
void validate__ip(struct field_errors *l, const char *at, const struct value *v);
bool validate__not_loopback(struct field_errors *l, const char *at, const char *ip);
void validate__cidr(struct field_errors *l, const char *at, const struct value *v);
const char *validate__go_json_error(struct arena *a, const char *text, size_t n,
                                    const struct err *e);
bool validate__loose_ip(const char *s);
bool validate__cidr_within(const char *inner, const char *outer);
void validate__config_keys(struct field_errors *l, const char *at, const struct value *map);
bool validate__selector_fits(const struct value *selector, const struct value *labels,
                             struct arena *a);

validate_fn validate_pod, validate_pod_template, validate_deployment, validate_replica_set,
    validate_stateful_set, validate_daemon_set, validate_replication, validate_job,
    validate_cron_job, validate_config_map, validate_secret, validate_service, validate_endpoints,
    validate_namespace, validate_limit_range, validate_resource_quota, validate_volume,
    validate_claim, validate_event, validate_endpoint_slice, validate_ingress,
    validate_ingress_class, validate_network_policy, validate_role, validate_cluster_role,
    validate_role_binding, validate_cluster_role_binding, validate_lease, validate_storage_class,
    validate_disruption_budget, validate_autoscaler, validate_autoscaler_v1,
    validate_priority_class, validate_runtime_class, validate_service_account,
    validate_controller_revision, validate_token_request, validate_node, validate_csi_driver,
    validate_csi_node, validate_storage_capacity, validate_volume_attachment, validate_webhooks;
validate_update_fn validate__update_pod, validate__update_deployment, validate__update_replica_set,
    validate__update_stateful_set, validate__update_daemon_set, validate__update_job,
    validate__update_config_map, validate__update_secret, validate__update_service,
    validate__update_volume, validate__update_claim, validate__update_role_binding,
    validate__update_storage_class, validate__update_priority_class, validate__update_runtime_class,
    validate__update_endpoint_slice, validate__update_ingress_class,
    validate__update_controller_revision, validate__update_job_status,
    validate__update_namespace_status, validate__update_node, validate__update_service_status,
    validate__update_ingress_status, validate__update_volume_attachment;
