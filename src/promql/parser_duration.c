/* parser_duration.c - durations: literals and arithmetic on seconds. */
#include <math.h>
#include <string.h>

#include "promql/parser.h"

static const double MAX_SECONDS = 9223372036; /* 292 years: what fits nanoseconds */

static bool duration_binary(struct parser *p, int least, double *out);

/* min_of(a, b) and max_of(a, b) after the name. */
static bool pick(struct parser *p, bool larger, double *out)
{
    double other;
    if (!parser_expect(p, "(", "duration") || !duration_binary(p, 0, out) ||
        !parser_expect(p, ",", "duration") || !duration_binary(p, 0, &other) ||
        !parser_expect(p, ")", "duration"))
        return false;
    *out = larger ? fmax(*out, other) : fmin(*out, other);
    return true;
}

static bool primary(struct parser *p, double *out)
{
    if (p->token.kind == TOKEN_DURATION || p->token.kind == TOKEN_NUMBER) {
        *out = p->token.number;
        parser_next(p);
        return true;
    }
    p->computed = true;
    if (parser_take_op(p, "("))
        return duration_binary(p, 0, out) && parser_expect(p, ")", "duration");
    if (parser_is_word(p, "min_of") || parser_is_word(p, "max_of")) {
        bool larger = parser_is_word(p, "max_of");
        parser_next(p);
        return pick(p, larger, out);
    }
    if (parser_is_word(p, "step") || parser_is_word(p, "range")) {
        int64_t range_ms = p->opts.end_ms - p->opts.start_ms;
        *out = (double)(parser_is_word(p, "step") ? p->opts.step_ms : range_ms) / 1000;
        parser_next(p);
        return parser_expect(p, "(", "duration") && parser_expect(p, ")", "duration");
    }
    (void)parser_unexpected(p, "duration");
    return false;
}

static bool unary(struct parser *p, double *out)
{
    if (!parser_is_op(p, "-") && !parser_is_op(p, "+"))
        return primary(p, out);
    double sign = parser_is_op(p, "-") ? -1 : 1;
    parser_next(p);
    if (!duration_binary(p, 6, out))
        return false;
    *out *= sign;
    return true;
}

static bool apply(struct parser *p, char op, size_t at, double r, double *out)
{
    if (r == 0 && (op == '/' || op == '%')) {
        (void)parser_fail(p, at, "%s by zero", op == '/' ? "division" : "modulo");
        return false;
    }
    *out = op == '+'   ? *out + r
           : op == '-' ? *out - r
           : op == '*' ? *out * r
           : op == '/' ? *out / r
           : op == '%' ? fmod(*out, r)
                       : pow(*out, r);
    return true;
}

/* With the precedence of expressions. */
static bool duration_binary(struct parser *p, int least, double *out)
{
    if (++p->depth > PARSER_MAX_DEPTH) {
        (void)parser_fail(p, p->token.at, "the expression is nested too deeply");
        return false;
    }
    bool ok = unary(p, out);
    while (ok && p->token.kind == TOKEN_OP && strchr("+-*/%^", *p->token.text)) {
        char op = *p->token.text;
        int level = op == '^' ? 6 : op == '+' || op == '-' ? 4 : 5;
        size_t at = p->token.at;
        double r;
        if (level < least)
            break;
        p->computed = true;
        parser_next(p);
        ok = duration_binary(p, op == '^' ? 6 : level + 1, &r) && apply(p, op, at, r, out);
    }
    p->depth--;
    return ok;
}

static bool to_ms(struct parser *p, double seconds, size_t at, int64_t *out_ms)
{
    if (!isfinite(seconds) || fabs(seconds) > MAX_SECONDS) {
        (void)parser_fail(p, at, "%s",
                          isfinite(seconds) ? "duration out of range"
                                            : "duration is NaN or infinite");
        return false;
    }
    *out_ms = (int64_t)(p->computed ? trunc(seconds * 1000) : round(seconds * 1000));
    return true;
}

bool parser_duration(struct parser *p, int64_t *out_ms)
{
    size_t at = p->token.at;
    double seconds;
    p->computed = false;
    if (!duration_binary(p, 0, &seconds) || !to_ms(p, seconds, at, out_ms))
        return false;
    if (*out_ms <= 0)
        (void)parser_fail(p, at, "duration must be greater than 0");
    return *out_ms > 0;
}

/* One operand, so that what follows is arithmetic on the selector. */
bool parser_offset(struct parser *p, int64_t *out_ms)
{
    size_t at = p->token.at;
    double seconds, sign = parser_is_op(p, "-") ? -1 : 1;
    if (parser_is_op(p, "-") || parser_is_op(p, "+"))
        parser_next(p);
    p->computed = false;
    return primary(p, &seconds) && to_ms(p, sign * seconds, at, out_ms);
}
