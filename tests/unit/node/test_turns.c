#include "node/turns.h"

#include "base/clock.h"
#include "base/thread.h"
#include "t.h"

enum { WIDTH = 2, THREADS = 12, FOR_EVER_MS = 60000 };

static struct turns turns;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int at_it, most, took;

struct taker {
    pthread_t thread;
    struct turn *turn;
    int took; /* how many took their turn before */
};

static void *take_one(void *arg)
{
    struct taker *me = arg;
    turns__take(&turns, me->turn);
    {
        LOCK_SCOPE(&lock);
        me->took = took++;
        if (++at_it > most)
            most = at_it;
    }
    (void)usleep(2000);
    {
        LOCK_SCOPE(&lock);
        at_it--;
    }
    turns__give(&turns, me->turn);
    return arg;
}

static void run_backwards(unsigned width, struct taker all[THREADS])
{
    struct err e = {0};
    at_it = most = took = 0;
    turns__init(&turns, width, FOR_EVER_MS, FOR_EVER_MS);
    for (int i = 0; i < THREADS; i++)
        all[i].turn = turns__draw(&turns);
    for (int i = THREADS; i-- > 0;)
        T_RC(thread_start(&all[i].thread, "turn", 64, take_one, &all[i], &e), &e, "a thread");
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(all[i].thread, NULL);
    T_OK(!turns.row && turns.end == &turns.row, "the row is empty");
    turns__done(&turns);
}

static void no_more_than_the_width(void)
{
    struct taker all[THREADS];
    run_backwards(WIDTH, all);
    T_EQ_INT(most, WIDTH, "at most two at a time, and two");
    T_EQ_INT(took, THREADS, "everybody had a turn");
}

static void in_the_order_drawn(void)
{
    struct taker all[THREADS];
    run_backwards(1, all);
    for (int i = 0; i < THREADS; i++)
        T_EQ_INT(all[i].took, i, "its place");
}

static void nobody_waits_for_ever(void)
{
    turns__init(&turns, 1, 1, 30);
    struct turn *lost = turns__draw(&turns), *mine = turns__draw(&turns);
    turns__take(&turns, lost); /* and does not give it back */
    int64_t from = clock_mono_ms();
    turns__take(&turns, mine);
    T_OK(clock_mono_ms() - from >= 29, "waited");
    turns__give(&turns, mine);
    mine = turns__draw(&turns);
    from = clock_mono_ms();
    turns__take(&turns, mine);
    T_OK(clock_mono_ms() - from >= 29, "the lost turn still counts");
    turns__give(&turns, mine);
    turns__give(&turns, lost);
    turns__done(&turns);
}

static void who_does_not_come_is_not_waited_for(void)
{
    turns__init(&turns, 1, 10, FOR_EVER_MS);
    struct turn *absent = turns__draw(&turns), *mine = turns__draw(&turns);
    turns__take(&turns, mine);
    turns__take(&turns, absent); /* it was before the other one */
    turns__give(&turns, absent);
    turns__give(&turns, mine);
    mine = turns__draw(&turns);
    turns__take(&turns, mine);
    turns__give(&turns, mine);
    T_OK(!turns.row, "the row is empty");
    turns__done(&turns);
}

T_MAIN(no_more_than_the_width, in_the_order_drawn, nobody_waits_for_ever,
       who_does_not_come_is_not_waited_for)
