/* read_java.c - jar files and what is packed in them; the lock files of Gradle and sbt. */
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "base/own.h"
#include "codec/json.h"
#include "scan/found.h"

enum { NESTED_MAX = 3, ENTRIES_MAX = 200000, TEXT_MAX = 1 << 20 };

struct jar {
    struct found *found;
    const struct found_file *file;
    size_t unpacked; /* by all archives within the file */
    int entries;     /* of all of them */
};

/* What one archive says of itself. */
struct identity {
    const char *title, *vendor, *version, *licence;
    bool known; /* by pom.properties */
};

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

static int read_entry(struct jar *j, struct archive *z, size_t max, struct buf *out, struct err *e)
{
    for (;;) {
        char *p = buf_reserve(out, 64 * 1024);
        if (!p)
            return err_set(e, ERR_TOO_LARGE, "an entry unpacks to more than %zu bytes", max);
        if (j->unpacked > FOUND_UNPACKED_MAX || j->found->unpacked > found_unpacked_all)
            return err_set(e, ERR_TOO_LARGE,
                           "what it holds unpacks to more than %d MiB, or with that of others to "
                           "more than %d MiB",
                           FOUND_UNPACKED_MAX >> 20, (int)(found_unpacked_all >> 20));
        la_ssize_t n = archive_read_data(z, p, 64 * 1024);
        if (n < 0)
            return err_set(e, ERR_INVALID, "an entry cannot be unpacked");
        if (n == 0)
            return 0;
        out->len += (size_t)n;
        out->data[out->len] = '\0';
        j->unpacked += (size_t)n;
        j->found->unpacked += (uint64_t)n;
    }
}

/* "key=value" of pom.properties, "Key: value" of a manifest. */
static const char *value_of(struct arena *a, const char *text, const char *key, char separator)
{
    size_t n = strlen(key);
    for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
        if (strncmp(p, key, n) == 0 && p[n] == separator) {
            const char *v = p + n + 1;
            v += strspn(v, " ");
            return arena_strndup(a, v, strcspn(v, "\r\n;"));
        }
    return NULL;
}

static void add_properties(struct jar *j, const char *text, struct identity *id)
{
    struct arena *a = j->file->scratch;
    const char *group = value_of(a, text, "groupId", '='),
               *name = value_of(a, text, "artifactId", '=');
    const char *version = value_of(a, text, "version", '=');
    if (!group || !name || !version)
        return;
    (void)found_add(j->found, "Maven", arena_join(a, group, ":", name, NULL), version,
                    j->file->path);
    id->known = true;
}

static void read_manifest(struct arena *a, const char *text, struct identity *id)
{
    static const char *const titles[] = {"Implementation-Title", "Specification-Title",
                                         "Bundle-Name"},
                             *const vendors[] = {"Implementation-Vendor-Id", "Bundle-SymbolicName",
                                                 "Automatic-Module-Name"},
                             *const versions[] = {"Implementation-Version", "Bundle-Version",
                                                  "Specification-Version"};
    for (size_t i = 0; i < 3; i++) {
        if (!id->title)
            id->title = value_of(a, text, titles[i], ':');
        if (!id->vendor)
            id->vendor = value_of(a, text, vendors[i], ':');
        if (!id->version)
            id->version = value_of(a, text, versions[i], ':');
    }
    id->licence = value_of(a, text, "Bundle-License", ':');
}

/* "spring-core-5.3.1.jar" is an artifact and its version. */
static bool split_name(struct arena *a, const char *path, const char **artifact,
                       const char **version)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    for (const char *p = base; dot && (p = strchr(p, '-')) && p < dot; p++)
        if (p[1] >= '0' && p[1] <= '9') {
            *artifact = arena_strndup(a, base, (size_t)(p - base));
            *version = arena_strndup(a, p + 1, (size_t)(dot - p - 1));
            return true;
        }
    return false;
}

