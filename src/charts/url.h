/* url.h - the parts of URLs, and how Helm puts them together. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct url {
    const char *scheme; /* in lower case; "": a relative one */
    const char *host;   /* with its port, without user and password */
    const char *path;   /* as written */
    const char *query;  /* without '?'; "" none */
};

/* ERR_INVALID: white space, control characters or an empty scheme. */
int url_parse(const char *text, struct arena *a, struct url *out, struct err *e) MUST_CHECK;

/* `ref` as a base's folder of charts means it: absolute ones stay, others are below it; the base's
 * query (a token, often) goes along, but to no other host. */
int url_resolve(const char *base, const char *ref, struct arena *a, const char **out,
                struct err *e) MUST_CHECK;

/* Scheme, host and port are the same. */
bool url_same_host(const char *a, const char *b);
/* They mean the same place: "https://a/b/" and "https://a/b". */
bool url_equal(const char *a, const char *b);
/* "base/name", with one slash between. */
const char *url_join(const char *base, const char *name, struct arena *a);
/* The last part of the path. */
const char *url_file(const char *url, struct arena *a);
/* Without user and password, for people to read. */
const char *url_public(const char *url, struct arena *a);
