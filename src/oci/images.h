/* images.h - every image of this machine: registry, build cache and node image store at once.
 *
 * Model      Images are OCI manifests in the blob store; names (tags) are references in
 *            blob/refs.h. Each layer is unpacked once into FOLDER/layers/<diff id>/, ready to
 *            be a read-only overlay lower directory (whiteouts as overlayfs wants them).
 *            Hosts in `local_hosts` mean this store itself: "slipway.local/a:1" and
 *            "127.0.0.1:5000/a:1" are the same image, and no network is used for them. All other
 *            hosts are pulled from, through mirrors where there are any.
 * Guarantees A name points only at an image that is whole. A layer directory is whole or not
 *            there. Nothing in use (tag, lease, or held by image_store_hold) is collected.
 * Threads    Any; pulls of the same image are done once.
 * Lifetime   Answers live in the arena given.                                             */
#pragma once
#include "blob/blob.h"
#include "blob/refs.h"
#include "codec/value.h"

struct image_store;

#define IMAGES_LOCAL_HOST "slipway.local"

struct image_mirror {
    const char *host; /* "docker.io"; "*" for every remote host */
    const char *url;  /* "https://mirror.example.com" or with a path prefix "/v2/…" left out */
    bool insecure;    /* plain HTTP or unverified TLS */
};

struct image_alias {
    const char *from; /* a reference or, ending in "/", a prefix of one: "docker.io/library/" */
    const char *to;
};

struct image_store_opts {
    const char *folder;             /* DIR: blobs/, layers/, refs.log are below */
    const char *const *local_hosts; /* NULL-terminated, besides IMAGES_LOCAL_HOST */
    const struct image_mirror *mirrors;
    size_t n_mirrors;
    const struct image_alias *aliases; /* first match wins; asked before all else */
    size_t n_aliases;
    const char *const *insecure_hosts; /* plain HTTP allowed; localhost always is */
    const char *platform;              /* "linux/amd64"; NULL: this machine's */
};

/* Where images of other hosts come from, as people write it: "HOST=URL" and "FROM=TO", each list
 * ended by NULL or NULL itself. Fills the mirrors and aliases of `o`. */
int image_sources_read(const char *const *mirrors, const char *const *aliases, struct arena *a,
                       struct image_store_opts *o, struct err *e) MUST_CHECK;

int image_store_open(const struct image_store_opts *o, struct image_store **out,
                     struct err *e) MUST_CHECK;
void image_store_free(struct image_store *s);
AUTO_DEFINE(image_store)

struct blob_store *image_store_blobs(struct image_store *s);
struct refs *image_store_refs(struct image_store *s);
const char *image_store_folder(const struct image_store *s);
/* One more name for this store, e.g. the pod bridge's "10.88.0.1:5000". */
void image_store_add_local_host(struct image_store *s, const char *host);
bool image_store_is_local(struct image_store *s, const char *host);

enum image_policy { IMAGE_IF_NOT_PRESENT, IMAGE_ALWAYS, IMAGE_NEVER };

/* Credentials for the image's host; all NULL: anonymous. */
struct image_auth {
    const char *user, *password;
    const char *token; /* a registry bearer or identity token */
};

struct image {
    const char *reference;    /* canonical, after aliases */
    const char *digest;       /* of the manifest of this platform */
    const char *index_digest; /* of the index it was found through, or NULL */
    const char *media_type;
    const char *config_digest;  /* the image ID */
    const struct value *config; /* the whole configuration document */
    const struct value *manifest;
    const char *const *layer_dirs; /* lowest first; set by ensure */
    const char *const *diff_ids;
    size_t n_layers;
    uint64_t size; /* bytes of configuration and layers as stored */
};

/* Calls come one at a time, perhaps from a thread of the store's while its caller waits. */
typedef void (*image_progress)(void *arg, const char *line);

struct image_ensure_opts {
    enum image_policy policy;
    const struct image_auth *auth; /* or NULL */
    const char *platform;          /* or NULL: the store's */
    image_progress progress;       /* or NULL */
    void *progress_arg;
};

/* The image, present and unpacked. ERR_NOT_FOUND: no such image; ERR_AGAIN: the registry cannot
 * be reached; ERR_UNAUTHENTICATED, ERR_DENIED: the registry refuses. `o` may be NULL. */
int image_store_ensure(struct image_store *s, const char *reference,
                       const struct image_ensure_opts *o, struct arena *a, struct image *out,
                       struct err *e) MUST_CHECK;

/* The image from what is here, not unpacked (layer_dirs NULL). Takes references and digests. */
int image_store_find(struct image_store *s, const char *reference, struct arena *a,
                     struct image *out, struct err *e) MUST_CHECK;
/* The digest that a reference stands for here, whatever it is: an image, an index, a signature. */
int image_store_digest(struct image_store *s, const char *reference, struct arena *a,
                       const char **out, struct err *e) MUST_CHECK;
/* Unpacks the layers of an image that was found, and sets layer_dirs. */
int image_store_unpack(struct image_store *s, struct image *image, struct arena *a,
                       struct err *e) MUST_CHECK;

/* Names a manifest or index that is in the store; it and all it refers to become pullable from
 * the registry when the host is local. */
int image_store_tag(struct image_store *s, const char *reference, const char *digest,
                    struct err *e) MUST_CHECK;
/* The same, but ERR_EXISTS when the name stands for another digest. */
int image_store_tag_once(struct image_store *s, const char *reference, const char *digest,
                         struct err *e) MUST_CHECK;
int image_store_untag(struct image_store *s, const char *reference, struct err *e) MUST_CHECK;
/* Only while it names `digest`; 0 also when it names another by now, or is gone. */
int image_store_untag_if(struct image_store *s, const char *reference, const char *digest,
                         struct err *e) MUST_CHECK;

