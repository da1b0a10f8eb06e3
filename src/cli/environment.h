/* environment.h - a folder of configuration, of this machine, of a commit or of elsewhere, as
 * objects.
 *
 * Model      Elsewhere is what Kustomize takes for a URL of a repository
 * ("https://host/o/r//dir?ref=v1"), or a chart: "oci://host/charts/web",
 * "https://host/web-1.2.3.tgz". It is fetched as the command's user, with their logins, for as long
 * as the state is there.         */
#pragma once
#include "cli/kustomize_remote.h"
#include "cli/options.h"
#include "render/environments.h"
#include "render/render.h"

struct repo;

/* What the person gave, for all environments alike. */
struct environment_opts {
    const char *namespace, *release; /* of charts; NULL: "default", the chart's folder */
    struct option_list values;       /* files of values for charts, as seen from here */
    struct option_list sets;         /* NAME=VALUE for charts */
    const char *version;             /* of a chart of elsewhere; NULL: the newest */
    bool all;                        /* every environment below the folder, not the folder itself */
};

/* One state of the folder. */
struct environment_state {
    struct cli_remote remote; /* what it names by URL */
    bool elsewhere;           /* it is not of this machine: */
    const char *chart;        /* and is the chart of this name; NULL: a repository */
    struct tree *here;        /* this machine's files, for values; only with `elsewhere` */
    struct tree *tree;  /* files that SOPS encrypted read as they were, with the person's keys */
    struct tree *files; /* as they are */
    struct repo *repo;  /* of a commit; NULL: the files as they are now */
    const char *root; /* of the tree, on this machine: "/" or the work tree, without a last slash */
    const char *dir;  /* the folder, in the tree */
    const char *label; /* "work tree", or the start of the commit */
    int64_t now_ns;    /* what charts take for the time */
};

void environment_state_done(struct environment_state *s);
#define AUTO_STATE __attribute__((cleanup(environment_state_done)))

/* `revision` NULL: the files as they are now. */
int environment_state(const char *folder, const char *revision, const struct environment_opts *o,
                      struct arena *a, struct environment_state *out, struct err *e) MUST_CHECK;

/* Whether it would be fetched. */
bool environment_is_elsewhere(const char *folder);

/* Files that SOPS encrypted read as they were, with the person's keys; borrows `files`. */
struct tree *environment_decrypting(struct tree *files);

int environment_list(const struct environment_state *s, const struct environment_opts *o,
                     struct arena *a, struct environment **out, size_t *n,
                     struct err *e) MUST_CHECK;

int environment_render(struct environment_state *s, const struct environment *env,
                       const struct environment_opts *o, struct arena *a, struct render_result *out,
                       struct err *e) MUST_CHECK;
