/* save.c - a chart as an archive, in the order and with the names that Helm gives. */
#include <string.h>

#include "codec/compress.h"
#include "codec/json.h"
#include "codec/tar.h"
#include "codec/yaml.h"
#include "render/helm/chart.h"
#include "render/helm/helm_int.h"

struct packing {
    struct tar_writer *tar;
    struct helm_log *log;
    int64_t mtime;
};

static int add(struct packing *p, const char *dir, const char *name, const char *bytes, size_t n,
               struct err *e)
{
    const struct tar_entry entry = {
        .type = TAR_FILE,
        .path = arena_printf(p->log->arena, "%s/%s", dir, name),
        .mode = 0644,
        .size = n,
        .mtime = p->mtime,
    };
    int rc = tar_writer_entry(p->tar, &entry, e);
    return rc < 0 ? rc : tar_writer_data(p->tar, bytes, n, e);
}

static int add_text(struct packing *p, const char *dir, const char *name, const char *text,
                    struct err *e)
{
    return add(p, dir, name, text, strlen(text), e);
}

static int add_files(struct packing *p, const char *dir, const struct helm_file_list *files,
                     const char *only, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < files->n && rc == 0; i++) {
        const struct helm_file *f = &files->items[i];
        if (!only || strcmp(f->name, only) == 0)
            rc = add(p, dir, f->name, f->bytes, f->n, e);
    }
    return rc;
}

/* Charts of apiVersion v1 have their dependencies in requirements.yaml. */
static const char *chart_yaml(const struct helm_chart *c, struct arena *a)
{
    struct value *meta = helm_chart_meta(c, a);
    if (helm_chart_is_old(c))
        (void)value_remove(meta, "dependencies");
    return yaml_text(a, meta, YAML_FOLD);
}

static int add_schema(struct packing *p, const char *dir, const struct helm_chart *c, struct err *e)
{
    struct value *v;
    AUTO(arena) struct arena *a = arena_new(0);
    if (!c->schema)
        return 0;
    if (json_parse(a, c->schema, c->schema_len, 0, &v, NULL) < 0)
        return helm__fail(p->log, e, ERR_INVALID, "Invalid JSON in values.schema.json");
    return add(p, dir, "values.schema.json", c->schema, c->schema_len, e);
}

static int add_chart(struct packing *p, const char *prefix, const struct helm_chart *c,
                     struct err *e)
{
    struct arena *a = p->log->arena;
    const char *dir = arena_printf(a, "%s%s", prefix, value_at_str(c->meta, "name", ""));
    int rc = add_text(p, dir, "Chart.yaml", chart_yaml(c, a), e);
    if (rc == 0 && c->lock && !helm_chart_is_old(c))
        rc = add_text(p, dir, "Chart.lock", yaml_text(a, c->lock, YAML_FOLD), e);
    if (rc == 0)
        rc = add_files(p, dir, &c->raw, "values.yaml", e);
    if (rc == 0)
        rc = add_schema(p, dir, c, e);
    if (rc == 0)
        rc = add_files(p, dir, &c->templates, NULL, e);
    if (rc == 0)
        rc = add_files(p, dir, &c->files, NULL, e);
    for (size_t i = 0; i < c->n_deps && rc == 0; i++)
        rc = add_chart(p, arena_printf(a, "%s/charts/", dir), c->deps[i], e);
    return rc;
}

int helm_chart_save(const struct helm_chart *c, int64_t mtime, struct helm_log *log,
                    struct buf *out, struct err *e)
{
    struct sink_buf bytes = sink_to_buf(out);
    AUTO(compressor) struct compressor *gzip = NULL;
    AUTO(tar_writer) struct tar_writer *tar = NULL;
    log->error = NULL;
    int rc = compressor_new(COMPRESS_GZIP, 0, &bytes.sink, &gzip, e);
    if (rc < 0)
        return helm__note(log, e, rc);
    tar = tar_writer_new(compressor_sink(gzip), NULL);
    struct packing p = {tar, log, mtime};
    rc = add_chart(&p, "", c, e);
    if (rc == 0)
        rc = tar_writer_end(tar, e);
    if (rc == 0)
        rc = compressor_end(gzip, e);
    return rc < 0 && !log->error ? helm__note(log, e, rc) : rc;
}

int helm_archive_list(const void *archive, size_t n, struct helm_log *log,
                      struct helm_chart_file **out, size_t *n_out, struct err *e)
{
    struct helm_file_list files = {0};
    int rc = helm__archive_files(archive, n, log, &files, e);
    if (rc < 0)
        return rc;
    *out = ARENA_ARRAY(log->arena, struct helm_chart_file, files.n + 1);
    for (size_t i = 0; i < files.n; i++)
        (*out)[i] = (struct helm_chart_file){
            files.items[i].name, {files.items[i].bytes, files.items[i].n}
        };
    *n_out = files.n;
    return 0;
}
