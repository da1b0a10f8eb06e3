#include "scan/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"

enum { ENTRY_MAX = 16 << 20, FILE_MOST = 1 << 30, HEAD = 8, WAIT_US = 20 * 1000, WAITS = 3000 };

/* An entry: bytes of payload and their CRC-32, both little endian, then the payload: "P" and
 * "ecosystem\nname\nversion\nbinary", or "O", digest, name, owner, each ended by a zero, and the
 * numbers of its packages in the order of their entries; or "I", the same without an owner. */
struct image_entry {
    const char *digest, *name, *owner;
    const uint32_t *packages; /* in arena, aligned */
    size_t n;
};

struct catalogue {
    struct arena *arena;
    int fd; /* < 0: read only */
    struct inventory packages;
    size_t packages_cap;
    struct map numbers; /* text of a package → its number + 1 */
    struct image_entry *images;
    size_t n_images, images_cap;
    struct map newest; /* "digest\nname" → index + 1 */
};

/* ---- in memory ---- */

static void learn_package(struct catalogue *c, char *text)
{
    struct inventory *inv = &c->packages;
    (void)map_put(&c->numbers, text, (void *)(uintptr_t)(inv->n + 1));
    if (inv->n == c->packages_cap) {
        size_t cap = c->packages_cap ? c->packages_cap * 2 : 1024, one = sizeof *inv->packages;
        inv->packages = arena_grow(c->arena, inv->packages, c->packages_cap * one, cap * one);
        c->packages_cap = cap;
    }
    char *rest = arena_strdup(c->arena, text);
    const char *ecosystem = strsep(&rest, "\n"), *name = strsep(&rest, "\n");
    const char *version = strsep(&rest, "\n"), *binary = strsep(&rest, "\n");
    inv->packages[inv->n++] = (struct package){.ecosystem = ecosystem,
                                               .name = name ? name : "",
                                               .version = version ? version : "",
                                               .binary = binary ? binary : "",
                                               .path = "",
                                               .licence = ""};
}

static void learn_image(struct catalogue *c, const struct image_entry *image)
{
    char *key = arena_join(c->arena, image->digest, "\n", image->name, NULL);
    size_t at = (size_t)(uintptr_t)map_get(&c->newest, key);
    if (at) {
        c->images[at - 1] = *image;
        return;
    }
    if (c->n_images == c->images_cap) {
        size_t cap = c->images_cap ? c->images_cap * 2 : 256, one = sizeof *image;
        c->images = arena_grow(c->arena, c->images, c->images_cap * one, cap * one);
        c->images_cap = cap;
    }
    c->images[c->n_images++] = *image;
    (void)map_put(&c->newest, key, (void *)(uintptr_t)c->n_images);
}

/* ---- the journal ---- */

/* The next text, which ends by a zero within the n bytes; NULL: there is none. */
static const char *take_text(struct catalogue *c, const char **p, size_t *n)
{
    size_t length = strnlen(*p, *n);
    if (length == *n)
        return NULL;
    const char *text = arena_strndup(c->arena, *p, length);
    *p += length + 1;
    *n -= length + 1;
    return text;
}

static bool learn_image_entry(struct catalogue *c, bool owned, const char *p, size_t n)
{
    struct image_entry image = {.owner = ""};
    image.digest = take_text(c, &p, &n);
    image.name = image.digest ? take_text(c, &p, &n) : NULL;
    if (owned && image.name)
        image.owner = take_text(c, &p, &n);
    if (!image.name || !image.owner || n % 4 != 0)
        return false;
    image.n = n / 4;
    uint32_t *numbers = ARENA_ARRAY(c->arena, uint32_t, image.n + 1);
    if (image.n)
        memcpy(numbers, p, n);
    for (size_t i = 0; i < image.n; i++)
        if (numbers[i] >= c->packages.n)
            return false;
    image.packages = numbers;
    learn_image(c, &image);
    return true;
}

