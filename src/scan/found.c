#include "scan/found.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "codec/json.h"

enum { NAME_LONGEST = 1024, UNREAD_MAX = 1000, PROGRAM_LEAST = 64 << 10 };

enum kind { LISTED, DATABASE };

/* Which file says what is installed. `name`: the whole, or with "*" in front how it ends;
 * `within`: what its path must hold. */
static const struct recogniser {
    const char *name, *within;
    found_read *read;
    enum kind kind;
} recognisers[] = {
    {"status",                      "/var/lib/dpkg/status",    found__dpkg,               DATABASE},
    {"*",                           "/var/lib/dpkg/status.d/", found__dpkg,               DATABASE},
    {"installed",                   "/lib/apk/db/",            found__apk,                DATABASE},
    {"rpmdb.sqlite",                NULL,                      found__rpm_sqlite,         DATABASE},
    {"Packages.db",                 "/rpm/",                   found__rpm_ndb,            DATABASE},
    {"Packages",                    "/lib/rpm/",               found__rpm_bdb,            DATABASE},
    {"Packages",                    "/sysimage/rpm/",          found__rpm_bdb,            DATABASE},
    {"package-lock.json",           NULL,                      found__npm_lock,           LISTED  },
    {"npm-shrinkwrap.json",         NULL,                      found__npm_lock,           LISTED  },
    {"package.json",                "/node_modules/",          found__npm_installed,      LISTED  },
    {"yarn.lock",                   NULL,                      found__yarn,               LISTED  },
    {"pnpm-lock.yaml",              NULL,                      found__pnpm,               LISTED  },
    {"bun.lock",                    NULL,                      found__bun,                LISTED  },
    {"METADATA",                    ".dist-info/",             found__python_metadata,    LISTED  },
    {"PKG-INFO",                    ".egg-info/",              found__python_metadata,    LISTED  },
    {"*.egg-info",                  NULL,                      found__python_metadata,    LISTED  },
    {"*requirements.txt",           NULL,                      found__requirements,       LISTED  },
    {"poetry.lock",                 NULL,                      found__python_lock,        LISTED  },
    {"uv.lock",                     NULL,                      found__python_lock,        LISTED  },
    {"pdm.lock",                    NULL,                      found__python_lock,        LISTED  },
    {"pylock.toml",                 NULL,                      found__python_lock,        LISTED  },
    {"Pipfile.lock",                NULL,                      found__pipfile,            LISTED  },
    {"go.mod",                      NULL,                      found__go_mod,             LISTED  },
    {"go.sum",                      NULL,                      found__go_sum,             LISTED  },
    {"Cargo.lock",                  NULL,                      found__cargo,              LISTED  },
    {"pom.xml",                     NULL,                      found__pom,                LISTED  },
    {"*.jar",                       NULL,                      found__jar,                LISTED  },
    {"*.war",                       NULL,                      found__jar,                LISTED  },
    {"*.ear",                       NULL,                      found__jar,                LISTED  },
    {"gradle.lockfile",             NULL,                      found__gradle,             LISTED  },
    {"buildscript-gradle.lockfile", NULL,                      found__gradle,             LISTED  },
    {"build.sbt.lock",              NULL,                      found__sbt,                LISTED  },
    {"Gemfile.lock",                NULL,                      found__gemfile,            LISTED  },
    {"gems.locked",                 NULL,                      found__gemfile,            LISTED  },
    {"*.gemspec",                   "/specifications/",        found__gemspec,            LISTED  },
    {"composer.lock",               NULL,                      found__composer,           LISTED  },
    {"installed.json",              NULL,                      found__composer_installed, LISTED  },
    {"packages.lock.json",          NULL,                      found__nuget_lock,         LISTED  },
    {"*.deps.json",                 NULL,                      found__nuget_deps,         LISTED  },
    {"packages.config",             NULL,                      found__nuget_xml,          LISTED  },
    {"Directory.Packages.props",    NULL,                      found__nuget_xml,          LISTED  },
    {"conan.lock",                  NULL,                      found__conan,              LISTED  },
    {"pubspec.lock",                NULL,                      found__pub,                LISTED  },
    {"mix.lock",                    NULL,                      found__mix,                LISTED  },
    {"Package.resolved",            NULL,                      found__swift,              LISTED  },
    {"Podfile.lock",                NULL,                      found__pods,               LISTED  },
    {"*.json",                      "/conda-meta/",            found__conda,              LISTED  },
};

/* ---- what readers call ---- */

const char *found_keep(struct found *f, const char *text)
{
    char *kept = map_get(&f->kept, text);
    if (!kept) {
        kept = arena_strdup(f->arena, text);
        (void)map_put(&f->kept, kept, kept);
    }
    return kept;
}

