/* build.c - a Containerfile built, and images moved, without a server: in the data folder's store.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "build/build.h"
#include "cli/verb.h"
#include "runtime/runtime.h"

enum { BUILD, PULL, PUSH };
enum { SECRET_MAX_BYTES = 1 << 20 };

/* Where images are kept, and where those that are not here come from. */
struct image_words {
    const char *data_dir;
    struct option_list mirrors, aliases;
};

#define PLACE_OPTION(w)                                                                            \
    {                                                                                              \
        "data-dir", 'd', OPTION_TEXT, &(w).data_dir, "DIR",                                        \
            "where everything is kept (" VERB_DEFAULT_DIR ")"                                      \
    }
#define SOURCE_OPTIONS(w)                                                                          \
    {"registry-mirror", 0,          OPTION_LIST,                                                   \
     &(w).mirrors,      "HOST=URL", "pull images of HOST from URL; * for every host"},             \
    {                                                                                              \
        "image-alias", 0, OPTION_LIST, &(w).aliases, "FROM=TO",                                    \
            "use image TO where FROM is asked for; FROM ending in / is a prefix"                   \
    }

static const char *const *ended(const struct option_list *list, struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, list->n + 1);
    for (size_t i = 0; i < list->n; i++)
        out[i] = list->items[i];
    return out;
}

static int open_images(const struct image_words *w, struct arena *a, struct image_store **out,
                       struct err *e)
{
    struct image_store_opts o = {.folder =
                                     arena_printf(a, "%s/images", verb_data_dir(w->data_dir))};
    int rc = image_sources_read(ended(&w->mirrors, a), ended(&w->aliases, a), a, &o, e);
    return rc < 0 ? rc : image_store_open(&o, out, e);
}

static void print_line(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "%s\n", line);
}

/* ---- build ---- */

static void on_event(void *arg, const struct build_event *ev)
{
    (void)arg;
    switch (ev->kind) {
    case BUILD_STEP_STARTED:
        (void)fprintf(stderr, "[%u/%u %s] %s\n", ev->step, ev->steps, ev->stage, ev->name);
        break;
    case BUILD_STEP_CACHED:
        (void)fprintf(stderr, "  cached\n");
        break;
    case BUILD_STEP_OUTPUT:
        (void)fwrite(ev->text, 1, ev->text_len, stderr);
        break;
    case BUILD_WARNING:
        (void)fprintf(stderr, "  warning: %.*s\n", (int)ev->text_len, ev->text);
        break;
    case BUILD_STEP_DONE:
    case BUILD_STEP_FAILED:
        break;
    }
}

struct build_words {
    struct image_words from;
    const char *file, *target, *network, *platform, *iidfile;
    struct option_list tags, args, labels, secrets, contexts;
    bool no_cache, pull, quiet;
};

/* "id=NAME,src=FILE" or "id=NAME,env=VARIABLE", the variable being the name by default; with
 * docker's "source" for "src" and its "type". */
static int read_secrets(const struct option_list *list, struct arena *a, struct build_secret **out,
                        struct err *e)
{
    struct build_secret *s = ARENA_ARRAY(a, struct build_secret, list->n + 1);
    for (size_t i = 0; i < list->n; i++) {
        char *rest = arena_strdup(a, list->items[i]), *bytes;
        const char *file = NULL, *variable = NULL;
        bool by_variable = false;
        for (char *part; (part = strsep(&rest, ","));) {
            if (strncmp(part, "id=", 3) == 0)
                s[i].id = part + 3;
            else if (strncmp(part, "src=", 4) == 0)
                file = part + 4;
            else if (strncmp(part, "source=", 7) == 0)
                file = part + 7;
            else if (strncmp(part, "env=", 4) == 0)
                variable = part + 4;
            else if (strcmp(part, "type=env") == 0)
                by_variable = true;
            else if (strcmp(part, "type=file") != 0)
                return err_set(e, ERR_INVALID, "secret \"%s\": %s is not known", list->items[i],
                               part);
        }
        if (by_variable && !variable) { /* "src" is the variable's name then */
            variable = file;
            file = NULL;
        }
        if (!s[i].id || (file && variable))
            return err_set(e, ERR_INVALID,
                           "secret \"%s\" is not id=NAME,src=FILE or id=NAME,env=VARIABLE",
                           list->items[i]);
        if (!file) {
            s[i].bytes = getenv(variable ? variable : s[i].id);
            if (!s[i].bytes)
                return err_set(e, ERR_NOT_FOUND, "secret %s: there is no variable %s", s[i].id,
                               variable ? variable : s[i].id);
            s[i].n = strlen(s[i].bytes);
            continue;
        }
        int rc = fs_read(file, SECRET_MAX_BYTES, a, &bytes, &s[i].n, e);
        if (rc < 0)
            return err_wrap(e, rc, "secret %s", s[i].id);
        s[i].bytes = bytes;
    }
    *out = s;
    return 0;
}

