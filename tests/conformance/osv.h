/* osv.h - the parts of the suite: each counts its cases and prints those that fail. */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

void osv_count(bool ok);

/* FOLDER/purl: package URLs parsed, built and printed. */
void osv_purl(const char *folder);

/* FOLDER/queries.json with FOLDER/records: what a recorded answer names must be found. */
void osv_queries(const char *folder);

/* FOLDER/trivy-integration: projects and SBOMs against the findings another scanner expects. */
void osv_trivy(const char *folder);
