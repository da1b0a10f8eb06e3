/* subs_int.h - subresources, for the HTTP shell and for the port in the process. */
#pragma once
#include "apiserver/web_int.h"

int scale__get(struct call *c, const struct served *k, const char *ns, const char *name,
               struct value **out);
int scale__put(struct call *c, const struct served *k, const char *ns, const char *name,
               struct value *body, struct value **out);
int scale__patch(struct call *c, const struct served *k, const char *ns, const char *name,
                 enum patch_type type, struct value *body, struct value **out);
int subs__bind(struct call *c, const char *ns, const char *name, struct value *binding);
int subs__evict(struct call *c, const char *ns, const char *name, struct value *eviction);
int subs__finalize(struct call *c, const char *name, struct value *obj, struct result *out);
int subs__token(struct call *c, const char *ns, const char *name, struct value *request,
                struct value **out);
int subs_not_allowed(struct web *w);
