/* measure.h - what is measured without asking: containers, by cAdvisor's names. */
#pragma once
#include "monitor/scraper.h"

struct node;

/* A scraper_source; arg: the struct node. */
void measure_containers(void *node, scraper_emit emit, void *to);
