/* build.c - a Containerfile built without a server, in the data folder's store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "cli/building.h"
#include "cli/image_words.h"

enum { SECRET_MAX_BYTES = 1 << 20 };

/* Stages side by side: each line says whose it is. */
static void say_of_stage(FILE *out, const struct build_event *ev)
{
    const char *text = ev->text, *end = text + ev->text_len;
    switch (ev->kind) {
    case BUILD_STEP_STARTED:
        (void)fprintf(out, "[%u/%u %s] %s\n", ev->step, ev->steps, ev->stage, ev->name);
        break;
    case BUILD_STEP_CACHED:
        (void)fprintf(out, "[%s] cached %s\n", ev->stage, ev->name);
        break;
    case BUILD_STEP_OUTPUT:
        for (const char *next; text < end; text = next) {
            const char *newline = memchr(text, '\n', (size_t)(end - text));
            next = newline ? newline + 1 : end;
            (void)fprintf(out, "[%s] %.*s\n", ev->stage, (int)((newline ? newline : end) - text),
                          text);
        }
        break;
    case BUILD_WARNING:
        (void)fprintf(out, "[%s] warning: %.*s\n", ev->stage, (int)ev->text_len, ev->text);
        break;
    case BUILD_STEP_DONE:
    case BUILD_STEP_FAILED:
        break;
    }
}

static void on_event(void *arg, const struct build_event *ev)
{
    FILE *out = arg;
    if (ev->parallel) {
        say_of_stage(out, ev);
        return;
    }
    switch (ev->kind) {
    case BUILD_STEP_STARTED:
        (void)fprintf(out, "[%u/%u %s] %s\n", ev->step, ev->steps, ev->stage, ev->name);
        break;
    case BUILD_STEP_CACHED:
        (void)fprintf(out, "  cached\n");
        break;
    case BUILD_STEP_OUTPUT:
        (void)fwrite(ev->text, 1, ev->text_len, out);
        break;
    case BUILD_WARNING:
        (void)fprintf(out, "  warning: %.*s\n", (int)ev->text_len, ev->text);
        break;
    case BUILD_STEP_DONE:
    case BUILD_STEP_FAILED:
        break;
    }
}

