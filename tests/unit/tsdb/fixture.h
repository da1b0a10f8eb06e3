/* fixture.h - a store of metrics at a fixed time, in a folder. */
#pragma once
#include "t.h"
#include "tsdb/tsdb.h"

static struct err e;
static const int64_t NOW = 1700000000000;

static int64_t fake_ms(const struct clock *c)
{
    (void)c;
    return NOW;
}
static const struct clock fake_clock = {fake_ms, fake_ms};
static const struct matcher all[] = {
    {"__name__", MATCH_NE, ""}
};

static uint64_t series(struct tsdb *db, const char *name)
{
    const struct label l[] = {
        {"__name__", name}
    };
    const struct labels labels = {l, 1};
    uint64_t ref = 0;
    T_RC(tsdb_series(db, &labels, &ref, &e), &e, name);
    return ref;
}

static struct tsdb *open_in(const char *dir)
{
    struct tsdb_opts o = {.clock = &fake_clock, .dir = dir, .max_exemplars = 4};
    struct tsdb *db = NULL;
    T_RC(tsdb_open(&o, &db, &e), &e, "open");
    return db;
}
