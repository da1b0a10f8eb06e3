/* sum.h - sums and means that lose little: Kahan's way, with Neumaier's correction. */
#pragma once
#include <math.h>
#include <stdbool.h>

/* s + v; what adding lost is kept in *c. */
static inline double sum_add(double s, double v, double *c)
{
    double t = s + v;
    if (isinf(t))
        *c = 0;
    else
        *c += fabs(s) >= fabs(v) ? s - t + v : v - t + s;
    return t;
}

static inline double sum_value(double s, double c)
{
    return isinf(s) ? s : s + c;
}

/* A sum for as long as it is finite, from then on a mean moved value by value. */
struct mean {
    double s, c, n;
    bool moving;
};

static inline void mean_add(struct mean *m, double v)
{
    double c = m->c, s = sum_add(m->s, v, &c);
    m->n += 1;
    if (!m->moving && (m->n < 2 || !isinf(s))) {
        m->s = s;
        m->c = c;
        return;
    }
    if (!m->moving) {
        m->moving = true;
        m->s /= m->n - 1;
        m->c /= m->n - 1;
    }
    double share = (m->n - 1) / m->n;
    m->c *= share;
    m->s = sum_add(share * m->s, v / m->n, &m->c);
}

static inline double mean_value(const struct mean *m)
{
    if (isinf(m->s))
        return m->s;
    return m->moving ? m->s + m->c : m->s / m->n + m->c / m->n;
}
