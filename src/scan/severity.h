/* severity.h - how bad a finding is. */
#pragma once
#include "codec/value.h"

enum severity { SEVERITY_UNKNOWN, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

const char *severity_name(enum severity s); /* "HIGH" */
/* Any case; "moderate" is medium. ERR_INVALID. */
int severity_parse(const char *text, enum severity *out, struct err *e) MUST_CHECK;

/* The score of a CVSS vector of version 2 ("AV:N/…"), 3.0, 3.1 or 4.0; < 0: it is none. */
double severity_cvss(const char *vector);
double severity_cvss4(const char *vector);
enum severity severity_of_score(double score);

struct severity_score {
    enum severity level;
    double score;       /* 0: no vector gives one */
    const char *vector; /* NULL: none */
};

/* Of an OSV record: its newest kind of CVSS vector that can be scored, else what the database
 * says in a word. */
struct severity_score severity_of(const struct value *record);
