/* tsdbload - a fleet's samples into a store in this process: what the store itself costs.
 *
 *   tsdbload FOLDER SERIES STEP-MS SCRAPES
 *
 * One commit a scrape of a Pod. Prints samples, processor seconds, resident bytes that the store
 * added, and bytes in its log. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/value.h"
#include "metrics/fleet.h"
#include "tsdb/tsdb.h"

static double cpu_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t resident_bytes(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%*s %lld", &pages) != 1)
        pages = 0;
    if (f)
        (void)fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

/* What the fleet itself costs is not counted: its values are drawn before the clock runs. */
static int scrape(struct tsdb *db, struct fleet_series *fleet, const uint64_t *refs, double *values,
                  size_t n, int64_t t, double *cpu, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        values[i] = fleet_next(i, &fleet[i]);
    double begin = cpu_seconds();
    for (size_t i = 0; i < n; i++) {
        int r = tsdb_append(db, refs[i], t, values[i], e);
        if (r == 0 && i % FLEET_POD_SERIES == FLEET_POD_SERIES - 1)
            r = tsdb_commit(db, e);
        if (r < 0)
            return r;
    }
    *cpu += cpu_seconds() - begin;
    return tsdb_commit(db, e);
}

static int run(const char *dir, size_t n, int64_t step, int64_t scrapes, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(tsdb) struct tsdb *db = NULL;
    struct fleet_series *fleet = ARENA_ARRAY(a, struct fleet_series, n);
    uint64_t *refs = ARENA_ARRAY(a, uint64_t, n);
    double *values = ARENA_ARRAY(a, double, n), cpu = 0;
    for (size_t i = 0; i < n; i++)
        fleet_series(i, a, &fleet[i]);
    struct tsdb_opts o = {.dir = dir, .clock = &clock_system, .max_series = n};
    int64_t before = resident_bytes();
    int r = tsdb_open(&o, &db, e);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = tsdb_series(db, &fleet[i].labels, &refs[i], e);
    int64_t first = clock_system.real_ms(&clock_system) - step * scrapes;
    for (int64_t k = 0; r == 0 && k < scrapes; k++)
        r = scrape(db, fleet, refs, values, n, first + k * step, &cpu, e);
    if (r < 0)
        return r;
    struct tsdb_stats stats;
    tsdb_stats(db, &stats);
    (void)printf("%lld %.3f %lld %lld\n", (long long)stats.samples_in, cpu,
                 (long long)(resident_bytes() - before), (long long)stats.log_bytes);
    return 0;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    int64_t n, step, scrapes;
    if (argc != 5 || !value_int_from_text(argv[2], &n) || !value_int_from_text(argv[3], &step) ||
        !value_int_from_text(argv[4], &scrapes) || n <= 0) {
        (void)fputs("usage: tsdbload FOLDER SERIES STEP-MS SCRAPES\n", stderr);
        return 2;
    }
    if (run(argv[1], (size_t)n, step, scrapes, &e) < 0) {
        (void)fprintf(stderr, "tsdbload: %s\n", e.msg);
        return 1;
    }
    return 0;
}
