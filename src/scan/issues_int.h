/* issues_int.h - one file for each kind of rules. */
#pragma once
#include "scan/issues.h"

struct issue_rule {
    const char *rule, *title, *advice;
    enum severity severity;
};

void issues__add(struct issue_list *l, struct arena *a, enum issue_kind kind,
                 const struct issue_rule *rule, const char *path, unsigned line);

void issues__secrets(struct issue_list *l, struct arena *a, const char *path, const char *text,
                     size_t n);
void issues__containerfile(struct issue_list *l, struct arena *a, const char *path,
                           const char *text, size_t n);
void issues__manifest(struct issue_list *l, struct arena *a, const char *path, const char *text,
                      size_t n);
