/* diff.c - render and diff: what configuration becomes, and what a change of it would change. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/application.h"
#include "cli/changes.h"
#include "cli/environment.h"
#include "cli/live.h"
#include "cli/verb.h"
#include "codec/yaml.h"

enum { RENDER, DIFF };
enum { OUTPUT_MAX = 256 << 20, TOKEN_MAX = 1 << 16 };

/* As diff, kubectl diff and argocd app diff say it. */
enum { EXIT_SAME = 0, EXIT_DIFFERS = 1, EXIT_TROUBLE = 2 };

#define ENVIRONMENT_OPTIONS(o)                                                                     \
    {"all-environments", 'A',  OPTION_FLAG,                                                        \
     &(o).all,           NULL, "each overlay and each values file below the folder"},              \
        {"values", 'f', OPTION_LIST, &(o).values, "FILE", "values of a chart; may be repeated"},   \
        {"set", 0, OPTION_LIST, &(o).sets, "NAME=VALUE", "one value of a chart; may be repeated"}, \
        {"namespace", 'n', OPTION_TEXT, &(o).namespace, "NAME", "of objects that name none"},      \
        {"version", 0, OPTION_TEXT, &(o).version, "VERSION", "of a chart at a URL (the newest)"},  \
    {                                                                                              \
        "release", 0, OPTION_TEXT, &(o).release, "NAME", "of a chart (its folder's name)"          \
    }

static int trouble(const struct err *e)
{
    (void)verb_fail(e);
    return EXIT_TROUBLE;
}

static int write_text(const struct buf *b, struct err *e)
{
    if (fwrite(buf_text(b), 1, b->len, stdout) != b->len || fflush(stdout) != 0)
        return err_set(e, ERR_SYSTEM, "standard output: %s", strerror(errno));
    return 0;
}

/* ---- render ---- */

static int print_objects(const struct render_result *r, bool secrets, struct arena *a,
                         struct buf *out, struct err *e)
{
    for (size_t i = 0; i < r->n; i++) {
        buf_puts(out, "---\n");
        yaml_print(out, secrets ? r->objects[i] : changes_masked(r->objects[i], a), 0);
    }
    return buf_check(out, e);
}

/* "overlays/prod" → "overlays-prod.yaml" */
static const char *file_of(const char *folder, const char *name, struct arena *a)
{
    char *flat = arena_strdup(a, strcmp(name, ".") == 0 ? "all" : name);
    for (char *s = flat; *s; s++)
        if (*s == '/')
            *s = '-';
    size_t n = strlen(flat);
    bool yaml = n > 5 && strcmp(flat + n - 5, ".yaml") == 0;
    return arena_printf(a, "%s/%s%s", folder, flat, yaml ? "" : ".yaml");
}

struct render_ask {
    struct environment_opts opts;
    const char *output; /* folder; NULL: standard output */
    bool secrets;
};

static int render_one(struct environment_state *s, const struct environment *env,
                      const struct render_ask *ask, bool titled, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
    AUTO_BUF struct buf b;
    struct render_result r;
    buf_init(&b, OUTPUT_MAX);
    if (titled && !ask->output)
        buf_printf(&b, "# environment: %s\n", env->name);
    int rc = environment_render(s, env, &ask->opts, a, &r, e);
    if (rc == 0)
        rc = print_objects(&r, ask->secrets, a, &b, e);
    if (rc == 0 && ask->output)
        return fs_write_atomic(file_of(ask->output, env->name, a), 0600, buf_text(&b), b.len, e);
    return rc < 0 ? rc : write_text(&b, e);
}

/* One that cannot be rendered is named, and does not hide the others. */
static int render_all(const char *folder, const char *revision, const struct render_ask *ask,
                      struct arena *a)
{
    AUTO_STATE struct environment_state s = {.tree = NULL};
    struct environment *list;
    struct err e = {0};
    size_t n, failed = 0;
    int rc = environment_state(folder, revision, &ask->opts, a, &s, &e);
    if (rc == 0)
        rc = environment_list(&s, &ask->opts, a, &list, &n, &e);
    if (rc == 0 && ask->output)
        rc = fs_mkdirs(ask->output, 0755, &e);
    if (rc < 0)
        return verb_fail(&e);
    for (size_t i = 0; i < n; i++) {
        rc = render_one(&s, &list[i], ask, n > 1, &e);
        if (rc < 0 && n > 1)
            rc = err_wrap(&e, rc, "environment %s", list[i].name);
        if (rc < 0) {
            (void)verb_fail(&e);
            failed++;
        }
    }
    return failed ? EXIT_FAILED : EXIT_OK;
}

