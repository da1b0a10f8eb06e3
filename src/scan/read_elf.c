/* read_elf.c - what Go's linker and cargo auditable leave in a program of theirs.
 *
 * Go 1.18 and later: section .go.buildinfo, 32 bytes of head, then two texts with their lengths in
 * front. cargo auditable: section .dep-v0, JSON compressed by zlib.                           */
#include <elf.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "codec/json.h"
#include "scan/found.h"

enum { SECTIONS_MAX = 4096, NAMES_MAX = 1 << 20, SECTION_MAX = 16 << 20 };

struct elf {
    int fd;
    size_t n;
    Elf64_Shdr *sections;
    const char *names; /* NUL-terminated as a whole */
    size_t names_n;
};

static bool read_at(int fd, void *out, size_t n, uint64_t at)
{
    return at < INT64_MAX && pread(fd, out, n, (off_t)at) == (ssize_t)n;
}

/* 64 bits, this machine's byte order: what runs here. */
static bool open_elf(struct elf *x, struct arena *a)
{
    Elf64_Ehdr h;
    if (!read_at(x->fd, &h, sizeof h, 0) || h.e_ident[EI_CLASS] != ELFCLASS64 ||
        h.e_ident[EI_DATA] != ELFDATA2LSB || h.e_shentsize != sizeof(Elf64_Shdr) ||
        h.e_shnum == 0 || h.e_shnum > SECTIONS_MAX || h.e_shstrndx >= h.e_shnum)
        return false;
    x->n = h.e_shnum;
    x->sections = ARENA_ARRAY(a, Elf64_Shdr, x->n);
    if (!read_at(x->fd, x->sections, x->n * sizeof *x->sections, h.e_shoff))
        return false;
    const Elf64_Shdr *names = &x->sections[h.e_shstrndx];
    if (names->sh_size > NAMES_MAX)
        return false;
    char *text = arena_alloc(a, names->sh_size + 1);
    x->names = text;
    x->names_n = names->sh_size;
    return read_at(x->fd, text, names->sh_size, names->sh_offset);
}

/* The bytes of a section, NULL when there is none of this name. */
static unsigned char *section(const struct elf *x, const char *name, struct arena *a, size_t *out_n)
{
    for (size_t i = 0; i < x->n; i++) {
        const Elf64_Shdr *s = &x->sections[i];
        if (s->sh_name >= x->names_n || strcmp(x->names + s->sh_name, name) != 0 ||
            s->sh_type == SHT_NOBITS || s->sh_size > SECTION_MAX)
            continue;
        unsigned char *bytes = arena_alloc(a, s->sh_size + 1);
        *out_n = s->sh_size;
        return read_at(x->fd, bytes, s->sh_size, s->sh_offset) ? bytes : NULL;
    }
    return NULL;
}

/* ---- Go ---- */

/* A length as Go's encoding/binary writes it, then as many bytes. */
static char *counted(const unsigned char **p, const unsigned char *end, struct arena *a)
{
    uint64_t n = 0;
    for (unsigned shift = 0; *p < end && shift < 63; shift += 7) {
        unsigned char c = *(*p)++;
        n |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80)
            continue;
        if (n > (uint64_t)(end - *p))
            return NULL;
        const char *text = (const char *)*p;
        *p += n;
        return arena_strndup(a, text, n);
    }
    return NULL;
}

static int go_program(struct found *f, const struct found_file *file, const unsigned char *b,
                      size_t n, struct err *e)
{
    const unsigned char *p = b + 32, *end = b + n;
    if (n < 32 || memcmp(b, "\xff Go buildinf:", 14) != 0)
        return 0;
    if (!(b[15] & 2))
        return err_set(e, ERR_UNSUPPORTED,
                       "built by a Go older than 1.18: its modules are not known");
    char *go = counted(&p, end, file->scratch),
         *modules = go ? counted(&p, end, file->scratch) : NULL;
    if (!modules)
        return err_set(e, ERR_INVALID, "its Go build information is cut off");
    size_t len = strlen(modules); /* 16 bytes of a mark on both sides */
    if (len >= 33 && modules[len - 17] == '\n') {
        modules[len - 16] = '\0';
        modules += 16;
    }
    found__go_modules(f, file, go, modules);
    return 0;
}

/* ---- cargo auditable ---- */

static int rust_program(struct found *f, const struct found_file *file, const unsigned char *b,
                        size_t n, struct err *e)
{
    uLongf size = SECTION_MAX;
    void *text;
    struct value *doc;
    int r = arena_try_alloc(file->scratch, size + 1, &text, e);
    if (r < 0)
        return r;
    if (uncompress(text, &size, b, n) != Z_OK)
        return err_set(e, ERR_INVALID, "its list of crates cannot be decompressed");
    r = json_parse(file->scratch, text, size, JSON_SHALLOW, &doc, e);
    if (r < 0)
        return r;
    VALUE_EACH_ITEM (p, value_get(doc, "packages")) {
        const char *source = value_at_str(p, "source", "");
        if (strcmp(source, "crates.io") == 0 || strcmp(source, "registry") == 0)
            found_add(f, "crates.io", value_at_str(p, "name", NULL),
                      value_at_str(p, "version", NULL), file->path)
                ->dev = strcmp(value_at_str(p, "kind", "runtime"), "build") == 0;
    }
    return 0;
}

int found__elf_fd(struct found *f, const struct found_file *file, int fd, struct err *e)
{
    struct elf x = {.fd = fd};
    unsigned char *b;
    size_t n = 0;
    if (!open_elf(&x, file->scratch))
        return 0;
    if ((b = section(&x, ".go.buildinfo", file->scratch, &n)))
        return go_program(f, file, b, n, e);
    if ((b = section(&x, ".dep-v0", file->scratch, &n)))
        return rust_program(f, file, b, n, e);
    return 0;
}
