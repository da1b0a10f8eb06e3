/* configuration.h - where the configuration of the server's Alertmanager is found in the API.
 *
 * Model      In the namespace monitoring, the Secret or ConfigMap alertmanager-main, or one that is
 *            labelled slipway.dev/alertmanager: config: its key alertmanager.yaml, and its keys
 *            ending in .tmpl as templates. The first by kind (Secret) and name counts. It cannot
 *            name files of this machine.
 * Guarantees One that is wrong is named in an Event and in the log; what was in force stays. */
#pragma once
#include "kube/controller.h"
#include "notify/notify.h"

struct notify_source {
    struct notifier *notifier;
    uint64_t tried; /* hash of what was tried at last; 0: nothing was there */
};

extern const struct controller notify_controller; /* arg: a struct notify_source */
