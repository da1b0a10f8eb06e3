/* pod_int.h - what the files that make a Pod share. */
#pragma once
#include "ctl/tekton/pod.h"

struct making {
    const struct pod_input *in;
    struct arena *a;
    struct value *annotations, *volumes, *scripts; /* scripts: items of the downward volume */
    size_t n_steps, script_bytes;
};

void pod__add_mount(struct value *container, const char *volume, const char *path, bool read_only,
                    struct arena *a);
bool pod__mounts_at(const struct value *mounts, const char *path);

/* Items of both lists, `over` winning where `key` is the same. */
const struct value *pod__merge_list(const struct value *under, const struct value *over,
                                    const char *key, struct arena *a);

/* The containers of steps and sidecars, with all their mounts; the scripts go to m->scripts. */
int pod__make_containers(struct making *m, struct value *init, struct value *containers,
                         struct err *e) MUST_CHECK;
