/* kustomize.c - kustomize build, on folders of this machine. */
#include "cli/kustomize.h"
#include "cli/kustomize_remote.h"
#include "cli/light.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "render/kustomize/kustomize.h"

enum { BUILD, EDIT, CREATE, INIT };
enum { OUTPUT_MAX = 256 << 20, SEED = 32 };

struct request {
    struct kustomize_opts opts;
    const char *folder, *restrictor, *order, *output, *helm_command, *network_name;
    struct option_list helm_apis, env, mounts;
    bool plugins, exec, network, as_current_user, debug;
    unsigned char seed[SEED];
};

/* ---- options ---- */

static int choose(const char *word, const char *option, const char *const *words, int *out,
                  struct err *e)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0) {
            *out = i;
            return 0;
        }
    return err_set(e, ERR_INVALID, "illegal flag value --%s %s; legal values: [%s %s]", option,
                   word, words[0], words[1]);
}

static void deprecated(const char *option, const char *instead)
{
    (void)fprintf(stderr, "Flag --%s has been deprecated, %s\n", option, instead);
}

/* Charts are rendered here, whatever the program is called that would have done it. */
static int check_helm_command(const char *command, struct err *e)
{
    const char *slash = strrchr(command, '/'), *name = slash ? slash + 1 : command;
    if (strcmp(name, "helm") == 0)
        return 0;
    return err_set(e, ERR_UNSUPPORTED,
                   "--helm-command %s: charts are rendered by slipway itself, another program is "
                   "not run",
                   command);
}

static void warn(const char *line)
{
    (void)fprintf(stderr, "%s\n", line);
}

static int settle(struct request *q, struct err *e)
{
    static const char *const restrictors[] = {"LoadRestrictionsRootOnly", "LoadRestrictionsNone",
                                              "", NULL};
    static const char *const orders[] = {"legacy", "none", NULL};
    struct kustomize_opts *o = &q->opts;
    const char *label = getenv("KUSTOMIZE_ENABLE_MANAGEDBY_LABEL");
    int restrictor = 0, order = 0;
    int rc = choose(q->restrictor, "load-restrictor", restrictors, &restrictor, e);
    if (rc == 0 && q->order)
        rc = choose(q->order, "reorder", orders, &order, e);
    if (rc == 0)
        rc = check_helm_command(q->helm_command, e);
    if (rc < 0)
        return rc;
    if (q->order) {
        deprecated("reorder", "use the new 'sortOptions' field in kustomization.yaml instead.");
        o->reorder = order == 0 ? KUSTOMIZE_LEGACY : KUSTOMIZE_FIFO;
    }
    if (o->managed_by_label)
        deprecated(
            "enable-managedby-label",
            "The flag `enable-managedby-label` has been deprecated. Use the `managedByLabel` "
            "option in the `buildMetadata` field instead.");
    o->managed_by_label |= label && strcmp(label, "on") == 0;
    o->helm |= q->plugins;
    o->files_anywhere = restrictor == 1;
    o->warn = warn;
    o->helm_api_versions = q->helm_apis.items;
    o->n_helm_api_versions = q->helm_apis.n;
    o->now_ns = clock_real_ms() * 1000000;
    o->seed = q->seed;
    o->seed_n = SEED;
    return getrandom(q->seed, SEED, 0) == SEED ? 0 : err_sys(e, errno, "draw a seed");
}

/* ---- a kustomization file on standard input, as if it lay in this folder ---- */

struct stdin_tree {
    struct tree base, *real;
    const char *file, *text;
    size_t n;
};

static int stdin_stat(struct tree *base, const char *path, enum tree_kind *out, struct err *e)
{
    struct stdin_tree *t = container_of(base, struct stdin_tree, base);
    if (strcmp(path, t->file) != 0)
        return tree_stat(t->real, path, out, e);
    *out = TREE_FILE;
    return 0;
}

