/* streams.c - which streams there are: their labels, their numbers, how many each owner may have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/thread.h"
#include "codec/json.h"
#include "logdb/logdb_int.h"

enum { PUSHED_MAX = 10000, PUSHED_ALL = 10, GRACE_MS = 10 * 60 * 1000, SWEEP_MS = 60 * 1000 };

static void *must(void *p)
{
    if (!p)
        log_die("out of memory");
    return p;
}

/* ---- labels, shared by the stream and by who looks at an index ---- */

/* One allocation: labels are many and small. All of them are texts. */
static struct stream_name *name_new(const struct value *labels)
{
    size_t n = value_members_count(labels), room = 0;
    VALUE_EACH_MEMBER (m, labels)
        room += m->key_len + value_count(&m->value) + 2;
    struct stream_name *s = must(calloc(1, sizeof *s + n * sizeof *s->members + room));
    char *to = (char *)&s->members[n];
    atomic_init(&s->refs, 1);
    s->labels = (struct value){.kind = VALUE_OBJECT, .n = (uint32_t)n, .members = s->members};
    VALUE_EACH_MEMBER (m, labels) {
        size_t text_len = value_count(&m->value);
        struct member *out = &s->members[m - value_members(labels)];
        out->key = memcpy(to, m->key, m->key_len + 1);
        out->key_len = m->key_len;
        to += m->key_len + 1;
        out->value = (struct value){.kind = VALUE_STRING, .n = (uint32_t)text_len};
        out->value.text = memcpy(to, value_str(&m->value, ""), text_len + 1);
        to += text_len + 1;
    }
    return s;
}

static void name_unref(struct stream_name *s)
{
    if (s && atomic_fetch_sub(&s->refs, 1) == 1)
        free(s);
}

struct stream_index *index_ref(struct logdb *db)
{
    if (!db->index) {
        struct stream_index *x = must(malloc(sizeof *x + db->n_streams * sizeof x->names[0]));
        atomic_init(&x->refs, 1);
        x->n = db->n_streams;
        for (size_t i = 0; i < x->n; i++) {
            x->names[i] = db->streams[i].name;
            if (x->names[i])
                atomic_fetch_add(&x->names[i]->refs, 1);
        }
        db->index = x;
    }
    atomic_fetch_add(&db->index->refs, 1);
    return db->index;
}

void index_unref(struct stream_index *x)
{
    if (!x || atomic_fetch_sub(&x->refs, 1) != 1)
        return;
    for (size_t i = 0; i < x->n; i++)
        name_unref(x->names[i]);
    free(x);
}

static void index_stale(struct logdb *db)
{
    index_unref(db->index);
    db->index = NULL;
}

/* ---- owners: who hands lines in, and for which namespace ---- */

/* NULL: the lines are of containers, which are counted elsewhere. */
static const char *owner_of(const struct value *labels, struct arena *a)
{
    const char *source = value_str(value_get(labels, "source"), NULL);
    return source ? arena_join(a, source, "/", value_str(value_get(labels, "namespace"), ""), NULL)
                  : NULL;
}

static void owner_add(struct logdb *db, const char *owner, intptr_t n)
{
    intptr_t have = (intptr_t)map_get(&db->owners, owner) + n;
    db->n_pushed = (size_t)((intptr_t)db->n_pushed + n);
    if (have > 0)
        (void)map_put(&db->owners, owner, (void *)have);
    else
        (void)map_remove(&db->owners, owner);
}

static int owner_check(struct logdb *db, const char *owner, struct err *e)
{
    size_t max = db->opts.max_pushed_streams ? db->opts.max_pushed_streams : PUSHED_MAX;
    const char *slash = owner ? strrchr(owner, '/') : NULL;
    if (!owner)
        return 0;
    if (db->n_pushed >= max * PUSHED_ALL)
        (void)err_set(e, ERR_TOO_LARGE, "%zu log streams were handed in, and no more are taken",
                      db->n_pushed);
    else if ((size_t)map_get(&db->owners, owner) >= max)
        (void)err_set(
            e, ERR_TOO_LARGE, "source %.*s has %zu log streams%s%s, and no more are taken",
            (int)(slash - owner), owner, max, slash[1] ? " in namespace " : "", slash + 1);
    else
        return 0;
    return err_hint(e, "a label has few values; what is different in every line belongs into it");
}

