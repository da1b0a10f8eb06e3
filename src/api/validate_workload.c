#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "api/crd_int.h"
#include "api/intstr.h"
#include "api/validate_int.h"

static bool empty_selector(const struct value *s)
{
    return !value_count(value_get(s, "matchLabels")) &&
           !value_count(value_get(s, "matchExpressions"));
}

/* A StatefulSet's template, with a volume for each of its claims: containers may mount those. */
static const struct value *with_claims(struct arena *a, const struct value *spec)
{
    const struct value *t = value_get(spec, "template");
    const struct value *claims = value_get(spec, "volumeClaimTemplates");
    if (value_count(claims) == 0 || !value_is(t, VALUE_OBJECT))
        return t;
    struct value *copy = value_copy(a, t);
    struct value *volumes = value_make_array(a, copy, "spec.volumes");
    VALUE_EACH_ITEM (c, claims) {
        const char *name = value_at_str(c, "metadata.name", "");
        bool there = false;
        VALUE_EACH_ITEM (v, volumes)
            there |= is(str(v, "name"), name);
        if (there)
            continue;
        struct value *volume = value_new_object(a);
        (void)value_set_str(a, volume, "name", name);
        (void)value_set(a, volume, "emptyDir", value_new_object(a));
        (void)value_push(a, volumes, volume);
    }
    return copy;
}

/* selector and template of what makes pods; `what` for upstream's words. */
static void check_selector_and_template(const struct value *spec, const char *what,
                                        struct field_errors *l)
{
    const struct value *s = value_get(spec, "selector"), *t = value_get(spec, "template");
    const struct value *labels = value_at(t, "metadata.labels");
    if (!value_is(s, VALUE_OBJECT)) {
        required(l, "spec.selector", NULL);
    } else {
        validate__label_selector(l, "spec.selector", s, true);
        if (empty_selector(s))
            bad_shown(l, "spec.selector", typed__go(s, l->arena),
                      path(l, "empty selector is invalid for %s", what));
    }
    bool set = value_is(s, VALUE_OBJECT);
    if (!set || (!empty_selector(s) && !validate__selector_fits(s, labels, l->arena)))
        bad_shown(l, "spec.template.metadata.labels", validate__go_string_map(labels, l->arena),
                  "`selector` does not match template `labels`");
    validate__pod_template(l, "spec.template", with_claims(l->arena, spec));
    const char *restart = value_at_str(t, "spec.restartPolicy", "");
    static const char *const always[] = {"Always"};
    if (!is(restart, "Always"))
        field_errors_add_unsupported(l, "spec.template.spec.restartPolicy", restart, always, 1);
    if (value_at(t, "spec.activeDeadlineSeconds"))
        forbidden(l, "spec.template.spec.activeDeadlineSeconds",
                  path(l, "activeDeadlineSeconds in %s is not Supported",
                       is(what, "statefulset") ? "StatefulSet" : "ReplicaSet"));
}

static bool is_zero(const struct value *v)
{
    int64_t percent;
    return !v || (v->kind == VALUE_INT && v->i == 0) ||
           (intstr_percent(v, &percent) && percent == 0);
}

static void check_amount(struct field_errors *l, const char *at, const struct value *v)
{
    int64_t percent;
    if (!v)
        return;
    if (v->kind == VALUE_INT && v->i < 0)
        bad(l, at, v, "must be greater than or equal to 0");
    else if (v->kind == VALUE_STRING && !intstr_percent(v, &percent))
        bad(l, at, v,
            "a valid percent string must be a numeric string followed by an ending '%' (e.g. "
            "'1%',  or '93%', regex used for validation is '[0-9]+%')");
}

static void check_at_most_all(struct field_errors *l, const char *at, const struct value *v)
{
    int64_t percent;
    if (v && intstr_percent(v, &percent) && percent > 100)
        bad(l, at, v, "must not be greater than 100%");
}