struct image_name {
    const char *reference;
    const char *digest;
    int64_t set_ms;
};
size_t image_store_list(struct image_store *s, struct arena *a, struct image_name **out);

/* Stores a manifest (its blobs must be here) under its digest and keeps it by the lease, to which the
 * digest is added when it ends in "/". */
int image_store_put_manifest(struct image_store *s, const char *media_type, const char *json,
                             size_t n, const char *lease, char out_digest[DIGEST_MAX],
                             struct err *e) MUST_CHECK;
/* A lease keeps a digest and all it refers to until dropped. */
int image_store_lease(struct image_store *s, const char *lease, const char *digest,
                      struct err *e) MUST_CHECK;
int image_store_unlease(struct image_store *s, const char *lease, struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND when there is no such lease. */
int image_store_leased(struct image_store *s, const char *lease, char out_digest[DIGEST_MAX],
                       struct err *e) MUST_CHECK;
/* What all leases keep, NULL-terminated. */
const char *const *image_store_leases(struct image_store *s, struct arena *a);
/* The manifests that an index names, NULL-terminated; of an image none. NULL: it is neither, but
 * a chart, say, or cannot be read. */
const char *const *image_store_children(struct image_store *s, const char *digest, struct arena *a);

/* A digest that is kept while this process uses it: running containers. Counted. */
void image_store_hold(struct image_store *s, const char *digest);
void image_store_release(struct image_store *s, const char *digest);

/* Pushes what `reference` or a digest names here to another registry; blobs that are there
 * already are not sent. To a local host it is image_store_tag(). */
int image_store_push(struct image_store *s, const char *source, const char *target,
                     const struct image_auth *auth, image_progress progress, void *progress_arg,
                     struct err *e) MUST_CHECK;

/* Manifests whose subject is `digest` in a local repository: signatures, attestations, SBOMs.
 * Attach stores one and indexes it; returns its digest. */
int image_store_attach(struct image_store *s, const char *repository_path, const char *media_type,
                       const char *json, size_t n, char out_digest[DIGEST_MAX],
                       struct err *e) MUST_CHECK;
/* An index document of all referrers, as the registry answers it. artifact_type NULL: all. */
struct value *image_store_referrers(struct image_store *s, const char *repository_path,
                                    const char *digest, const char *artifact_type, struct arena *a);

/* Takes a manifest out of a local repository, with its tags and its place among referrers.
 * ERR_NOT_FOUND when it is not there. Its bytes go when they are collected. */
int image_store_forget(struct image_store *s, const char *repository_path, const char *digest,
                       struct err *e) MUST_CHECK;
/* The same for every manifest of a local repository that no tag, lease or hold reaches, that
 * refers to nothing that is reached, and that came before `before_ms`. *out: how many. */
int image_store_forget_untagged(struct image_store *s, int64_t before_ms, size_t *out,
                                struct err *e) MUST_CHECK;

struct image_gc_result {
    size_t blobs, layers;
    uint64_t bytes;
};
/* Removes what no tag, lease or hold reaches and is older than `grace_ms`. Serves meanwhile. */
int image_store_collect(struct image_store *s, int64_t grace_ms, struct image_gc_result *out,
                        struct err *e) MUST_CHECK;

struct image_check_result {
    size_t blobs, manifests, names, bad;
    uint64_t bytes;
};
struct image_check_opts {
    void (*report)(void *arg, const char *line); /* of what is wrong */
    void (*progress)(void *arg, const struct image_check_result *so_far); /* or NULL */
    void *arg;
};
/* Reads every blob and follows every name: is each what it says, and what it needs here? Serves
 * meanwhile. 0 also when something is wrong: out->bad counts it. */
int image_store_check(struct image_store *s, const struct image_check_opts *o,
                      struct image_check_result *out, struct err *e) MUST_CHECK;

/* ---- a single-image helper for those who make images ---- */

struct image_layer {
    char digest[DIGEST_MAX];  /* of the compressed blob */
    char diff_id[DIGEST_MAX]; /* of the tar */
    uint64_t size;
    const char *media_type;
};

struct image_layer_opts {
    int64_t epoch;      /* times later than this are clamped to it; < 0: kept */
    bool whiteouts;     /* the folder is an overlay upper directory */
    bool adopt;         /* the folder itself becomes the unpacked layer: it is moved away */
    const char *prefix; /* put below this path in the layer, or NULL; not with adopt */
};
/* Packs a folder into a deterministic gzip layer, and (when it is new) unpacks it for use. */
int image_layer_pack(struct image_store *s, const char *folder, const struct image_layer_opts *o,
                     struct image_layer *out, struct err *e) MUST_CHECK;

/* `config`: the configuration document without rootfs, which is set from the layers. */
int image_store_assemble(struct image_store *s, struct arena *a, struct value *config,
                         const struct image_layer *layers, size_t n_layers,
                         const struct value *annotations, const char *lease,
                         char out_digest[DIGEST_MAX], struct err *e) MUST_CHECK;

/* The unpacked layer's folder, unpacked now when it is not. */
int image_layer_dir(struct image_store *s, const struct image_layer *l, struct arena *a,
                    const char **out, struct err *e) MUST_CHECK;
/* Puts an archive (plain, gzip or zstd) into a folder; nothing in it leads outside. ERR_INVALID
 * when it is no archive. */
int image_extract(int archive_fd, int folder_fd, struct err *e) MUST_CHECK;
struct source;
int image_extract_from(struct source *tar, int folder_fd, struct err *e) MUST_CHECK;