/* What a line of a table or a document can show. */
static bool is_sane(const char *s)
{
    size_t n = 0;
    for (; s[n]; n++)
        if ((unsigned char)s[n] < 0x20 || s[n] == 0x7f)
            return false;
    return n > 0 && n <= NAME_LONGEST;
}

struct package *found_add(struct found *f, const char *ecosystem, const char *name,
                          const char *version, const char *path)
{
    struct inventory *inv = f->out;
    f->dropped = (struct package){.name = "", .version = "", .licence = ""};
    if (!ecosystem || !name || !version || !is_sane(name) || !is_sane(version) ||
        inv->n > FOUND_PACKAGES_MAX)
        return &f->dropped;
    char *key = arena_join(f->arena, ecosystem, "\n", name, "\n", version, "\n", path, NULL);
    size_t at = (size_t)(uintptr_t)map_get(&f->seen, key);
    if (at)
        return &inv->packages[at - 1];
    if (inv->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64, one = sizeof *inv->packages;
        inv->packages = arena_grow(f->arena, inv->packages, f->cap * one, cap * one);
        f->cap = cap;
    }
    struct package *p = &inv->packages[inv->n++];
    *p = (struct package){.ecosystem = found_keep(f, ecosystem),
                          .name = arena_strdup(f->arena, name),
                          .version = arena_strdup(f->arena, version),
                          .path = found_keep(f, path),
                          .licence = ""};
    p->binary = p->name;
    (void)map_put(&f->seen, key, (void *)(uintptr_t)inv->n);
    return p;
}

struct package *found_add_dev(struct found *f, const char *ecosystem, const char *name,
                              const char *version, const char *path, bool dev)
{
    size_t had = f->out->n;
    struct package *p = found_add(f, ecosystem, name, version, path);
    p->dev = dev && (f->out->n > had || p->dev);
    return p;
}

void found_licence(struct found *f, struct package *p, const char *text)
{
    if (text && is_sane(text))
        p->licence = found_keep(f, text);
}

char *found_line(char **rest)
{
    char *line = *rest;
    if (!line || !*line)
        return NULL;
    char *end = strchrnul(line, '\n');
    *rest = *end ? end + 1 : end;
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    *end = '\0';
    return line;
}

bool found_beside(struct found *f, const struct found_file *file, const char *name, char **out,
                  size_t *out_n)
{
    AUTO_BUF struct buf b;
    buf_init(&b, FOUND_TEXT_MAX);
    const char *slash = strrchr(file->path, '/');
    const char *path =
        arena_printf(file->scratch, "%.*s%s", (int)(slash - file->path + 1), file->path, name);
    if (layers__read(f->tree, path, &b, NULL) < 0)
        return false;
    *out = arena_strndup(file->scratch, buf_text(&b), b.len);
    *out_n = b.len;
    return true;
}

/* ---- one file ---- */

static bool fits(const struct recogniser *r, const char *path, const char *name)
{
    size_t n = strlen(name), tail = strlen(r->name + 1);
    bool named = *r->name != '*' ? strcmp(r->name, name) == 0
                                 : n >= tail && strcmp(name + n - tail, r->name + 1) == 0;
    return named && (!r->within || strstr(path, r->within));
}

static const struct recogniser *recogniser_of(const char *path, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(recognisers); i++)
        if (fits(&recognisers[i], path, name))
            return &recognisers[i];
    return NULL;
}

/* What a distribution's own packages put there is judged by the distribution, which mends without
 * raising upstream's version. */