static int run_render(int argc, char **argv)
{
    struct render_ask ask = {.output = NULL};
    const char *revision = NULL;
    const struct option table[] = {
        ENVIRONMENT_OPTIONS(ask.opts),
        {"revision",   0, OPTION_TEXT, &revision, "REV",
                    "as of this commit, not the files as they are now"},
        {"output", 'o', OPTION_TEXT, &ask.output, "FOLDER",
                    "one file an environment, instead of standard output"},
        {"show-secrets",       0, OPTION_FLAG, &ask.secrets, NULL, "print what Secrets hold"},
        {0           }
    };
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
    struct arguments args;
    int code;
    if (!verb_begin(&verbs_render[RENDER], table, argc, argv, a, &args, &code))
        return code;
    if (args.n > 1)
        return verb_usage(&verbs_render[RENDER]);
    return render_all(args.n ? args.items[0] : ".", revision, &ask, a);
}

/* ---- diff ---- */

struct diff_ask {
    struct environment_opts opts;
    struct application_ask application;
    const char *kubeconfig, *token_file;
    long context;
    bool colour;
    struct kube *kube; /* NULL: two states are compared */
    struct changes_count count;
};

static const struct environment *named(const struct environment *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i].name, name) == 0)
            return &list[i];
    return NULL;
}

static int print_changes(struct diff_ask *ask, const struct changes *c, const char *before,
                         const char *after, struct arena *a, struct err *e)
{
    AUTO_BUF struct buf b;
    struct changes_look look = {before, after, (unsigned)ask->context, ask->colour};
    buf_init(&b, OUTPUT_MAX);
    int rc = changes_print(c, &look, a, &b, &ask->count, e);
    return rc < 0 ? rc : write_text(&b, e);
}

static const char *label_of(const struct environment_state *s, const char *name, struct arena *a)
{
    return strcmp(name, ".") == 0 ? s->label : arena_printf(a, "%s, %s", name, s->label);
}

/* One environment, which either state may lack. */
static int diff_states(struct diff_ask *ask, struct environment_state *was,
                       const struct environment *before, struct environment_state *is,
                       const struct environment *after, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
    struct render_result old = {.n = 0}, new = {.n = 0};
    struct changes c;
    const char *name = after ? after->name : before->name;
    int rc = before ? environment_render(was, before, &ask->opts, a, &old, e) : 0;
    if (rc < 0)
        return err_wrap(e, rc, "%s", label_of(was, name, a));
    rc = after ? environment_render(is, after, &ask->opts, a, &new, e) : 0;
    if (rc < 0)
        return err_wrap(e, rc, "%s", label_of(is, name, a));
    changes_between(a, old.objects, old.n, new.objects, new.n, &c);
    return print_changes(ask, &c, label_of(was, name, a), label_of(is, name, a), a, e);
}

/* A folder, of this machine or of elsewhere, as of a revision; NULL: as it is. */
struct side {
    const char *folder, *revision;
};

static int diff_sides(struct diff_ask *ask, struct side from, struct side to, struct arena *a,
                      struct err *e)
{
    AUTO_STATE struct environment_state was = {.tree = NULL};
    AUTO_STATE struct environment_state is = {.tree = NULL};
    struct environment *old, *new;
    size_t n_old, n_new;
    int rc = environment_state(from.folder, from.revision, &ask->opts, a, &was, e);
    if (rc == 0)
        rc = environment_state(to.folder, to.revision, &ask->opts, a, &is, e);
    if (rc == 0)
        rc = environment_list(&was, &ask->opts, a, &old, &n_old, e);
    if (rc == 0)
        rc = environment_list(&is, &ask->opts, a, &new, &n_new, e);
    if (rc < 0)
        return rc;
    is.now_ns = was.now_ns; /* what only the time changes is no difference */
    for (size_t i = 0; rc == 0 && i < n_new; i++)
        rc = diff_states(ask, &was, named(old, n_old, new[i].name), &is, &new[i], e);
    for (size_t i = 0; rc == 0 && i < n_old; i++)
        if (!named(new, n_new, old[i].name))
            rc = diff_states(ask, &was, &old[i], &is, NULL, e);
    return rc;
}

static int diff_live(struct diff_ask *ask, const char *folder, struct arena *a, struct err *e)
{
    AUTO_STATE struct environment_state s = {.tree = NULL};
    struct environment *list;
    size_t n;
    int rc = environment_state(folder, NULL, &ask->opts, a, &s, e);
    if (rc == 0)
        rc = environment_list(&s, &ask->opts, a, &list, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        AUTO(arena) struct arena *mine = arena_new((size_t)1 << 30);
        struct render_result r;
        struct changes c = {.n = 0};
        const char *ns = ask->opts.namespace ? ask->opts.namespace : "default";
        rc = environment_render(&s, &list[i], &ask->opts, mine, &r, e);
        if (rc == 0)
            rc = live_changes(ask->kube, ns, r.objects, r.n, mine, &c, e);
        if (rc == 0)
            rc = print_changes(ask, &c, "live", label_of(&s, list[i].name, mine), mine, e);
    }
    return rc;
}

