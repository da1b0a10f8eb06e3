/* work.c - who asks, may they, and which port answers. */
#include "ctl/tekton/work.h"

#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "base/own.h"
#include "codec/glob.h"
#include "codec/json.h"

enum {
    BODY_MAX = 1 << 20,
    CONTEXT_CHUNK = 1 << 18,
    PATTERNS_MAX = 4096,
};
static const int64_t context_max = 4ll << 30;

struct work {
    struct kube *kube;
    struct work_ports ports;
    char *spool_dir;
};

/* One request on its way. */
struct asking {
    struct work *w;
    struct http_request *q;
    struct work_caller caller;
    const struct value *account; /* the ServiceAccount */
    bool streaming;
};

struct work *work_new(struct kube *k, const struct work_ports *ports, const char *spool_dir)
{
    struct work *w = calloc(1, sizeof *w);
    if (!w || !(w->spool_dir = strdup(spool_dir)))
        log_die("out of memory");
    w->kube = k;
    w->ports = *ports;
    return w;
}

void work_free(struct work *w)
{
    if (w)
        free(w->spool_dir);
    free(w);
}

/* ---- answers ---- */

static int http_status(int code)
{
    switch (code) {
    case ERR_UNAUTHENTICATED:
        return 401;
    case ERR_DENIED:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_INVALID:
        return 400;
    default:
        return 500;
    }
}

static void write_line(struct asking *k, const struct value *v)
{
    const char *text = arena_printf(k->q->arena, "%s\n", json_text(k->q->arena, v, JSON_NO_HTML));
    struct err e;
    if (!k->streaming)
        k->streaming = http_stream_begin(k->q, 200, "application/x-ndjson", &e) == 0;
    if (k->streaming) /* a step that has gone learns nothing more; the work goes on */
        (void)!http_stream_write(k->q, text, strlen(text), &e);
}

static void progress_line(void *arg, const char *text)
{
    struct asking *k = arg;
    struct value *v = value_new_object(k->q->arena);
    (void)value_set_str(k->q->arena, v, "line", text);
    write_line(k, v);
}

static void answer_error(struct asking *k, const struct err *e)
{
    struct arena *a = k->q->arena;
    struct value *v = value_new_object(a), *error = value_make_object(a, v, "error");
    (void)value_set_str(a, error, "code", err_code_name(e->code));
    (void)value_set_str(a, error, "message", e->msg);
    if (*e->hint)
        (void)value_set_str(a, error, "hint", e->hint);
    if (k->streaming) {
        write_line(k, v);
        return;
    }
    const char *text = arena_printf(a, "%s\n", json_text(a, v, JSON_NO_HTML));
    http_send(k->q, http_status(e->code), "application/x-ndjson", text, strlen(text));
}

static void answer_result(struct asking *k, const struct value *result)
{
    struct value *v = value_new_object(k->q->arena);
    (void)value_set(k->q->arena, v, "result", result);
    write_line(k, v);
}

/* ---- who asks ---- */

static const struct value *held(struct asking *k, const struct resource *res, const char *name)
{
    struct object *o;
    struct err e;
    if (!*name || kube_get(k->w->kube, res, k->caller.ns, name, &o, &e) < 0)
        return NULL;
    const struct value *root = object_hold(k->q->arena, o)->root;
    object_unref(o);
    return root;
}

static const char *pod_label(const struct value *pod, const char *key)
{
    return value_str(value_get(value_at(pod, "metadata.labels"), key), "");
}

static void caller_of_pod(struct asking *k, const struct value *pod)
{
    struct work_caller *c = &k->caller;
    c->task_run = pod_label(pod, "tekton.dev/taskRun");
    c->pipeline_run = pod_label(pod, "tekton.dev/pipelineRun");
    c->pipeline = pod_label(pod, "tekton.dev/pipeline");
    c->task = pod_label(pod, "tekton.dev/task");
    c->repository = pod_label(pod, "slipway.dev/repository");
    c->commit = pod_label(pod, "slipway.dev/commit");
    c->ref = value_str(value_get(value_at(pod, "metadata.annotations"), "slipway.dev/ref"), "");
    c->run = held(k, &RES_PIPELINE_RUN, c->pipeline_run);
    if (!c->run)
        c->run = held(k, &RES_TASK_RUN, c->task_run);
}

