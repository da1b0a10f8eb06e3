/* literal.c - what a regular expression cannot match without: a text that is quickly looked for. */
#include <ctype.h>
#include <string.h>

#include "logdb/logdb_int.h"

struct reading {
    const char *at;
    char *run, *best;
    size_t n, best_n;
    bool lost; /* something is there of which nothing is known: no text is sure */
};

static void run_ends(struct reading *x)
{
    if (x->n > x->best_n) {
        memcpy(x->best, x->run, x->n);
        x->best_n = x->n;
    }
    x->n = 0;
}

/* Behind [: at its end, past the ]. Named classes are not looked into. */
static void skip_class(struct reading *x)
{
    x->at += *x->at == '^';
    x->at += *x->at == ']';
    for (; *x->at && *x->at != ']'; x->at++) {
        if (*x->at == '[' || (*x->at == '\\' && !*++x->at)) {
            x->lost = true;
            return;
        }
    }
    x->lost |= !*x->at;
    x->at += *x->at == ']';
}

/* Behind (: at its end, past the ). Flags and verbs change what lies behind them. */
static void skip_group(struct reading *x)
{
    unsigned deep = 1;
    x->lost |= *x->at == '*' || (*x->at == '?' && x->at[1] != ':');
    while (!x->lost && deep && *x->at) {
        char c = *x->at++;
        if (c == '[')
            skip_class(x);
        else if (c == '\\')
            x->lost |= !*x->at || *x->at++ == 'Q';
        else if (c == '(' && (*x->at == '?' || *x->at == '*'))
            x->lost |= x->at[0] == '*' || x->at[1] != ':';
        deep += c == '(';
        deep -= c == ')';
    }
    x->lost |= deep > 0;
}

static void read_escape(struct reading *x)
{
    char c = *x->at;
    x->lost |= !c;
    if (ispunct((unsigned char)c)) {
        x->run[x->n++] = c;
        x->at++;
        return;
    }
    run_ends(x);
    x->lost |= !strchr("dDwWsSbBAzZntrfhHvVR", c); /* others go on behind their letter */
    x->at += !x->lost;
}

/* What stands before it may be missing; {2,3} is passed over. */
static void read_optional(struct reading *x, char c)
{
    x->n -= x->n > 0;
    run_ends(x);
    if (c != '{')
        return;
    x->at += strspn(x->at, "0123456789,");
    x->lost |= *x->at != '}';
    x->at += *x->at == '}';
}

size_t literal_of(const char *expression, struct arena *a, const char **out)
{
    size_t room = strlen(expression) + 1;
    struct reading x = {.at = expression, .run = arena_room(a, room), .best = arena_room(a, room)};
    while (!x.lost && *x.at) {
        char c = *x.at++;
        switch (c) {
        case '|':
            x.lost = true;
            break;
        case '\\':
            read_escape(&x);
            break;
        case '*':
        case '?':
        case '{':
            read_optional(&x, c);
            break;
        case '[':
            run_ends(&x);
            skip_class(&x);
            break;
        case '(':
            run_ends(&x);
            skip_group(&x);
            break;
        case '+':
        case '.':
        case '^':
        case '$':
        case ')':
            run_ends(&x);
            break;
        default:
            x.run[x.n++] = c;
        }
    }
    run_ends(&x);
    *out = x.best;
    return x.lost ? 0 : x.best_n;
}