static int diff_application(struct diff_ask *ask, struct arena *a, struct err *e)
{
    struct application_preview p;
    struct changes c = {.n = 0};
    char *token;
    size_t n;
    int rc = 0;
    if (ask->token_file) {
        rc = fs_read(ask->token_file, TOKEN_MAX, a, &token, &n, e);
        ask->application.token = rc < 0 ? NULL : arena_strndup(a, token, strcspn(token, "\r\n"));
    }
    if (rc == 0)
        rc = application_preview(ask->kube, &ask->application, a, &p, e);
    if (rc == 0)
        rc = live_changes(ask->kube, p.ns, p.objects, p.n, a, &c, e);
    if (rc == 0)
        rc = live_left_over(ask->kube, p.resources, p.objects, p.n, a, &c, e);
    return rc < 0 ? rc : print_changes(ask, &c, "live", p.commit, a, e);
}

/* "shop-prod" is an Application unless there is such a folder; "./shop-prod" is always one. */
static bool is_folder(const char *name)
{
    struct stat st;
    return strchr(name, '/') || environment_is_elsewhere(name) || *name == '.' ||
           (stat(name, &st) == 0 && S_ISDIR(st.st_mode));
}

static int diff(struct diff_ask *ask, const struct arguments *args, struct arena *a, struct err *e)
{
    const char *range = args->n > 1 ? args->items[1] : NULL;
    const char *dots = range ? strstr(range, "..") : NULL;
    if (!range) {
        int rc = verb_connect(ask->kubeconfig, a, &ask->kube, e);
        ask->application.name = args->items[0];
        if (rc < 0)
            return rc;
        return is_folder(args->items[0]) ? diff_live(ask, args->items[0], a, e)
                                         : diff_application(ask, a, e);
    }
    const char *folder = args->items[0];
    if (environment_is_elsewhere(range) || environment_is_elsewhere(folder))
        return diff_sides(ask, (struct side){folder, NULL}, (struct side){range, NULL}, a, e);
    const char *from = dots ? arena_strndup(a, range, (size_t)(dots - range)) : range;
    const char *to = dots ? dots + 2 + (dots[2] == '.') : NULL;
    const struct side before = {folder, *from ? from : "HEAD"};
    const struct side after = {folder, to && !*to ? "HEAD" : to};
    return diff_sides(ask, before, after, a, e);
}

static int run_diff(int argc, char **argv)
{
    struct diff_ask ask = {
        .context = 3, .colour = isatty(STDOUT_FILENO) == 1, .application.ns = "argocd"};
    const struct option table[] = {
        ENVIRONMENT_OPTIONS(ask.opts),
        {"context",                  'U', OPTION_NUMBER, &ask.context, "N", "lines around a difference (3)"},
        {"revision",             0, OPTION_TEXT, &ask.application.revision, "REV",
                    "of an Application (what it targets)"},
        {"app-namespace",                       0, OPTION_TEXT, &ask.application.ns, "NAME",
                    "of an Application (argocd)"},
        {"token-file",                          0, OPTION_TEXT, &ask.token_file, "FILE",
                    "token for an Application's repository, where it must be fetched"},
        {"kubeconfig",             0, OPTION_TEXT, &ask.kubeconfig, "FILE",
                    "which API ($KUBECONFIG, or this machine's)"},
        {0}
    };
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
    struct arguments args;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_render[DIFF], table, argc, argv, a, &args, &code))
        return code;
    if (args.n == 0 || args.n > 2 || ask.context < 0)
        return verb_usage(&verbs_render[DIFF]);
    int rc = diff(&ask, &args, a, &e);
    kube_free(ask.kube);
    if (rc < 0)
        return trouble(&e);
    const struct changes_count *n = &ask.count;
    (void)fprintf(stderr, "%zu changed, %zu added, %zu removed, %zu the same\n", n->changed,
                  n->added, n->removed, n->same);
    return n->changed + n->added + n->removed ? EXIT_DIFFERS : EXIT_SAME;
}

const struct verb verbs_render[] = {
    [RENDER] = {"render",                                                                    "[FOLDER | URL] [options]",
                "print what a folder of configuration becomes, or each of its environments", run_render},
    [DIFF] = {"diff", "APPLICATION | FOLDER [FROM[..TO]] | URL [URL] [options]",
                "what an Application or a folder would change in what runs, or a commit in it", run_diff},
    {0                                                                          }
};
