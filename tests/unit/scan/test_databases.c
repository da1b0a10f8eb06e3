/* What is no text: rpm's databases and the lists that linkers leave in programs, made here. */
#include <elf.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/fs.h"
#include "scan/inventory.h"
#include "t.h"

static struct arena *a;
static struct err e;

static const char *text_of(const struct inventory *inv)
{
    char *s = arena_strdup(a, "");
    for (size_t i = 0; i < inv->n; i++)
        s = arena_printf(a, "%s%s %s %s (%s)%s;", s, inv->packages[i].ecosystem,
                         inv->packages[i].name, inv->packages[i].version, inv->packages[i].binary,
                         inv->packages[i].dev ? " dev" : "");
    return s;
}

static const char *said(const char *path, const struct buf *b)
{
    struct inventory inv;
    int r = inventory_read(path, b->data, b->len, "AlmaLinux:8", a, &inv, &e);
    return r < 0 ? err_code_name(r) : text_of(&inv);
}

/* ---- rpm ---- */

static void big32(struct buf *b, unsigned v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_putc(b, (char)(v >> shift));
}

static void little32(struct buf *b, unsigned v)
{
    for (int shift = 0; shift <= 24; shift += 8)
        buf_putc(b, (char)(v >> shift));
}

static void package_header(struct buf *out)
{
    static const struct {
        unsigned tag;
        const char *value;
    } tags[] = {
        {1003, "\0\0\0\1"                    },
        {1000, "openssl-libs"                },
        {1001, "1.1.1k"                      },
        {1002, "9.el8"                       },
        {1044, "openssl-1.1.1k-9.el8.src.rpm"},
        {1014, "OpenSSL"                     },
    };
    AUTO_BUF struct buf values;
    buf_init(&values, 4096);
    big32(out, ARRAY_LEN(tags));
    size_t at = out->len;
    big32(out, 0);
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        big32(out, tags[i].tag);
        big32(out, i == 0 ? 4 : 6);
        big32(out, (unsigned)values.len);
        big32(out, 1);
        buf_add(&values, tags[i].value, i == 0 ? 4 : strlen(tags[i].value) + 1);
    }
    out->data[at + 3] = (char)values.len;
    buf_add(out, values.data, values.len);
}

static void rpm_own(void)
{
    AUTO_BUF struct buf h, b;
    a = arena_new(0);
    buf_init(&h, 4096);
    buf_init(&b, 1 << 20);
    package_header(&h);
    buf_puts(&b, "RpmP");
    for (unsigned i = 0; i < 7; i++)
        little32(&b, i == 2);
    for (unsigned slot = 0; b.len < 4096; slot++) {
        buf_puts(&b, "Slot");
        little32(&b, slot == 0);
        little32(&b, slot == 0 ? 256 : 0);
        little32(&b, 0);
    }
    buf_puts(&b, "BlbS");
    little32(&b, 1);
    little32(&b, 1);
    little32(&b, (unsigned)h.len);
    buf_add(&b, h.data, h.len);
    T_EQ_STR(said("/var/lib/rpm/Packages.db", &b),
             "AlmaLinux:8 openssl-libs 1:1.1.1k-9.el8 (openssl-libs);", "ndb");
    buf_cut(&b, b.len - 1);
    T_EQ_STR(said("/var/lib/rpm/Packages.db", &b), "invalid", "ndb, cut off");
    arena_free(a);
}

static void rpm_sqlite(void)
{
    AUTO_BUF struct buf h, b;
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    sqlite3_int64 n = 0;
    a = arena_new(0);
    buf_init(&h, 4096);
    buf_init(&b, 1 << 20);
    package_header(&h);
    T_EQ_INT(sqlite3_open(":memory:", &db), SQLITE_OK, "open");
    T_EQ_INT(
        sqlite3_exec(db, "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB)", 0, 0, 0),
        SQLITE_OK, "create");
    T_EQ_INT(sqlite3_prepare_v2(db, "INSERT INTO Packages VALUES(1, ?)", -1, &s, NULL), SQLITE_OK,
             "prepare");
    (void)sqlite3_bind_blob(s, 1, h.data, (int)h.len, SQLITE_STATIC);
    T_EQ_INT(sqlite3_step(s), SQLITE_DONE, "insert");
    (void)sqlite3_finalize(s);
    unsigned char *bytes = sqlite3_serialize(db, "main", &n, 0);
    T_OK(bytes, "serialize");
    buf_add(&b, bytes, (size_t)n);
    sqlite3_free(bytes);
    (void)sqlite3_close(db);
    T_EQ_STR(said("/var/lib/rpm/rpmdb.sqlite", &b),
             "AlmaLinux:8 openssl-libs 1:1.1.1k-9.el8 (openssl-libs);", "sqlite");
    arena_free(a);
}

