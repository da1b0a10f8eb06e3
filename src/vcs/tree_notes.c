#include "vcs/tree_notes.h"

#include <stdint.h>
#include <string.h>

#include "vcs/repo.h"
#include "vcs/tree_int.h"

/* ---- sets of bits behind a path ---- */

static unsigned bits_of(const struct map *m, const char *path)
{
    return (unsigned)(uintptr_t)map_get(m, path);
}

static void add_bits(struct map *m, const char *path, unsigned bits)
{
    unsigned old = bits_of(m, path);
    if ((old | bits) != old)
        (void)map_put(m, path, (char *)NULL + (old | bits));
}

/* ---- notes ---- */

void tree_notes_init(struct tree_notes *n)
{
    map_init(&n->paths);
}

void tree_notes_done(struct tree_notes *n)
{
    map_done(&n->paths);
}

void tree__note(struct tree_notes *n, const char *path, enum tree_note what)
{
    add_bits(&n->paths, path, what);
}

/* ---- points ---- */

void tree_points_init(struct tree_points *p, const struct repo_change *changes, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(1 << 16);
    map_init(&p->paths);
    for (size_t i = 0; i < n; i++) {
        const struct repo_change *c = &changes[i];
        add_bits(&p->paths, c->path, TREE_POINT_SELF | (c->how == 'M' ? TREE_POINT_TEXT : 0));
        unsigned below = c->how == 'A'   ? TREE_POINT_ADDED
                         : c->how == 'D' ? TREE_POINT_REMOVED
                         : c->how == 'T' ? TREE_POINT_ADDED | TREE_POINT_REMOVED
                                         : 0;
        if (!below)
            continue;
        char *above = arena_strdup(a, c->path);
        for (char *slash; (slash = strrchr(above, '/'));) {
            *slash = '\0';
            add_bits(&p->paths, above, below);
        }
        add_bits(&p->paths, "", below);
    }
}

void tree_points_done(struct tree_points *p)
{
    map_done(&p->paths);
}

int tree_points_between(struct repo *r, const char *from, const char *to, struct tree_points *out,
                        struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(1 << 20);
    struct repo_change *changes;
    size_t n;
    int rc = repo_diff(r, from, to, a, &changes, &n, e);
    if (rc == 0)
        tree_points_init(out, changes, n);
    return rc;
}

/* ---- do they meet? ---- */

/* What is added below a path where nothing stood makes it a folder; what is removed below a folder
 * may end it. */
static bool meet(unsigned note, unsigned point)
{
    unsigned below = TREE_POINT_ADDED | TREE_POINT_REMOVED;
    return (point & TREE_POINT_SELF) || ((note & TREE_NOTE_LISTED) && (point & below)) ||
           ((note & TREE_NOTE_ABSENT) && (point & TREE_POINT_ADDED)) ||
           ((note & TREE_NOTE_FOLDER) && (point & TREE_POINT_REMOVED));
}

typedef bool (*meeting_fn)(void *arg, const char *path, unsigned note, unsigned point);

/* Calls fn for every path where an answer may differ, until it says false. */
static bool each_meeting(const struct tree_notes *notes, const struct tree_points *points,
                         meeting_fn fn, void *arg)
{
    bool few_points = map_size(&points->paths) <= map_size(&notes->paths);
    const struct map *few = few_points ? &points->paths : &notes->paths;
    const struct map *many = few_points ? &notes->paths : &points->paths;
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(few, &cursor));) {
        unsigned mine = (unsigned)(uintptr_t)m->value, other = bits_of(many, m->key);
        unsigned note = few_points ? other : mine, point = few_points ? mine : other;
        if (other && meet(note, point) && !fn(arg, m->key, note, point))
            return false;
    }
    return true;
}

static bool none(void *arg, const char *path, unsigned note, unsigned point)
{
    (void)arg, (void)path, (void)note, (void)point;
    return false;
}

bool tree_notes_touched(const struct tree_notes *notes, const struct tree_points *points)
{
    return !each_meeting(notes, points, none, NULL);
}

struct texts {
    struct arena *a;
    const char **list;
    size_t n;
};

static bool is_text(void *arg, const char *path, unsigned note, unsigned point)
{
    struct texts *t = arg;
    if (note != TREE_NOTE_FILE || point != (TREE_POINT_SELF | TREE_POINT_TEXT))
        return false;
    t->list = arena_grow(t->a, t->list, (t->n + 1) * sizeof *t->list, (t->n + 2) * sizeof *t->list);
    t->list[t->n++] = arena_strdup(t->a, path);
    return true;
}

const char *const *tree_notes_texts(const struct tree_notes *notes,
                                    const struct tree_points *points, struct arena *a)
{
    struct texts t = {.a = a, .list = ARENA_ARRAY(a, const char *, 1)};
    return each_meeting(notes, points, is_text, &t) ? t.list : NULL;
}
