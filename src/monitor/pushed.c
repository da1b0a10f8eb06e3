#include "monitor/pushed.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/thread.h"

struct pushed {
    pthread_mutex_t lock;
    struct map notes; /* name → type, help and unit, each ended by a zero byte */
};

struct pushed *pushed_new(void)
{
    struct pushed *p = calloc(1, sizeof *p);
    if (!p)
        log_die("out of memory");
    map_init(&p->notes);
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void pushed_free(struct pushed *p)
{
    size_t at = 0;
    if (!p)
        return;
    for (const struct map_entry *m; (m = map_next(&p->notes, &at));)
        free(m->value);
    map_done(&p->notes);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

static void put(struct pushed *p, const struct batch_note *x)
{
    size_t type = strnlen(x->type, PUSHED_TEXT_MAX) + 1;
    size_t help = strnlen(x->help, PUSHED_TEXT_MAX) + 1;
    size_t unit = strnlen(x->unit, PUSHED_TEXT_MAX) + 1;
    const char *old = map_get(&p->notes, x->name);
    if (type + help + unit > PUSHED_TEXT_MAX ||
        strnlen(x->name, PUSHED_TEXT_MAX + 1) > PUSHED_TEXT_MAX ||
        (!old && map_size(&p->notes) >= PUSHED_NOTES_MAX))
        return;
    if (old && strcmp(old, x->type) == 0 && strcmp(old + type, x->help) == 0 &&
        strcmp(old + type + help, x->unit) == 0)
        return;
    char *text = malloc(type + help + unit);
    if (!text)
        log_die("out of memory");
    memcpy(text, x->type, type);
    memcpy(text + type, x->help, help);
    memcpy(text + type + help, x->unit, unit);
    free(map_remove(&p->notes, x->name));
    (void)map_put(&p->notes, x->name, text);
}

void pushed_put(struct pushed *p, const struct batch *b)
{
    LOCK_SCOPE(&p->lock);
    for (size_t i = 0; i < b->n_notes; i++)
        put(p, &b->notes[i]);
}

size_t pushed_notes(struct pushed *p, struct arena *a, struct metric_note **out)
{
    LOCK_SCOPE(&p->lock);
    struct metric_note *list = ARENA_ARRAY(a, struct metric_note, map_size(&p->notes) + 1);
    size_t n = 0, at = 0;
    for (const struct map_entry *m; (m = map_next(&p->notes, &at));) {
        const char *type = m->value, *help = type + strlen(type) + 1;
        const char *unit = help + strlen(help) + 1;
        list[n++] = (struct metric_note){arena_strdup(a, m->key), arena_strdup(a, type),
                                         arena_strdup(a, help), arena_strdup(a, unit)};
    }
    *out = list;
    return n;
}
