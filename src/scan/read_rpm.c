/* read_rpm.c - rpm's database: SQLite's (rpmdb.sqlite), its own (Packages.db, "ndb"); the Berkeley
 * one of before 2020 is refused by name. Each holds one header a package: a table of tags, big
 * endian, and the values they point at. */
#include <sqlite3.h>
#include <string.h>

#include "base/bytes.h"
#include "base/own.h"
#include "scan/found.h"

enum { TAGS_MAX = 4096, STEPS_MAX = 50000000, SLOT_PAGE = 4096 };

enum tag {
    TAG_NAME = 1000,
    TAG_VERSION = 1001,
    TAG_RELEASE = 1002,
    TAG_EPOCH = 1003,
    TAG_LICENCE = 1014,
    TAG_SOURCE = 1044,
};

struct header {
    const unsigned char *tags, *values, *end;
    uint32_t n;
};

/* The bytes of a tag's value, at least `least` of them, or NULL. */
static const unsigned char *value_of(const struct header *h, enum tag tag, size_t least)
{
    for (uint32_t i = 0; i < h->n; i++) {
        const unsigned char *t = h->tags + 16 * (size_t)i;
        if (bytes_be32(t) == (uint32_t)tag && bytes_be32(t + 8) <= (size_t)(h->end - h->values) &&
            (size_t)(h->end - h->values) - bytes_be32(t + 8) >= least)
            return h->values + bytes_be32(t + 8);
    }
    return NULL;
}

static const char *text_of(const struct header *h, enum tag tag)
{
    const unsigned char *p = value_of(h, tag, 1);
    return p && memchr(p, '\0', (size_t)(h->end - p)) ? (const char *)p : NULL;
}

/* "openssl-libs-1.1.1k-9.el8.src.rpm" without its last two parts. */
static const char *source_name(struct arena *a, const char *source)
{
    const char *end = strrchr(source, '-');
    while (end && end > source && *--end != '-')
        continue;
    return end && end > source ? arena_strndup(a, source, (size_t)(end - source)) : NULL;
}

int found__rpm_header(struct found *f, const struct found_file *file, const void *blob, size_t n,
                      struct err *e)
{
    const unsigned char *b = blob;
    if (n < 8 || bytes_be32(b) > TAGS_MAX || n - 8 < 16 * (size_t)bytes_be32(b) ||
        n - 8 - 16 * (size_t)bytes_be32(b) < bytes_be32(b + 4))
        return err_set(e, ERR_INVALID, "a package's header is damaged");
    struct header h = {.tags = b + 8, .n = bytes_be32(b)};
    h.values = h.tags + 16 * (size_t)h.n;
    h.end = h.values + bytes_be32(b + 4);
    const char *name = text_of(&h, TAG_NAME), *version = text_of(&h, TAG_VERSION);
    const char *release = text_of(&h, TAG_RELEASE), *source = text_of(&h, TAG_SOURCE);
    const unsigned char *epoch = value_of(&h, TAG_EPOCH, 4);
    if (!name || !version || !release || strcmp(name, "gpg-pubkey") == 0)
        return 0;
    char *full = epoch && bytes_be32(epoch)
                     ? arena_printf(file->scratch, "%u:%s-%s", bytes_be32(epoch), version, release)
                     : arena_join(file->scratch, version, "-", release, NULL);
    const char *called = f->by_source && source ? source_name(file->scratch, source) : NULL;
    struct package *p = found_add(f, f->distribution, called ? called : name, full, file->path);
    p->binary = found_keep(f, name);
    found_licence(f, p, text_of(&h, TAG_LICENCE));
    return 0;
}

/* ---- SQLite ---- */

static int stop(void *left)
{
    return --*(int *)left <= 0;
}

static int each_row(struct found *f, const struct found_file *file, sqlite3 *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int r = 0, rc = sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &s, NULL);
    while (rc == SQLITE_OK && r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(s, 0);
        r = found__rpm_header(f, file, blob, (size_t)sqlite3_column_bytes(s, 0), e);
        rc = SQLITE_OK;
    }
    if (r == 0 && rc != SQLITE_DONE)
        r = err_set(e, ERR_INVALID, "it is no rpm database: %s", sqlite3_errmsg(db));
    (void)sqlite3_finalize(s);
    return r;
}

/* The bytes are read where they are; what they could make SQLite do is switched off or counted. */
int found__rpm_sqlite(struct found *f, const struct found_file *file, struct err *e)
{
    sqlite3 *db = NULL;
    int left = STEPS_MAX / 1000;
    if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) !=
        SQLITE_OK) {
        (void)sqlite3_close(db);
        return err_set(e, ERR_SYSTEM, "SQLite cannot be used");
    }
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
    sqlite3_progress_handler(db, 1000, stop, &left);
    /* A database that was written by a journal ahead of it (bytes 18, 19) is read without it. */
    if (file->n > 100 && file->text[18] == 2 && file->text[19] == 2)
        file->text[18] = file->text[19] = 1;
    int rc = sqlite3_deserialize(db, "main", (unsigned char *)file->text, (sqlite3_int64)file->n,
                                 (sqlite3_int64)file->n, SQLITE_DESERIALIZE_READONLY);
    int r = rc == SQLITE_OK ? each_row(f, file, db, e)
                            : err_set(e, ERR_INVALID, "it is no SQLite database");
    (void)sqlite3_close(db);
    return r;
}

/* ---- ndb ---- */

/* A page of slots at the front, 16 bytes each ("Slot", package, block offset, block count), blocks
 * of 16 bytes; a package's first block is "BlbS", its number, a generation, its length. */
int found__rpm_ndb(struct found *f, const struct found_file *file, struct err *e)
{
    const unsigned char *b = (const unsigned char *)file->text;
    if (file->n < SLOT_PAGE || memcmp(b, "RpmP", 4) != 0 ||
        bytes_le32(b + 12) > file->n / SLOT_PAGE)
        return err_set(e, ERR_INVALID, "it is no rpm database");
    size_t slots = (size_t)bytes_le32(b + 12) * SLOT_PAGE;
    for (size_t at = 32; at + 16 <= slots; at += 16) {
        if (memcmp(b + at, "Slot", 4) != 0)
            return err_set(e, ERR_INVALID, "a slot of it is damaged");
        size_t block = (size_t)bytes_le32(b + at + 8) * 16;
        if (bytes_le32(b + at + 4) == 0)
            continue;
        if (block > file->n - 16 || memcmp(b + block, "BlbS", 4) != 0 ||
            bytes_le32(b + block + 12) > file->n - block - 16)
            return err_set(e, ERR_INVALID, "a package of it is damaged");
        int r = found__rpm_header(f, file, b + block + 16, bytes_le32(b + block + 12), e);
        if (r < 0)
            return r;
    }
    return 0;
}

int found__rpm_bdb(struct found *f, const struct found_file *file, struct err *e)
{
    (void)f;
    (void)file;
    (void)err_set(e, ERR_UNSUPPORTED, "an rpm database in Berkeley DB's format cannot be read");
    return err_hint(e, "rebuild it in the image with `rpmdb --rebuilddb` of rpm 4.16 or later");
}
