/* world.h - a release session on an API in memory, with a clock that pauses move. */
#pragma once
#include "base/buf.h"
#include "kube/fake.h"
#include "release/owner.h"
#include "release/release_int.h"
#include "t.h"

struct world {
    struct arena *arena;
    struct fake_clock clock;
    struct kube *kube;
    struct helm_log log;
    struct release_port port;
    struct release_session session;
    unsigned pauses, cancel_at; /* 0: never */
    void (*on_pause)(struct world *w);
};

static inline int world_pause(void *self, int64_t ms, struct err *e)
{
    struct world *w = self;
    fake_clock_move(&w->clock, ms);
    w->pauses++;
    if (w->on_pause && ms)
        w->on_pause(w);
    return w->pauses == w->cancel_at ? err_set(e, ERR_CANCELLED, "context canceled") : 0;
}

static inline int world_discover(void *self, struct arena *a, const char **version,
                                 const char ***apis, size_t *n, struct err *e)
{
    (void)self;
    (void)e;
    *version = "v1.33.0";
    *apis = ARENA_ARRAY(a, const char *, 1);
    (*apis)[0] = "v1";
    *n = 1;
    return 0;
}

static inline int world_draw(void *self, unsigned char out[32], struct err *e)
{
    (void)self;
    (void)e;
    memset(out, 7, 32);
    return 0;
}

static inline void world_open(struct world *w)
{
    *w = (struct world){.arena = arena_new(0)};
    fake_clock_init(&w->clock, 1700000000000);
    w->kube = kube_fake_new(&w->clock.clock);
    w->log.arena = w->arena;
    w->port = (struct release_port){
        .pause = world_pause, .discover = world_discover, .draw = world_draw, .self = w};
    w->session = (struct release_session){.kube = w->kube,
                                          .log = &w->log,
                                          .clock = &w->clock.clock,
                                          .port = &w->port,
                                          .ns = "shop",
                                          .timeout_ms = 60000,
                                          .me = release_self(w->arena)};
}

static inline void world_close(struct world *w)
{
    kube_free(w->kube);
    arena_free(w->arena);
}