/* "NAME=FOLDER" or "NAME=docker-image://REFERENCE" */
static int read_contexts(const struct option_list *list, struct arena *a,
                         struct build_context **out, struct err *e)
{
    static const char scheme[] = "docker-image://";
    struct build_context *c = ARENA_ARRAY(a, struct build_context, list->n + 1);
    for (size_t i = 0; i < list->n; i++) {
        char *name = arena_strdup(a, list->items[i]), *eq = strchr(name, '=');
        if (!eq)
            return err_set(e, ERR_INVALID, "build context \"%s\" is not NAME=FOLDER", name);
        *eq++ = '\0';
        c[i].name = name;
        if (strncmp(eq, scheme, strlen(scheme)) == 0)
            c[i].image = eq + strlen(scheme);
        else
            c[i].dir = eq;
    }
    *out = c;
    return 0;
}

/* A file given by hand is one of this machine's, as with docker build -f. */
static const char *containerfile_path(const char *file, struct arena *a)
{
    char *whole = file ? realpath(file, NULL) : NULL;
    const char *out = whole ? arena_strdup(a, whole) : file;
    free(whole);
    return out;
}

static int fill_options(const struct build_words *w, const char *context, struct arena *a,
                        struct build_opts *o, struct err *e)
{
    struct build_secret *secrets;
    struct build_context *contexts;
    struct stat st;
    int rc = read_secrets(&w->secrets, a, &secrets, e);
    if (rc < 0 || (rc = read_contexts(&w->contexts, a, &contexts, e)) < 0)
        return rc;
    if (w->network && strcmp(w->network, "none") != 0 && strcmp(w->network, "host") != 0)
        return err_set(e, ERR_INVALID, "network \"%s\" is neither host nor none", w->network);
    bool is_dir = stat(context, &st) == 0 && S_ISDIR(st.st_mode);
    o->context_dir = is_dir ? context : NULL;
    o->context_tar = is_dir || strcmp(context, "-") == 0 ? NULL : context;
    o->has_context_fd = strcmp(context, "-") == 0;
    o->context_fd = STDIN_FILENO;
    o->containerfile = is_dir ? containerfile_path(w->file, a) : w->file;
    o->target = w->target;
    o->tags = ended(&w->tags, a);
    o->build_args = ended(&w->args, a);
    o->labels = ended(&w->labels, a);
    o->secrets = secrets;
    o->n_secrets = w->secrets.n;
    o->contexts = contexts;
    o->n_contexts = w->contexts.n;
    o->no_cache = w->no_cache;
    o->pull = w->pull;
    o->network =
        w->network && strcmp(w->network, "none") == 0 ? BUILD_NETWORK_NONE : BUILD_NETWORK_HOST;
    o->platform = w->platform;
    o->on_event = w->quiet ? NULL : on_event;
    return 0;
}

/* Containers of this process only: their folder goes with it. */
static int build_with_runtime(struct build_opts *o, const char *data_dir, struct arena *a,
                              struct build_result *result, struct err *e)
{
    AUTO(runtime) struct runtime *rt = NULL;
    struct runtime_opts ro = {
        .dir = arena_printf(a, "%s/build-%d", verb_data_dir(data_dir), (int)getpid()),
        .cgroup_parent = "slipway-build"};
    int rc = runtime_open(&ro, &rt, e);
    if (rc == 0)
        rc = runtime_watch(rt, e);
    if (rc == 0) {
        o->runtime = rt;
        rc = build_run(o, result, e);
    }
    int gone = fs_remove_tree(ro.dir, NULL);
    (void)gone;
    return rc;
}

