/* registry_int.h - a chart's place in a registry. */
#pragma once
#include "charts/charts_int.h"
#include "charts/registry.h"

#define CHART_CONFIG "application/vnd.cncf.helm.config.v1+json"
#define CHART_LAYER  "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
#define CHART_PROV   "application/vnd.cncf.helm.chart.provenance.v1.prov"
#define CHART_LEGACY "application/tar+gzip"

struct chart_place {
    const char *host, *path;
    const char *tag;    /* as the registry has it; "" none */
    const char *digest; /* "" none */
};

/* "oci://host:5000/a/b:1.2+x@sha256:…", with or without the scheme. */
int charts__place(const char *text, struct arena *a, struct chart_place *out,
                  struct err *e) MUST_CHECK;

struct charts__link {
    struct remote remote;
    struct image_auth auth;
    bool open;
};
int charts__link_open(const struct charts_files *f, const struct chart_place *place,
                      const struct charts_access *access, const char *actions,
                      struct charts__link *out, struct arena *a, struct err *e) MUST_CHECK;
void charts__link_close(struct charts__link *l);
/* "https://host", or "http://…" where that is how it is spoken to. */
const char *charts__registry_url(const char *host, const struct charts_access *access,
                                 struct arena *a);
