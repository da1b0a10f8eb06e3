/* report.h - what a scan found, for people and for programs. */
#pragma once
#include "scan/sbom.h"
#include "scan/scan.h"

enum report_format { REPORT_TABLE, REPORT_JSON, REPORT_SARIF, REPORT_CYCLONEDX, REPORT_SPDX };

/* "table", "json", "sarif", "cyclonedx", "spdx". ERR_INVALID. */
int report_format_parse(const char *text, enum report_format *out, struct err *e) MUST_CHECK;

void report_print(const struct scan_report *r, enum report_format format,
                  const struct sbom_about *about, struct arena *a, struct buf *out);