/* The pod must still be the one the token was made for, and run. */
static int identify(struct asking *k, struct err *e)
{
    const char *header = http_header(k->q, "Authorization");
    struct value *who;
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return err_set(e, ERR_UNAUTHENTICATED, "the work API wants the pod's token");
    int r = k->w->ports.identify(k->w->ports.arg, header + 7, k->q->arena, &who, e);
    if (r < 0)
        return r;
    k->caller = (struct work_caller){
        .ns = value_at_str(who, "namespace", ""),
        .service_account = value_at_str(who, "serviceAccount", ""),
        .pod = value_at_str(who, "pod", ""),
        .pod_uid = value_at_str(who, "podUID", ""),
    };
    const struct value *pod = held(k, &RES_POD, k->caller.pod);
    if (!pod || strcmp(value_at_str(pod, "metadata.uid", ""), k->caller.pod_uid) != 0)
        return err_set(e, ERR_UNAUTHENTICATED, "the token is not that of a running pod");
    k->account = held(k, &RES_SERVICE_ACCOUNT, k->caller.service_account);
    caller_of_pod(k, pod);
    return 0;
}

/* ---- may they ---- */

static bool listed(const char *patterns, const char *name, struct arena *a)
{
    if (!patterns || strlen(patterns) > PATTERNS_MAX)
        return false;
    char *copy = arena_strdup(a, patterns), *save = NULL;
    for (char *p = strtok_r(copy, ", \n", &save); p; p = strtok_r(NULL, ", \n", &save))
        if (glob_match(p, name, GLOB_FLAT))
            return true;
    return false;
}

static int allow(struct asking *k, const char *key, const char *name, struct err *e)
{
    const char *patterns =
        value_str(value_get(value_at(k->account, "metadata.annotations"), key), NULL);
    if (listed(patterns, name, k->q->arena))
        return 0;
    (void)err_set(e, ERR_DENIED, "service account %s/%s may not touch \"%s\"", k->caller.ns,
                  k->caller.service_account, name);
    return err_hint(e, "list it in the service account's annotation %s", key);
}

/* ---- the verbs ---- */

/* "registry/shop/app:1.2@sha256:…" → name and tag. */
static int split_image(const char *image, struct arena *a, const char **name, const char **tag,
                       struct err *e)
{
    const char *at = strchr(image, '@'), *slash = strrchr(image, '/');
    const char *end = at ? at : image + strlen(image);
    const char *colon = memchr(slash ? slash : image, ':', (size_t)(end - (slash ? slash : image)));
    *tag = colon ? arena_strndup(a, colon + 1, (size_t)(end - colon - 1)) : "";
    *name = arena_strndup(a, image, (size_t)((colon ? colon : end) - image));
    return **name ? 0 : err_set(e, ERR_INVALID, "image: a name is wanted");
}

/* The request's body on an unnamed file. */
static int spool_context(struct asking *k, int *out, struct err *e)
{
    AUTO_FD int fd = open(k->w->spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, errno, "make a file in %s", k->w->spool_dir);
    char *chunk = arena_alloc(k->q->arena, CONTEXT_CHUNK);
    int64_t total = 0;
    for (long n; (n = http_read(k->q, chunk, CONTEXT_CHUNK, e)) != 0;) {
        if (n < 0)
            return (int)n;
        if ((total += n) > context_max)
            return err_set(e, ERR_TOO_LARGE, "the build context is larger than %lld bytes",
                           (long long)context_max);
        for (long done = 0; done < n;) {
            ssize_t w = write(fd, chunk + done, (size_t)(n - done));
            if (w < 0)
                return err_sys(e, errno, "write the build context");
            done += w;
        }
    }
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, errno, "rewind the build context");
    *out = take_fd(&fd);
    return 0;
}

static int do_build(struct asking *k, struct work_progress *p, struct value **out, struct err *e)
{
    struct arena *a = k->q->arena;
    struct value *args = value_new_object(a);
    const char *name, *value, *image = http_query(k->q, "image");
    for (size_t i = 0; http_query_next(k->q, &i, &name, &value);) {
        const char *eq = strcmp(name, "arg") == 0 ? strchr(value, '=') : NULL;
        if (eq)
            (void)value_set_str(a, args, arena_strndup(a, value, (size_t)(eq - value)), eq + 1);
    }
    const char *file = http_query(k->q, "containerfile"), *target = http_query(k->q, "target");
    struct work_build b = {.caller = &k->caller,
                           .containerfile = file ? file : "",
                           .target = target ? target : "",
                           .args = args};
    int r = split_image(image ? image : "", a, &b.image, &b.tag, e);
    if (r == 0)
        r = allow(k, "slipway.dev/images", b.image, e);
    AUTO_FD int fd = -1;
    if (r == 0)
        r = spool_context(k, &fd, e);
    if (r < 0)
        return r;
    b.context_fd = fd;
    return k->w->ports.build(k->w->ports.arg, &b, p, a, out, e);
}

