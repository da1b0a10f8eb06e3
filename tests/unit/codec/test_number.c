/* Numbers print as the fewest digits that read back, by whichever way they were found. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "codec/number.h"
#include "t.h"

static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11 ^ *state << 40;
}

/* Digits of a number's text without the zeros around them, its exponent left out. */
static void digits_of(const char *text, char *out)
{
    size_t n = 0;
    for (; *text && *text != 'e'; text++)
        if (*text >= '0' && *text <= '9' && (n || *text != '0'))
            out[n++] = *text;
    while (n && out[n - 1] == '0')
        n--;
    out[n] = '\0';
}

static double some(uint64_t r, uint64_t other, unsigned kind)
{
    switch (kind % 5) {
    case 0:
        return (double)(r % 1000000) / 1000;
    case 1:
        return ldexp((double)(r >> 11), -53);
    case 2:
        return (double)(r % 100000) / (double)(other % 100000 + 1);
    case 3:
        return (double)(int64_t)(r >> other % 64);
    default: { /* about the powers of ten */
        double d = pow(10, (double)(int)(r % 60) - 30);
        return other & 1 ? nextafter(d, 0) : other & 2 ? nextafter(d, INFINITY) : d;
    }
    }
}

static void shortest(void)
{
    uint64_t state = 7;
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t r = draw(&state);
        double d = some(r, draw(&state), i);
        char text[NUMBER_PLAIN_MAX], plain[64], got[NUMBER_PLAIN_MAX], want[64];
        (void)number_format_plain(d, text);
        for (int digits = 15; digits <= 17; digits++) {
            (void)snprintf(plain, sizeof plain, "%.*e", digits - 1, d);
            if (strtod(plain, NULL) == d)
                break;
        }
        digits_of(text, got);
        digits_of(plain, want);
        if (strtod(text, NULL) != d || strcmp(got, want) != 0)
            T_EQ_STR(text, plain, "the fewest digits that read back");
    }
}

T_MAIN(shortest)