static void check_strategy(const struct value *s, struct field_errors *l)
{
    static const char *const types[] = {"Recreate", "RollingUpdate"};
    const struct value *r = value_get(s, "rollingUpdate");
    const char *type = str(s, "type"), *at = "spec.strategy.rollingUpdate";
    if (is(type, "Recreate")) {
        if (value_is(r, VALUE_OBJECT))
            forbidden(l, at, "may not be specified when strategy `type` is 'Recreate'");
    } else if (is(type, "RollingUpdate")) {
        if (!value_is(r, VALUE_OBJECT)) {
            required(l, at, "this should be defaulted and never be nil");
            return;
        }
        const struct value *u = value_get(r, "maxUnavailable"), *g = value_get(r, "maxSurge");
        check_amount(l, path(l, "%s.maxUnavailable", at), u);
        check_amount(l, path(l, "%s.maxSurge", at), g);
        if (is_zero(u) && is_zero(g))
            bad(l, path(l, "%s.maxUnavailable", at), u, "may not be 0 when `maxSurge` is 0");
        check_at_most_all(l, path(l, "%s.maxUnavailable", at), u);
    } else {
        field_errors_add_raw(l, FIELD_NOT_SUPPORTED, "spec.strategy",
                             path(l,
                                  "apps.DeploymentStrategy{Type:\"%s\", RollingUpdate:(*apps."
                                  "RollingUpdateDeployment)(nil)}",
                                  type),
                             path(l, "supported values: \"%s\", \"%s\"", types[0], types[1]));
    }
}

void validate_deployment(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec");
    not_negative(l, "spec", spec, "replicas");
    check_selector_and_template(spec, "deployment", l);
    check_strategy(value_get(spec, "strategy"), l);
    not_negative(l, "spec", spec, "minReadySeconds");
    not_negative(l, "spec", spec, "revisionHistoryLimit");
    not_negative(l, "spec", spec, "progressDeadlineSeconds");
    const struct value *d = value_get(spec, "progressDeadlineSeconds");
    if (d && d->i <= value_int(value_get(spec, "minReadySeconds"), 0))
        bad(l, "spec.progressDeadlineSeconds", d, "must be greater than minReadySeconds");
}

void validate__update_deployment(const struct value *obj, const struct value *old,
                                 struct field_errors *l)
{
    immutable_shown(l, "spec.selector", value_at(obj, "spec.selector"),
                    value_at(old, "spec.selector"));
}

void validate_replica_set(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec");
    not_negative(l, "spec", spec, "replicas");
    not_negative(l, "spec", spec, "minReadySeconds");
    check_selector_and_template(spec, "deployment", l);
}

void validate__update_replica_set(const struct value *obj, const struct value *old,
                                  struct field_errors *l)
{
    validate__update_deployment(obj, old, l);
}

void validate_replication(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec"), *s = value_get(spec, "selector");
    const struct value *labels = value_at(spec, "template.metadata.labels");
    not_negative(l, "spec", spec, "minReadySeconds");
    if (!value_count(s))
        required(l, "spec.selector", NULL);
    not_negative(l, "spec", spec, "replicas");
    if (!value_is(value_get(spec, "template"), VALUE_OBJECT)) {
        required(l, "spec.template", NULL);
        return;
    }
    VALUE_EACH_MEMBER (m, s)
        if (!is(value_str(&m->value, ""), str(labels, m->key))) {
            bad_shown(l, "spec.template.metadata.labels", validate__go_string_map(labels, l->arena),
                      "`selector` does not match template `labels`");
            break;
        }
    validate__pod_template(l, "spec.template", value_get(spec, "template"));
    static const char *const always[] = {"Always"};
    const char *restart = value_at_str(spec, "template.spec.restartPolicy", "");
    if (!is(restart, "Always"))
        field_errors_add_unsupported(l, "spec.template.spec.restartPolicy", restart, always, 1);
}

