/* rest_int.h - shared by the files that read and write single objects. */
#pragma once
#include "api/managed.h"
#include "apiserver/apiserver_int.h"

int rest__load(struct call *c, const struct served *k, const char *ns, const char *name,
               struct entry **out);
struct value *rest__tree(struct call *c, const struct served *k, struct result *r);
/* ERR_INVALID with the text when strictness refuses; warnings otherwise. */
int rest__strict(struct call *c, const struct strict_errors *found, const char **out);
const char *rest__uid(struct arena *a);
const char *rest__suffix(struct arena *a); /* five random letters, as generateName's */
const char *rest__now(struct call *c);
int rest__own(struct call *c, const struct served *k, const char *sub, const struct value *live,
              struct value *obj);
void rest__warn(struct call *c, const struct served *k, const struct value *obj,
                const struct value *old);
/* ERR_CONFLICT, ERR_EXISTS and ERR_NOT_FOUND come without a refusal. */
int rest__store(struct call *c, const struct served *k, struct value *obj, const char *key,
                uint64_t expect, struct result *out);
int rest__create_decoded(struct call *c, const struct served *k, const char *ns, struct value *obj,
                         bool owned, struct result *out);
/* Removes the entry when its revision is `expect`. ERR_CONFLICT and ERR_NOT_FOUND come without a
 * refusal. */
int rest__remove(struct call *c, const struct served *k, const char *key, struct value *obj,
                 uint64_t expect, uint64_t *out_rv);
