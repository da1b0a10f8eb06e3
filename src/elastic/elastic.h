/* elastic.h - Elasticsearch's API over the log store.
 *
 * Model      Lines of pods are documents of the index logs-pods-NAMESPACE; documents that are
 *            handed in keep the index they were sent to. Lines are only ever added: a document
 *            cannot be changed or taken back, and an index is deleted by hiding what it held.
 *            Searches walk the lines of the time asked for, one after the other.
 * Guarantees What is not offered is refused by name, in Elasticsearch's form. A search has limits
 *            on lines, time and memory. A caller sees only lines that he may get by the API.
 * Threads    Any.
 * Not here   Scoring by rarity, scripts, updates, cluster management (docs/logs.md).           */
#pragma once
#include "base/clock.h"
#include "logs/access.h"

struct elastic;

struct elastic_opts {
    struct logs_access access;
    const char *path; /* of the file with names: mappings, templates, data streams */
    const struct clock *clock;
    const char *prefix; /* of all paths: "/elastic" */
};

int elastic_open(const struct elastic_opts *o, struct elastic **out, struct err *e) MUST_CHECK;
void elastic_free(struct elastic *x);
AUTO_DEFINE(elastic)

/* An http_handler for paths below the prefix; arg: the struct elastic. */
void elastic_handle(struct http_request *q, void *arg);
