/* severity.h - how bad a finding is. */
#pragma once
#include "codec/value.h"

enum severity { SEVERITY_UNKNOWN, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

const char *severity_name(enum severity s); /* "HIGH" */
/* Any case; "moderate" is medium. ERR_INVALID. */
int severity_parse(const char *text, enum severity *out, struct err *e) MUST_CHECK;

/* The base score of a CVSS v3.0 or v3.1 vector; < 0: it is none. */
double severity_cvss3(const char *vector);
enum severity severity_of_score(double score);

/* Of an OSV record: its CVSS v3 vector, else what the database says. */
enum severity severity_of(const struct value *record);