struct build_words {
    struct image_words from;
    const char *file, *target, *network, *platform, *iidfile;
    struct option_list tags, args, labels, annotations, secrets, contexts, ssh;
    const char *timestamp, *logfile, *format, *layers;
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

/* "ID[=SOCKET|KEY]", the user's agent where nothing else is said. */
static int read_ssh(const struct option_list *list, struct arena *a, struct build_ssh **out,
                    struct err *e)
{
    struct build_ssh *s = ARENA_ARRAY(a, struct build_ssh, list->n + 1);
    for (size_t i = 0; i < list->n; i++) {
        char *id = arena_strdup(a, list->items[i]), *eq = strchr(id, '=');
        if (eq)
            *eq++ = '\0';
        s[i] = (struct build_ssh){id, eq ? eq : getenv("SSH_AUTH_SOCK")};
        if (!s[i].socket || !*s[i].socket)
            return err_set(e, ERR_NOT_FOUND,
                           "ssh %s: no agent runs here (SSH_AUTH_SOCK); say --ssh %s=KEY", id, id);
    }
    *out = s;
    return 0;
}

/* What is one way only here. */
static int check_words(const struct build_words *w, struct build_opts *o, struct err *e)
{
    char *end = NULL;
    if (w->format && strcmp(w->format, "oci") != 0)
        return err_set(e, ERR_UNSUPPORTED,
                       "format \"%s\": images are made as OCI images, which all clients read; a "
                       "push by another tool converts them",
                       w->format);
    if (w->layers && *w->layers && strcmp(w->layers, "true") != 0)
        return err_set(e, ERR_UNSUPPORTED, "--layers=%s: every instruction makes its own layer",
                       w->layers);
    if (!w->timestamp)
        return 0;
    o->epoch = strtoll(w->timestamp, &end, 10);
    o->has_epoch = true;
    return *end || end == w->timestamp || o->epoch < 0
               ? err_set(e, ERR_INVALID, "timestamp \"%s\" is no number of seconds", w->timestamp)
               : 0;
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
    struct build_ssh *ssh;
    struct stat st;
    int rc = read_secrets(&w->secrets, a, &secrets, e);
    if (rc < 0 || (rc = read_contexts(&w->contexts, a, &contexts, e)) < 0 ||
        (rc = read_ssh(&w->ssh, a, &ssh, e)) < 0 || (rc = check_words(w, o, e)) < 0)
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
    o->tags = option_list_ended(&w->tags, a);
    o->build_args = option_list_ended(&w->args, a);
    o->labels = option_list_ended(&w->labels, a);
    o->annotations = option_list_ended(&w->annotations, a);
    o->secrets = secrets;
    o->n_secrets = w->secrets.n;
    o->ssh = ssh;
    o->n_ssh = w->ssh.n;
    o->contexts = contexts;
    o->n_contexts = w->contexts.n;
    o->no_cache = w->no_cache;
    o->pull = w->pull;
    o->network =
        w->network && strcmp(w->network, "none") == 0 ? BUILD_NETWORK_NONE : BUILD_NETWORK_HOST;
    o->platform = w->platform;
    o->on_event = w->quiet ? NULL : on_event;
    o->arg = stderr;
    return 0;
}

/* Known to buildah and docker, and not here: why. */
static const struct {
    const char *option, *why;
} refusals[] = {
    {"squash",         "layers are shared between images, and the cache is made of them"          },
    {"squash-all",     "layers are shared between images, and the cache is made of them"          },
    {"cache-from",     "the store is the cache: what any build made here is found"                },
    {"cache-to",       "the store is the cache: what any build made here is found"                },
    {"isolation",      "a RUN is always in a container of its own"                                },
    {"add-host",       "steps resolve names as the host does; use --network and DNS"              },
    {"volume",         "say RUN --mount in the Containerfile, so that the cache knows of it"      },
    {"device",         "steps have no devices of the host"                                        },
    {"cap-add",        "steps have the default capabilities"                                      },
    {"privileged",     "steps are fenced"                                                         },
    {"security-opt",   "steps are fenced"                                                         },
    {"output",         "the image goes to the store: use image push, or pull it from the registry"},
    {"load",           "the image is in the store as soon as it is built"                         },
    {"push",           "use image push NAME TARGET when it is built"                              },
    {"manifest",       "indexes are made by pushing them to the registry"                         },
    {"storage-driver", "there is one kind of storage"                                             },
};

/* Names an option that others have, so that nobody looks for a typing error. */
static bool is_refused(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        for (size_t k = 0; strncmp(argv[i], "--", 2) == 0 && k < ARRAY_LEN(refusals); k++) {
            size_t n = strlen(refusals[k].option);
            if (strncmp(argv[i] + 2, refusals[k].option, n) == 0 &&
                (argv[i][2 + n] == '=' || !argv[i][2 + n])) {
                (void)fprintf(stderr, "slipway: build has no --%s: %s\n", refusals[k].option,
                              refusals[k].why);
                return true;
            }
        }
    return false;
}

/* --logfile; stderr without it. Left open to the end of the process. */
static int open_log(const char *path, struct build_opts *o, struct err *e)
{
    if (!path)
        return 0;
    FILE *f = fopen(path, "ae");
    if (!f)
        return err_sys(e, errno, "open %s", path);
    (void)setvbuf(f, NULL, _IOLBF, 0);
    o->arg = f;
    return 0;
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
        {"annotation",                              0, OPTION_LIST, &w.annotations, "NAME=VALUE",
                  "one more annotation of the manifest"},
        {"ssh",                          0, OPTION_LIST, &w.ssh, "ID[=SOCKET|KEY]",
                  "an agent for RUN --mount=type=ssh (of default: the user's)"},
        {"timestamp",                              0, OPTION_TEXT, &w.timestamp, "SECONDS",
                  "no time in the image is later (SOURCE_DATE_EPOCH)"},
        {"logfile",                                     0, OPTION_TEXT, &w.logfile, "FILE", "what is said goes there"},
        {"format",0, OPTION_TEXT, &w.format, "oci", "the only one there is"},
        {"layers",                              0, OPTION_MAYBE, &w.layers, "true",
                  "always so: each instruction makes a layer, and is cached"},
        {"network",           0, OPTION_TEXT, &w.network, "host|none", "of RUN (host)"},
        {"platform",                               0, OPTION_TEXT, &w.platform, "OS/ARCH",
                  "what to build for; RUN only where it can run here"},
        {"iidfile",                          0, OPTION_TEXT, &w.iidfile, "FILE", "write the image's digest there"},
        {"quiet",                         'q', OPTION_FLAG, &w.quiet, NULL, "print the digest only"},
        {"no-cache",                                     0, OPTION_FLAG, &w.no_cache, NULL, "do everything again"},
        {"pull",       0, OPTION_FLAG, &w.pull, NULL, "ask for newer base images"},
        {0                          }
    };
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    AUTO(image_store) struct image_store *s = NULL;
    struct arguments args;
    struct build_result result;
    struct err e = {0};
    int code;
    if (is_refused(argc, argv))
        return EXIT_USAGE;
    if (!verb_begin(&verbs_build[0], table, argc, argv, a, &args, &code))
        return code;
    if (args.n != 1)
        return verb_usage(&verbs_build[0]);
    struct build_opts o = {0};
    if (image_words_open(&w.from, a, &s, &e) < 0 ||
        fill_options(&w, args.items[0], a, &o, &e) < 0 || open_log(w.logfile, &o, &e) < 0)
        return verb_fail(&e);
    o.images = s;
    if (building_run(&o, w.from.data_dir, a, &result, &e) < 0 ||
        (w.iidfile &&
         fs_write_atomic(w.iidfile, 0644, result.digest, strlen(result.digest), &e) < 0))
        return verb_fail(&e);
    (void)printf("%s\n", result.digest);
    return EXIT_OK;
}

const struct verb verbs_build[] = {
    {"build",                                "CONTEXT [options]", "build an image from a Containerfile", run_build},
    {0},
};
