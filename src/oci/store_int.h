/* store_int.h - what the files of oci/ share.
 *
 * Names in refs.log:
 *     t/HOST/PATH:TAG      -> manifest or index
 *     m/PATH@DIGEST        -> a manifest of local repository PATH; the note is its media type
 *     b/PATH@DIGEST        -> a blob of local repository PATH
 *     r/PATH@SUBJECT/DIGEST-> a manifest of PATH whose subject is SUBJECT
 *     u/PATH               the repository is a copy; the note says of what
 *     l/LEASE              -> whatever the lease keeps                                     */
#pragma once
#include "base/map.h"
#include "base/thread.h"
#include "oci/images.h"
#include "oci/manifest.h"
#include "oci/reference.h"

struct image_store {
    char *folder, *layers;
    char *platform;
    char boot_id[64];
    struct blob_store *blobs;
    struct refs *refs;
    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed; /* somebody finished what `busy` names */
    struct map local_hosts; /* host -> itself */
    struct map held;        /* digest -> count */
    struct map busy;        /* digest or diff id being pulled or unpacked -> itself */
    struct arena *memory;   /* of the options below */
    struct image_mirror *mirrors;
    size_t n_mirrors;
    struct image_alias *aliases;
    size_t n_aliases;
    const char **insecure_hosts;
};

/* One thread works on `key` at a time. False: somebody else did meanwhile: look again. */
bool store__begin(struct image_store *s, const char *key);
void store__end(struct image_store *s, const char *key);


/* After aliases; a local host becomes IMAGES_LOCAL_HOST. */
int store__resolve(struct image_store *s, const char *text, struct arena *a, struct reference *out,
                   struct err *e) MUST_CHECK;
char *store__tag_name(const struct reference *r, struct arena *a);

/* Fills an image from a manifest or, through it, from an index that is in the store. */
int store__load(struct image_store *s, const char *digest, const char *platform, struct arena *a,
                struct image *out, struct err *e) MUST_CHECK;

/* FOLDER/layers/<32 hex> of a diff id. */
char *layer__folder(const struct image_store *s, const char *diff_id, struct arena *a);
bool layer__ready(struct image_store *s, const char *diff_id);

/* The unpacked layers below one, lowest first. */
struct lowers {
    const char *const *dirs;
    size_t n;
};

/* Unpacks a layer blob unless it is there; ERR_INVALID when the tar has another diff id. `below`
 * may be NULL; where archives leave out a folder, it is made as it is there. */
int layer__ensure(struct image_store *s, const char *digest, const char *diff_id,
                  const struct lowers *below, struct err *e) MUST_CHECK;

/* Moves a folder that has the layer's content to where layers are. */
int layer__adopt(struct image_store *s, const char *folder, const char *diff_id,
                 struct err *e) MUST_CHECK;

/* Adds every digest that tags, leases and holds reach. collect.c */
void collect__mark_named(struct image_store *s, struct map *digests);

/* Reads a tar into a folder as an overlay lower directory. */
struct source;
int layer__extract(struct source *from, int root_fd, const struct lowers *below,
                   struct err *e) MUST_CHECK;

/* Pulls what is missing; *out is the digest the registry answered with. client.c */
int client__pull(struct image_store *s, const struct reference *r,
                 const struct image_ensure_opts *o, struct err *e) MUST_CHECK;
