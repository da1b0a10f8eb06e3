/* api_int.h - what the files behind the HTTP API share. */
#pragma once
#include <pthread.h>

#include "elastic/elastic.h"
#include "elastic/search_int.h"

enum { BODY_MAX = 100 << 20, PARTS_MAX = 6 };

struct elastic {
    struct elastic_opts opts;
    char *path, *prefix;
    pthread_mutex_t lock; /* names */
    char *names;          /* JSON text */
};

/* One request. */
struct ask {
    struct elastic *x;
    struct http_request *q;
    struct elastic_call call;
    int64_t began_ms; /* monotonic: what all scans of a request may take counts from here */
    const char *method;
    const char *part[PARTS_MAX + 1]; /* of the path, decoded; NULL-terminated */
    size_t n_parts;
    const struct value *names; /* a copy: {"indices": …, "templates": …} */
    bool narrowed, narrow_any; /* `narrow` was asked for; it may see all */
    struct logdb_matcher narrow;
};

typedef int (*ask_fn)(struct ask *k, struct err *e);

/* ---- api.c ---- */
void ask_send(struct ask *k, int status, const struct value *v);
bool ask_flag(struct ask *k, const char *name); /* ?name, ?name=true */
const char *ask_param(struct ask *k, const char *name, const char *dflt);
/* The body, or ?source=; NULL when there is none. */
int ask_body(struct ask *k, struct value **out, struct err *e) MUST_CHECK;
int ask_may_create(struct ask *k, const char *ns, struct err *e) MUST_CHECK;
struct value *ask_shards(struct arena *a);

/* ---- names.c ---- */
int names_open(struct elastic *x, struct err *e) MUST_CHECK;
/* Replaces names.SECTION.NAME, or removes it (v NULL); *had says whether there was one. */
int names_put(struct elastic *x, const char *section, const char *name, const struct value *v,
              bool *had, struct err *e) MUST_CHECK;
const struct value *names_get(const struct ask *k, const char *section, const char *name);
const struct value *names_mappings(struct ask *k, const char *index);
bool names_valid(const char *name);

/* ---- indices.c: which there are, what is in them ---- */

struct index_info {
    const char *name;
    uint64_t lines, bytes;
    bool pods, stream; /* of pods; a data stream by name */
    bool mapped;       /* `mappings` were looked for */
    const struct value *mappings;
};
/* What the caller may see, found out once a request. ERR_DENIED: nothing. */
int indices_narrow(struct ask *k, struct err *e) MUST_CHECK;
/* Those that an expression names ("a,b*,-c", "_all", NULL); ERR_NOT_FOUND unless told to ignore. */
int indices_resolve(struct ask *k, const char *expression, struct index_info **out, size_t *out_n,
                    struct err *e) MUST_CHECK;
const char *index_of(const struct value *labels, struct arena *a);

struct log_port {
    struct doc_port port;
    struct ask *ask;
    struct index_info *indices;
    size_t n_indices;
    doc_visit visit;
    void *arg;
    const struct value *last_labels;
    struct index_info *last;
    const struct value *mappings;
    int64_t hidden_ns;
};
int log_port_init(struct log_port *p, struct ask *k, const char *expression,
                  struct err *e) MUST_CHECK;

/* ---- api_search.c, api_write.c, api_admin.c, api_cat.c ---- */
int api_search(struct ask *k, struct err *e);
int api_count(struct ask *k, struct err *e);
int api_msearch(struct ask *k, struct err *e);
int api_scroll(struct ask *k, struct err *e);
int api_pit(struct ask *k, struct err *e);
int api_doc(struct ask *k, struct err *e);
int api_mget(struct ask *k, struct err *e);
int api_bulk(struct ask *k, struct err *e);
int api_index(struct ask *k, struct err *e);
int api_mapping(struct ask *k, struct err *e);
int api_field_caps(struct ask *k, struct err *e);
int api_settings(struct ask *k, struct err *e);
int api_named(struct ask *k, struct err *e);
int api_data_stream(struct ask *k, struct err *e);
int api_health(struct ask *k, struct err *e);
int api_cat(struct ask *k, struct err *e);
