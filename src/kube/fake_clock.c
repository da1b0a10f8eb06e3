#include "kube/fake.h"

static int64_t read_ms(const struct clock *c)
{
    return container_of((struct clock *)(uintptr_t)c, struct fake_clock, clock)->ms;
}

void fake_clock_init(struct fake_clock *c, int64_t real_ms)
{
    *c = (struct fake_clock){
        {read_ms, read_ms},
        real_ms
    };
}

void fake_clock_move(struct fake_clock *c, int64_t by_ms)
{
    c->ms += by_ms;
}
