/* kustomize_remote.h - what kustomizations name by URL, for the command: fetched as its user. */
#pragma once
#include "render/chart_port.h"
#include "render/kustomize/remote.h"
#include "vcs/clone.h"

struct cli_remote {
    struct kustomize_remote base;
    struct chart_port charts;
    struct clone_set *clones;
};

void cli_remote_init(struct cli_remote *r);
void cli_remote_done(struct cli_remote *r);
