/* archive.c - the files of a packaged chart. */
#include <ctype.h>
#include <string.h>

#include "codec/compress.h"
#include "codec/tar.h"
#include "render/helm/chart.h"
#include "render/helm/helm_int.h"

/* path.Clean of a relative path, in place. */
static char *clean(char *path)
{
    size_t len = 0, keep = 0; /* keep: leading ".." cannot be taken back */
    for (const char *s = path; *s;) {
        size_t n = strcspn(s, "/");
        bool up = n == 2 && s[0] == '.' && s[1] == '.';
        if (up && len > keep) {
            while (len > keep && path[len - 1] != '/')
                len--;
            len -= len > keep;
        } else if (n > 0 && !(n == 1 && *s == '.')) {
            if (len)
                path[len++] = '/';
            memmove(path + len, s, n);
            len += n;
            if (up)
                keep = len;
        }
        s += n + (s[n] == '/');
    }
    if (len == 0)
        path[len++] = '.';
    path[len] = '\0';
    return path;
}

/* The path below the archive's one folder, or an error when it is not a decent one. */
static int inner_path(const char *path, struct helm_log *log, const char **out, struct err *e)
{
    char delimiter = strchr(path, '\\') ? '\\' : '/';
    const char *rest = strchr(path, delimiter);
    char *name = arena_strdup(log->arena, rest ? rest + 1 : "");
    for (char *s = name; *s; s++)
        if (*s == delimiter)
            *s = '/';
    if (*name == '/')
        return helm__fail(log, e, ERR_INVALID, "chart illegally contains absolute paths");
    name = clean(name);
    if (strcmp(name, ".") == 0)
        return helm__fail(log, e, ERR_INVALID,
                          "chart illegally contains content outside the base directory: %s",
                          helm__quote(log->arena, path, strlen(path)));
    if (strncmp(name, "..", 2) == 0)
        return helm__fail(log, e, ERR_INVALID, "chart illegally references parent directory");
    if (isalpha((unsigned char)name[0]) && name[1] == ':' && name[2] == '/')
        return helm__fail(log, e, ERR_INVALID, "chart contains illegally named files");
    if (!rest && strcmp(path, "Chart.yaml") == 0)
        return helm__fail(log, e, ERR_INVALID, "chart yaml not in base directory");
    *out = name;
    return 0;
}

struct unpacking {
    struct helm_log *log;
    struct tar_reader *tar;
    uint64_t left;
    struct helm_file_list *out;
};

static int read_bytes(struct unpacking *u, size_t size, struct helm_file *f, struct err *e)
{
    char *bytes = arena_alloc(u->log->arena, size + 1);
    size_t n = 0, got = 1;
    while (n < size && got > 0) {
        int rc = tar_reader_data(u->tar, bytes + n, size - n, &got, e);
        if (rc < 0)
            return helm__note(u->log, e, rc);
        n += got;
    }
    bool mark = n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0;
    f->bytes = bytes + (mark ? 3 : 0);
    f->n = n - (mark ? 3 : 0);
    return 0;
}

static int read_entry(struct unpacking *u, const struct tar_entry *entry, struct err *e)
{
    struct helm_file f;
    if (entry->type == TAR_DIR)
        return 0;
    if (entry->type != TAR_FILE)
        return helm__fail(u->log, e, ERR_INVALID,
                          "chart contains %s, which is a link or a device, not a file",
                          helm__quote(u->log->arena, entry->path, strlen(entry->path)));
    int rc = inner_path(entry->path, u->log, &f.name, e);
    if (rc < 0)
        return rc;
    if (u->out->n == HELM__FILES_MAX)
        return helm__fail(u->log, e, ERR_TOO_LARGE, "the chart has more than %d files",
                          HELM__FILES_MAX);
    if (entry->size >= u->left)
        return helm__fail(u->log, e, ERR_TOO_LARGE,
                          "decompressed chart is larger than the maximum file size %d",
                          HELM__CHART_MAX);
    if (entry->size > HELM__FILE_MAX)
        return helm__fail(u->log, e, ERR_TOO_LARGE,
                          "decompressed chart file %s is larger than the maximum file size %d",
                          helm__quote(u->log->arena, entry->path, strlen(entry->path)),
                          HELM__FILE_MAX);
    u->left -= entry->size;
    rc = read_bytes(u, (size_t)entry->size, &f, e);
    if (rc == 0)
        helm__files_add(u->log->arena, u->out, f);
    return rc;
}

int helm__archive_files(const void *archive, size_t n, struct helm_log *log,
                        struct helm_file_list *out, struct err *e)
{
    struct source_mem bytes = source_from_mem(archive, n);
    AUTO(decompressor) struct decompressor *plain = NULL;
    AUTO(tar_reader) struct tar_reader *tar = NULL;
    const struct tar_entry *entry;
    struct err why = {0};
    if (compress_detect(archive, n) != COMPRESS_GZIP)
        return helm__fail(log, e, ERR_INVALID, "gzip: invalid header");
    int rc =
        decompressor_new(COMPRESS_GZIP, &bytes.source, (uint64_t)HELM__CHART_MAX * 2, &plain, &why);
    if (rc < 0)
        return helm__fail(log, e, why.code, "%s", why.msg);
    tar = tar_reader_new(decompressor_source(plain));
    struct unpacking u = {.log = log, .tar = tar, .left = HELM__CHART_MAX, .out = out};
    while ((rc = tar_reader_next(tar, &entry, &why)) > 0)
        if ((rc = read_entry(&u, entry, e)) < 0)
            return rc;
    if (rc < 0)
        return helm__fail(log, e, why.code, "%s", why.msg);
    if (out->n == 0)
        return helm__fail(log, e, ERR_INVALID, "no files in chart archive");
    return 0;
}

int64_t helm_archive_time(const void *archive, size_t n)
{
    struct source_mem bytes = source_from_mem(archive, n);
    AUTO(decompressor) struct decompressor *plain = NULL;
    AUTO(tar_reader) struct tar_reader *tar = NULL;
    const struct tar_entry *entry;
    int64_t newest = 0;
    if (compress_detect(archive, n) != COMPRESS_GZIP ||
        decompressor_new(COMPRESS_GZIP, &bytes.source, (uint64_t)HELM__CHART_MAX * 2, &plain,
                         NULL) < 0)
        return 0;
    tar = tar_reader_new(decompressor_source(plain));
    while (tar_reader_next(tar, &entry, NULL) > 0)
        newest = entry->mtime > newest ? entry->mtime : newest;
    return newest;
}

int helm_archive_tree(const void *archive, size_t n, struct arena *a, struct tree **out,
                      struct err *e)
{
    struct helm_log log = {.arena = a};
    struct helm_chart_file *list;
    size_t count;
    int rc = helm_archive_list(archive, n, &log, &list, &count, e);
    if (rc < 0)
        return rc;
    struct tree_file *files = ARENA_ARRAY(a, struct tree_file, count + 1);
    size_t *sizes = ARENA_ARRAY(a, size_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        files[i] = (struct tree_file){list[i].name, list[i].text.s};
        sizes[i] = list[i].text.n;
    }
    *out = tree_of_bytes(files, sizes);
    return 0;
}
