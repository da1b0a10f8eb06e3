/* sources.h - where rules come from: PrometheusRules, ConfigMaps, files.
 *
 * Model      Every PrometheusRule is a source; and every key of a ConfigMap that is labelled
 *            slipway.dev/prometheus: rules and ends in .yaml, .yml or .rules is a rule file. With
 *            slipway.dev/logs: rules it is a file over the lines of the map's namespace.
 * Guarantees A source that is wrong is named with all that is wrong, in the log, in an Event and
 *            (PrometheusRule) in its status; what it said before stays in force, other sources go
 *            on. An object's status counts its alerts.                                     */
#pragma once
#include "kube/controller.h"
#include "monitor/ruler.h"

struct rule_sources {
    struct ruler *ruler;
    struct rules_opts rules;
    /* Rules over the lines of a namespace; in the arena. NULL: there are none. */
    const struct rules_language *(*lines)(void *arg, const char *ns, struct arena *a);
    void *arg;
};

/* arg of both: a struct rule_sources. */
extern const struct controller rule_objects_controller; /* PrometheusRule */
extern const struct controller rule_maps_controller;    /* ConfigMap */

/* Files that the patterns name, relative to `folder`. ERR_INVALID: one is wrong. */
int rule_files_load(const struct rule_sources *s, const char *folder, const struct value *patterns,
                    struct err *e) MUST_CHECK;

/* What key a PrometheusRule's source has, and back again: false, when it is another's. */
char *rule_object_key(struct arena *a, const char *ns, const char *name);
bool rule_object_of(struct arena *a, const char *key, const char **ns, const char **name);