void validate_stateful_set(const struct value *obj, struct field_errors *l)
{
    static const char *const keep[] = {"Retain", "Delete", NULL};
    const struct value *spec = value_get(obj, "spec");
    const char *policy = str(spec, "podManagementPolicy");
    if (!*policy)
        required(l, "spec.podManagementPolicy", NULL);
    else if (!is(policy, "OrderedReady") && !is(policy, "Parallel"))
        bad_str(l, "spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'");
    const char *type = value_at_str(spec, "updateStrategy.type", "");
    const struct value *r = value_at(spec, "updateStrategy.rollingUpdate");
    if (is(type, "OnDelete") && value_is(r, VALUE_OBJECT))
        bad_shown(l, "spec.updateStrategy.rollingUpdate", typed__go(r, l->arena),
                  "only allowed for updateStrategy 'RollingUpdate'");
    else if (!is(type, "OnDelete") && !is(type, "RollingUpdate"))
        bad_shown(l, "spec.updateStrategy", typed__go(value_get(spec, "updateStrategy"), l->arena),
                  "must be 'RollingUpdate' or 'OnDelete'");
    not_negative(l, "spec.updateStrategy.rollingUpdate", r, "partition");
    const struct value *p = value_get(spec, "persistentVolumeClaimRetentionPolicy");
    one_of(l, "spec.persistentVolumeClaimRetentionPolicy.whenDeleted", str(p, "whenDeleted"), keep,
           false);
    one_of(l, "spec.persistentVolumeClaimRetentionPolicy.whenScaled", str(p, "whenScaled"), keep,
           false);
    not_negative(l, "spec", spec, "replicas");
    not_negative(l, "spec", spec, "minReadySeconds");
    not_negative(l, "spec.ordinals", value_get(spec, "ordinals"), "start");
    check_selector_and_template(spec, "statefulset", l);
}

