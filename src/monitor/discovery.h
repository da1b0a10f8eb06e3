/* discovery.h - who is to be scraped: static_configs, file_sd_configs, http_sd_configs and
 * kubernetes_sd_configs of a Prometheus configuration.
 *
 * Model      A discovery belongs to one scrape_config. discovery_run() gives every target's labels,
 *            as found: __address__, __meta_… and those of its group.
 * Guarantees A file or page that is wrong is named in the log once; what it said before stays in
 *            force.
 * Threads    One at a time.                                                                 */
#pragma once
#include "api/object.h"
#include "kube/cache.h"
#include "monitor/client_config.h"
#include "monitor/discovered.h"

struct discovery;

/* `scrape`: an element of scrape_configs, checked (rules/config.h); borrowed. ERR_UNSUPPORTED
 * names what is not done here, with its line. */
int discovery_new(const struct value *scrape, const char *folder, struct discovery **out,
                  struct err *e) MUST_CHECK;
void discovery_free(struct discovery *d);
AUTO_DEFINE(discovery)

/* Objects of the cluster count for it: pods, services, … */
bool discovery_watches(const struct discovery *d);
/* How long what is found may be taken for true; 0: until an object changes. */
int64_t discovery_again_ms(const struct discovery *d);

/* ERR_TOO_LARGE: more than DISCOVERED_MAX. A failure of `found` ends it. */
typedef int (*discovery_found)(void *arg, struct label_set *l, struct arena *a, struct err *e);
int discovery_run(struct discovery *d, struct cache *cache, discovery_found found, void *arg,
                  struct err *e) MUST_CHECK;

/* The groups of a file or page: [{targets: […], labels: {…}}]. ERR_INVALID says what is wrong. */
int discovery_groups_read(const char *text, size_t n, bool yaml, struct arena *a,
                          const struct value **out, struct err *e) MUST_CHECK;
