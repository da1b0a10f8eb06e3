/* kustomize_remote.h - what kustomizations name by URL, for the command: fetched as its user. */
#pragma once
#include "render/kustomize/remote.h"
#include "vcs/clone.h"

enum { KUSTOMIZE_CLONES_MAX = 64 };

struct cli_remote {
    struct kustomize_remote base;
    struct {
        struct kustomize_repository of;
        struct clone *clone;
    } clones[KUSTOMIZE_CLONES_MAX];
    size_t n;
};

void cli_remote_init(struct cli_remote *r);
void cli_remote_done(struct cli_remote *r);
