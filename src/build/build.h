/* build.h - a Containerfile becomes an image.
 *
 * Model      The Containerfile is parsed (containerfile.h), turned into a graph of operations,
 *            and solved: each operation has a cache key that is a pure function of its inputs'
 *            content, and is run only when no layer is known for the key. RUN happens in a fenced
 *            container on an overlay whose upper directory becomes the layer. Only stages that
 *            the target needs are built.
 * Guarantees The same inputs give the same layers where the commands themselves do. Secrets reach
 *            no layer, key, event or argument list. The image is kept by `lease` and by the tags
 *            asked for, nothing else: it is not in the registry until it is tagged.
 *            What two stages need both is made once.
 * Threads    Any number of builds side by side. A build makes stages that do not need each other at
 *            the same time, as many as there are processors; what it calls, it calls one at a time.
 */
#pragma once
#include "oci/images.h"

struct runtime;
struct podnet;

enum build_network { BUILD_NETWORK_DEFAULT, BUILD_NETWORK_HOST, BUILD_NETWORK_NONE };

struct build_secret {
    const char *id;
    const void *bytes;
    size_t n;
};

struct build_ssh {
    const char *id;     /* "default" where RUN names none */
    const char *socket; /* of an ssh agent on this machine */
};

struct build_context {
    const char *name;  /* for COPY --from=name and FROM name */
    const char *dir;   /* a folder, or NULL */
    const char *image; /* or an image reference */
};

enum build_event_kind {
    BUILD_STEP_STARTED,
    BUILD_STEP_CACHED,
    BUILD_STEP_OUTPUT, /* text: some bytes of a RUN's output or a pull's progress; whole lines
                          where stages are parallel */
    BUILD_STEP_DONE,
    BUILD_STEP_FAILED, /* text: why */
    BUILD_WARNING,
};

struct build_event {
    enum build_event_kind kind;
    unsigned step, steps; /* 1-based */
    const char *stage;    /* its name or number */
    bool parallel;        /* others may be built meanwhile */
    const char *name;     /* "RUN make -j4" */
    unsigned line;        /* in the Containerfile */
    const char *text;
    size_t text_len;
    int64_t took_ms;
};
typedef void (*build_on_event)(void *arg, const struct build_event *event);

struct build_opts {
    struct image_store *images;
    struct runtime *runtime; /* runs RUN, and is watched; NULL: RUN is refused */
    struct podnet *net;      /* RUN's way out; NULL: the host's own network */
    const char *scratch;     /* folder for work in progress; NULL: images' FOLDER/build */

    const char *context_dir; /* a folder … */
    const char *context_tar; /* … or a tar file, plain or compressed … */
    int context_fd;          /* … or, when has_context_fd, a stream of one */
    bool has_context_fd;
    const char *containerfile;      /* path in the context; NULL: Containerfile, then Dockerfile */
    const char *containerfile_text; /* the text itself instead, or NULL */

    const char *target;             /* stage; NULL: the last */
    const char *const *build_args;  /* "NAME=value", NULL-terminated, or NULL */
    const char *const *labels;      /* "NAME=value", NULL-terminated, or NULL */
    const char *const *annotations; /* of the manifest, likewise */
    const char *const *tags;        /* references, NULL-terminated, or NULL */
    const struct build_secret *secrets;
    size_t n_secrets;
    const struct build_ssh *ssh; /* agents for RUN --mount=type=ssh */
    size_t n_ssh;
    const struct build_context *contexts;
    size_t n_contexts;
    const char *platform; /* NULL: this machine's */
    bool fenced; /* what ADD names is a stranger's word: nothing of this machine's own network */
    enum build_network network;    /* of RUN; default: `net` where there is one */
    const struct image_auth *auth; /* for base images, or NULL */
    bool pull;                     /* ask registries even for base images that are here */
    bool no_cache;
    bool only_cached; /* ERR_AGAIN where there is something to do */
    bool has_epoch;
    int64_t epoch;                /* SOURCE_DATE_EPOCH; without it, times are the build's */
    const char *lease;            /* keeps the result; NULL: "build/<digest>" */
    const char *owner;            /* cgroup and label of containers, for the operator; or NULL */
    bool (*cancelled)(void *arg); /* asked now and then; or NULL */
    build_on_event on_event;      /* or NULL */
    void *arg;
};

struct build_result {
    char digest[DIGEST_MAX];        /* of the manifest */
    char config_digest[DIGEST_MAX]; /* the image ID */
    unsigned steps, cached;
};

/* ERR_INVALID: the Containerfile is wrong ("Containerfile:7: …") or a command failed. */
int build_run(const struct build_opts *o, struct build_result *out, struct err *e) MUST_CHECK;

/* Removes the containers of builds that died with an earlier process, and their addresses in `net`
 * (or NULL). Call once, when the runtime is watched and before building. */
int build_recover(struct runtime *runtime, struct podnet *net, struct err *e) MUST_CHECK;

/* Forgets what no build used for so long (0: all); the layers go when they are collected. */
int build_cache_prune(struct image_store *images, int64_t unused_ms, size_t *out,
                      struct err *e) MUST_CHECK;
