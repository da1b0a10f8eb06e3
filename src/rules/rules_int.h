/* rules_int.h - what the files of rules/ share. */
#pragma once
#include "codec/value.h"
#include "rules/rules.h"

/* A growing list of texts. */
struct rule_texts {
    struct arena *arena;
    const char **items;
    size_t n;
};
void rule_texts__add(struct rule_texts *t, const char *fmt, ...) PRINTF(2, 3);

/* Fields of an object; what is missing is "", 0 or nothing. */
struct rule_field {
    const char *name;
    enum { RULE_TEXT, RULE_DURATION, RULE_INTEGER, RULE_BOOL, RULE_LABELS, RULE_VALUE } kind;
    void *to; /* const char *, int64_t, int64_t, bool, struct labels, const struct value * */
};
/* Ends with a nameless one. Unknown fields and wrong types are added to `faults`. */
void rule_fields__read(struct rule_texts *faults, const struct value *object, const char *what,
                       const struct rule_field *fields, bool ignore_unknown);

/* What a template is expanded with. */
struct rule_expansion {
    const struct rules_host *host;
    int64_t at_ms;
    const struct labels *labels;
    double value;
    unsigned queries; /* that its templates asked so far */
};
/* The text expanded, or "<error expanding template: …>". */
const char *rule_expand(struct arena *a, const char *name, const char *text,
                        const struct rule_expansion *x);
/* NULL, or why the template cannot be parsed. */
const char *rule_template_fault(struct arena *a, const char *name, const char *text);
