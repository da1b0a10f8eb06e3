/* helm_int.h - what the files of helm/ share. */
#pragma once
#include "base/buf.h"
#include "render/helm/helm.h"
#include "template/helm_objects.h"

enum {
    HELM__FILE_MAX = 5 << 20,    /* bytes of one file of a chart */
    HELM__CHART_MAX = 100 << 20, /* bytes of all of them */
    HELM__FILES_MAX = 50000,     /* how many there are */
    HELM__NESTING_MAX = 64,      /* charts within charts, and folders within folders */
};

struct helm_file_list {
    struct helm_file *items; /* names within their chart: "templates/service.yaml" */
    size_t n;
};

struct helm_dependency {
    const char *name, *version, *repository, *condition, *alias; /* "": not given */
    const char **tags;
    size_t n_tags;
    const struct value *import_values; /* an array, or NULL */
    bool enabled;
    bool imported; /* charts under several aliases share it, and only the first one imports */
};

struct helm_chart {
    struct helm_chart *parent;
    const char *name; /* the alias where it has one */
    const char *version, *app_version, *api_version, *type, *kube_version;
    bool deprecated, settled;
    struct value *meta; /* Chart.yaml by the names of its fields, every field of its type */
    struct helm_dependency **wants;
    size_t n_wants;
    bool has_wants; /* the list may be there and empty */
    struct helm_chart **deps;
    size_t n_deps;
    struct helm_file_list raw, templates, files;
    const struct value *lock; /* Chart.lock or requirements.lock, or NULL */
    struct go_map *values;    /* values.yaml, or what importing made of it; NULL: none */
    const char *schema;       /* values.schema.json, or NULL */
    size_t schema_len;
};

/* ---- log.c ---- */

/* Records the sentence in full in the log and what fits in *e; gives `code`. */
int helm__fail(struct helm_log *log, struct err *e, enum err_code code, const char *fmt, ...)
    PRINTF(4, 5);
/* Puts "context: " in front of the last failure; gives `code`. */
int helm__wrap(struct helm_log *log, struct err *e, int code, const char *fmt, ...) PRINTF(4, 5);
/* The failure's sentence, where the one who failed knows only struct err. */
int helm__note(struct helm_log *log, struct err *e, int code);
void helm__warn(struct helm_log *log, const char *fmt, ...) PRINTF(2, 3);

/* Go's %q. */
const char *helm__quote(struct arena *a, const char *s, size_t n);

/* ---- ignore.c ---- */

struct helm_ignore;
int helm__ignore_parse(const char *text, size_t n, struct helm_log *log, struct helm_ignore **out,
                       struct err *e) MUST_CHECK;
bool helm__ignored(const struct helm_ignore *rules, const char *path, bool is_dir);

/* ---- chart.c ---- */

void helm__files_add(struct arena *a, struct helm_file_list *list, struct helm_file f);

/* A chart out of its files, in their order. */
int helm__chart_from_files(const struct helm_file_list *files, unsigned depth, struct helm_log *log,
                           struct helm_chart **out, struct err *e) MUST_CHECK;
/* What Chart.yaml says, by its fields. */
int helm__chart_fields(const struct value *doc, struct helm_log *log, struct value **out,
                       struct err *e) MUST_CHECK;

/* Files that templates rendered to, "chart/templates/x.yaml"; with `traces`, where from, one each.
 */
struct helm_rendered;
struct template_trace;
int helm__render_files(struct helm_chart *c, struct go_map *values,
                       const struct helm_render_opts *opts, struct helm_log *log,
                       struct helm_rendered **out, struct template_trace ***traces, size_t *n,
                       struct err *e) MUST_CHECK;
/* "parent/charts/child" */
const char *helm__chart_path(struct arena *a, const struct helm_chart *c);
void helm__chart_adopt(struct arena *a, struct helm_chart *parent, struct helm_chart *child);

/* ---- document.c ---- */

/* Chart.yaml with what became of its dependencies. */
struct value *helm__chart_metadata(struct arena *a, const struct helm_chart *c);

/* ---- archive.c ---- */

int helm__archive_files(const void *archive, size_t n, struct helm_log *log,
                        struct helm_file_list *out, struct err *e) MUST_CHECK;

/* ---- decode.c: YAML into the fields of Go structs ---- */

enum helm_field_type {
    HELM_TEXT,
    HELM_TEXTS,
    HELM_FLAG,
    HELM_MAP,     /* of texts */
    HELM_STRUCTS, /* a list of structs; an element may be null */
    HELM_STRUCT,
    HELM_ANY, /* taken as it is */
    HELM_ANYS,
};

struct helm_field {
    const char *name; /* in YAML */
    enum helm_field_type type;
    const struct helm_field *fields; /* STRUCT, STRUCTS */
    const char *of;                  /* the Go type, for errors */
};

/* The value's numbers and booleans become texts where a field wants one; *out has only fields that
 * are known. An error is what sigs.k8s.io/yaml says of it. */
int helm__decode(const struct value *in, const char *go_type, const struct helm_field *fields,
                 struct helm_log *log, struct value **out, struct err *e) MUST_CHECK;

/* The first document; "error converting YAML to JSON: ..." */
int helm__yaml(const char *text, size_t n, struct helm_log *log, struct value **out,
               struct err *e) MUST_CHECK;
/* The same for a table of values; NULL for an empty text. */
int helm__yaml_table(const char *text, size_t n, struct helm_log *log, struct go_map **out,
                     struct err *e) MUST_CHECK;
