/* The work API over HTTP: who asks, may they, and the lines that come back. */
#include "t.h"

#include "codec/json.h"
#include "ctl/tekton/work.h"
#include "kube/fake.h"
#include "net/http_client.h"

static const char cluster[] =
    "apiVersion: v1\nkind: ServiceAccount\n"
    "metadata: {name: builder, namespace: default, annotations: {slipway.dev/images: "
    "\"reg.local/shop/*\", slipway.dev/update-repositories: shop-infra}}\n"
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: run-pod, namespace: default, labels: "
    "{tekton.dev/taskRun: run, tekton.dev/pipelineRun: pr, slipway.dev/commit: abc}}\n"
    "spec: {containers: [{name: x, image: y}]}\n"
    "---\napiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: pr, namespace: default}\n";

struct rig {
    struct kube *kube;
    struct fake_clock clock;
    const char *pod_uid;
    struct work *work;
    struct http_server *server;
    struct arena *a;
};

static int identify(void *arg, const char *token, struct arena *a, struct value **out,
                    struct err *e)
{
    struct rig *r = arg;
    if (strcmp(token, "good") != 0 && strcmp(token, "stale") != 0)
        return err_set(e, ERR_UNAUTHENTICATED, "unknown token");
    *out = value_new_object(a);
    (void)value_set_str(a, *out, "namespace", "default");
    (void)value_set_str(a, *out, "serviceAccount", "builder");
    (void)value_set_str(a, *out, "pod", "run-pod");
    (void)value_set_str(a, *out, "podUID", *token == 'g' ? r->pod_uid : "another");
    return 0;
}

static int build(void *arg, const struct work_build *b, struct work_progress *p, struct arena *a,
                 struct value **out, struct err *e)
{
    (void)arg;
    (void)e;
    char bytes[16] = "";
    (void)!read(b->context_fd, bytes, sizeof bytes - 1);
    p->line(p->arg, "step 1");
    *out = value_new_object(a);
    (void)value_set(a, *out, "digest",
                    value_new_strf(a, "%s|%s|%s|%s|%s|%s", b->image, b->tag, b->containerfile,
                                   value_at_str(b->args, "K", ""), bytes, b->caller->commit));
    return 0;
}

static int image(void *arg, const struct work_image *i, struct work_progress *p, struct arena *a,
                 struct value **out, struct err *e)
{
    (void)arg;
    (void)p;
    if (strcmp(i->tag, "bad") == 0)
        return err_set(e, ERR_DENIED, "not scanned");
    *out = value_new_object(a);
    (void)value_set_str(a, *out, "url", value_at_str(i->caller->run, "metadata.name", "none"));
    return 0;
}

static int update(void *arg, const struct work_update *u, struct work_progress *p, struct arena *a,
                  struct value **out, struct err *e)
{
    (void)arg;
    (void)p;
    (void)e;
    *out = value_new_object(a);
    (void)value_set(
        a, *out, "commit",
        value_new_strf(a, "%s %s %s %s", u->repository, u->branch, u->run, u->app_commit));
    return 0;
}

static void start(struct rig *r)
{
    struct err e;
    struct object *pod;
    fake_clock_init(&r->clock, 1767225600000);
    r->a = arena_new(1 << 20);
    r->kube = kube_fake_new(&r->clock.clock);
    kube_fake_load(r->kube, cluster);
    T_RC(kube_get(r->kube, &RES_POD, "default", "run-pod", &pod, &e), &e, "pod");
    r->pod_uid = arena_strdup(r->a, pod->uid);
    object_unref(pod);
    const struct work_ports ports = {r, identify, build, image, image, image, update};
    r->work = work_new(r->kube, &ports, "/tmp");
    const struct http_listen l = {.address = "127.0.0.1:0"};
    T_RC(http_server_start(&l, work_handle, r->work, &r->server, &e), &e, "listen");
}

static void stop(struct rig *r)
{
    http_server_free(r->server);
    work_free(r->work);
    kube_free(r->kube);
    arena_free(r->a);
}

static void answers(void)
{
    static const char digest[] = "sha256:1";
    static const struct {
        const char *name, *token, *path, *body, *want;
        int status;
    } cases[] = {
        {"no token",         NULL,    "scan",                                                         "{}",                                                           "the work API wants the pod's token", 401},
        {"wrong token",      "bad",   "scan",                                                         "{}",                                                           "unknown token",                      401},
        {"another pod's",    "stale", "scan",                                                         "{}",                                                           "not that of a running pod",          401},
        {"build",            "good",  "build?image=reg.local/shop/app:1.2&containerfile=C&arg=K%3Dv", "TAR",
         "{\"line\":\"step 1\"}\n{\"result\":{\"digest\":\"reg.local/shop/app|1.2|C|v|TAR|abc\"}}",                                                                                                         200},
        {"build elsewhere",  "good",  "build?image=reg.local/other",                                  "TAR",                                                          "may not touch",                      403},
        {"push",             "good",  "push",                                                         "{\"image\":\"reg.local/shop/app:1\",\"digest\":\"sha256:1\"}",
         "{\"result\":{\"url\":\"pr\"}}",                                                                                                                                                                   200},
        {"push refused",     "good",  "push",
         "{\"image\":\"reg.local/shop/app:bad\",\"digest\":\"sha256:1\"}",                                                                                            "not scanned",                        403},
        {"no digest",        "good",  "sign",                                                         "{\"image\":\"reg.local/shop/app\"}",                           "is not sha256",                      400},
        {"update",           "good",  "update-image",
         "{\"repository\":\"shop-infra\",\"image\":\"app\",\"digest\":\"sha256:1\"}",                                                                                 "shop-infra main default/pr abc",     200},
        {"update elsewhere", "good",  "update-image",
         "{\"repository\":\"other\",\"image\":\"app\",\"digest\":\"sha256:1\"}",                                                                                      "may not touch",
         403                                                                                                                                                                                                   },
        {"unknown",          "good",  "dance",                                                        "{}",                                                           "there is no work",                   404},
    };
    struct rig r = {0};
    start(&r);
    (void)digest;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        const struct http_client_opts opts = {.bearer = cases[i].token};
        AUTO(http_client) struct http_client *c = http_client_new(&opts);
        struct http_call call = {
            .method = "POST",
            .url = arena_printf(r.a, "http://127.0.0.1:%u/work/v1/%s", http_server_port(r.server),
                                cases[i].path),
            .body = cases[i].body,
            .body_len = strlen(cases[i].body),
        };
        struct http_answer answer = {.body = ""};
        T_RC(http_do(c, &call, r.a, &answer, &e), &e, cases[i].name);
        T_EQ_INT(answer.status, cases[i].status, cases[i].name);
        if (!strstr(answer.body, cases[i].want))
            T_FAIL(cases[i].name, "answer is %s", answer.body);
    }
    stop(&r);
}

T_MAIN(answers)