/* How many bytes of the journal are whole. */
static size_t replay(struct catalogue *c, const char *bytes, size_t n)
{
    size_t at = 0;
    while (n - at > HEAD) {
        uint32_t head[2];
        memcpy(head, bytes + at, HEAD);
        const char *p = bytes + at + HEAD;
        if (head[0] == 0 || head[0] > ENTRY_MAX || head[0] > n - at - HEAD ||
            crc32(0, (const Bytef *)p, head[0]) != head[1])
            break;
        if (*p == 'P')
            learn_package(c, arena_strndup(c->arena, p + 1, head[0] - 1));
        else if ((*p != 'I' && *p != 'O') || !learn_image_entry(c, *p == 'O', p + 1, head[0] - 1))
            break;
        at += HEAD + head[0];
    }
    return at;
}

static int load(struct catalogue *c, int fd, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, FILE_MOST);
    for (ssize_t got = 1; got > 0;) {
        char *p = buf_reserve(&b, 1 << 20);
        if (!p)
            return err_set(e, ERR_TOO_LARGE, "it is larger than %d bytes", FILE_MOST);
        got = read(fd, p, 1 << 20);
        if (got < 0)
            return err_sys(e, errno, "read");
        b.len += (size_t)got;
    }
    size_t whole = replay(c, buf_text(&b), b.len);
    if (c->fd >= 0 && (ftruncate(c->fd, (off_t)whole) < 0 || lseek(c->fd, 0, SEEK_END) < 0))
        return err_sys(e, errno, "cut off a torn end");
    return 0;
}