/* ---- the table ---- */

static void grow_to(struct logdb *db, size_t n)
{
    if (n > db->cap_streams) {
        db->cap_streams = n * 2 < 64 ? 64 : n * 2;
        db->streams = must(realloc(db->streams, db->cap_streams * sizeof *db->streams));
    }
    while (db->n_streams < n)
        db->streams[db->n_streams++] = (struct stream){0};
}

static void stream_set(struct logdb *db, size_t id, const char *key, const struct value *labels)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const char *owner = owner_of(labels, a);
    grow_to(db, id + 1);
    struct stream *s = &db->streams[id];
    s->name = name_new(labels);
    s->used_ms = db->opts.clock->real_ms(db->opts.clock);
    buf_init(&s->head, LOG_CHUNK_MAX + LOG_LINE_MAX + 64);
    (void)map_put(&db->by_labels, key, (void *)(uintptr_t)(id + 1));
    db->n_live++;
    if (owner)
        owner_add(db, owner, 1);
    index_stale(db);
}

/* Without lines, and nobody is about to add one. Its number is not given to another one before
 * the next start: who still has it is told. */
static void stream_clear(struct logdb *db, size_t id)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct stream *s = &db->streams[id];
    const char *owner = owner_of(&s->name->labels, a);
    if (owner)
        owner_add(db, owner, -1);
    (void)map_remove(&db->by_labels, json_text(a, &s->name->labels, JSON_SORTED));
    name_unref(s->name);
    free(s->chunks);
    buf_done(&s->head);
    *s = (struct stream){0};
    db->n_live--;
    index_stale(db);
}

void streams_free(struct logdb *db)
{
    for (size_t i = 0; i < db->n_streams; i++) {
        for (size_t k = 0; k < db->streams[i].n_chunks; k++)
            segment_unref(db->streams[i].chunks[k].segment);
        free(db->streams[i].chunks);
        buf_done(&db->streams[i].head);
        name_unref(db->streams[i].name);
    }
    index_stale(db);
    free(db->streams);
    free(db->unused);
    map_done(&db->by_labels);
    map_done(&db->owners);
}

/* ---- the file: what happened to numbers, a line each (docs/formats/logdb.md) ---- */

/* False: the line is damaged. */
static bool replay_name(struct logdb *db, char *line, size_t n)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct value *labels;
    char *rest = line;
    size_t id = *line == '{' ? db->n_streams : strtoul(line, &rest, 10);
    if (id > db->n_streams + 1000000 || (*line != '{' && rest == line))
        return false;
    rest += *rest == ' ';
    if (id < db->n_streams && db->streams[id].name)
        stream_clear(db, id);
    if (*rest == '\0') {
        grow_to(db, id + 1);
        return true;
    }
    if (json_parse(a, rest, n - (size_t)(rest - line), 0, &labels, NULL) < 0 ||
        !value_is(labels, VALUE_OBJECT))
        return false;
    stream_set(db, id, rest, labels);
    return true;
}

int streams_open(struct logdb *db, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *path = arena_printf(a, "%s/streams", db->dir), *text = NULL;
    int r = fs_read(path, (size_t)1 << 30, a, &text, NULL, e);
    if (r < 0 && r != ERR_NOT_FOUND)
        return r;
    size_t good = 0;
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (!replay_name(db, line, (size_t)(end - line)))
            break;
        good = (size_t)(end + 1 - text);
        db->name_lines++;
    }
    db->names = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (db->names < 0 || ftruncate(db->names, (off_t)good) < 0)
        return err_sys(e, errno, "open %s", path);
    return 0;
}

