/* charts.h - charts that are elsewhere: in repositories, registries and at URLs, fetched into
 * memory.
 *
 * Model      A query names a chart as Helm's commands do: "oci://host/path", "https://…/x-1.0.tgz",
 *            "repository/name" of Helm's repositories.yaml, or a name with the URL of its
 *            repository; the version is one or a range of them ("^1.2", ">=2 <3", "" the newest).
 *            The answer is the packaged chart, to be read by helm_chart_unpack().
 * Guarantees Sentences are Helm's. A password goes to the host it is for and nowhere else, unless
 *            the user says so; it stands in no message. What a digest names is checked. An archive
 *            is at most CHARTS_ARCHIVE_MAX bytes, an index CHARTS_INDEX_MAX.
 * Threads    Any number side by side; each call asks for itself.
 * Lifetime   Answers live in the arena given.
 * Not here   Reading charts (render/helm), dependencies of a chart (charts/dependency.h), files of
 *            the user's (cli).                                                              */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "render/chart_port.h"

enum { CHARTS_ARCHIVE_MAX = 100 << 20, CHARTS_INDEX_MAX = 128 << 20, CHARTS_PROV_MAX = 1 << 20 };

/* Files of this machine; any may be NULL, which is as good as empty. */
struct charts_files {
    const char *repositories;    /* Helm's repositories.yaml */
    const char *cache;           /* its folder of "NAME-index.yaml" */
    const char *logins;          /* registry/config.json of Helm */
    const char *fallback_logins; /* config.json of Docker */
};

/* Who asks, and over which connection. Paths are of PEM files. */
struct charts_access {
    const char *user, *password; /* NULL: nobody, or who is logged in */
    bool pass_everywhere;        /* also to other hosts than the repository's */
    const char *ca_file, *cert_file, *key_file;
    bool insecure;   /* do not verify the server */
    bool plain_http; /* registries without TLS */
};

struct charts_query {
    const char *chart;
    const char *version;    /* "" or NULL: the newest */
    const char *repository; /* URL that `chart` is a name in; NULL: `chart` says it all */
    const struct charts_access *access; /* NULL: nothing special */
    bool with_provenance;
};

struct charts_answer {
    const char *bytes; /* a .tgz */
    size_t n;
    const char *url;             /* "https://…", "oci://host/path:1.2.3" */
    const char *file;            /* "name-1.2.3.tgz", as Helm calls it */
    const char *manifest_digest; /* of a registry's; NULL: it came over HTTP */
    const char *reference;       /* "host/path:1.2.3" of a registry; NULL: it came over HTTP */
    const char *provenance;      /* NULL: not asked for */
    size_t provenance_n;
};

/* ERR_NOT_FOUND: there is no such chart or version; ERR_AGAIN: nobody answers. */
int charts_fetch(const struct charts_files *f, const struct charts_query *q, struct arena *a,
                 struct charts_answer *out, struct err *e) MUST_CHECK;

/* What charts_fetch() would fetch, without fetching it: its URL, and the version if it is known. */
int charts_resolve(const struct charts_files *f, const struct charts_query *q, struct arena *a,
                   const char **url, const char **version, struct err *e) MUST_CHECK;

/* The same for renderers. */
struct charts_port {
    struct chart_port base;
    const struct charts_files *files;
};
struct charts_port charts_port(const struct charts_files *files);
