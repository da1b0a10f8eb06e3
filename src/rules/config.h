/* config.h - Prometheus's configuration file: is it one, and if not, why.
 *
 * Guarantees A field that is not known is refused. What a field must be, and what fields must be or
 *            must not be beside each other, is checked as Prometheus checks it, word for word where
 *            it has words of its own.
 * Not here   Running it (monitor/): files that it names are not opened, but for
 *            `scrape_config_files`.                                                        */
#pragma once
#include <stdbool.h>

#include "codec/value.h"

/* `agent`: as Prometheus's agent reads it, without rules and alerts. ERR_INVALID says what is
 * wrong first. */
int config_check(const char *path, bool agent, struct err *e) MUST_CHECK;

/* A configuration that was read, as it may be shown: without what is secret in it. */
char *config_shown(const struct value *root, struct arena *a);
