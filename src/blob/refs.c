/* The file is lines of fields separated by tabs, each line one group of changes:
 *     1 <crc> <milliseconds> S name digest note D name … \n
 * A reader follows the file: new bytes are applied, a new inode (after rewriting) is read whole. */
#include "blob/refs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/thread.h"

enum { LINE_MAX_BYTES = 64 << 20, REWRITE_SLACK = 1 << 20 };

struct entry {
    int64_t set_ms;
    char *digest; /* digest, NUL, note, NUL: one allocation */
    char *note;
};

/* One refs_change() that waits; it lives on its caller's stack. */
struct turn {
    struct turn *next;
    const struct ref_change *changes;
    size_t n;
    struct err *e;
    int rc;
    bool done;
};

struct refs {
    pthread_mutex_t turns_lock; /* of these four; no other lock is taken under it */
    pthread_cond_t turned;
    struct turn *turns, **last_turn; /* that nobody has taken yet */
    bool busy;                       /* somebody serves those it has taken */
    pthread_mutex_t lock;            /* of what follows */
    char *file;
    int fd;
    off_t read_to; /* the end of the last whole line applied */
    ino_t inode;
    bool writing; /* whoever is busy waits for the disk; the file is ours alone meanwhile */
    struct map names;
    size_t live_bytes;
};

static size_t entry_bytes(const char *name, const struct entry *n)
{
    return strlen(name) + strlen(n->digest) + strlen(n->note) + 24;
}

static void drop(struct refs *r, const char *name)
{
    struct entry *old = map_remove(&r->names, name);
    if (!old)
        return;
    r->live_bytes -= entry_bytes(name, old);
    free(old->digest);
    free(old);
}

static void put(struct refs *r, const char *name, const char *digest, const char *note, int64_t ms)
{
    struct entry *n = map_get(&r->names, name);
    if (n) {
        r->live_bytes -= entry_bytes(name, n);
        free(n->digest);
    } else {
        n = calloc(1, sizeof *n);
        (void)map_put(&r->names, name, n);
    }
    size_t d = strlen(digest) + 1, t = strlen(note) + 1;
    n->digest = malloc(d + t);
    if (!n->digest)
        abort();
    memcpy(n->digest, digest, d);
    n->note = n->digest + d;
    memcpy(n->note, note, t);
    n->set_ms = ms;
    r->live_bytes += entry_bytes(name, n);
}

static void forget_all(struct refs *r)
{
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&r->names, &cursor));) {
        struct entry *n = m->value;
        free(n->digest);
        free(n);
    }
    map_done(&r->names);
    map_init(&r->names);
    r->live_bytes = 0;
}

static char *field(char **at)
{
    return strsep(at, "\t");
}

/* `line` has no newline. False when it is damaged. */
static bool apply(struct refs *r, char *line)
{
    char *at = line, *crc = field(&at);
    if (!crc || !at || strtoul(crc, NULL, 16) != crc32(0, (const Bytef *)at, (uInt)strlen(at)))
        return false;
    int64_t ms = strtoll(field(&at), NULL, 10);
    while (at) {
        const char *op = field(&at), *name = field(&at);
        if (!name)
            return false;
        if (strcmp(op, "D") == 0) {
            drop(r, name);
            continue;
        }
        const char *digest = field(&at), *note = field(&at);
        if (!note)
            return false;
        put(r, name, digest, note, ms);
    }
    return true;
}

/* Whole lines, the first of them at read_to. */
static int apply_lines(struct refs *r, char *text, size_t n, struct err *e)
{
    for (char *line = text, *end; (end = memchr(line, '\n', n - (size_t)(line - text)));
         line = end + 1) {
        *end = '\0';
        if (!apply(r, line)) {
            (void)err_set(e, ERR_SYSTEM, "%s is damaged at byte %lld", r->file,
                          (long long)r->read_to);
            return err_hint(e, "restore it from a backup; without it, images are pulled, pushed "
                               "and built again");
        }
        r->read_to += end + 1 - line;
    }
    return 0;
}

