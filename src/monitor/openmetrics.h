/* openmetrics.h - the OpenMetrics 1.0 text format, as strict as its specification.
 *
 * Model      A page is families, each with its metadata before its samples, up to "# EOF". What a
 *            type's samples may be called, hold and be grouped by is checked, and so is that a
 *            histogram's buckets add up.
 * Guarantees Pure. A sample is given out when its line is good; the error names the first line that
 *            is not, or the family that does not hold together.                            */
#pragma once
#include "monitor/exposition.h"

int openmetrics_parse(const char *text, size_t n, exposition_sample fn, void *arg,
                      struct err *e) MUST_CHECK;
