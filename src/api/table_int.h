/* table_int.h - a row in the making.                                                     */
#pragma once
#include "api/table.h"
#include "api/tree_int.h"

struct row {
    struct arena *a;
    struct value *cells;
    int64_t now_ms;
};

void row__text(struct row *r, const char *text);
void row__or_none(struct row *r, const char *text); /* "" is "<none>" */
void row__int(struct row *r, int64_t n);
void row__age(struct row *r, const struct value *time); /* "<unknown>" when absent */
const char *row__since(struct row *r, const struct value *time);
void row__images(struct row *r, const struct value *pod_spec); /* names, then images */
const char *row__selector(struct row *r, const struct value *label_selector);
const char *row__labels(struct row *r, const struct value *map);

void table__pod(struct row *r, const struct value *o);
void table__node(struct row *r, const struct value *o);
void table__service(struct row *r, const struct value *o);
void table__job(struct row *r, const struct value *o);
void table__cron_job(struct row *r, const struct value *o);
void table__deployment(struct row *r, const struct value *o);
void table__replica_set(struct row *r, const struct value *o);
void table__stateful_set(struct row *r, const struct value *o);
void table__daemon_set(struct row *r, const struct value *o);
void table__autoscaler(struct row *r, const struct value *o);
void table__volume(struct row *r, const struct value *o);
void table__claim(struct row *r, const struct value *o);
void table__event(struct row *r, const struct value *o);
void table__custom(struct row *r, const struct kind *k, const struct value *o);