static bool is_still(const char *path, int fd)
{
    struct stat by_name, by_fd;
    return stat(path, &by_name) == 0 && fstat(fd, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino &&
           by_name.st_dev == by_fd.st_dev;
}

int catalogue_open(const char *path, bool writable, struct catalogue **out, struct err *e)
{
    AUTO(catalogue) struct catalogue *c = calloc(1, sizeof *c);
    AUTO_FD int fd = open(path, (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    if (!c)
        log_die("out of memory");
    c->fd = -1;
    c->arena = arena_new(0);
    map_init(&c->numbers);
    map_init(&c->newest);
    if (fd < 0 && (writable || errno != ENOENT))
        return err_sys(e, errno, "open %s", path);
    if (writable && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, ERR_AGAIN, "%s is being written by someone else", path);
    if (writable && !is_still(path, fd)) /* pruned between the two */
        return err_set(e, ERR_AGAIN, "%s was written anew by someone else", path);
    if (writable && fchmod(fd, 0600) < 0) /* what runs here is nobody else's business */
        return err_sys(e, errno, "chmod %s", path);
    if (writable)
        c->fd = dup(fd);
    int r = fd < 0 ? 0 : load(c, fd, e);
    if (r < 0)
        return err_wrap(e, r, "%s", path);
    *out = take_ptr(c);
    return 0;
}

void catalogue_free(struct catalogue *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        (void)close(c->fd);
    map_done(&c->numbers);
    map_done(&c->newest);
    arena_free(c->arena);
    free(c);
}

size_t catalogue_images(const struct catalogue *c)
{
    return c->n_images;
}

static void put_entry(struct buf *out, char kind, const struct buf *payload)
{
    uint32_t n = (uint32_t)payload->len + 1;
    uLong crc = crc32(0, (const Bytef *)&kind, 1);
    uint32_t head[2] = {n,
                        (uint32_t)crc32(crc, (const Bytef *)buf_text(payload), (uInt)payload->len)};
    buf_add(out, head, sizeof head);
    buf_putc(out, kind);
    buf_add(out, payload->data, payload->len);
}

/* The number of a package, which gets an entry when it is new. */
static uint32_t number_of(struct catalogue *c, const struct package *p, struct buf *out)
{
    AUTO_BUF struct buf text;
    buf_init(&text, ENTRY_MAX);
    buf_printf(&text, "%s\n%s\n%s\n%s", p->ecosystem, p->name, p->version, p->binary);
    size_t known = (size_t)(uintptr_t)map_get(&c->numbers, buf_text(&text));
    if (known)
        return (uint32_t)known - 1;
    put_entry(out, 'P', &text);
    learn_package(c, arena_strdup(c->arena, buf_text(&text)));
    return (uint32_t)c->packages.n - 1;
}

static int put_image(struct buf *out, const struct image_entry *image, struct err *e)
{
    AUTO_BUF struct buf payload;
    buf_init(&payload, ENTRY_MAX);
    buf_add(&payload, image->digest, strlen(image->digest) + 1);
    buf_add(&payload, image->name, strlen(image->name) + 1);
    buf_add(&payload, image->owner, strlen(image->owner) + 1);
    buf_add(&payload, image->packages, image->n * sizeof *image->packages);
    put_entry(out, 'O', &payload);
    int r = buf_check(&payload, e);
    return r < 0 ? r : buf_check(out, e);
}

int catalogue_put(struct catalogue *c, const struct catalogue_image *of,
                  const struct inventory *inv, struct err *e)
{
    AUTO_BUF struct buf out;
    uint32_t *numbers = ARENA_ARRAY(c->arena, uint32_t, inv->n + 1);
    struct image_entry image = {.digest = arena_strdup(c->arena, of->digest),
                                .name = arena_strdup(c->arena, of->name),
                                .owner = arena_strdup(c->arena, of->owner),
                                .packages = numbers,
                                .n = inv->n};
    buf_init(&out, FILE_MOST);
    if (c->fd < 0)
        return err_set(e, ERR_DENIED, "the catalogue was opened for reading");
    for (size_t i = 0; i < inv->n; i++)
        numbers[i] = number_of(c, &inv->packages[i], &out);
    int r = put_image(&out, &image, e);
    if (r < 0)
        return r;
    if (write(c->fd, out.data, out.len) != (ssize_t)out.len || fdatasync(c->fd) < 0)
        return err_sys(e, errno, "write the catalogue");
    learn_image(c, &image);
    return 0;
}

static int open_patiently(const char *path, struct catalogue **out, struct err *e)
{
    int r = catalogue_open(path, true, out, e);
    for (int i = 0; r == ERR_AGAIN && i < WAITS; i++) {
        (void)usleep(WAIT_US);
        r = catalogue_open(path, true, out, e);
    }
    return r;
}

int catalogue_add(const char *path, const struct catalogue_image *image,
                  const struct inventory *inv, struct err *e)
{
    AUTO(catalogue) struct catalogue *c = NULL;
    int r = open_patiently(path, &c, e);
    return r < 0 ? r : catalogue_put(c, image, inv, e);
}

/* ---- pruning ---- */

/* An image of `from` as an entry of `to`, which knows the packages by other numbers. */
static int move_image(const struct catalogue *from, const struct image_entry *image,
                      struct catalogue *to, struct buf *out, struct err *e)
{
    uint32_t *numbers = ARENA_ARRAY(to->arena, uint32_t, image->n + 1);
    struct image_entry moved = *image;
    for (size_t i = 0; i < image->n; i++)
        numbers[i] = number_of(to, &from->packages.packages[image->packages[i]], out);
    moved.packages = numbers;
    return put_image(out, &moved, e);
}

int catalogue_prune(const char *path, catalogue_keep keep, void *arg, size_t *gone, struct err *e)
{
    AUTO(catalogue) struct catalogue *c = NULL, *kept = NULL;
    AUTO_BUF struct buf out;
    size_t n = 0;
    buf_init(&out, FILE_MOST);
    int r = open_patiently(path, &c, e);
    if (r == 0)
        r = catalogue_open("/dev/null", false, &kept, e);
    for (size_t i = 0; r == 0 && i < c->n_images; i++) {
        if (keep(arg, c->images[i].digest))
            r = move_image(c, &c->images[i], kept, &out, e);
        else
            n++;
    }
    if (r == 0 && n)
        r = fs_write_atomic(path, 0600, buf_text(&out), out.len, e);
    if (r == 0)
        *gone = n;
    return r;
}

/* ---- what a database says of them ---- */

/* The packages about which a database says something new, and their numbers. */
struct changed {
    struct inventory inventory;
    uint32_t *numbers;
};

static struct changed select_changed(const struct catalogue *c, const struct advisories *before,
                                     const struct advisories *db, struct arena *a)
{
    const struct inventory *all = &c->packages;
    struct changed out = {
        .inventory = {.os_id = "", .os_version = ""},
        .numbers = ARENA_ARRAY(a, uint32_t, all->n + 1)
    };
    out.inventory.packages = ARENA_ARRAY(a, struct package, all->n + 1);
    for (size_t i = 0; i < all->n; i++)
        if (advisories_differ(before, db, all->packages[i].ecosystem, all->packages[i].name, a)) {
            out.numbers[out.inventory.n] = (uint32_t)i;
            out.inventory.packages[out.inventory.n++] = all->packages[i];
        }
    return out;
}

static char *name_of(const struct changed *x, const struct finding *f, struct arena *a)
{
    return arena_printf(a, "%td %s", f->package - x->inventory.packages, f->id);
}

/* The findings of each package by its number, as lists. */
struct found_list {
    const struct finding *finding;
    const struct found_list *next;
};

static const struct found_list **by_package(const struct catalogue *c, const struct changed *x,
                                            const struct scan_report *now,
                                            const struct scan_report *before, struct arena *a)
{
    const struct found_list **lists = ARENA_ARRAY(a, const struct found_list *, c->packages.n + 1);
    struct map known;
    map_init(&known);
    for (size_t i = 0; i < before->n; i++)
        (void)map_put(&known, name_of(x, &before->findings[i], a), x->numbers);
    for (size_t i = 0; i < now->n; i++) {
        const struct finding *f = &now->findings[i];
        if (map_has(&known, name_of(x, f, a)))
            continue;
        const struct found_list **at = &lists[x->numbers[f->package - x->inventory.packages]];
        struct found_list *one = ARENA_NEW(a, struct found_list);
        *one = (struct found_list){f, *at};
        *at = one;
    }
    map_done(&known);
    return lists;
}

static void list_images(const struct catalogue *c, const struct found_list **lists, struct arena *a,
                        struct affected **out, size_t *out_n)
{
    struct affected *all = NULL;
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < c->n_images; i++) {
        const struct image_entry *image = &c->images[i];
        for (size_t k = 0; k < image->n; k++)
            for (const struct found_list *l = lists[image->packages[k]]; l; l = l->next) {
                if (n == cap) {
                    size_t more = cap ? cap * 2 : 64;
                    all = arena_grow(a, all, cap * sizeof *all, more * sizeof *all);
                    cap = more;
                }
                all[n++] = (struct affected){image->digest, image->name, image->owner, l->finding};
            }
    }
    *out = all;
    *out_n = n;
}

int catalogue_affected(const struct catalogue *c, const struct advisories *before,
                       const struct advisories *db, int64_t now_ms, struct arena *a,
                       struct affected **out, size_t *out_n, struct err *e)
{
    static const struct scan_policy any = {.dev = true};
    struct scan_report *now = ARENA_NEW(a, struct scan_report), known = {0};
    const struct changed x = select_changed(c, before, db, a);
    int r = scan_run(&x.inventory, db, &any, now_ms, a, now, e);
    if (r == 0 && before)
        r = scan_run(&x.inventory, before, &any, now_ms, a, &known, e);
    if (r == 0)
        list_images(c, by_package(c, &x, now, &known, a), a, out, out_n);
    return r;
}
