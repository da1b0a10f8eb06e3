/* requests.h - requests to services as they pass: who listens to them, whose addresses are whose,
 * and what is counted, for the scraper.
 *
 * Threads    Any.
 * Lifetime   Longer than the scraper and the runner that have it.                          */
#pragma once
#include "base/err.h"
#include "base/own.h"
#include "monitor/scraper.h"

struct requests;
struct controller;

/* The range of the pods' addresses, in host byte order and bits. */
int requests_start(uint32_t pods, int prefix, struct requests **out, struct err *e) MUST_CHECK;
void requests_free(struct requests *r);

void requests_measure(void *requests, scraper_emit emit, void *to); /* a scraper_source */

/* arg: the struct requests. One key stands for all pods. */
extern const struct controller requests_controller;
