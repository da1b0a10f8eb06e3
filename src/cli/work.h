/* work.h - what a step asks of the server's work API.
 *
 * Model      One POST; the answer is lines of JSON: {"line"} goes to standard output as it comes,
 *            {"result"} or {"error"} ends it.
 * Guarantees A server that is away, or goes away in the middle, is asked again until the time is
 *            up, which standard error tells; one that answered is believed. Each verb, asked twice
 *            by one step, does its work once.                                              */
#pragma once
#include "codec/value.h"
#include "net/http_client.h"

struct work_place {
    const char *url, *token;
    int64_t away_max_ms; /* how long it may be away */
};

/* Where a step's environment says it is. */
int work_place_find(struct arena *a, struct work_place *out, struct err *e) MUST_CHECK;

/* Sets the call's method and URL. ERR_INVALID: the server's reason. */
int work_ask(const struct work_place *place, const char *path, struct http_call *call,
             struct arena *a, struct value **out, struct err *e) MUST_CHECK;
