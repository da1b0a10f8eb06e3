/* scrape_jobs.h - scrape_configs of a Prometheus configuration, at work.
 *
 * Model      Every scrape_config is a job, and a key of the controller: a sync finds its targets
 *            anew and tells the scraper. Objects of the API that change bring those jobs on whose
 *            kubernetes_sd_configs could care, at most once a second each.
 * Guarantees What a configuration asks for and is not done here is refused by name and line.
 * Lifetime   Closed after the scraper, which borrows from it.                              */
#pragma once
#include "kube/controller.h"
#include "monitor/scraper.h"

struct scrape_jobs;

/* `root`: the whole file, checked (rules/config.h); borrowed. `folder`: where it lies. */
int scrape_jobs_open(const struct value *root, const char *folder, struct scraper *s,
                     struct scrape_jobs **out, struct err *e) MUST_CHECK;
void scrape_jobs_free(struct scrape_jobs *j);
AUTO_DEFINE(scrape_jobs)

size_t scrape_jobs_count(const struct scrape_jobs *j);
/* Each is looked at, once the runner runs. */
void scrape_jobs_kick(const struct scrape_jobs *j, struct runner *r);

/* arg: a struct scrape_jobs. */
extern const struct controller scrape_jobs_controller;