static int read_body(struct asking *k, struct value **out, struct err *e)
{
    char *text;
    size_t n;
    int r = http_read_all(k->q, BODY_MAX, &text, &n, e);
    return r < 0 ? r : json_parse(k->q->arena, text, n, 0, out, e);
}

typedef int (*image_port)(void *arg, const struct work_image *r, struct work_progress *p,
                          struct arena *a, struct value **out, struct err *e);

static int do_image(struct asking *k, image_port port, struct work_progress *p, struct value **out,
                    struct err *e)
{
    struct value *body;
    int r = read_body(k, &body, e);
    if (r < 0)
        return r;
    struct work_image i = {.caller = &k->caller,
                           .digest = value_at_str(body, "digest", ""),
                           .policy = value_at_str(body, "policy", "")};
    r = split_image(value_at_str(body, "image", ""), k->q->arena, &i.image, &i.tag, e);
    if (r == 0)
        r = allow(k, "slipway.dev/images", i.image, e);
    if (r == 0 && strncmp(i.digest, "sha256:", 7) != 0)
        r = err_set(e, ERR_INVALID, "digest: \"%s\" is not sha256:…", i.digest);
    return r < 0 ? r : port(k->w->ports.arg, &i, p, k->q->arena, out, e);
}

static int do_update(struct asking *k, struct work_progress *p, struct value **out, struct err *e)
{
    struct value *body;
    struct arena *a = k->q->arena;
    int r = read_body(k, &body, e);
    if (r < 0)
        return r;
    const char *run = *k->caller.pipeline_run ? k->caller.pipeline_run : k->caller.task_run;
    const struct work_update u = {
        .caller = &k->caller,
        .repository = value_at_str(body, "repository", ""),
        .branch = value_at_str(body, "branch", "main"),
        .path = value_at_str(body, "path", ""),
        .image = value_at_str(body, "image", ""),
        .new_name = value_at_str(body, "newName", ""),
        .tag = value_at_str(body, "tag", ""),
        .digest = value_at_str(body, "digest", ""),
        .app_commit = k->caller.commit,
        .run = arena_printf(a, "%s/%s", k->caller.ns, run),
    };
    if (!*u.repository || !*u.image || !*u.digest)
        return err_set(e, ERR_INVALID, "update-image wants repository, image and digest");
    r = allow(k, "slipway.dev/update-repositories", u.repository, e);
    return r < 0 ? r : k->w->ports.update(k->w->ports.arg, &u, p, a, out, e);
}

static int dispatch(struct asking *k, const char *verb, struct value **out, struct err *e)
{
    struct work_progress p = {progress_line, k};
    const struct work_ports *ports = &k->w->ports;
    if (strcmp(verb, "build") == 0)
        return do_build(k, &p, out, e);
    if (strcmp(verb, "scan") == 0)
        return do_image(k, ports->scan, &p, out, e);
    if (strcmp(verb, "push") == 0)
        return do_image(k, ports->push, &p, out, e);
    if (strcmp(verb, "sign") == 0)
        return do_image(k, ports->sign, &p, out, e);
    if (strcmp(verb, "update-image") == 0)
        return do_update(k, &p, out, e);
    return err_set(e, ERR_NOT_FOUND, "there is no work \"%s\"", verb);
}

void work_handle(struct http_request *q, void *arg)
{
    static const char prefix[] = "/work/v1/";
    struct asking k = {.w = arg, .q = q};
    struct err e = {0};
    struct value *result;
    if (strncmp(q->path, prefix, sizeof prefix - 1) != 0 || strcmp(q->method, "POST") != 0) {
        http_send_text(q, 404, "the work API answers POST /work/v1/VERB\n");
        return;
    }
    int r = identify(&k, &e);
    if (r == 0)
        r = dispatch(&k, q->path + sizeof prefix - 1, &result, &e);
    if (r < 0)
        answer_error(&k, &e);
    else
        answer_result(&k, result);
}