void validate__update_stateful_set(const struct value *obj, const struct value *old,
                                   struct field_errors *l)
{
    static const char *const free_fields[] = {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    };
    struct value *a = value_copy(l->arena, value_get(obj, "spec"));
    struct value *b = value_copy(l->arena, value_get(old, "spec"));
    for (size_t i = 0; i < ARRAY_LEN(free_fields); i++) {
        (void)value_remove(a, free_fields[i]);
        (void)value_remove(b, free_fields[i]);
    }
    if (!value_equal(a, b))
        forbidden(l, "spec",
                  "updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                  "'template', 'updateStrategy', 'revisionHistoryLimit', "
                  "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

static void check_daemon_strategy(const struct value *s, struct field_errors *l)
{
    const struct value *r = value_get(s, "rollingUpdate");
    const char *type = str(s, "type"), *at = "spec.updateStrategy.rollingUpdate";
    if (is(type, "OnDelete"))
        return;
    if (!is(type, "RollingUpdate")) {
        field_errors_add_raw(l, FIELD_NOT_SUPPORTED, "spec.updateStrategy",
                             path(l,
                                  "apps.DaemonSetUpdateStrategy{Type:\"%s\", RollingUpdate:(*apps."
                                  "RollingUpdateDaemonSet)(nil)}",
                                  type),
                             "supported values: \"RollingUpdate\", \"OnDelete\"");
        return;
    }
    const struct value *u = value_get(r, "maxUnavailable"), *g = value_get(r, "maxSurge");
    check_amount(l, path(l, "%s.maxUnavailable", at), u);
    check_at_most_all(l, path(l, "%s.maxUnavailable", at), u);
    check_amount(l, path(l, "%s.maxSurge", at), g);
    check_at_most_all(l, path(l, "%s.maxSurge", at), g);
    if (!is_zero(u) && !is_zero(g))
        bad(l, path(l, "%s.maxSurge", at), g, "may not be set when maxUnavailable is non-zero");
    if (is_zero(u) && is_zero(g))
        required(l, path(l, "%s.maxUnavailable", at), "cannot be 0 when maxSurge is 0");
}

void validate_daemon_set(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec"), *s = value_get(spec, "selector");
    const struct value *t = value_get(spec, "template");
    static const char *const always[] = {"Always"};
    validate__label_selector(l, "spec.selector", s, true);
    if (!validate__selector_fits(s, value_at(t, "metadata.labels"), l->arena))
        bad_shown(l, "spec.template.metadata.labels",
                  validate__go_string_map(value_at(t, "metadata.labels"), l->arena),
                  "`selector` does not match template `labels`");
    if (value_is(s, VALUE_OBJECT) && empty_selector(s))
        bad_shown(l, "spec.selector", typed__go(s, l->arena),
                  "empty selector is invalid for daemonset");
    validate__pod_template(l, "spec.template", with_claims(l->arena, spec));
    const char *restart = value_at_str(t, "spec.restartPolicy", "");
    if (!is(restart, "Always"))
        field_errors_add_unsupported(l, "spec.template.spec.restartPolicy", restart, always, 1);
    not_negative(l, "spec", spec, "minReadySeconds");
    check_daemon_strategy(value_get(spec, "updateStrategy"), l);
    not_negative(l, "spec", spec, "revisionHistoryLimit");
}

void validate__update_daemon_set(const struct value *obj, const struct value *old,
                                 struct field_errors *l)
{
    validate__update_deployment(obj, old, l);
}

void validate_controller_revision(const struct value *obj, struct field_errors *l)
{
    if (!value_get(obj, "data") || value_is(value_get(obj, "data"), VALUE_NULL))
        required(l, "data", "data is mandatory");
    not_negative(l, "", obj, "revision");
}

void validate__update_controller_revision(const struct value *obj, const struct value *old,
                                          struct field_errors *l)
{
    immutable_shown(l, "data", value_get(obj, "data"), value_get(old, "data"));
}

/* ---- jobs ---- */

static bool has_container(const struct value *t, const char *name)
{
    VALUE_EACH_ITEM (c, value_at(t, "spec.containers"))
        if (is(str(c, "name"), name))
            return true;
    VALUE_EACH_ITEM (c, value_at(t, "spec.initContainers"))
        if (is(str(c, "name"), name))
            return true;
    return false;
}

static void check_exit_codes(const struct value *x, const struct value *t, const char *at,
                             struct field_errors *l)
{
    static const char *const ops[] = {"In", "NotIn", NULL};
    const struct value *values = value_get(x, "values");
    const char *op = str(x, "operator"), *list = "[]int32{";
    if (has(x, "containerName") && !has_container(t, str(x, "containerName")))
        bad_str(l, path(l, "%s.containerName", at), str(x, "containerName"),
                "must be one of the container or initContainer names in the pod template");
    one_of(l, path(l, "%s.operator", at), op, ops, true);
    bool ordered = true;
    for (size_t i = 0; i < value_count(values); i++) {
        int64_t v = value_int(&values->items[i], 0);
        if (is(op, "In") && v == 0)
            bad(l, path(l, "%s.values[%zu]", at, i), &values->items[i],
                "must not be 0 for the In operator");
        if (i && v == value_int(&values->items[i - 1], 0))
            field_errors_add(l, FIELD_DUPLICATE, path(l, "%s.values[%zu]", at, i),
                             &values->items[i], NULL);
        ordered = ordered && (!i || v >= value_int(&values->items[i - 1], 0));
        list = path(l, "%s%s%lld", list, i ? ", " : "", (long long)v);
    }
    if (!value_count(values))
        bad_shown(l, path(l, "%s.values", at), "[]int32{}", "at least one value is required");
    if (!ordered)
        bad_shown(l, path(l, "%s.values", at), path(l, "%s}", list), "must be ordered");
}

static void check_failure_rule(const struct value *r, const struct value *spec, const char *at,
                               struct field_errors *l)
{
    static const char *const actions[] = {"Count", "FailIndex", "FailJob", "Ignore", NULL};
    static const char *const states[] = {"False", "True", "Unknown", NULL};
    const char *action = str(r, "action");
    one_of(l, path(l, "%s.action", at), action, actions, true);
    if (is(action, "FailIndex") && !has(spec, "backoffLimitPerIndex"))
        bad_str(l, path(l, "%s.action", at), action, "requires the backoffLimitPerIndex to be set");
    const struct value *codes = value_get(r, "onExitCodes");
    const struct value *conditions = value_get(r, "onPodConditions");
    if (codes)
        check_exit_codes(codes, value_get(spec, "template"), path(l, "%s.onExitCodes", at), l);
    size_t i = 0;
    VALUE_EACH_ITEM (c, conditions) {
        const char *where = path(l, "%s.onPodConditions[%zu]", at, i++);
        name_errors(l, path(l, "%s.type", where), str(c, "type"),
                    name__qualified(str(c, "type"), l->arena));
        one_of(l, path(l, "%s.status", where), str(c, "status"), states, true);
    }
    if (codes && value_count(conditions))
        field_errors_add_raw(l, FIELD_INVALID, at, NULL,
                             "specifying both OnExitCodes and OnPodConditions is not supported");
    if (!codes && !value_count(conditions))
        field_errors_add_raw(l, FIELD_INVALID, at, NULL,
                             "specifying one of OnExitCodes and OnPodConditions is required");
}

static void check_failure_policy(const struct value *spec, const char *base, struct field_errors *l)
{
    size_t i = 0;
    const struct value *p = value_get(spec, "podFailurePolicy");
    if (!value_is(p, VALUE_OBJECT))
        return;
    const char *restart = value_at_str(spec, "template.spec.restartPolicy", "");
    if (!is(restart, "Never"))
        bad_str(l, path(l, "%s.template.spec.restartPolicy", base), restart,
                "only \"Never\" is supported when podFailurePolicy is specified");
    VALUE_EACH_ITEM (r, value_get(p, "rules"))
        check_failure_rule(r, spec, path(l, "%s.podFailurePolicy.rules[%zu]", base, i++), l);
}

static void check_job_numbers(const struct value *spec, const char *base, struct field_errors *l)
{
    static const char *const modes[] = {"NonIndexed", "Indexed", NULL};
    static const char *const numbers[] = {"parallelism",
                                          "completions",
                                          "activeDeadlineSeconds",
                                          "backoffLimit",
                                          "ttlSecondsAfterFinished",
                                          "backoffLimitPerIndex",
                                          "maxFailedIndexes"};
    const char *mode = str(spec, "completionMode");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        not_negative(l, base, spec, numbers[i]);
    one_of(l, path(l, "%s.completionMode", base), mode, modes, false);
    if (is(mode, "Indexed") && !has(spec, "completions"))
        required(l, path(l, "%s.completions", base), path(l, "when completion mode is %s", mode));
    if (!is(mode, "Indexed") && has(spec, "backoffLimitPerIndex"))
        bad(l, path(l, "%s.backoffLimitPerIndex", base), value_get(spec, "backoffLimitPerIndex"),
            "requires indexed completion mode");
}

static void check_job_spec(const struct value *spec, const char *base, struct field_errors *l)
{
    static const char *const replace[] = {"Failed", "TerminatingOrFailed", NULL};
    static const char *const failed[] = {"Failed", NULL};
    const struct value *t = value_get(spec, "template");
    check_job_numbers(spec, base, l);
    check_failure_policy(spec, base, l);
    one_of(l, path(l, "%s.podReplacementPolicy", base), str(spec, "podReplacementPolicy"),
           has(spec, "podFailurePolicy") ? failed : replace, false);
    validate__pod_template(l, path(l, "%s.template", base), t);
    const char *restart = value_at_str(t, "spec.restartPolicy", "");
    if (is(restart, "Always") || !*restart)
        required(l, path(l, "%s.template.spec.restartPolicy", base),
                 "valid values: \"OnFailure\", \"Never\"");
}

void validate_job(const struct value *obj, struct field_errors *l)
{
    const struct value *spec = value_get(obj, "spec"), *s = value_get(spec, "selector");
    const struct value *labels = value_at(spec, "template.metadata.labels");
    const char *uid = value_at_str(obj, "metadata.uid", "");
    bool manual = value_bool(value_get(spec, "manualSelector"), false);
    if (!manual && s) {
        struct value *want = value_new_object(l->arena);
        struct value *match = value_make_object(l->arena, want, "matchLabels");
        (void)value_set_str(l->arena, match, "batch.kubernetes.io/controller-uid", uid);
        if (*uid && !value_equal(s, want) && !value_at(s, "matchLabels.controller-uid"))
            bad_shown(l, "spec.selector", typed__go(s, l->arena), "`selector` not auto-generated");
    }
    if (!value_is(s, VALUE_OBJECT))
        required(l, "spec.selector", NULL);
    validate__label_selector(l, "spec.selector", s, true);
    if (value_is(s, VALUE_OBJECT) && !validate__selector_fits(s, labels, l->arena))
        bad_shown(l, "spec.template.metadata.labels", validate__go_string_map(labels, l->arena),
                  "`selector` does not match template `labels`");
    check_job_spec(spec, "spec", l);
}

/* Where pods of a job that has not begun may run can still be changed. */
static void forgive_scheduling(struct value *template, const struct value *was, struct arena *a)
{
    static const char *const fields[][2] = {
        {"metadata", "annotations"    },
        {"metadata", "labels"         },
        {"spec",     "nodeSelector"   },
        {"spec",     "affinity"       },
        {"spec",     "tolerations"    },
        {"spec",     "schedulingGates"},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct value *at = sub_object(a, template, fields[i][0]);
        const struct value *old = value_get(value_get(was, fields[i][0]), fields[i][1]);
        (void)value_remove(at, fields[i][1]);
        if (old)
            (void)value_set(a, at, fields[i][1], value_copy(a, old));
    }
}

void validate__update_job(const struct value *obj, const struct value *old, struct field_errors *l)
{
    const struct value *now = value_get(obj, "spec"), *was = value_get(old, "spec");
    bool elastic = is(str(now, "completionMode"), "Indexed") && has(now, "completions") &&
                   has(now, "parallelism") &&
                   value_equal(value_get(now, "completions"), value_get(now, "parallelism"));
    if (!elastic)
        immutable(l, "spec.completions", value_get(now, "completions"),
                  value_get(was, "completions"));
    immutable_shown(l, "spec.selector", value_get(now, "selector"), value_get(was, "selector"));
    bool suspended =
        value_bool(value_get(was, "suspend"), false) && !value_at(old, "status.startTime");
    struct value *template = value_copy(l->arena, value_get(now, "template"));
    if (suspended)
        forgive_scheduling(template, value_get(was, "template"), l->arena);
    immutable_shown(l, "spec.template", template, value_get(was, "template"));
    immutable(l, "spec.completionMode", value_get(now, "completionMode"),
              value_get(was, "completionMode"));
    immutable_shown(l, "spec.podFailurePolicy", value_get(now, "podFailurePolicy"),
                    value_get(was, "podFailurePolicy"));
    immutable(l, "spec.backoffLimitPerIndex", value_get(now, "backoffLimitPerIndex"),
              value_get(was, "backoffLimitPerIndex"));
}

void validate__update_job_status(const struct value *obj, const struct value *old,
                                 struct field_errors *l)
{
    static const char *const counters[] = {"active", "succeeded", "failed", "ready", "terminating"};
    const struct value *now = value_get(obj, "status"), *was = value_get(old, "status");
    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        not_negative(l, "status", now, counters[i]);
    for (size_t i = 1; i < 3; i++) {
        int64_t n = value_int(value_get(now, counters[i]), 0);
        if (n < value_int(value_get(was, counters[i]), 0))
            field_errors_add_int(l, FIELD_INVALID, path(l, "status.%s", counters[i]), n,
                                 path(l, "cannot decrease the %s counter", counters[i]));
    }
    bool suspended = value_bool(value_at(obj, "spec.suspend"), false);
    VALUE_EACH_ITEM (c, value_get(now, "conditions")) {
        bool complete = is(str(c, "type"), "Complete") && is(str(c, "status"), "True");
        if (complete && !value_get(now, "completionTime"))
            required(l, "status.completionTime", "completionTime is required for Complete jobs");
        if (complete && !suspended && !value_get(now, "startTime"))
            required(l, "status.startTime", "startTime is required for finished job");
    }
}

/* ---- cron ---- */

static const struct {
    const char *name;
    int min, max;
} CRON_FIELDS[] = {
    {"minute", 0, 59},
    {"hour",   0, 23},
    {"day",    1, 31},
    {"month",  1, 12},
    {"week",   0, 6 },
};

static bool cron_number(const char *s, size_t n, int field, int *out)
{
    static const char names[] = "jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed "
                                "thu fri sat ";
    char low[4] = {0};
    *out = 0;
    if (n == 3 && isalpha((unsigned char)s[0])) {
        for (size_t i = 0; i < 3; i++)
            low[i] = (char)tolower((unsigned char)s[i]);
        const char *at = strstr(names, low);
        int i = at ? (int)(at - names) / 4 : -1;
        *out = field == 3 ? i + 1 : i - 12;
        return at && (field == 3 ? i < 12 : field == 4 && i >= 12);
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || *out > 100000)
            return false;
        *out = *out * 10 + (s[i] - '0');
    }
    return n > 0;
}

/* One "a-b/c" of a field; the reason it is wrong, or NULL. */
static const char *cron_range(const char *s, int field, struct arena *a)
{
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : strlen(s);
    int lo = CRON_FIELDS[field].min, hi = CRON_FIELDS[field].max, step = 1;
    bool any = n == 1 && (*s == '*' || *s == '?');
    const char *dash = memchr(s, '-', n);
    size_t first = dash ? (size_t)(dash - s) : n;
    if (!any) {
        if (!cron_number(s, first, field, &lo))
            return arena_printf(a,
                                "failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": "
                                "invalid syntax",
                                (int)first, s, (int)first, s);
        if (dash && !cron_number(dash + 1, n - first - 1, field, &hi))
            return arena_printf(a,
                                "failed to parse int from %.*s: strconv.Atoi: parsing \"%.*s\": "
                                "invalid syntax",
                                (int)(n - first - 1), dash + 1, (int)(n - first - 1), dash + 1);
        if (!dash && !slash)
            hi = lo;
    }
    if (slash && (!cron_number(slash + 1, strlen(slash + 1), 0, &step)))
        return arena_printf(a,
                            "failed to parse int from %s: strconv.Atoi: parsing \"%s\": invalid "
                            "syntax",
                            slash + 1, slash + 1);
    if (lo < CRON_FIELDS[field].min)
        return arena_printf(a, "beginning of range (%d) below minimum (%d): %s", lo,
                            CRON_FIELDS[field].min, s);
    if (hi > CRON_FIELDS[field].max)
        return arena_printf(a, "end of range (%d) above maximum (%d): %s", hi,
                            CRON_FIELDS[field].max, s);
    if (lo > hi)
        return arena_printf(a, "beginning of range (%d) beyond end of range (%d): %s", lo, hi, s);
    if (step == 0)
        return arena_printf(a, "step of range should be a positive number: %s", s);
    return NULL;
}

static const char *cron_error(const char *s, struct arena *a)
{
    static const char *const names[] = {"@yearly", "@annually", "@monthly", "@weekly",
                                        "@daily",  "@midnight", "@hourly"};
    const char *fields[64], *list = "";
    size_t n = 0;
    if (*s == '@') {
        for (size_t i = 0; i < ARRAY_LEN(names); i++)
            if (is(s, names[i]))
                return NULL;
        return strncmp(s, "@every ", 7) == 0 ? NULL
                                             : arena_printf(a, "unrecognized descriptor: %s", s);
    }
    char *save = NULL, *copy = arena_strdup(a, s);
    for (char *f = strtok_r(copy, " \t", &save); f && n < 64; f = strtok_r(NULL, " \t", &save)) {
        list = arena_printf(a, "%s%s%s", list, n ? " " : "", f);
        fields[n++] = f;
    }
    if (n != 5)
        return arena_printf(a, "expected exactly 5 fields, found %zu: [%s]", n, list);
    for (int i = 0; i < 5; i++) {
        char *part = NULL, *field = arena_strdup(a, fields[i]);
        for (char *r = strtok_r(field, ",", &part); r; r = strtok_r(NULL, ",", &part)) {
            const char *why = cron_range(r, i, a);
            if (why)
                return why;
        }
    }
    return NULL;
}

static void check_schedule(const char *s, struct field_errors *l)
{
    if (!*s) {
        required(l, "spec.schedule", NULL);
        return;
    }
    if (strncmp(s, "TZ=", 3) == 0 || strncmp(s, "CRON_TZ=", 8) == 0) {
        bad_str(l, "spec.schedule", s,
                "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
        return;
    }
    const char *why = cron_error(s, l->arena);
    if (why)
        bad_str(l, "spec.schedule", s, why);
}

static void check_zone(const struct value *v, struct field_errors *l)
{
    struct stat st;
    const char *s = value_str(v, "");
    if (!v)
        return;
    if (!*s)
        bad_str(l, "spec.timeZone", s, "timeZone must be nil or non-empty string");
    else if (is(s, "Local") || is(s, "local"))
        bad_str(l, "spec.timeZone", s,
                "timeZone must be an explicit time zone as defined in "
                "https://www.iana.org/time-zones");
    else if (!is(s, "UTC") && !is(s, "Etc/UTC") &&
             (strstr(s, "..") || *s == '/' || stat(path(l, "/usr/share/zoneinfo/%s", s), &st) < 0 ||
              !S_ISREG(st.st_mode)))
        bad_str(l, "spec.timeZone", s, path(l, "unknown time zone %s", s));
}

void validate_cron_job(const struct value *obj, struct field_errors *l)
{
    static const char *const policies[] = {"Allow", "Forbid", "Replace", NULL};
    static const char *const manual[] = {"nil", "false"};
    const struct value *spec = value_get(obj, "spec"), *t = value_get(spec, "jobTemplate");
    const char *name = value_at_str(obj, "metadata.name", "");
    check_schedule(str(spec, "schedule"), l);
    not_negative(l, "spec", spec, "startingDeadlineSeconds");
    check_zone(value_get(spec, "timeZone"), l);
    one_of(l, "spec.concurrencyPolicy", str(spec, "concurrencyPolicy"), policies, true);
    check_job_spec(value_get(t, "spec"), "spec.jobTemplate.spec", l);
    if (value_bool(value_at(t, "spec.manualSelector"), false))
        field_errors_add_raw(l, FIELD_NOT_SUPPORTED, "spec.jobTemplate.spec.manualSelector", "true",
                             path(l, "supported values: \"%s\", \"%s\"", manual[0], manual[1]));
    not_negative(l, "spec", spec, "successfulJobsHistoryLimit");
    not_negative(l, "spec", spec, "failedJobsHistoryLimit");
    if (strlen(name) > 52)
        bad_str(l, "metadata.name", name, "must be no more than 52 characters");
}
