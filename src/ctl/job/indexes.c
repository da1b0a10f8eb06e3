/* indexes.c - sets of completion indexes. */
#include <string.h>

#include "base/buf.h"
#include "ctl/job/plan_int.h"

struct indexes indexes_parse(const char *text, int64_t n, struct arena *a)
{
    struct indexes x = {.has = ARENA_ARRAY(a, bool, (size_t)(n > 0 ? n : 0) + 1), .n = n};
    for (const char *p = text; *p;) {
        char *end;
        int64_t from = strtoll(p, &end, 10), to = from;
        if (end == p)
            break;
        if (*end == '-')
            to = strtoll(end + 1, &end, 10);
        for (int64_t i = from; i <= to && i < n; i++)
            indexes_add(&x, i);
        p = *end == ',' ? end + 1 : end;
    }
    return x;
}

void indexes_add(struct indexes *x, int64_t i)
{
    if (i < 0 || i >= x->n || x->has[i])
        return;
    x->has[i] = true;
    x->count++;
}

bool indexes_have(const struct indexes *x, int64_t i)
{
    return i >= 0 && i < x->n && x->has[i];
}

const char *indexes_text(const struct indexes *x, struct arena *a)
{
    AUTO_BUF struct buf b;
    buf_init(&b, (size_t)1 << 22);
    for (int64_t i = 0; i < x->n; i++) {
        if (!x->has[i])
            continue;
        int64_t last = i;
        while (last + 1 < x->n && x->has[last + 1])
            last++;
        buf_printf(&b, "%s%lld", b.len ? "," : "", (long long)i);
        if (last > i)
            buf_printf(&b, "%c%lld", last == i + 1 ? ',' : '-', (long long)last);
        i = last;
    }
    return arena_strdup(a, buf_text(&b));
}

int64_t job__index_of(const struct object *pod)
{
    const char *t = object_annotation(pod, JOB_INDEX);
    return t ? strtoll(t, NULL, 10) : -1;
}
