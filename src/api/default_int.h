/* default_int.h - defaults of pods and of what makes pods.                               */
#pragma once
#include "codec/value.h"

void default__pod(struct value *obj, struct arena *a);
void default__pod_template(struct value *obj, struct arena *a);
void default__deployment(struct value *obj, struct arena *a);
void default__replica_set(struct value *obj, struct arena *a);
void default__stateful_set(struct value *obj, struct arena *a);
void default__daemon_set(struct value *obj, struct arena *a);
void default__replication(struct value *obj, struct arena *a);
void default__job(struct value *obj, struct arena *a);
void default__cron_job(struct value *obj, struct arena *a);

/* A volume's source (pods and PersistentVolumes). */
void default__volume_source(struct value *v, struct arena *a);
void default__claim_spec(struct value *spec, struct arena *a);
