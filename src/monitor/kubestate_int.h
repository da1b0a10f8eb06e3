/* kubestate_int.h - what the files of kubestate share. */
#pragma once
#include "monitor/kubestate.h"

enum { KUBESTATE_LABELS = 16 };

/* Where samples of one object go; `labels` has room for the name and what a sample adds. */
struct state_out {
    scraper_emit emit;
    void *to;
    const struct object *o;
    struct label labels[KUBESTATE_LABELS];
    size_t n; /* of labels that all samples have; labels[0] is the name's */
};

/* Adds pairs of label and value up to a NULL. */
void state__put(struct state_out *out, const char *name, double v, ...) __attribute__((sentinel));

/* 1 for the value that it is, 0 for the others: {phase="Running"} 1. `all` ends with NULL. */
void state__enum(struct state_out *out, const char *name, const char *label, const char *const *all,
                 const char *is);

/* A time's seconds; nothing when there is none. */
void state__time(struct state_out *out, const char *name, const char *rfc3339);

/* {resource="cpu",unit="core"} of every entry; pairs of `also` up to a NULL are added. */
void state__resources(struct state_out *out, const char *name, const struct value *quantities,
                      const char *const *also);

/* {condition="Ready",status="true"} 1 and two zeros, of each. */
void state__conditions(struct state_out *out, const char *name, const struct value *list);

/* {condition="true"} 1 and two zeros, of the condition of that type if there is one. */
void state__condition(struct state_out *out, const char *name, const char *type);

void state__owner(struct state_out *out, const char *name);

void state__pod(struct state_out *out);
