/* found.h - the readers of an inventory: each takes one file's bytes and says what it names.
 *
 * A reader is a function in read_*.c and a line in found.c's table. It gets bytes that anyone may
 * have written; what it allocates in `scratch` dies with the file. Private to scan/.          */
#pragma once
#include "base/buf.h"
#include "base/map.h"
#include "codec/value.h"
#include "scan/inventory.h"
#include "scan/layers.h"

enum { FOUND_PACKAGES_MAX = 1000000, FOUND_TEXT_MAX = 32 << 20, FOUND_BINARY_MAX = 512 << 20 };

/* A jar; one within another; what one jar, and what all of them together may unpack to. */
enum { FOUND_JAR_MAX = 256 << 20, FOUND_NESTED_MAX = 64 << 20, FOUND_UNPACKED_MAX = 512 << 20 };
static const uint64_t found_unpacked_all = (uint64_t)2 << 30;

struct found {
    struct arena *arena; /* of the inventory */
    struct inventory *out;
    size_t cap;
    const struct layers *tree;
    const char *distribution; /* ecosystem of its packages; NULL: unknown */
    bool by_source;           /* its advisories name source packages */
    struct map seen;          /* packages that are there, by all that tells them apart */
    struct map kept;          /* texts that many packages share */
    struct package dropped;
    struct value *unread;
    uint64_t unpacked; /* by archives of all files */
};

struct found_file {
    const char *path;
    char *text; /* NUL-terminated; the reader may cut it up */
    size_t n;
    struct arena *scratch;
};

typedef int found_read(struct found *f, const struct found_file *file, struct err *e);

/* One more package, all texts copied; what names nothing is dropped. Never NULL, good until the
 * next. The licence is set with found_licence(). */
struct package *found_add(struct found *f, const char *ecosystem, const char *name,
                          const char *version, const char *path);
/* The same; it is its developers' alone where every line that names it says so. */
struct package *found_add_dev(struct found *f, const char *ecosystem, const char *name,
                              const char *version, const char *path, bool dev);
void found_licence(struct found *f, struct package *p, const char *text);

/* A file beside this one, by its name. */
bool found_beside(struct found *f, const struct found_file *file, const char *name, char **out,
                  size_t *out_n);

/* The next line, cut off its end; NULL at the end. */
char *found_line(char **rest);

/* The text with `n` bytes as it is kept: once. */
const char *found_keep(struct found *f, const char *text);

found_read found__apk, found__dpkg, found__rpm_sqlite, found__rpm_ndb, found__rpm_bdb;
found_read found__npm_lock, found__npm_installed, found__yarn, found__pnpm, found__bun;
found_read found__python_metadata, found__requirements, found__python_lock, found__pipfile;
found_read found__go_mod, found__go_sum, found__cargo;
found_read found__pom, found__jar, found__gradle, found__sbt;
found_read found__gemfile, found__gemspec, found__composer, found__composer_installed;
found_read found__nuget_lock, found__nuget_deps, found__nuget_xml;
found_read found__conan, found__pub, found__mix, found__swift, found__pods, found__conda;

/* What `go version -m` prints, without its first words. */
void found__go_modules(struct found *f, const struct found_file *file, const char *go, char *text);

/* Packages that a program carries a list of: Go's build information, cargo auditable's. The file
 * has no text; what is wanted of it is read from fd. */
int found__elf_fd(struct found *f, const struct found_file *file, int fd, struct err *e) MUST_CHECK;

/* One package of an rpm database. */
int found__rpm_header(struct found *f, const struct found_file *file, const void *blob, size_t n,
                      struct err *e) MUST_CHECK;

/* What OSV calls a distribution by its id and version; NULL when nothing here knows it. */
const char *found__distribution(struct arena *a, const char *id, const char *version,
                                bool *by_source);

/* The id that a distribution's ecosystem stands for, or NULL. */
const char *found__distribution_id(const char *ecosystem);

/* Reads /etc/os-release: which distribution, and what OSV calls it. */
void found__release(struct found *f);