/* ---- programs ---- */

/* An ELF file with one section, padded to the size of a program. */
static void elf(struct buf *out, const char *section, const void *bytes, size_t n)
{
    AUTO_BUF struct buf names;
    buf_init(&names, 4096);
    buf_add(&names, "\0.shstrtab\0", 11);
    buf_add(&names, section, strlen(section) + 1);
    Elf64_Ehdr h = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB},
        .e_shoff = sizeof h,
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = 3,
        .e_shstrndx = 1
    };
    size_t at = sizeof h + 3 * sizeof(Elf64_Shdr);
    Elf64_Shdr s[3] = {
        [1] = {.sh_name = 1,  .sh_type = SHT_STRTAB,   .sh_offset = at,             .sh_size = names.len},
        [2] = {.sh_name = 11, .sh_type = SHT_PROGBITS, .sh_offset = at + names.len, .sh_size = n        },
    };
    buf_add(out, &h, sizeof h);
    buf_add(out, s, sizeof s);
    buf_add(out, names.data, names.len);
    buf_add(out, bytes, n);
    while (out->len < 70000)
        buf_putc(out, '\0');
}

static void counted(struct buf *b, const char *text, size_t n)
{
    buf_putc(b, (char)((n & 0x7f) | 0x80));
    buf_putc(b, (char)(n >> 7));
    buf_add(b, text, n);
}

static void programs(void)
{
    static const char modules[] = "0123456789abcdef"
                                  "path\tme\nmod\tme\t(devel)\t\ndep\tx/y\tv1.2.3\th1:a\n"
                                  "dep\told\tv1.0.0\n=>\tnew\tv2.0.0\th1:b\n"
                                  "build\t-compiler=gc\n"
                                  "0123456789abcdef";
    static const char crates[] = "{\"packages\":[{\"name\":\"me\",\"version\":\"0\",\"source\":"
                                 "\"local\"},{\"name\":\"serde\",\"version\":\"1.0\",\"source\":"
                                 "\"crates.io\"}]}";
    char dir[] = "/tmp/slipway-programs-XXXXXX";
    AUTO_BUF struct buf info, go, rust;
    unsigned char packed[1024];
    uLongf packed_n = sizeof packed;
    struct inventory inv;
    a = arena_new(0);
    buf_init(&info, 4096);
    buf_init(&go, 1 << 20);
    buf_init(&rust, 1 << 20);
    buf_add(&info, "\xff Go buildinf:\x08\x02", 16);
    buf_add(&info, "0123456789abcdef", 16);
    counted(&info, "go1.21.3", 8);
    counted(&info, modules, sizeof modules - 1);
    elf(&go, ".go.buildinfo", info.data, info.len);
    T_EQ_INT(compress(packed, &packed_n, (const Bytef *)crates, sizeof crates - 1), Z_OK, "zlib");
    elf(&rust, ".dep-v0", packed, packed_n);
    T_OK(mkdtemp(dir), "mkdtemp");
    T_RC(fs_write_atomic(arena_printf(a, "%s/a", dir), 0755, go.data, go.len, &e), &e, "go");
    T_RC(fs_write_atomic(arena_printf(a, "%s/script", dir), 0755, "#!/bin/sh\n", 10, &e), &e, "sh");
    const char *layer = dir;
    T_RC(inventory_take(&layer, 1, a, &inv, &e), &e, "take");
    T_EQ_STR(text_of(&inv), "Go stdlib 1.21.3 (stdlib);Go x/y v1.2.3 (x/y);Go new v2.0.0 (new);",
             "go");
    T_RC(fs_write_atomic(arena_printf(a, "%s/a", dir), 0755, rust.data, rust.len, &e), &e, "rust");
    T_RC(inventory_take(&layer, 1, a, &inv, &e), &e, "take");
    T_EQ_STR(text_of(&inv), "crates.io serde 1.0 (serde);", "rust");
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    arena_free(a);
}

T_MAIN(rpm_own, rpm_sqlite, programs)