/* Applies whole lines from read_to on; what follows the last newline is left alone. */
static int follow(struct refs *r, off_t size, struct err *e)
{
    size_t n = (size_t)(size - r->read_to);
    AUTO_MEM char *text = malloc(n + 1);
    if (!text)
        return err_set(e, ERR_TOO_LARGE, "%s: %zu bytes to read", r->file, n);
    size_t got = 0;
    while (got < n) {
        ssize_t k = pread(r->fd, text + got, n - got, r->read_to + (off_t)got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return err_sys(e, errno, "read %s", r->file);
        if (k == 0)
            break;
        got += (size_t)k;
    }
    text[got] = '\0';
    return apply_lines(r, text, got, e);
}

static int reopen(struct refs *r, struct err *e)
{
    struct stat st;
    int fd = open(r->file, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, errno, "open %s", r->file);
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = fd;
    r->inode = st.st_ino;
    r->read_to = 0;
    forget_all(r);
    return 0;
}

/* Brings memory up to the file. The lock is held. */
static int catch_up(struct refs *r, struct err *e)
{
    struct stat st;
    int rc;
    if (r->writing)
        return 0;
    if (stat(r->file, &st) < 0 && errno != ENOENT)
        return err_sys(e, errno, "look at %s", r->file);
    if (r->fd < 0 || st.st_ino != r->inode || st.st_size < r->read_to) {
        if ((rc = reopen(r, e)) < 0)
            return rc;
        if (fstat(r->fd, &st) < 0)
            return err_sys(e, errno, "look at %s", r->file);
    }
    return st.st_size > r->read_to ? follow(r, st.st_size, e) : 0;
}

static void flock_undo(int *fd)
{
    (void)flock(*fd, LOCK_UN);
}

/* Takes the file for writing: locked, not replaced meanwhile, caught up, torn end cut off. */
static int take_file(struct refs *r, struct err *e)
{
    struct stat st;
    for (;;) {
        int rc = catch_up(r, e);
        if (rc < 0)
            return rc;
        if (flock(r->fd, LOCK_EX) < 0)
            return err_sys(e, errno, "lock %s", r->file);
        ino_t had = r->inode;
        if ((rc = catch_up(r, e)) < 0) {
            flock_undo(&r->fd);
            return rc;
        }
        if (r->inode == had)
            break;
    }
    if (fstat(r->fd, &st) == 0 && st.st_size > r->read_to && ftruncate(r->fd, r->read_to) < 0) {
        flock_undo(&r->fd);
        return err_sys(e, errno, "cut %s", r->file);
    }
    return 0;
}

static void add_line(struct buf *line, struct buf *body)
{
    buf_printf(line, "%08lx\t", crc32(0, (const Bytef *)buf_text(body), (uInt)body->len));
    buf_add(line, body->data, body->len);
    buf_putc(line, '\n');
}

/* Writes what lives into a new file and renames it over. The file is taken. */
static int rewrite(struct refs *r, struct err *e)
{
    AUTO_BUF struct buf text, body;
    buf_init(&text, SIZE_MAX / 2);
    buf_init(&body, LINE_MAX_BYTES);
    size_t cursor = 0;
    for (const struct map_entry *m; (m = map_next(&r->names, &cursor));) {
        const struct entry *n = m->value;
        buf_clear(&body);
        buf_printf(&body, "%lld\tS\t%s\t%s\t%s", (long long)n->set_ms, m->key, n->digest, n->note);
        add_line(&text, &body);
    }
    return fs_write_atomic(r->file, 0600, buf_text(&text), text.len, e);
}

static bool text_ok(const char *s, size_t max)
{
    size_t n = 0;
    for (; s[n]; n++) {
        if ((unsigned char)s[n] < ' ' || n >= max)
            return false;
    }
    return true;
}

static int check_change(const struct ref_change *c, struct err *e)
{
    if (!c->name[0] || strchr(c->name, ' ') || !text_ok(c->name, REF_NAME_MAX))
        return err_set(e, ERR_INVALID, "reference name \"%.100s\" is not allowed", c->name);
    if (c->note && !text_ok(c->note, REF_NOTE_MAX))
        return err_set(e, ERR_INVALID, "note of %.100s is not allowed", c->name);
    return c->digest && c->digest[0] ? blob_digest_check(c->digest, e) : 0;
}

/* What a round has planned so far: the last change of each name. */
static const char *digest_now(struct refs *r, const struct map *planned, const char *name,
                              const char **note)
{
    const struct ref_change *c = map_get(planned, name);
    const struct entry *n = map_get(&r->names, name);
    *note = c && c->note ? c->note : !c && n ? n->note : "";
    return c ? c->digest : n ? n->digest : NULL;
}

/* Adds what is to change of a name to `body`. */
static int plan_one(struct refs *r, const struct map *planned, const struct ref_change *c,
                    struct buf *body, struct err *e)
{
    int rc = check_change(c, e);
    if (rc < 0)
        return rc;
    const char *note, *wanted = c->note ? c->note : "";
    const char *had = digest_now(r, planned, c->name, &note);
    if (!had && !c->digest)
        return 0;
    if (had && c->digest && strcmp(had, c->digest) == 0 && strcmp(note, wanted) == 0)
        return 0;
    if (had && c->once && strcmp(had, c->digest ? c->digest : "") != 0)
        return err_set(e, ERR_EXISTS, "it names %s", had);
    if (c->digest)
        buf_printf(body, "\tS\t%s\t%s\t%s", c->name, c->digest, wanted);
    else
        buf_printf(body, "\tD\t%s", c->name);
    return 0;
}

/* Adds a line for what one caller wants to `lines`. */
static int plan(struct refs *r, const struct turn *t, struct map *planned, struct buf *lines)
{
    AUTO_BUF struct buf body;
    const struct ref_change *end = t->changes + t->n;
    int rc = 0;
    buf_init(&body, LINE_MAX_BYTES);
    buf_printf(&body, "%lld", (long long)clock_real_ms());
    size_t empty = body.len;
    for (const struct ref_change *c = t->changes; rc == 0 && c < end; c++)
        rc = plan_one(r, planned, c, &body, t->e);
    if (rc < 0 || body.len == empty)
        return rc;
    if ((rc = buf_check(&body, t->e)) < 0)
        return rc;
    add_line(lines, &body);
    for (const struct ref_change *c = t->changes; c < end; c++)
        (void)map_put(planned, c->name, (void *)(uintptr_t)c);
    return 0;
}

static int write_out(int fd, const struct buf *lines)
{
    ssize_t put_n = write(fd, lines->data, lines->len);
    if (put_n >= 0 && put_n != (ssize_t)lines->len)
        return ENOSPC;
    return put_n < 0 || fdatasync(fd) < 0 ? errno : 0;
}

/* Who reads has what was there before until the lines are on the disk, and does not wait. */
static int append(struct refs *r, struct buf *lines, struct err *e)
{
    r->writing = true;
    (void)pthread_mutex_unlock(&r->lock);
    int sys = write_out(r->fd, lines);
    (void)pthread_mutex_lock(&r->lock);
    r->writing = false;
    if (sys != 0) {
        /* Should this fail too, a torn end is cut before the next change. */
        int cut = ftruncate(r->fd, r->read_to);
        (void)cut;
        return err_sys(e, sys, "write %s", r->file);
    }
    return apply_lines(r, lines->data, lines->len, e);
}

static bool is_mostly_history(struct refs *r)
{
    size_t live = r->live_bytes + map_size(&r->names) * 24;
    return (size_t)r->read_to > REWRITE_SLACK + 4 * live;
}

/* Whoever was planned saw the others of the same round: they fail together or not at all. */
static void fail_all(struct turn *turns, const struct err *why)
{
    for (struct turn *t = turns; t; t = t->next) {
        if (t->rc < 0)
            continue;
        t->rc = why->code;
        if (t->e)
            *t->e = *why;
    }
}

static int serve_taken(struct refs *r, struct turn *turns, struct err *e)
{
    AUTO_BUF struct buf lines;
    struct map planned;
    buf_init(&lines, SIZE_MAX / 2); /* each line has its own maximum */
    map_init(&planned);
    for (struct turn *t = turns; t; t = t->next)
        t->rc = plan(r, t, &planned, &lines);
    map_done(&planned);
    if (lines.len == 0)
        return 0;
    int rc = append(r, &lines, e);
    /* The changes are on the disk: a file that cannot be shortened fails none of them, and the
     * next round tries again. */
    if (rc == 0 && is_mostly_history(r))
        (void)rewrite(r, NULL);
    return rc;
}

/* In the order they came, with one sync. */
static void serve(struct refs *r, struct turn *turns)
{
    struct err why = {0};
    LOCK_SCOPE(&r->lock);
    int rc = take_file(r, &why);
    if (rc == 0) {
        int locked = r->fd;
        rc = serve_taken(r, turns, &why);
        flock_undo(&locked);
    }
    if (rc < 0)
        fail_all(turns, &why);
}

/* Who finds nobody at work serves all who wait, itself among them; the others come while it waits
 * for the disk, and one of them serves them next. */
int refs_change(struct refs *r, const struct ref_change *c, size_t n, struct err *e)
{
    struct turn own = {.changes = c, .n = n, .e = e};
    LOCK_SCOPE(&r->turns_lock);
    *r->last_turn = &own;
    r->last_turn = &own.next;
    while (!own.done && r->busy)
        (void)pthread_cond_wait(&r->turned, &r->turns_lock);
    if (own.done)
        return own.rc;
    struct turn *taken = r->turns;
    r->turns = NULL;
    r->last_turn = &r->turns;
    r->busy = true;
    (void)pthread_mutex_unlock(&r->turns_lock);
    serve(r, taken);
    (void)pthread_mutex_lock(&r->turns_lock);
    for (struct turn *t = taken; t; t = t->next)
        t->done = true;
    r->busy = false;
    (void)pthread_cond_broadcast(&r->turned);
    return own.rc;
}

int refs_set(struct refs *r, const char *name, const char *digest, const char *note, struct err *e)
{
    struct ref_change c = {.name = name, .digest = digest, .note = note};
    return refs_change(r, &c, 1, e);
}

int refs_remove(struct refs *r, const char *name, struct err *e)
{
    struct ref_change c = {.name = name};
    return refs_change(r, &c, 1, e);
}

static void copy_out(const char *name, const struct entry *n, struct arena *a, struct ref *out)
{
    out->name = arena_strdup(a, name);
    out->digest = arena_strdup(a, n->digest);
    out->note = arena_strdup(a, n->note);
    out->set_ms = n->set_ms;
}

int refs_get(struct refs *r, const char *name, struct arena *a, struct ref *out, struct err *e)
{
    LOCK_SCOPE(&r->lock);
    int rc = catch_up(r, e);
    if (rc < 0)
        return rc;
    const struct entry *n = map_get(&r->names, name);
    if (!n)
        return err_set(e, ERR_NOT_FOUND, "no reference %.200s", name);
    copy_out(name, n, a, out);
    return 0;
}

bool refs_has(struct refs *r, const char *name)
{
    LOCK_SCOPE(&r->lock);
    return catch_up(r, NULL) == 0 && map_has(&r->names, name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct ref *)a)->name, ((const struct ref *)b)->name);
}

