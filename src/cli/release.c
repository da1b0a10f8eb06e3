/* release.c - the verbs for Helm's releases: connecting, waiting, failing. */
#include "cli/release.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "release/owner.h"

/* ---- what an operation asks of us ---- */

static struct release_cli *cli_of(void *self)
{
    return self;
}

static void stop_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
}

/* A signal cancels once; the next one ends the program. */
static int pause_for(void *self, int64_t ms, struct err *e)
{
    struct release_cli *c = cli_of(self);
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    sigset_t set;
    stop_signals(&set);
    if (!c->cancelling) {
        (void)nanosleep(&t, NULL);
        return 0;
    }
    if (sigtimedwait(&set, NULL, &t) < 0)
        return 0;
    (void)printf("Release %s has been cancelled.\n", c->cancelling);
    (void)fflush(stdout);
    c->cancelling = NULL;
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    return err_set(e, ERR_CANCELLED, "context canceled");
}

static int discover(void *self, struct arena *a, const char **version, const char ***apis,
                    size_t *n, struct err *e)
{
    struct kube_server server;
    int rc = kube_remote_server(cli_of(self)->kube, a, &server, e);
    if (rc < 0)
        return rc;
    *version = server.version;
    *apis = server.api_versions;
    *n = server.n_api_versions;
    return 0;
}

static int draw(void *self, unsigned char out[32], struct err *e)
{
    (void)self;
    return getrandom(out, 32, 0) == 32 ? 0 : err_set(e, ERR_SYSTEM, "draw a seed");
}

static int logs(void *self, const char *ns, const char *pod, const char *container, struct arena *a,
                const char **out, size_t *n, struct err *e)
{
    return kube_remote_logs(cli_of(self)->kube, ns, pod, container, a, out, n, e);
}

static int post_render(void *self, struct helm_log *log, struct buf *manifest, struct err *e)
{
    const struct helm_cli_post *post = cli_of(self)->post;
    return post ? helm_cli_post_render(post, log, manifest, e) : 0;
}

/* ---- the session ---- */

static const char *environment(const char *name)
{
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

int release_cli_open(struct release_cli *c, const struct release_cli_where *w, struct arena *a,
                     struct err *e)
{
    const char *context = w->context ? w->context : environment("HELM_KUBECONTEXT");
    const char *ns = w->ns ? w->ns : environment("HELM_NAMESPACE");
    struct kube_config config;
    sigset_t set;
    int rc = verb_config(w->kubeconfig, context, a, &config, e);
    if (rc < 0)
        return err_wrap(e, rc, "Kubernetes cluster unreachable");
    stop_signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    c->kube = kube_remote_new(&config, "helm");
    c->port = (struct release_port){pause_for, discover, draw, logs, post_render, c};
    c->session = (struct release_session){.kube = c->kube,
                                          .log = &c->log,
                                          .clock = &clock_system,
                                          .port = &c->port,
                                          .ns = arena_strdup(a, ns ? ns : config.ns),
                                          .me = release_self(a)};
    return release_cli_timeout(NULL, &c->session, e);
}

void release_cli_close(struct release_cli *c)
{
    kube_free(c->kube);
    c->kube = NULL;
}

int release_cli_timeout(const char *text, struct release_session *s, struct err *e)
{
    int64_t ns;
    int rc = clock_parse_duration(text ? text : "5m", &ns, e);
    if (rc < 0)
        return err_set(e, ERR_INVALID, "invalid argument \"%s\" for \"--timeout\" flag: %s", text,
                       "it is a duration, such as 5m30s");
    s->timeout_ms = ns / 1000000;
    return 0;
}

/* ---- failure ---- */

int release_cli_fail(struct release_cli *c, const char *prefix, const struct err *e)
{
    const char *text = c->log.error ? c->log.error : e->msg;
    helm_cli_warnings(&c->log);
    (void)fflush(stdout);
    (void)fprintf(stderr, "Error: %s%s%s\n", prefix ? prefix : "", prefix ? ": " : "", text);
    if (c->session.waiting_for)
        (void)fprintf(stderr, "  %s\n", c->session.waiting_for);
    if (*e->hint)
        (void)fprintf(stderr, "  %s\n", e->hint);
    return EXIT_FAILED;
}
