#include "node/turns.h"

#include "base/clock.h"
#include "base/thread.h"
#include "t.h"

enum { WIDTH = 2, THREADS = 12 };

static struct turns turns;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int at_it, most;

static void *take_one(void *arg)
{
    turns__take(&turns);
    {
        LOCK_SCOPE(&lock);
        if (++at_it > most)
            most = at_it;
    }
    (void)usleep(2000);
    {
        LOCK_SCOPE(&lock);
        at_it--;
    }
    turns__give(&turns);
    return arg;
}

static void no_more_than_the_width(void)
{
    struct err e = {0};
    pthread_t all[THREADS];
    turns__init(&turns, WIDTH, 60000);
    for (int i = 0; i < THREADS; i++)
        T_RC(thread_start(&all[i], "turn", 64, take_one, NULL, &e), &e, "a thread");
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(all[i], NULL);
    T_EQ_INT(most, WIDTH, "at most two at a time, and two");
    T_EQ_INT(turns.went, THREADS, "everybody had a turn");
    turns__done(&turns);
}

static void nobody_waits_for_ever(void)
{
    turns__init(&turns, 1, 30);
    turns__take(&turns); /* and never gives it back */
    int64_t before = clock_mono_ms();
    turns__take(&turns);
    T_OK(clock_mono_ms() - before >= 29, "waited");
    turns__give(&turns);
    before = clock_mono_ms();
    turns__take(&turns);
    T_OK(clock_mono_ms() - before >= 29, "the lost turn still counts");
    turns__done(&turns);
}

static void a_turn_comes_back(void)
{
    turns__init(&turns, 1, 60000);
    turns__take(&turns);
    turns__give(&turns);
    turns__take(&turns);
    turns__give(&turns);
    T_EQ_INT(turns.came - turns.went, 0, "free again");
    turns__done(&turns);
}

T_MAIN(no_more_than_the_width, nobody_waits_for_ever, a_turn_comes_back)
