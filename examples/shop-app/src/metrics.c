#include "metrics.h"

#include <pthread.h>
#include <stdio.h>

static const double bounds[] = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1};
enum { BOUNDS = sizeof bounds / sizeof bounds[0] };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long by_class[6], buckets[BOUNDS], count;
static double sum;

void metrics_request(int status, double seconds)
{
    pthread_mutex_lock(&lock);
    by_class[status / 100 % 6]++;
    for (int i = 0; i < BOUNDS; i++)
        buckets[i] += seconds <= bounds[i];
    count++;
    sum += seconds;
    pthread_mutex_unlock(&lock);
}

size_t metrics_print(char *out, size_t room)
{
    size_t n = 0;
    pthread_mutex_lock(&lock);
    n += (size_t)snprintf(out + n, room - n,
                          "# HELP http_requests_total Requests answered, by class of status.\n"
                          "# TYPE http_requests_total counter\n");
    for (int i = 2; i < 6; i++)
        n += (size_t)snprintf(out + n, room - n, "http_requests_total{code=\"%dxx\"} %lu\n", i,
                              by_class[i]);
    n += (size_t)snprintf(out + n, room - n,
                          "# HELP http_request_duration_seconds Time to answer.\n"
                          "# TYPE http_request_duration_seconds histogram\n");
    for (int i = 0; i < BOUNDS; i++)
        n += (size_t)snprintf(out + n, room - n,
                              "http_request_duration_seconds_bucket{le=\"%g\"} %lu\n", bounds[i],
                              buckets[i]);
    n += (size_t)snprintf(out + n, room - n,
                          "http_request_duration_seconds_bucket{le=\"+Inf\"} %lu\n"
                          "http_request_duration_seconds_sum %g\n"
                          "http_request_duration_seconds_count %lu\n",
                          count, sum, count);
    pthread_mutex_unlock(&lock);
    return n;
}
