/* host.h - serve bare repositories over Git's smart HTTP protocol.
 *
 * Model      GET and POST <prefix><repository>.git/… . Who asks is settled by a port
 *            (authenticate), what they may do by another (authorize); the pack work is done
 *            by `git http-backend`, spawned per request. A push is judged here, after its
 *            objects have arrived in quarantine and before any ref moves: rights on refs, and
 *            for identities limited to paths, every path that the push changes.
 * Guarantees A refused push leaves nothing behind and tells the pusher which path or ref was
 *            refused. A repository that the identity may not read looks absent. Names are
 *            checked: nothing outside the root is reached. Requests are spooled to an unnamed
 *            file, so that a slow client holds no git process.
 * Threads    host_handle() on any; callbacks are called on the request's thread.          */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/own.h"
#include "net/http_server.h"

struct host;

enum host_role { HOST_NONE, HOST_READ, HOST_WRITE, HOST_ADMIN };

struct host_identity {
    const char *user;          /* "system:anonymous" and the like included; never NULL */
    const char *const *groups; /* NULL-terminated, or NULL */
};

/* Write: branches and tags, but the default branch is neither deleted nor rewritten.
 * Admin: everything. With `paths` a push must be a fast-forward, and everything it changes must
 * match one of the globs. */
struct host_grant {
    enum host_role role;
    const char *const *paths; /* NULL-terminated; NULL: every path */
};

struct host_ref_change {
    const char *ref;
    const char *old_sha, *new_sha; /* 40 zeros: absent */
};

struct host_push {
    const char *repository; /* "shop-app" */
    const char *user;
    const struct host_ref_change *changes;
    size_t n;
};

struct host_opts {
    const char *root;   /* folder of <repository>.git */
    const char *prefix; /* "/git/" */
    /* `authorization`: the header, or NULL. ERR_UNAUTHENTICATED makes the client ask its user. */
    int (*authenticate)(void *arg, const char *authorization, struct arena *a,
                        struct host_identity *out, struct err *e);
    int (*authorize)(void *arg, const struct host_identity *who, const char *repository,
                     struct arena *a, struct host_grant *out, struct err *e);
    /* After the refs have moved and before the client is told. NULL: nobody cares. */
    void (*pushed)(void *arg, const struct host_push *push);
    void *arg;
    size_t max_push_bytes; /* 0: 1 GiB */
};

int host_new(const struct host_opts *opts, struct host **out, struct err *e) MUST_CHECK;
void host_free(struct host *h);
AUTO_DEFINE(host)

/* An http_handler; `host` is a struct host. */
void host_handle(struct http_request *q, void *host);

/* "user" and "password" of a Basic header, or false. */
bool host_basic(const char *authorization, struct arena *a, const char **user,
                const char **password);
/* The token of a Bearer header, or a Basic header's password; NULL when there is none. */
const char *host_token(const char *authorization, struct arena *a);

/* Letters, digits, '.', '_' and '-', at most one '/', not ".git" and no leading '.' or '-'. */
bool host_name_valid(const char *repository);