static int run_build(int argc, char **argv)
{
    struct build_words w = {0};
    const struct option table[] = {
        PLACE_OPTION(w.from),
        SOURCE_OPTIONS(w.from),
        {"file",                                'f', OPTION_TEXT, &w.file, "FILE",
                  "the Containerfile (CONTEXT/Containerfile or Dockerfile)"},
        {"tag",                          't', OPTION_LIST, &w.tags, "NAME[:TAG]", "name of the image; may be repeated"},
        {"target",                               0, OPTION_TEXT, &w.target, "STAGE", "build up to this stage"},
        {"build-arg",                                     0, OPTION_LIST, &w.args, "NAME=VALUE", "an argument of the build"},
        {"label",         0, OPTION_LIST, &w.labels, "NAME=VALUE", "one more label"},
        {"secret",                              0, OPTION_LIST, &w.secrets, "id=,src=", "a file for RUN --mount=type=secret"},
        {"build-context", 0, OPTION_LIST, &w.contexts, "NAME=FOLDER",
                  "for COPY --from=NAME and FROM NAME"},
        {"network",                              0, OPTION_TEXT, &w.network, "host|none", "of RUN (host)"},
        {"platform",                          0, OPTION_TEXT, &w.platform, "OS/ARCH",
                  "what to build for; RUN only where it can run here"},
        {"iidfile",                              0, OPTION_TEXT, &w.iidfile, "FILE", "write the image's digest there"},
        {"quiet",                                     'q', OPTION_FLAG, &w.quiet, NULL, "print the digest only"},
        {"no-cache",0, OPTION_FLAG, &w.no_cache, NULL, "do everything again"},
        {"pull",                              0, OPTION_FLAG, &w.pull, NULL, "ask for newer base images"},
        {0          }
    };
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct build_result result;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_build[BUILD], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_build[BUILD]);
    struct build_opts o = {0};
    if (open_images(&w.from, a, &s, &e) < 0 || fill_options(&w, args.items[0], a, &o, &e) < 0)
        return verb_fail(&e);
    o.images = s;
    if (build_with_runtime(&o, w.from.data_dir, a, &result, &e) < 0 ||
        (w.iidfile &&
         fs_write_atomic(w.iidfile, 0644, result.digest, strlen(result.digest), &e) < 0))
        return verb_fail(&e);
    (void)printf("%s\n", result.digest);
    return EXIT_OK;
}

/* ---- moving ---- */

struct move_words {
    struct image_words from;
    const char *user, *password_file;
};

static int read_auth(const struct move_words *w, struct arena *a, struct image_auth *out,
                     struct err *e)
{
    char *text;
    size_t n;
    *out = (struct image_auth){.user = w->user};
    if (!w->password_file)
        return 0;
    int rc = fs_read(w->password_file, 4096, a, &text, &n, e);
    if (rc < 0)
        return err_wrap(e, rc, "password");
    text[strcspn(text, "\r\n")] = '\0';
    out->password = text;
    return 0;
}

#define AUTH_OPTIONS(w)                                                                            \
    {"user", 'u', OPTION_TEXT, &(w).user, "NAME", "user of the registry"},                         \
    {                                                                                              \
        "password-file", 0, OPTION_TEXT, &(w).password_file, "FILE", "their password or token"     \
    }

static int run_pull(int argc, char **argv)
{
    struct move_words w = {0};
    const struct option table[] = {
        PLACE_OPTION(w.from), SOURCE_OPTIONS(w.from), AUTH_OPTIONS(w), {0}};
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct image_auth auth;
    struct image image;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_build[PULL], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_build[PULL]);
    struct image_ensure_opts o = {.policy = IMAGE_ALWAYS, .auth = &auth, .progress = print_line};
    if (read_auth(&w, a, &auth, &e) < 0 || open_images(&w.from, a, &s, &e) < 0 ||
        image_store_ensure(s, args.items[0], &o, a, &image, &e) < 0)
        return verb_fail(&e);
    (void)printf("%s@%s\n", image.reference, image.digest);
    return EXIT_OK;
}

static int run_push(int argc, char **argv)
{
    struct move_words w = {0};
    const struct option table[] = {PLACE_OPTION(w.from), AUTH_OPTIONS(w), {0}};
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct image_auth auth;
    struct err e = {0};
    int code;
    if (!verb_begin(&verbs_build[PUSH], table, argc, argv, a, &args, &code))
        return code;
    if (args.n < 1 || args.n > 2)
        return verb_usage(&verbs_build[PUSH]);
    const char *target = args.items[args.n - 1];
    if (read_auth(&w, a, &auth, &e) < 0 || open_images(&w.from, a, &s, &e) < 0 ||
        image_store_push(s, args.items[0], target, &auth, print_line, NULL, &e) < 0)
        return verb_fail(&e);
    (void)printf("%s\n", target);
    return EXIT_OK;
}

const struct verb verbs_build[] = {
    [BUILD] = {"build",                                "CONTEXT [options]", "build an image from a Containerfile", run_build},
    [PULL] = {"image pull", "NAME [options]", "bring an image here", run_pull},
    [PUSH] = {"image push",                                      "NAME [TARGET] [options]", "send an image to a registry", run_push},
    {0                     },
};
