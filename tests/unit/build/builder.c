/* The builder as a program, for tests with real images: see e2e.sh.
 *     builder DIR busybox|tools|debian NAME [package…]
 *     builder DIR build CONTEXT TAG [NAME=value…]          prints digest, steps, cached
 *     builder DIR netbuild …                               RUN has an address of its own
 *     builder DIR push NAME TARGET | pull NAME                                              */
#include <stdio.h>
#include <string.h>

#include "build/build.h"
#include "oci/bootstrap.h"
#include "podnet/podnet.h"
#include "runtime/runtime.h"

static void on_event(void *arg, const struct build_event *event)
{
    (void)arg;
    static const char *const words[] = {"", "CACHED", "", "DONE", "FAILED", "WARNING"};
    if (event->kind == BUILD_STEP_OUTPUT)
        (void)fwrite(event->text, 1, event->text_len, stderr);
    else if (event->kind == BUILD_STEP_STARTED)
        (void)fprintf(stderr, "#%u/%u [%s] %s\n", event->step, event->steps, event->stage,
                      event->name);
    else
        (void)fprintf(stderr, "#%u %s %lld ms %s\n", event->step, words[event->kind],
                      (long long)event->took_ms, event->text);
}

static void on_line(void *arg, const char *line)
{
    (void)arg;
    (void)fprintf(stderr, "%s\n", line);
}

static int build(struct image_store *s, const char *dir, bool pod_net, char **argv, struct err *e)
{
    char state[4096], net_state[4096];
    AUTO(podnet) struct podnet *net = NULL;
    AUTO(runtime) struct runtime *rt = NULL;
    struct build_result result;
    const char *tags[] = {argv[1], NULL};
    static const struct build_secret secret = {"token", "s3cret", 6};
    (void)snprintf(state, sizeof state, "%s/run", dir);
    (void)snprintf(net_state, sizeof net_state, "%s/net", dir);
    struct podnet_opts no = {.state_dir = net_state};
    if (pod_net && podnet_open(&no, &net, e) < 0)
        return -1;
    struct runtime_opts ro = {.dir = state};
    if (runtime_open(&ro, &rt, e) < 0 || runtime_watch(rt, e) < 0 || build_recover(rt, net, e) < 0)
        return -1;
    const char *args[64] = {0};
    for (int i = 2; argv[i] && i < 60; i++)
        args[i - 2] = argv[i];
    struct build_opts o = {.images = s,
                           .runtime = rt,
                           .net = net,
                           .context_dir = argv[0],
                           .tags = tags,
                           .platform = getenv("BUILD_FOR"), /* NULL: this machine */
                           .build_args = args,
                           .secrets = &secret,
                           .n_secrets = 1,
                           .on_event = on_event};
    int rc = build_run(&o, &result, e);
    if (rc == 0)
        (void)printf("%s %u %u\n", result.digest, result.steps, result.cached);
    return rc;
}

static int pull(struct image_store *s, const char *name, struct err *e)
{
    struct image image;
    AUTO(arena) struct arena *a = arena_new(64 << 20);
    struct image_ensure_opts o = {.progress = on_line};
    int rc = image_store_ensure(s, name, &o, a, &image, e);
    if (rc == 0)
        (void)printf("%s %zu\n", image.digest, image.n_layers);
    return rc;
}

static int run(struct image_store *s, int argc, char **argv, struct err *e)
{
    char digest[DIGEST_MAX];
    const char *verb = argv[2];
    const char *const *packages = argc > 4 ? (const char *const *)&argv[4] : NULL;
    struct bootstrap_debian debian = {.packages = packages, .progress = on_line};
    int rc = -1;
    if (strcmp(verb, "build") == 0 || strcmp(verb, "netbuild") == 0)
        return build(s, argv[1], *verb == 'n', argv + 3, e);
    if (strcmp(verb, "pull") == 0)
        return pull(s, argv[3], e);
    if (strcmp(verb, "push") == 0)
        return image_store_push(s, argv[3], argv[4], NULL, on_line, NULL, e);
    if (strcmp(verb, "busybox") == 0)
        rc = bootstrap_busybox(s, argv[3], NULL, digest, e);
    else if (strcmp(verb, "tools") == 0)
        rc = bootstrap_tools(s, argv[3], NULL, digest, e);
    else if (strcmp(verb, "debian") == 0)
        rc = bootstrap_debian(s, argv[3], &debian, digest, e);
    if (rc == 0)
        (void)printf("%s\n", digest);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    AUTO(image_store) struct image_store *s = NULL;
    if (argc > 1 && strcmp(argv[1], "shim") == 0)
        return shim_main(argc - 1, argv + 1);
    if (argc < 4)
        return 2;
    struct image_store_opts o = {.folder = argv[1]};
    if (image_store_open(&o, &s, &e) < 0 || run(s, argc, argv, &e) < 0) {
        (void)fprintf(stderr, "builder: %s%s%s\n", e.msg, e.hint[0] ? "; " : "", e.hint);
        return 1;
    }
    return 0;
}