size_t refs_list(struct refs *r, const char *prefix, struct arena *a, struct ref **out)
{
    LOCK_SCOPE(&r->lock);
    (void)catch_up(r, NULL);
    size_t n = 0, room = 0, len = strlen(prefix), cursor = 0;
    struct ref *list = NULL;
    for (const struct map_entry *m; (m = map_next(&r->names, &cursor));) {
        if (strncmp(m->key, prefix, len) != 0)
            continue;
        if (n == room) {
            size_t more = room ? 2 * room : 16;
            list = arena_grow(a, list, room * sizeof *list, more * sizeof *list);
            room = more;
        }
        copy_out(m->key, m->value, a, &list[n++]);
    }
    if (n > 1)
        qsort(list, n, sizeof *list, by_name);
    *out = list;
    return n;
}

int refs_open(const char *file, struct refs **out, struct err *e)
{
    struct refs *r = calloc(1, sizeof *r);
    r->file = strdup(file);
    r->fd = -1;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_mutex_init(&r->turns_lock, NULL);
    (void)pthread_cond_init(&r->turned, NULL);
    r->last_turn = &r->turns;
    map_init(&r->names);
    int rc = catch_up(r, e);
    if (rc < 0) {
        refs_free(r);
        return rc;
    }
    *out = r;
    return 0;
}

void refs_free(struct refs *r)
{
    if (!r)
        return;
    forget_all(r);
    map_done(&r->names);
    if (r->fd >= 0)
        (void)close(r->fd);
    (void)pthread_cond_destroy(&r->turned);
    (void)pthread_mutex_destroy(&r->turns_lock);
    (void)pthread_mutex_destroy(&r->lock);
    free(r->file);
    free(r);
}