/* The file says of most numbers more than once: anew, with what holds. */
static int names_rewrite(struct logdb *db, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO_BUF struct buf b;
    char *path = arena_printf(a, "%s/streams", db->dir);
    buf_init(&b, SIZE_MAX / 2);
    for (size_t i = 0; i < db->n_streams; i++) {
        buf_printf(&b, "%zu", i);
        if (db->streams[i].name) {
            buf_putc(&b, ' ');
            json_print(&b, &db->streams[i].name->labels, JSON_SORTED);
        }
        buf_putc(&b, '\n');
    }
    int r = fs_write_atomic(path, 0600, buf_text(&b), b.len, e);
    int fd = r < 0 ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (r == 0 && fd < 0)
        return err_sys(e, errno, "open %s", path);
    if (r < 0)
        return r;
    (void)close(db->names);
    db->names = fd;
    db->name_lines = db->n_streams;
    return 0;
}

int streams_settle(struct logdb *db, struct err *e)
{
    int r = db->name_lines > 2 * db->n_live + 64 ? names_rewrite(db, e) : 0;
    db->unused = must(calloc(db->n_streams + 1, sizeof *db->unused));
    for (size_t i = db->n_streams; i-- > 0;)
        if (!db->streams[i].name && !db->streams[i].haunted)
            db->unused[db->n_unused++] = (uint32_t)i;
    return r;
}

/* All of the line or nothing: behind half a line the next start would read no more names. */
static int name_write(struct logdb *db, const char *line, struct err *e)
{
    size_t n = strlen(line);
    off_t before = lseek(db->names, 0, SEEK_END);
    ssize_t wrote = before < 0 ? -1 : write(db->names, line, n);
    if (wrote == (ssize_t)n) {
        db->names_dirty = true;
        db->name_lines++;
        return 0;
    }
    int sys = wrote < 0 ? errno : ENOSPC;
    if (wrote > 0 && ftruncate(db->names, before) < 0)
        log_warn("logs", "cannot cut half a line off %s/streams", db->dir);
    return err_sys(e, sys, "write %s/streams", db->dir);
}

int logdb_stream(struct logdb *db, const struct value *labels, uint32_t *out_id, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *key = json_text(a, labels, JSON_SORTED);
    LOCK_SCOPE(&db->lock);
    uintptr_t known = (uintptr_t)map_get(&db->by_labels, key);
    if (known) {
        *out_id = (uint32_t)(known - 1);
        db->streams[*out_id].used_ms = db->opts.clock->real_ms(db->opts.clock);
        return 0;
    }
    int r = owner_check(db, owner_of(labels, a), e);
    size_t id = db->n_unused ? db->unused[db->n_unused - 1] : db->n_streams;
    if (r == 0)
        r = name_write(db, arena_printf(a, "%zu %s\n", id, key), e);
    if (r < 0)
        return r;
    db->n_unused -= db->n_unused > 0;
    stream_set(db, id, key, labels);
    *out_id = (uint32_t)id;
    return 0;
}

void streams_sweep(struct logdb *db)
{
    int64_t now = db->opts.clock->real_ms(db->opts.clock);
    if (now - db->swept_ms < SWEEP_MS && now >= db->swept_ms)
        return;
    db->swept_ms = now;
    for (size_t i = 0; i < db->n_streams; i++) {
        const struct stream *s = &db->streams[i];
        char line[24];
        struct err e;
        if (!s->name || s->n_chunks || s->head.len || now - s->used_ms < GRACE_MS)
            continue;
        (void)snprintf(line, sizeof line, "%zu\n", i);
        if (name_write(db, line, &e) < 0)
            return; /* the disk is full, say: later */
        stream_clear(db, i);
        readers__cleared(db, (uint32_t)i);
        db->stats.removed_streams++;
    }
}