static int stdin_read(struct tree *base, const char *path, struct arena *a, const char **out,
                      size_t *n, struct err *e)
{
    struct stdin_tree *t = container_of(base, struct stdin_tree, base);
    if (strcmp(path, t->file) != 0)
        return tree_read(t->real, path, a, out, n, e);
    *out = t->text;
    *n = t->n;
    return 0;
}

static int stdin_list(struct tree *base, const char *dir, struct arena *a, struct tree_entry **out,
                      size_t *n, struct err *e)
{
    struct stdin_tree *t = container_of(base, struct stdin_tree, base);
    return tree_list(t->real, dir, a, out, n, e);
}

static void stdin_free(struct tree *base)
{
    (void)base;
}

static const struct tree_ops stdin_ops = {"stdin", stdin_stat, stdin_read, stdin_list, stdin_free};

static int stdin_tree_init(struct stdin_tree *t, struct tree *real, const char *dir,
                           struct arena *a, struct err *e)
{
    AUTO_BUF struct buf b;
    char chunk[65536];
    size_t got;
    buf_init(&b, KUSTOMIZE_FILE_MAX);
    while ((got = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        buf_add(&b, chunk, got);
    const char *file = arena_printf(a, "%s%skustomization.yaml", dir, *dir ? "/" : "");
    *t =
        (struct stdin_tree){{&stdin_ops}, real, file, arena_strndup(a, buf_text(&b), b.len), b.len};
    return buf_check(&b, e);
}

/* ---- building ---- */

struct objects {
    struct value **items;
    size_t n;
};

/* Bases may lie anywhere, so the tree is all of the machine's, and the folder a path in it. */
static int build_folder(const struct request *q, struct arena *a, struct objects *out,
                        struct err *e)
{
    AUTO(tree) struct tree *t = NULL;
    bool on_stdin = strcmp(q->folder, "-") == 0;
    if (on_stdin)
        light_whole(NULL); /* it cannot be read twice, should a URL be named in it */
    char *whole = realpath(on_stdin ? "." : q->folder, NULL);
    if (!whole)
        return err_set(e, ERR_NOT_FOUND, "must build at directory: not a valid directory: %s: %s",
                       q->folder, strerror(errno));
    const char *dir = arena_strdup(a, whole + 1);
    free(whole);
    int rc = tree_of_folder_mapped("/", &t, e);
    if (rc < 0 || !on_stdin)
        return rc < 0 ? rc : kustomize_build(t, dir, &q->opts, a, &out->items, &out->n, e);
    struct stdin_tree in;
    rc = stdin_tree_init(&in, t, dir, a, e);
    return rc < 0 ? rc : kustomize_build(&in.base, dir, &q->opts, a, &out->items, &out->n, e);
}

static int build(struct request *q, struct arena *a, struct objects *out, struct err *e)
{
    struct kustomize_repository repo;
    struct tree *t;
    struct cli_remote remote;
    cli_remote_init(&remote);
    q->opts.remote = &remote.base;
    q->opts.charts = &remote.charts;
    const struct light_function_flags flags = {.exec = q->exec,
                                               .network = q->network,
                                               .as_current_user = q->as_current_user,
                                               .env = &q->env,
                                               .mounts = &q->mounts};
    q->opts.functions = q->plugins ? light_functions(&flags, a) : NULL;
    int rc;
    if (kustomize_repository_parse(q->folder, a, &repo, NULL) < 0) {
        rc = build_folder(q, a, out, e);
    } else {
        q->opts.of = &repo;
        rc = remote.base.repository(&remote.base, &repo, &t, e);
        if (rc == 0)
            rc = kustomize_build(t, repo.path, &q->opts, a, &out->items, &out->n, e);
    }
    light_functions_done(q->opts.functions);
    cli_remote_done(&remote);
    return rc;
}

int kustomize_cli_built(struct arena *a, struct buf *out, struct err *e)
{
    struct request q = {.folder = ".", .restrictor = "", .output = "", .helm_command = "helm"};
    struct objects objects = {.n = 0};
    int rc = settle(&q, e);
    if (rc == 0)
        rc = build(&q, a, &objects, e);
    if (rc < 0)
        return rc;
    kustomize_print(out, objects.items, objects.n);
    return buf_check(out, e);
}

/* ---- output ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* "apps_v1_deployment_web.yaml", with the namespace in front where there are several. */
static const char *file_of(const struct value *object, bool with_ns, struct arena *a)
{
    const char *ns = value_at_str(object, "metadata.namespace", "");
    char *name = arena_printf(
        a, "%s%s%s%s%s_%s.yaml", with_ns ? *ns ? ns : "default" : "", with_ns ? "_" : "",
        value_at_str(object, "apiVersion", ""), *value_at_str(object, "apiVersion", "") ? "_" : "",
        value_at_str(object, "kind", ""), value_at_str(object, "metadata.name", ""));
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '_' : (char)tolower((unsigned char)*c);
    return name;
}

static bool several_namespaces(const struct objects *o)
{
    const char *first = NULL;
    for (size_t i = 0; i < o->n; i++) {
        const char *ns = value_at_str(o->items[i], "metadata.namespace", "");
        ns = *ns ? ns : "default";
        if (kustomize_cluster_scoped(o->items[i]))
            continue;
        if (first && strcmp(first, ns) != 0)
            return true;
        first = ns;
    }
    return false;
}

static int write_each(const char *folder, const struct objects *o, struct arena *a, struct err *e)
{
    bool several = several_namespaces(o);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->n; i++) {
        AUTO_BUF struct buf b;
        buf_init(&b, OUTPUT_MAX);
        kustomize_print(&b, &o->items[i], 1);
        rc = buf_check(&b, e);
        bool with_ns = several && !kustomize_cluster_scoped(o->items[i]);
        const char *path = arena_printf(a, "%s/%s", folder, file_of(o->items[i], with_ns, a));
        if (rc == 0)
            rc = fs_write_atomic(path, 0644, buf_text(&b), b.len, e);
    }
    return rc;
}

/* Devices and pipes are written to; a link stays one. */
static int write_file(const char *output, const struct buf *b, struct arena *a, struct err *e)
{
    struct stat st;
    char *whole = realpath(output, NULL);
    const char *path = whole ? arena_strdup(a, whole) : output;
    free(whole);
    if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
        return fs_write_atomic(path, 0644, buf_text(b), b->len, e);
    FILE *f = fopen(output, "we");
    bool good = f && fwrite(buf_text(b), 1, b->len, f) == b->len;
    good = f && fclose(f) == 0 && good;
    return good ? 0 : err_sys(e, errno, "write %s", output);
}

static int write_out(const char *output, const struct objects *o, struct arena *a, struct err *e)
{
    AUTO_BUF struct buf b;
    if (*output && is_folder(output))
        return write_each(output, o, a, e);
    buf_init(&b, OUTPUT_MAX);
    kustomize_print(&b, o->items, o->n);
    int rc = buf_check(&b, e);
    if (rc < 0)
        return rc;
    if (*output)
        return write_file(output, &b, a, e);
    if (fwrite(buf_text(&b), 1, b.len, stdout) != b.len || fflush(stdout) != 0)
        return err_set(e, ERR_SYSTEM, "standard output: %s", strerror(errno));
    return 0;
}

/* ---- the verb ---- */

static int run(struct request *q, const struct arguments *args, struct arena *a)
{
    struct objects objects = {.n = 0};
    struct err e = {0};
    int rc = 0;
    if (args->n > 1)
        rc = err_set(&e, ERR_INVALID, "specify one path to kustomization.yaml");
    q->folder = args->n ? args->items[0] : ".";
    if (rc == 0)
        rc = settle(q, &e);
    if (rc == 0)
        rc = build(q, a, &objects, &e);
    if (rc == 0)
        rc = write_out(q->output, &objects, a, &e);
    return rc == 0 ? EXIT_OK : kustomize_cli_fail(&e);
}

static int run_build(int argc, char **argv)
{
    struct request q = {
        .restrictor = "LoadRestrictionsRootOnly", .output = "", .helm_command = "helm"};
    const struct option table[] = {
        {"load-restrictor",                                              0, OPTION_TEXT, &q.restrictor, "WORD",
         "LoadRestrictionsNone: files may lie outside the folder"},
        {"output",                                                   'o', OPTION_TEXT, &q.output, "FILE",
         "write to the file, or a file for each object into the folder"},
        {"enable-helm",                                                        0, OPTION_FLAG, &q.opts.helm, NULL, "inflate helmCharts"},
        {"helm-command",                                                              0, OPTION_TEXT, &q.helm_command, "PROGRAM",
         "for kustomize's sake: charts are rendered by slipway itself"},
        {"helm-kube-version",         0, OPTION_TEXT, &q.opts.helm_kube_version, "VERSION",
         "of Kubernetes, for charts that name none"},
        {"helm-api-versions",                                                     0, OPTION_LIST, &q.helm_apis, "GROUP/VERSION",
         "more of what the cluster has"},
        {"helm-debug", 0, OPTION_FLAG, &q.debug, NULL,
         "for kustomize's sake: errors are whole anyway"},
        {"reorder",                                                  0, OPTION_TEXT, &q.order, "WORD",
         "legacy: what others need first; none: as they are listed"},
        {"enable-managedby-label",                                                   0, OPTION_FLAG, &q.opts.managed_by_label, NULL,
         "label everything app.kubernetes.io/managed-by"},
        {"enable-alpha-plugins",                                                          0, OPTION_FLAG, &q.plugins, NULL,
         "run functions that are images, each in a container; inflate charts, too"},
        {"enable-exec",                                                              0, OPTION_FLAG, &q.exec, NULL,
         "with --enable-alpha-plugins: functions that are programs, too, in a jail"},
        {"env",'e', OPTION_LIST, &q.env, "NAME[=VALUE]", "a variable of functions"},
        {"mount",                                               0, OPTION_LIST, &q.mounts,
         "type=,src=,dst=", "a folder that functions in containers see"},
        {"network",  0, OPTION_FLAG, &q.network, NULL,
         "the host's, for functions in containers that ask for it"},
        {"network-name",                                            0, OPTION_TEXT, &q.network_name, "NAME",
         "for kustomize's sake: it has no effect there either"},
        {"as-current-user",                                                   0, OPTION_FLAG, &q.as_current_user, NULL,
         "run functions in containers as this user, not as nobody"},
        {0                                                    },
    };
    AUTO(arena) struct arena *a = arena_new((size_t)1 << 30);
    struct arguments args;
    struct err e = {0};
    if (options_parse(table, argc, argv, a, &args, &e) < 0)
        return kustomize_cli_fail(&e);
    if (args.help) {
        const struct verb *v = &verbs_kustomize[BUILD];
        (void)printf("usage: slipway %s %s\n\n%s\n\n", v->name, v->usage, v->summary);
        options_print(table);
        return EXIT_OK;
    }
    return run(&q, &args, a);
}

static int run_edit(int argc, char **argv)
{
    return kustomize_cli_edit(argc, argv, &verbs_kustomize[EDIT]);
}

static int run_create(int argc, char **argv)
{
    return kustomize_cli_create(argc, argv, &verbs_kustomize[CREATE]);
}

const struct verb verbs_kustomize[] = {
    [BUILD] = {"kustomize build",                                           "[FOLDER|-|URL] [options]",
               "print what a kustomization makes, as kustomize build does", run_build},
    [EDIT] = {"kustomize edit", "add|set|remove|fix WHAT [options]",
               "change the kustomization file of this folder, and nothing else in it", run_edit},
    [CREATE] = {"kustomize create",                                                           "[options]", "begin a kustomization file in this folder",
               run_create},
    [INIT] = {"kustomize init",                        NULL, NULL, run_create},
    {0                                                  }
};
