/* api_int.h - what the files of the HTTP API share: parameters in, JSON out. */
#pragma once
#include "base/buf.h"
#include "monitor/api.h"
#include "promql/ast.h"

/* Parameters of the URL and of a form. */
struct api_params {
    struct http_request *q;
    struct {
        const char *name, *value;
    } form[64];
    size_t n_form;
};

const char *api__param(const struct api_params *p, const char *name); /* NULL: not given */
/* Every value of a parameter, up to `max`. */
size_t api__param_all(const struct api_params *p, const char *name, const char **out, size_t max);

void api__text(struct buf *b, const char *s); /* in quotes */
void api__labels(struct buf *b, const struct labels *l);
void api__seconds(struct buf *b, int64_t t); /* of milliseconds, as a number */
/* match[] parameters, at most 32. */
int api__selectors(const struct api_params *p, struct expr **out, size_t *n,
                   struct err *e) MUST_CHECK;

/* Unix seconds with a fraction, or RFC 3339; milliseconds out. */
int api__time(const struct api_params *p, const char *name, int64_t dflt, int64_t *out,
              struct err *e) MUST_CHECK;

/* api_store.c */
int api__exemplars(const struct monitor_api *m, const struct api_params *p, struct buf *out,
                   struct err *e) MUST_CHECK;
/* The caller has seen to it that the request may. */
int api__admin(const struct monitor_api *m, const struct api_params *p, const char *path,
               struct buf *out, struct err *e) MUST_CHECK;

/* api_rules.c: what is below "data". ERR_NOT_FOUND: it is another's. */
int api__rules(const struct monitor_api *m, const struct api_params *p, const char *path,
               struct buf *out, struct err *e) MUST_CHECK;
/* api_targets.c */
int api__targets(const struct monitor_api *m, const struct api_params *p, const char *path,
                 struct buf *out, struct err *e) MUST_CHECK;
/* api_status.c */
int api__status(const struct monitor_api *m, const struct api_params *p, const char *path,
                struct buf *out, struct err *e) MUST_CHECK;
