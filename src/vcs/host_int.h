/* host_int.h - what the files behind host.h share. */
#pragma once
#include "base/buf.h"
#include "vcs/host.h"

struct host {
    struct host_opts opts;
    char *root, *prefix, *hooks;
};

struct host_service {
    const char *repository; /* "shop-app" */
    const char *rest;       /* "info/refs", "git-upload-pack", "git-receive-pack" */
    bool write;
};

/* One request that may go to git. */
struct host_job {
    struct host *host;
    struct http_request *q;
    struct host_service service;
    struct host_identity who;
    struct host_grant grant;
};

/* Runs git http-backend and answers the request. */
void host__serve(struct host_job *job);

/* ERR_DENIED names the ref or path that the grant does not cover. `quarantine` holds the objects
 * that the push brought. */
int host__judge(const char *repo_path, const char *quarantine, const struct host_grant *grant,
                const struct host_ref_change *changes, size_t n, struct err *e) MUST_CHECK;

/* "old new ref" lines; ERR_INVALID for anything else. */
int host__parse_changes(char *text, struct arena *a, struct host_ref_change **out, size_t *n,
                        struct err *e) MUST_CHECK;

const char *host__repo_path(const struct host *h, const char *repository, struct arena *a);
