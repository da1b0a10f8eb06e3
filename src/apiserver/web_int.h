/* web_int.h - the HTTP shell: a request and what it is answered with. */
#pragma once
#include "apiserver/apiserver_int.h"

enum media_as { MEDIA_OBJECT, MEDIA_TABLE, MEDIA_PARTIAL, MEDIA_PARTIAL_LIST };

struct media {
    enum media_as as;
    bool yaml, pretty, mismatch;
    const char *as_version; /* "v1", "v1beta1" */
};

struct web {
    struct call call;
    struct http_request *q;
    struct media media;
    struct target t;
    int status; /* answered with */
};

/* ---- http.c ---- */
bool web__target(const char *raw_path, struct arena *a, struct target *t);

/* ---- params.c: query and bodies ---- */
bool web__truth(const char *text);
int web__list_opts(struct web *w, struct list_opts *o);
int web__write_opts(struct web *w, const struct served *k, const char *kind);
int web__delete_opts(struct web *w, struct delete_opts *o);
int web__body(struct web *w, struct value **out);
int web__patch_type(struct web *w, const struct served *k, enum patch_type *out);
int web__patch_body(struct web *w, const struct served *k, enum patch_type type,
                    struct value **out);

/* ---- encode.c: answers ---- */
int web__negotiate(struct web *w, bool listing, bool watching);
int web__check_include(struct web *w); /* what a table's rows shall hold */
void web_refuse(struct web *w);
void web_send_value(struct web *w, int status, struct value *v);
void web_send_text(struct web *w, int status, const char *text);
void web_send_result(struct web *w, const struct served *k, int status, struct result *r);
void web_send_list(struct web *w, const struct served *k, const struct listing *l);
void web_warnings(struct web *w);
/* An object as a Table or PartialObjectMetadata, or itself. */
struct value *encode__as(struct web *w, const struct served *k, struct value *obj, bool headers);

/* ---- watch_http.c ---- */
int web_watch(struct web *w, const struct served *k, const char *ns, const struct list_opts *o);

/* ---- discovery.c, openapi_http.c ---- */
bool web_discovery(struct web *w); /* false: there is nothing at this path */

/* ---- subs.c, scale.c, streams.c ---- */
int subs_scale(struct web *w, const struct served *k);
/* ERR_UNSUPPORTED without a refusal: no such subresource. */
int subs_other(struct web *w, const struct served *k);
int streams_serve(struct web *w, const struct served *k);
/* What is known of a pod that is deleted; NULL: nothing is. */
struct object *streams_past(const struct web *w);
