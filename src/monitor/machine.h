/* machine.h - what the node itself uses, by the names of node_exporter: the essentials.
 *
 * Model      Reads /proc and asks file systems: processors, memory, load, pressure, disks, network,
 *            file systems, descriptors.
 * Guarantees Only file systems on this machine's own disks are asked: one over the network could
 *            hang. What the kernel does not tell is left out.
 * Threads    Any.                                                                            */
#pragma once
#include "monitor/scraper.h"

/* A scraper_source; proc: "/proc", or what stands for it in a test. */
void machine_emit(void *proc, scraper_emit emit, void *to);
