/* build_int.h - a build while it runs. */
#pragma once
#include <pthread.h>

#include "base/buf.h"
#include "base/map.h"
#include "blob/digest.h"
#include "build/build.h"
#include "build/containerfile.h"
#include "build/view.h"
#include "build/words.h"

enum { STAGES_MAX = 256, LAYERS_MAX = 256, BUILD_ARENA_MAX_BYTES = 1 << 30 };

/* A file system: layers, lowest first. The list is never written again: adding copies. */
struct layers {
    struct image_layer *list;
    size_t n;
};

struct stage {
    const char *name; /* AS …, or its number */
    unsigned index, line;
    const char *base; /* as written in FROM, expanded */
    const char *platform;
    size_t first, end; /* instructions behind FROM */
    bool needed;
    enum { STAGE_IDLE, STAGE_BUSY, STAGE_DONE, STAGE_FAILED } state; /* under the solve's lock */
    /* what the instructions so far made: */
    struct layers layers;
    struct value *config; /* the image configuration's "config" */
    struct value *doc;    /* the rest of the base image's document */
    struct value *history;
    struct map args;     /* declared ones, name -> value or NULL */
    struct arena *arena; /* what it is made of, when a thread of its own made it */
    int64_t created_ms;  /* of the newest layer: the same inputs give the same image */
    bool cmd_set;
};

/* What the threads of a build share. */
struct solve {
    pthread_mutex_t lock; /* of all that follows, and of calls of the options' functions */
    pthread_cond_t changed;
    unsigned slots;      /* threads that may still work */
    struct map claims;   /* keys of layers that are being made */
    const char *scratch; /* a folder of this build's own, NULL until something needs one */
    int scratch_lock;
    unsigned serial; /* of folders in it */
    unsigned steps, step, cached;
    bool parallel;
    int rc; /* of the first stage that failed, and why */
    struct err why;
};

/* A build as one of its threads sees it: a copy, but for the arena and what is at hand. */
struct build {
    struct solve *solve;
    const struct build_opts *opts;
    struct image_store *images;
    struct arena *arena;
    const char *context; /* folder, NULL: there is none */
    const char **ignore;
    size_t n_ignore;
    struct containerfile file;
    struct stage *stages; /* STAGES_MAX of them; all threads' own */
    size_t n_stages;
    struct map globals; /* ARGs before the first FROM */
    int64_t epoch;      /* < 0: none */
    const char *os, *arch, *variant, *platform;
    /* the instruction at hand: */
    const struct stage *at_stage;
    const struct instruction *at;
    unsigned step;
    bool hit;          /* its layer was known */
    const char *claim; /* the key that nobody else may make a layer for */
};

/* ---- build.c ---- */
void build__event(struct build *b, enum build_event_kind kind, const char *text, size_t n,
                  int64_t took_ms);
/* "Containerfile:7: …", ERR_INVALID. */
/* OS, architecture and variant ("") of "os/arch[/variant]". */
const char *const *build__platform_parts(struct arena *a, const char *platform);
int build__refuse(struct build *b, struct err *e, const char *fmt, ...) PRINTF(3, 4);
/* Puts the place in front of an error. */
int build__wrap(struct build *b, int rc, struct err *e);
/* A new empty folder below scratch. */
int build__folder(struct build *b, const char *what, const char **out, struct err *e) MUST_CHECK;
/* The folders of layers, unpacked: who asks has something to do. */
int build__dirs(struct build *b, const struct layers *l, struct view_layers *out,
                struct err *e) MUST_CHECK;

/* ---- stages.c ---- */
int stages__plan(struct build *b, struct err *e) MUST_CHECK;
/* A stage before `before` by name or number; NULL when there is none. */
struct stage *stages__find(struct build *b, const char *name, unsigned before);
/* Does what its instructions say, one after the other. */
int stages__evaluate(struct build *b, struct stage *s, struct err *e) MUST_CHECK;
/* The file system that --from names: stage, named context (then *dir) or image. */
int stages__from(struct build *b, struct stage *s, const char *name, struct layers *out,
                 const char **dir, struct err *e) MUST_CHECK;

/* ---- solve.c: the stages, side by side ---- */
/* All that the target needs. */
int solve__run(struct build *b, struct stage *target, struct err *e) MUST_CHECK;
/* Evaluates a stage unless it is done, or waits for who does. */
int solve__stage(struct build *b, struct stage *s, struct err *e) MUST_CHECK;
/* Whether there is no point in going on. */
bool solve__stopped(struct build *b);

