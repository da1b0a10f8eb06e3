/* rpm: [epoch:]version[-release], runs of digits or letters, '~' before and '^' behind the end. */
#include <string.h>

#include "scan/version_int.h"

struct span {
    const char *at, *end;
};

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void skip_separators(struct span *s)
{
    while (s->at < s->end && !version__digit(*s->at) && !letter(*s->at) && *s->at != '~' &&
           *s->at != '^')
        s->at++;
}

/* *decided unless both have the mark or neither; passes it where both do. */
static bool pass_mark(struct span *a, struct span *b, char mark, int *decided)
{
    bool in_a = a->at < a->end && *a->at == mark, in_b = b->at < b->end && *b->at == mark;
    if (!in_a && !in_b)
        return false;
    a->at += in_a;
    b->at += in_b;
    if (in_a && in_b)
        return true;
    /* A caret is newer than the end, but older than anything else that follows. */
    bool other_ended = in_a ? b->at == b->end : a->at == a->end;
    bool newer = mark == '^' && other_ended;
    *decided = in_a == newer ? 1 : -1;
    return true;
}

static struct span take_run(struct span *s, bool (*member)(char))
{
    struct span run = {s->at, s->at};
    while (run.end < s->end && member(*run.end))
        run.end++;
    s->at = run.end;
    return run;
}

static int run_compare(struct span *a, struct span *b)
{
    bool number = version__digit(*a->at);
    struct span x = take_run(a, number ? version__digit : letter);
    struct span y = take_run(b, number ? version__digit : letter);
    size_t nx = (size_t)(x.end - x.at), ny = (size_t)(y.end - y.at);
    if (ny == 0) /* of another kind; numbers are newer */
        return number ? 1 : -1;
    return number ? version__numbers(x.at, nx, y.at, ny) : version__text(x.at, nx, y.at, ny);
}

static int part_compare(struct span a, struct span b)
{
    while (a.at < a.end || b.at < b.end) {
        int c = 0;
        skip_separators(&a);
        skip_separators(&b);
        bool marked = pass_mark(&a, &b, '~', &c) || pass_mark(&a, &b, '^', &c);
        if (c)
            return c;
        if (marked)
            continue;
        if (a.at == a.end || b.at == b.end)
            break;
        c = run_compare(&a, &b);
        if (c)
            return c;
    }
    return (a.at < a.end) - (b.at < b.end);
}

struct evr {
    struct span epoch, version, release;
    bool released;
};

static struct evr evr_split(const char *v)
{
    static const char zero[] = "0";
    const char *colon = strchr(v, ':'), *start = colon ? colon + 1 : v;
    const char *dash = strrchr(start, '-'), *end = v + strlen(v);
    return (struct evr){
        .epoch = colon ? (struct span){v,                     colon            }
             : (struct span){zero,                  zero + 1         },
        .version = {start,                 dash ? dash : end},
        .release = {dash ? dash + 1 : end, end              },
        .released = dash != NULL,
    };
}

int version_compare_rpm(const char *a, const char *b)
{
    struct evr x = evr_split(a), y = evr_split(b);
    int c = part_compare(x.epoch, y.epoch);
    if (!c)
        c = part_compare(x.version, y.version);
    if (!c)
        c = x.released - y.released;
    return c ? c : part_compare(x.release, y.release);
}
