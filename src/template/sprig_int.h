/* sprig_int.h - what Sprig's functions share. */
#pragma once
#include "template/functions_int.h"

/* A function's head; few of them use all of their parameters. */
#define GO_FN(name)                                                                                \
    static int name(__attribute__((unused)) struct go_call *c,                                     \
                    __attribute__((unused)) const struct go_value *args,                           \
                    __attribute__((unused)) size_t n,                                              \
                    __attribute__((unused)) struct go_value *out)

/* What a password hash, a key or a certificate costs: a chart may have a hundred of them. */
enum { SLOW_STEPS = 4000000 };

/* Sprig's strslice: any value as []string, without nils. */
struct go_value call__strings(struct go_call *c, const struct go_value *v);

/* spf13/cast: 0 where it cannot be. */
int64_t cast__int(const struct go_value *v);
double cast__float(const struct go_value *v);

/* n bytes that follow from the run's seed and how much was drawn before. */
void random__draw(struct go_call *c, void *out, size_t n);

/* fromToml */
go_fn toml__read;