/* ---- variables ---- */
struct variables stage__variables(struct build *b, struct stage *s);
int stage__expand(struct build *b, struct stage *s, const char *word, const char **out,
                  struct err *e) MUST_CHECK;
const char *stage__env(const struct stage *s, const char *name);
/* Environment of a RUN: the image's, then arguments that do not hide it, then PATH. */
const char **stage__environment(struct build *b, struct stage *s);
const char *stage__workdir(const struct stage *s);

/* ---- config.c: instructions that change only the configuration ---- */
int config__apply(struct build *b, struct stage *s, const struct instruction *i,
                  struct err *e) MUST_CHECK;
void config__history(struct build *b, struct stage *s, const char *created_by, bool empty);

/* ---- cache.c ---- */
struct key {
    struct digest_state hash;
};
void key_init(struct key *k, const char *what);
void build__key_add(struct key *k, const char *text); /* NULL and "" differ */
void build__key_add_bytes(struct key *k, const void *bytes, size_t n);
void build__key_add_layers(struct key *k, const struct layers *l);
void key_text(struct key *k, char out[DIGEST_MAX]);
/* A layer and when it was made. */
struct made {
    struct image_layer layer;
    int64_t ms;
};
bool cache__get(struct build *b, const char *key, struct made *out);
/* The same, but waits while another stage makes it; on false the step at hand is to make it, and
 * others wait for that step's end. */
bool cache__claim(struct build *b, const char *key, struct made *out);
void cache__release(struct build *b);
int cache__put(struct build *b, const char *key, const struct made *m, struct err *e) MUST_CHECK;

/* ---- operations that make a layer ---- */
int copy__apply(struct build *b, struct stage *s, const struct instruction *i,
                struct err *e) MUST_CHECK;
int run__apply(struct build *b, struct stage *s, const struct instruction *i,
               struct err *e) MUST_CHECK;
int workdir__apply(struct build *b, struct stage *s, const struct instruction *i,
                   struct err *e) MUST_CHECK;
/* Appends the layer and its line of history. */
int stage__push(struct build *b, struct stage *s, const struct made *m, const char *created_by,
                struct err *e) MUST_CHECK;
/* Packs an overlay's upper folder and moves it to the layers. */
int stage__pack(struct build *b, const char *upper, struct made *out, struct err *e) MUST_CHECK;

/* ---- users.c ---- */
struct user {
    uint32_t uid, gid;
    uint32_t groups[64];
    size_t n_groups;
};
/* "name", "1000", "name:group", …, looked up in the root's /etc/passwd and /etc/group. */
int user_find(int root, const char *text, struct user *out, struct err *e) MUST_CHECK;

/* ---- tree.c: files chosen from a folder, to be hashed and copied ---- */
struct tree_source {
    int root;                  /* folder to choose from */
    const char *const *ignore; /* .dockerignore's patterns; NULL: all */
    size_t n_ignore;
    const char *const *exclude;
    size_t n_exclude;
    bool keep_owner;
};

struct tree_item {
    const char *path; /* below the source's root */
    const char *sub;  /* below what was named; "" for that itself */
    mode_t mode;
    uint32_t uid, gid;
    uint64_t size;
    struct timespec mtime;
    const char *link;
};

struct tree {
    const char *name; /* the last part of what was named */
    const char *path;
    bool is_dir;
    struct tree_item *items; /* parents before children */
    size_t n;
};

/* What a pattern names: several trees when it has wildcards. ERR_NOT_FOUND when a plain name is not
 * there. */
int tree_choose(const struct tree_source *from, const char *pattern, struct arena *a,
                struct tree **out, size_t *n, struct err *e) MUST_CHECK;
int tree_hash(const struct tree_source *from, const struct tree *t, struct key *k,
              struct err *e) MUST_CHECK;

struct tree_target {
    int root;
    const char *path; /* folder (of a folder's content) or file to write, below root */
    bool set_owner;
    uint32_t uid, gid;
    const char *chmod; /* "755", "u+x,go-w"; NULL: as it is */
};
int tree_copy(const struct tree_source *from, const struct tree *t, const struct tree_target *to,
              struct err *e) MUST_CHECK;
/* mkdir -p below root; new folders get the owner. */
int tree_mkdirs(int root, const char *path, uint32_t uid, uint32_t gid, struct err *e) MUST_CHECK;
/* The mode that a chmod text makes of `mode`. */
int tree_chmod(const char *text, mode_t mode, bool is_dir, mode_t *out, struct err *e) MUST_CHECK;
