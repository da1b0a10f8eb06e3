/* server.h - everything of `slipway up` in one process, wired together.
 *
 * Model      With a kubeconfig, the API and the containers are that cluster's, and only the loops
 *            run here that it does not have; otherwise all of it is here. Opens the data folder,
 * then starts from the bottom up: store, images, network, API, node, controllers, and the HTTP
 * doors (API, registry, git, work, metrics). Stopping goes the other way round. Containers run on
 * when it stops. Guarantees Started means: the API answers. One server a data folder. Threads One
 * thread calls start, wait and free.                                        */
#pragma once
#include <stdbool.h>

#include "base/err.h"
#include "base/own.h"

struct server;

struct server_opts {
    const char *data_dir;
    const char *api_address;             /* "127.0.0.1:6443" */
    const char *registry_address;        /* "127.0.0.1:5000" */
    const char *git_address;             /* "127.0.0.1:3000" */
    const char *metrics_address;         /* "127.0.0.1:9090" */
    const char *admission_address;       /* "127.0.0.1:3443": of the cluster's webhooks */
    const char *const *registry_mirrors; /* "HOST=URL", NULL-terminated, or NULL */
    const char *const *image_aliases;    /* "FROM=TO", NULL-terminated, or NULL */
    const char *kubeconfig;  /* the API and the containers are this cluster's; NULL: our own */
    const char *advertise;   /* host under which the cluster's pods and nodes reach us, or NULL */
    const char *tools_image; /* where the cluster pulls the steps' entrypoint from; NULL: here */
    const char *prometheus_config;   /* rules and Alertmanagers of this file, too; or NULL */
    const char *alertmanager_config; /* instead of what the API has; or NULL */
    const char *logs_config;         /* a Fluent Bit configuration: other ways for lines; or NULL */
    unsigned query_features;         /* PROMQL_… of promql/promql.h */
    bool no_node;                    /* the API and its controllers, no containers */
    bool no_controllers;             /* the API alone */
};

int server_start(const struct server_opts *o, struct server **out, struct err *e) MUST_CHECK;

/* Addresses as they turned out, for people: one line each. */
void server_print_addresses(const struct server *s);

void server_free(struct server *s);
AUTO_DEFINE(server)