static bool is_of_distribution(const struct found *f, const char *path)
{
    static const char *const folders[] = {"/usr/lib/python3/dist-packages/", "/usr/share/nodejs/",
                                          "/usr/share/rubygems-integration/", "/usr/share/java/",
                                          "/usr/share/maven-repo/"};
    bool dpkg = f->distribution && (strncmp(f->distribution, "Debian", 6) == 0 ||
                                    strncmp(f->distribution, "Ubuntu", 6) == 0);
    for (size_t i = 0; dpkg && i < ARRAY_LEN(folders); i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

static void note_unread(struct found *f, const char *path, const struct err *e)
{
    if (value_count(f->unread) < UNREAD_MAX)
        (void)value_push(f->arena, f->unread, value_new_strf(f->arena, "%s: %s", path, e->msg));
}

/* The buffer is the reader's, NUL-terminated. */
static int read_bytes(struct found *f, const struct recogniser *r, const char *path, struct buf *b,
                      struct err *e)
{
    AUTO(arena) struct arena *scratch = arena_new((size_t)1 << 30);
    buf_putc(b, '\0');
    int rc = buf_check(b, e);
    struct found_file file = {path, b->data, b->len - 1, scratch};
    return rc < 0 ? rc : r->read(f, &file, e);
}

static int read_with(struct found *f, const struct recogniser *r, const char *path, struct err *e)
{
    AUTO_BUF struct buf b;
    buf_init(&b, r->read == found__jar ? FOUND_JAR_MAX
                 : r->kind == DATABASE ? FOUND_BINARY_MAX
                                       : FOUND_TEXT_MAX);
    int rc = layers__read(f->tree, path, &b, e);
    return rc < 0 ? rc : read_bytes(f, r, path, &b, e);
}

/* Programs say what they were built from in sections of their own. */
static int read_program(struct found *f, const struct layers_file *file, struct err *e)
{
    AUTO(arena) struct arena *scratch = arena_new((size_t)1 << 30);
    struct stat st;
    AUTO_FD int fd = -1;
    char magic[4] = "";
    if (fstatat(file->dir_fd, file->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
        !(st.st_mode & 0111) || st.st_size < PROGRAM_LEAST)
        return 0;
    fd = openat(file->dir_fd, file->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || pread(fd, magic, sizeof magic, 0) != sizeof magic ||
        memcmp(magic,
               "\x7f"
               "ELF",
               4) != 0 ||
        !layers__shows(f->tree, file->path, file->layer))
        return 0;
    struct found_file program = {.path = file->path, .scratch = scratch};
    return found__elf_fd(f, &program, fd, e);
}

static int visit(void *arg, const struct layers_file *file, struct err *e)
{
    struct found *f = arg;
    const struct recogniser *r = recogniser_of(file->path, file->name);
    struct err inner = {0};
    int rc;
    if (!r) {
        rc = read_program(f, file, &inner);
    } else {
        if (is_of_distribution(f, file->path) || !layers__shows(f->tree, file->path, file->layer))
            return 0;
        rc = read_with(f, r, file->path, &inner);
    }
    if (rc < 0 && r && r->kind == DATABASE) {
        if (e)
            *e = inner;
        return err_wrap(e, rc, "%s", file->path);
    }
    if (rc < 0)
        note_unread(f, file->path, &inner);
    return 0;
}

static const char *const *texts_of(struct arena *a, const struct value *list)
{
    const char **out = ARENA_ARRAY(a, const char *, value_count(list) + 1);
    size_t n = 0;
    VALUE_EACH_ITEM (v, list)
        out[n++] = value_str(v, "");
    return out;
}

static void found_init(struct found *f, struct arena *a, struct inventory *out,
                       const struct layers *tree)
{
    *out = (struct inventory){.os_id = "", .os_version = ""};
    *f = (struct found){.arena = a, .out = out, .tree = tree, .unread = value_new_array(a)};
    map_init(&f->seen);
    map_init(&f->kept);
}

static int found_done(struct found *f, int r, struct err *e)
{
    map_done(&f->seen);
    map_done(&f->kept);
    f->out->unread = texts_of(f->arena, f->unread);
    if (r == 0 && f->out->n > FOUND_PACKAGES_MAX)
        r = err_set(e, ERR_TOO_LARGE, "there are more than %d packages", FOUND_PACKAGES_MAX);
    return r;
}

int inventory_take(const char *const *layers, size_t n_layers, struct arena *a,
                   struct inventory *out, struct err *e)
{
    struct inventory inv;
    struct layers tree = {layers, n_layers};
    struct found f;
    found_init(&f, a, &inv, &tree);
    found__release(&f);
    int r = found_done(&f, layers__walk(&tree, visit, &f, e), e);
    if (r == 0)
        *out = inv;
    return r;
}

int inventory_read(const char *path, const char *bytes, size_t n, const char *distribution,
                   struct arena *a, struct inventory *out, struct err *e)
{
    AUTO_BUF struct buf b;
    struct inventory inv;
    struct layers none = {NULL, 0};
    struct found f;
    const char *slash = strrchr(path, '/');
    const struct recogniser *r = recogniser_of(path, slash ? slash + 1 : path);
    buf_init(&b, FOUND_BINARY_MAX);
    if (!r)
        return err_set(e, ERR_UNSUPPORTED, "%s: nothing here reads a file of this name", path);
    found_init(&f, a, &inv, &none);
    f.distribution = distribution;
    buf_add(&b, bytes, n);
    int rc = found_done(&f, read_bytes(&f, r, path, &b, e), e);
    if (rc == 0)
        *out = inv;
    return rc;
}