/* Without pom.properties the name of the file and what the manifest calls the vendor must do. */
static void guess(struct jar *j, const char *path, const struct identity *id)
{
    struct arena *a = j->file->scratch;
    const char *artifact = id->title, *version = id->version;
    if (!split_name(a, path, &artifact, &version) && (!artifact || strchr(artifact, ' ')))
        return;
    if (!version)
        return;
    const char *group = id->vendor ? id->vendor : artifact;
    size_t n = strlen(group), m = strlen(artifact); /* "org.x.artifact" of "org.x" */
    if (n > m + 1 && strcmp(group + n - m, artifact) == 0 && group[n - m - 1] == '.')
        group = arena_strndup(a, group, n - m - 1);
    found_licence(j->found,
                  found_add(j->found, "Maven", arena_join(a, group, ":", artifact, NULL), version,
                            j->file->path),
                  id->licence);
}

static int read_archive(struct jar *j, const char *path, const void *bytes, size_t n, int depth,
                        struct err *e);

static int visit_entry(struct jar *j, struct archive *z, const char *name, int depth,
                       struct identity *id, struct err *e)
{
    AUTO_BUF struct buf b;
    bool properties = ends(name, "/pom.properties"), manifest = ends(name, "META-INF/MANIFEST.MF");
    bool nested = depth < NESTED_MAX && (ends(name, ".jar") || ends(name, ".war"));
    size_t max = nested ? FOUND_NESTED_MAX : TEXT_MAX;
    buf_init(&b, max);
    if (!properties && !manifest && !nested)
        return 0;
    int r = read_entry(j, z, max, &b, e);
    if (r < 0)
        return r;
    if (properties)
        add_properties(j, buf_text(&b), id);
    else if (manifest)
        read_manifest(j->file->scratch, buf_text(&b), id);
    else
        r = read_archive(j, name, b.data, b.len, depth + 1, e);
    return r;
}

static int read_entries(struct jar *j, struct archive *z, int depth, struct identity *id,
                        struct err *e)
{
    struct archive_entry *entry;
    int rc, r = 0;
    while (r == 0 && (rc = archive_read_next_header(z, &entry)) != ARCHIVE_EOF) {
        const char *name = archive_entry_pathname(entry);
        if (rc < ARCHIVE_WARN || j->entries++ > ENTRIES_MAX)
            return err_set(e, ERR_INVALID, "the archive is damaged or has too many entries");
        if (name)
            r = visit_entry(j, z, name, depth, id, e);
    }
    return r;
}

static int read_archive(struct jar *j, const char *path, const void *bytes, size_t n, int depth,
                        struct err *e)
{
    struct identity id = {0};
    struct archive *z = archive_read_new();
    if (!z)
        return err_set(e, ERR_SYSTEM, "no memory to read an archive");
    (void)archive_read_support_format_zip(z);
    int r = archive_read_open_memory(z, bytes, n) == ARCHIVE_OK
                ? read_entries(j, z, depth, &id, e)
                : err_set(e, ERR_INVALID, "it is no archive");
    (void)archive_read_free(z);
    if (r == 0 && !id.known)
        guess(j, path, &id);
    return r;
}

int found__jar(struct found *f, const struct found_file *file, struct err *e)
{
    struct jar j = {.found = f, .file = file};
    return read_archive(&j, file->path, file->text, file->n, 0, e);
}

/* group:artifact:version=configuration,… */
int found__gradle(struct found *f, const struct found_file *file, struct err *e)
{
    char *rest = file->text;
    (void)e;
    for (char *line; (line = found_line(&rest));) {
        char *equals = strchr(line, '='), *colon = strrchr(line, ':');
        if (*line == '#' || !equals)
            continue;
        *equals = '\0';
        colon = strrchr(line, ':');
        if (!colon || strchr(line, ':') == colon)
            continue;
        *colon = '\0';
        (void)found_add(f, "Maven", line, colon + 1, file->path);
    }
    return 0;
}

static bool only_tests(const struct value *configurations)
{
    VALUE_EACH_ITEM (v, configurations)
        if (!strstr(value_str(v, ""), "test"))
            return false;
    return value_count(configurations) > 0;
}

int found__sbt(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_ITEM (p, value_get(lock, "dependencies"))
        found_add(f, "Maven",
                  arena_join(file->scratch, value_at_str(p, "org", ""), ":",
                             value_at_str(p, "name", ""), NULL),
                  value_at_str(p, "version", NULL), file->path)
            ->dev = only_tests(value_get(p, "configurations"));
    return 0;
}
