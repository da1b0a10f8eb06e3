/* One multiplication of P-256's base point, for keys made from a seed. Plain rather than fast, and
 * not in constant time: the seed is at hand wherever this runs. */
#include <string.h>

#include "crypto/issue.h"

struct number { /* lowest limb first */
    uint64_t limb[4];
};

struct point { /* x / z^2, y / z^3; z = 0 is infinity */
    struct number x, y, z;
};

static const struct number prime = {
    {0xffffffffffffffff, 0x00000000ffffffff, 0, 0xffffffff00000001}
};
static const struct number order = {
    {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000}
};
static const struct number base_x = {
    {0xf4a13945d898c296, 0x77037d812deb33a0, 0xf8bce6e563a440f2, 0x6b17d1f2e12c4247}
};
static const struct number base_y = {
    {0xcbb6406837bf51f5, 0x2bce33576b315ece, 0x8ee7eb4a7c0f9e16, 0x4fe342e2fe1a7f9b}
};

static uint64_t add_raw(struct number *r, const struct number *a, const struct number *b)
{
    unsigned __int128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (unsigned __int128)a->limb[i] + b->limb[i];
        r->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return (uint64_t)carry;
}

static uint64_t sub_raw(struct number *r, const struct number *a, const struct number *b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        unsigned __int128 d = (unsigned __int128)a->limb[i] - b->limb[i] - borrow;
        r->limb[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
    return borrow;
}

static struct number add(struct number a, struct number b)
{
    struct number sum, less;
    uint64_t carry = add_raw(&sum, &a, &b);
    uint64_t borrow = sub_raw(&less, &sum, &prime);
    return carry || !borrow ? less : sum;
}

static struct number sub(struct number a, struct number b)
{
    struct number r;
    if (sub_raw(&r, &a, &b))
        (void)add_raw(&r, &r, &prime);
    return r;
}

static bool bit(const struct number *n, int i)
{
    return n->limb[i / 64] >> (i % 64) & 1;
}

static struct number mul(struct number a, struct number b)
{
    struct number r = {{0}};
    for (int i = 255; i >= 0; i--) {
        r = add(r, r);
        if (bit(&b, i))
            r = add(r, a);
    }
    return r;
}

/* a^(p - 2) */
static struct number invert(struct number a)
{
    struct number exponent, two = {{2}}, r = {{1}};
    (void)sub_raw(&exponent, &prime, &two);
    for (int i = 255; i >= 0; i--) {
        r = mul(r, r);
        if (bit(&exponent, i))
            r = mul(r, a);
    }
    return r;
}

static bool is_zero(const struct number *n)
{
    return (n->limb[0] | n->limb[1] | n->limb[2] | n->limb[3]) == 0;
}

static struct point twice(struct point p)
{
    struct number yy = mul(p.y, p.y), zz = mul(p.z, p.z), s = mul(p.x, yy);
    s = add(add(s, s), add(s, s));
    struct number m = mul(sub(p.x, zz), add(p.x, zz)); /* a is -3 */
    m = add(add(m, m), m);
    struct point r;
    r.x = sub(mul(m, m), add(s, s));
    struct number eight = mul(yy, yy);
    for (int i = 0; i < 3; i++)
        eight = add(eight, eight);
    r.y = sub(mul(m, sub(s, r.x)), eight);
    r.z = mul(p.y, p.z);
    r.z = add(r.z, r.z);
    return r;
}

/* p and q differ, and q is not infinity with z = 1. */
static struct point plus(struct point p, struct point q)
{
    if (is_zero(&p.z))
        return q;
    struct number zz = mul(p.z, p.z), h = sub(mul(q.x, zz), p.x);
    struct number r = sub(mul(q.y, mul(zz, p.z)), p.y), hh = mul(h, h), hhh = mul(hh, h);
    struct number v = mul(p.x, hh);
    struct point sum;
    sum.x = sub(sub(mul(r, r), hhh), add(v, v));
    sum.y = sub(mul(r, sub(v, sum.x)), mul(p.y, hhh));
    sum.z = mul(p.z, h);
    return sum;
}

static struct number read_number(const unsigned char *bytes)
{
    struct number n = {{0}};
    for (int i = 0; i < 32; i++)
        n.limb[3 - i / 8] = n.limb[3 - i / 8] << 8 | bytes[i];
    return n;
}

static void write_number(const struct number *n, unsigned char *bytes)
{
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)(n->limb[3 - i / 8] >> (56 - 8 * (i % 8)));
}

void issue_p256_point(unsigned char scalar[32], unsigned char x[32], unsigned char y[32])
{
    struct number k = read_number(scalar), less;
    if (!sub_raw(&less, &k, &order))
        k = less;
    if (is_zero(&k))
        k.limb[0] = 1;
    write_number(&k, scalar);
    struct point base = {base_x, base_y, {{1}}}, sum = {{{0}}, {{0}}, {{0}}};
    for (int i = 255; i >= 0; i--) {
        if (!is_zero(&sum.z))
            sum = twice(sum);
        if (bit(&k, i))
            sum = plus(sum, base);
    }
    struct number inverse = invert(sum.z), square = mul(inverse, inverse);
    struct number ax = mul(sum.x, square), ay = mul(sum.y, mul(square, inverse));
    write_number(&ax, x);
    write_number(&ay, y);
}
