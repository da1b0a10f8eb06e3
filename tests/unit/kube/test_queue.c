#include "kube/queue.h"
#include "t.h"

/* A script of operations on one queue, and what taking gave. */
static void many_adds_are_one_run(void)
{
    AUTO(queue) struct queue *q = queue_new();
    queue_add(q, "a", 0);
    queue_add(q, "b", 0);
    queue_add(q, "a", 0);
    T_EQ_INT(queue_ready(q, 0), 2, "two keys");
    T_EQ_STR(queue_take(q, 0, 0), "a", "first in");
    T_EQ_STR(queue_take(q, 0, 0), "b", "second");
    T_EQ_STR(queue_take(q, 0, 0), NULL, "empty");
    queue_done(q, "a", false, 0);
    queue_done(q, "b", false, 0);
    T_EQ_INT(queue_len(q), 0, "idle");
}

static void running_key_waits_for_itself(void)
{
    AUTO(queue) struct queue *q = queue_new();
    queue_add(q, "a", 0);
    T_EQ_STR(queue_take(q, 0, 0), "a", "taken");
    queue_add(q, "a", 1);
    queue_add(q, "a", 2);
    T_EQ_STR(queue_take(q, 5, 0), NULL, "not twice at a time");
    queue_done(q, "a", false, 5);
    T_EQ_STR(queue_take(q, 5, 0), "a", "again, once");
    queue_done(q, "a", false, 6);
    T_EQ_STR(queue_take(q, 7, 0), NULL, "settled");
}

static void backs_off_and_forgets(void)
{
    AUTO(queue) struct queue *q = queue_new();
    static const int64_t due[] = {5, 15, 35, 75, 155};
    int64_t now = 0;
    queue_add(q, "a", 0);
    for (size_t i = 0; i < ARRAY_LEN(due); i++) {
        T_EQ_STR(queue_take(q, now, 0), "a", "due");
        queue_done(q, "a", true, now);
        T_EQ_INT(queue_next_due(q), due[i], "doubled");
        T_EQ_STR(queue_take(q, due[i] - 1, 0), NULL, "not before");
        now = due[i];
    }
    T_EQ_INT(queue_failures(q, "a"), 5, "counted");
    for (int i = 0; i < 20; i++) {
        (void)queue_take(q, now, 0);
        queue_done(q, "a", true, now);
        T_OK(queue_next_due(q) - now <= QUEUE_BACKOFF_MAX_MS, "bounded");
        now = queue_next_due(q);
    }
    (void)queue_take(q, now, 0);
    queue_done(q, "a", false, now);
    T_EQ_INT(queue_failures(q, "a"), 0, "forgotten after a success");
}

static void earlier_due_time_wins(void)
{
    AUTO(queue) struct queue *q = queue_new();
    queue_add_at(q, "a", 100);
    queue_add_at(q, "a", 50);
    queue_add_at(q, "a", 200);
    queue_add_at(q, "b", 70);
    T_EQ_INT(queue_next_due(q), 50, "earliest");
    T_EQ_STR(queue_take(q, 49, 0), NULL, "too early");
    T_EQ_STR(queue_take(q, 80, 1), "b", "any due key may be chosen");
    T_EQ_STR(queue_take(q, 80, 0), "a", "due");
    queue_done(q, "a", false, 80);
    T_EQ_INT(queue_next_due(q), INT64_MAX, "nothing waits");
    queue_done(q, "b", false, 80);
}

/* Against the slow version: an array of due times. */
static void heap_agrees_with_sorting(void)
{
    AUTO(queue) struct queue *q = queue_new();
    uint32_t x = 12345;
    int64_t due[200];
    for (int i = 0; i < 200; i++) {
        char key[16];
        x = x * 1664525u + 1013904223u;
        due[i] = x >> 20;
        (void)snprintf(key, sizeof key, "k%d", i);
        queue_add_at(q, key, due[i]);
    }
    int64_t last = -1;
    for (int i = 0; i < 200; i++) {
        int64_t next = queue_next_due(q);
        T_OK(next >= last, "ascending");
        last = next;
        const char *key = queue_take(q, next, 0);
        T_EQ_INT(due[strtol(key + 1, NULL, 10)], next, key);
        queue_done(q, key, false, next);
    }
    T_EQ_INT(queue_len(q), 0, "all taken");
}

T_MAIN(many_adds_are_one_run, running_key_waits_for_itself, backs_off_and_forgets,
       earlier_due_time_wins, heap_agrees_with_sorting)
