/* work_ports.c - what a pipeline's step may ask for, done on this side of the fence.
 *
 * An image that a step built is held by a lease until it is pushed; it is pushed only with a passed
 * scan of exactly that digest on record; the signing key never leaves this process. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "apiserver/local.h"
#include "base/fs.h"
#include "base/log.h"
#include "build/build.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "oci/reference.h"
#include "scan/catalogue.h"
#include "server/server_int.h"
#include "sign/provenance.h"
#include "sign/sign.h"

/* ---- who asks ---- */

static const char *extra_of(const struct identity *who, const char *key)
{
    return value_str(value_item(value_get(who->extra, key), 0), "");
}

static int identify(void *arg, const char *token, struct arena *a, struct value **out,
                    struct err *e)
{
    struct server *s = arg;
    struct value *review = value_new_object(a);
    struct identity who;
    int r = rights_authenticate(s, token, a, &who, e);
    if (r < 0)
        return r;
    static const char prefix[] = "system:serviceaccount:";
    const char *rest =
        strncmp(who.user, prefix, strlen(prefix)) == 0 ? who.user + strlen(prefix) : NULL;
    const char *colon = rest ? strchr(rest, ':') : NULL;
    if (!colon)
        return err_set(e, ERR_UNAUTHENTICATED,
                       "the work API is for service accounts of pods, not for %s", who.user);
    (void)value_set_str(a, review, "namespace", arena_strndup(a, rest, (size_t)(colon - rest)));
    (void)value_set_str(a, review, "serviceAccount", colon + 1);
    (void)value_set_str(a, review, "pod", extra_of(&who, "authentication.kubernetes.io/pod-name"));
    (void)value_set_str(a, review, "podUID",
                        extra_of(&who, "authentication.kubernetes.io/pod-uid"));
    *out = review;
    return 0;
}

/* ---- names ---- */

/* "127.0.0.1:5000/shop/app", "slipway.local/shop/app" or "shop/app" → "shop/app". */
static int repository_of(const char *image, struct arena *a, const char **out, struct err *e)
{
    struct reference ref;
    const char *slash = strchr(image, '/');
    bool has_host = slash && memchr(image, '.', (size_t)(slash - image));
    has_host = has_host || (slash && memchr(image, ':', (size_t)(slash - image)));
    int r = reference_parse(has_host ? image : arena_printf(a, IMAGES_LOCAL_HOST "/%s", image), a,
                            &ref, e);
    if (r == 0)
        *out = ref.path;
    return r;
}

static char *local_name(const char *repository, struct arena *a)
{
    return arena_printf(a, IMAGES_LOCAL_HOST "/%s", repository);
}

static char *held_lease(const char *repository, const char *digest, struct arena *a)
{
    return arena_printf(a, "held/%s@%s", repository, digest);
}

static char *scanned_ref(const char *digest, struct arena *a)
{
    return arena_printf(a, "scanned/%s", digest);
}

static void say(struct work_progress *p, const char *fmt, ...) PRINTF(2, 3);
static void say(struct work_progress *p, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    p->line(p->arg, line);
}

/* ---- build ---- */

struct building {
    struct work_progress *progress;
    struct buf line; /* of a command's output, until its end */
};

static void end_line(struct building *b)
{
    b->progress->line(b->progress->arg, buf_text(&b->line));
    buf_clear(&b->line);
}

/* Of stages that are built at the same time, each line says whose it is. */
static void output(struct building *b, const struct build_event *ev)
{
    for (size_t i = 0; i < ev->text_len; i++) {
        if (ev->parallel && b->line.len == 0)
            buf_printf(&b->line, "[%s] ", ev->stage);
        if (ev->text[i] == '\n')
            end_line(b);
        else
            buf_putc(&b->line, ev->text[i]);
    }
}

static void on_event(void *arg, const struct build_event *ev)
{
    struct building *b = arg;
    const char *space = ev->parallel ? " " : "", *stage = ev->parallel ? ev->stage : "";
    switch (ev->kind) {
    case BUILD_STEP_STARTED:
        say(b->progress, "[%u/%u%s%s] %s", ev->step, ev->steps, space, stage, ev->name);
        break;
    case BUILD_STEP_CACHED:
        say(b->progress, "[%u/%u%s%s] %s (cached)", ev->step, ev->steps, space, stage, ev->name);
        break;
    case BUILD_STEP_OUTPUT:
        output(b, ev);
        break;
    case BUILD_STEP_FAILED:
    case BUILD_WARNING:
        say(b->progress, "%.*s", (int)ev->text_len, ev->text);
        break;
    case BUILD_STEP_DONE:
        if (b->line.len && !ev->parallel)
            end_line(b);
        break;
    }
}

static const char *const *build_args(const struct value *args, struct arena *a)
{
    const char **out = ARENA_ARRAY(a, const char *, value_members_count(args) + 1);
    size_t n = 0;
    VALUE_EACH_MEMBER (m, args)
        out[n++] = arena_printf(a, "%s=%s", m->key, value_str(&m->value, ""));
    return out;
}

static int build(void *arg, const struct work_build *q, struct work_progress *p, struct arena *a,
                 struct value **out, struct err *e)
{
    struct server *s = arg;
    const char *repository;
    struct building b = {.progress = p};
    struct build_result result;
    char *lease = arena_printf(a, "building/%s", q->caller->pod_uid);
    const char *label = arena_printf(a, "org.opencontainers.image.revision=%s", q->caller->commit);
    const char *const labels[] = {*q->caller->commit ? label : NULL, NULL};
    struct build_opts o = {.images = s->images,
                           .runtime = s->build_runtime,
                           .net = s->podnet,
                           .fenced = true,
                           .context_fd = q->context_fd,
                           .has_context_fd = true,
                           .containerfile = *q->containerfile ? q->containerfile : NULL,
                           .target = *q->target ? q->target : NULL,
                           .build_args = build_args(q->args, a),
                           .labels = labels,
                           .lease = lease,
                           .owner = q->caller->pod,
                           .on_event = on_event,
                           .arg = &b};
    int r = repository_of(q->image, a, &repository, e);
    if (r == 0 && !s->build_runtime)
        r = err_set(e, ERR_UNSUPPORTED,
                    "this server runs no containers (--no-node), so that it cannot build %s",
                    q->image);
    if (r < 0)
        return r;
    buf_init(&b.line, 64 * 1024);
    r = build_run(&o, &result, e);
    buf_done(&b.line);
    if (r == 0)
        r = image_store_lease(s->images, held_lease(repository, result.digest, a), result.digest,
                              e);
    if (r == 0)
        r = image_store_unlease(s->images, lease, e);
    if (r < 0)
        return r;
    say(p, "built %s@%s: %u steps, %u from cache", repository, result.digest, result.steps,
        result.cached);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "digest", result.digest);
    (void)value_set_str(a, v, "image", q->image);
    *out = v;
    return 0;
}

/* ---- scan ---- */

/* ConfigMap NAME (default "scan-policy") of the caller's namespace, key "policy.yaml"; without one,
 * HIGH and above fail. */
static int policy_of(struct server *s, const struct work_image *q, struct arena *a,
                     struct scan_policy *out, struct err *e)
{
    AUTO(object) struct object *map = NULL;
    const char *name = *q->policy ? q->policy : "scan-policy";
    struct value *doc;
    int r = kube_get(s->kube, &RES_CONFIG_MAP, q->caller->ns, name, &map, e);
    if (r == ERR_NOT_FOUND && !*q->policy) {
        *out = (struct scan_policy){.fail_at = SEVERITY_HIGH};
        return 0;
    }
    if (r < 0)
        return err_wrap(e, r, "scan policy");
    const char *text = value_str(value_get(value_get(map->root, "data"), "policy.yaml"), NULL);
    if (!text)
        return err_set(e, ERR_INVALID, "ConfigMap %s/%s has no key policy.yaml", q->caller->ns,
                       name);
    text = arena_strdup(a, text);
    r = yaml_parse(a, text, strlen(text), 0, &doc, e);
    if (r == 0)
        r = scan_policy_parse(doc, a, out, e);
    return r < 0 ? err_wrap(e, r, "ConfigMap %s/%s: policy.yaml", q->caller->ns, name) : 0;
}

static void print_lines(struct work_progress *p, char *text)
{
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        p->line(p->arg, line);
    }
}

/* What the image holds, for the day a new advisory names it. A scan is not worth less without. */
static void remember(struct server *s, const struct work_image *q, const struct inventory *inv,
                     struct arena *a)
{
    const struct catalogue_image image = {q->digest, q->image, q->caller->repository};
    struct err e;
    const char *path = arena_printf(a, "%s/catalogue", s->dir);
    if (catalogue_add(path, &image, inv, &e) < 0)
        log_warn("scan", "catalogue of images: %s", e.msg);
}

static int scan_image(struct server *s, const struct work_image *q,
                      const struct scan_policy *policy, struct arena *a, struct scan_report *out,
                      struct err *e)
{
    AUTO(advisories) struct advisories *db = NULL;
    struct image image;
    struct inventory inv;
    int r = advisories_open_trusted(s->dir, NULL, NULL, &db, e);
    if (r == 0)
        r = image_store_find(s->images, q->digest, a, &image, e);
    if (r == 0)
        r = image_store_unpack(s->images, &image, a, e);
    if (r == 0)
        r = inventory_take(image.layer_dirs, image.n_layers, a, &inv, e);
    if (r == 0)
        r = scan_run(&inv, db, policy, clock_real_ms(), a, out, e);
    if (r == 0)
        remember(s, q, &inv, a);
    if (r == 0) { /* the database goes with this function: what is kept must not point into it */
        const char *summary = out->summary;
        out->summary = arena_strdup(a, summary);
    }
    return r;
}

static int scan(void *arg, const struct work_image *q, struct work_progress *p, struct arena *a,
                struct value **out, struct err *e)
{
    struct server *s = arg;
    struct scan_policy policy;
    struct scan_report report;
    int r = policy_of(s, q, a, &policy, e);
    if (r == 0)
        r = scan_image(s, q, &policy, a, &report, e);
    if (r < 0)
        return err_wrap(e, r, "scan %s", q->digest);
    AUTO_BUF struct buf table;
    buf_init(&table, 4 << 20);
    scan_report_print(&report, &table);
    print_lines(p, arena_strdup(a, buf_text(&table)));
    /* The record that push asks for. A scan that failed takes back one that passed. */
    if (report.passed)
        r = refs_set(image_store_refs(s->images), scanned_ref(q->digest, a), "", report.summary, e);
    else
        r = refs_remove(image_store_refs(s->images), scanned_ref(q->digest, a), e);
    if (r == 0)
        *out = scan_report_value(&report, a);
    return r;
}

/* ---- push ---- */

/* What a step that was cut off asks for once more is done already, and no lease holds it. */
static bool is_pushed(struct server *s, const char *reference, const char *digest, struct arena *a)
{
    struct image there;
    return image_store_find(s->images, reference, a, &there, NULL) == 0 &&
           strcmp(there.digest, digest) == 0;
}

static int push(void *arg, const struct work_image *q, struct work_progress *p, struct arena *a,
                struct value **out, struct err *e)
{
    struct server *s = arg;
    const char *repository;
    char held[DIGEST_MAX];
    int r = repository_of(q->image, a, &repository, e);
    if (r < 0)
        return r;
    const char *tag = *q->tag ? q->tag : *q->caller->commit ? q->caller->commit : "latest";
    const char *reference = arena_printf(a, "%s:%s", local_name(repository, a), tag);
    if (image_store_leased(s->images, held_lease(repository, q->digest, a), held, e) < 0 &&
        !is_pushed(s, reference, q->digest, a))
        return err_set(e, ERR_NOT_FOUND, "%s@%s was not built here, or is pushed already",
                       repository, q->digest);
    if (!refs_has(image_store_refs(s->images), scanned_ref(q->digest, a))) {
        (void)err_set(e, ERR_DENIED, "%s@%s has no passed scan", repository, q->digest);
        return err_hint(e, "scan it first; what fails the policy is not pushed");
    }
    r = registry_tag(s->registry, repository, tag, q->digest, e);
    if (r == 0)
        r = image_store_unlease(s->images, held_lease(repository, q->digest, a), e);
    if (r < 0)
        return r;
    say(p, "pushed %s:%s@%s", repository, tag, q->digest);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "digest", q->digest);
    (void)value_set(a, v, "url", value_new_strf(a, "%s:%s", q->image, tag));
    *out = v;
    return 0;
}

/* ---- sign ---- */

/* The run has attested it before, and its step did not hear of it. */
static bool is_attested(struct server *s, const char *repository, const char *digest,
                        const char *run, struct arena *a, char out[DIGEST_MAX])
{
    struct value *had;
    const char *at;
    struct sign_local place = sign_local(s->images, repository);
    const struct bundle_policy ours = {.key = s->signing_public, .without_log = true};
    char *tag = arena_printf(a, "%s:%s.att", local_name(repository, a), digest);
    *strrchr(tag, ':') = '-'; /* the digest's own colon */
    if (sign_verify_attestations(&place.place, digest, SLSA_PROVENANCE_V1, &ours, a, &had, NULL) <
            0 ||
        image_store_digest(s->images, tag, a, &at, NULL) < 0)
        return false;
    VALUE_EACH_ITEM (one, had)
        if (strcmp(value_at_str(one, "payload.predicate.runDetails.metadata.invocationId", ""),
                   run) == 0) {
            (void)snprintf(out, DIGEST_MAX, "%s", at);
            return true;
        }
    return false;
}

static int attest(struct server *s, const struct work_image *q, const char *repository,
                  struct arena *a, char out[DIGEST_MAX], struct err *e)
{
    char now[CLOCK_TEXT_MAX];
    clock_format_rfc3339(clock_real_ms(), now);
    const struct work_caller *c = q->caller;
    const char *run =
        arena_printf(a, "%s/%s", c->ns, *c->pipeline_run ? c->pipeline_run : c->task_run);
    if (is_attested(s, repository, q->digest, run, a, out))
        return 0;
    struct provenance p = {.name = q->image,
                           .digest = q->digest,
                           .builder = "https://slipway.dev/builders/local/v1",
                           .run = run,
                           .pipeline = c->pipeline,
                           .repository_url = *c->repository
                                                 ? arena_printf(a, "http://%s/git/%s",
                                                                s->opts.git_address, c->repository)
                                                 : "",
                           .commit = c->commit,
                           .ref = c->ref,
                           .finished = now};
    const struct sign_request request = {.name = q->image,
                                         .digest = q->digest,
                                         .key = s->signing_key,
                                         .statement = provenance_statement(&p, a)};
    struct sign_local place = sign_local(s->images, repository);
    return sign_image(&place.place, &request, out, e);
}

static int sign(void *arg, const struct work_image *q, struct work_progress *p, struct arena *a,
                struct value **out, struct err *e)
{
    struct server *s = arg;
    const char *repository;
    char signature[DIGEST_MAX], provenance[DIGEST_MAX];
    struct image image;
    int r = repository_of(q->image, a, &repository, e);
    if (r == 0)
        r = image_store_find(s->images,
                             arena_printf(a, "%s@%s", local_name(repository, a), q->digest), a,
                             &image, e);
    const struct sign_request request = {
        .name = q->image, .digest = q->digest, .key = s->signing_key};
    struct sign_local place = sign_local(s->images, repository);
    if (r == 0)
        r = sign_image(&place.place, &request, signature, e);
    if (r == 0)
        r = attest(s, q, repository, a, provenance, e);
    if (r < 0)
        return r;
    say(p, "signed %s@%s", repository, q->digest);
    say(p, "attested SLSA provenance v1 of commit %s", q->caller->commit);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "signature", signature);
    (void)value_set_str(a, v, "provenance", provenance);
    *out = v;
    return 0;
}

/* ---- update-image ---- */

static const char *some(const char *text)
{
    return text && *text ? text : NULL;
}

/* Commits older than the run are none of its. */
static int64_t began_s(const struct work_caller *c)
{
    int64_t ns;
    const char *text = value_at_str(c->run, "metadata.creationTimestamp", "");
    return clock_parse_rfc3339(text, &ns, NULL) == 0 ? ns / 1000000000 : clock_real_ms() / 1000;
}

static int update(void *arg, const struct work_update *q, struct work_progress *p, struct arena *a,
                  struct value **out, struct err *e)
{
    struct server *s = arg;
    struct gitops_image_result result;
    struct gitops_image_update u = {.repository = q->repository,
                                    .branch = some(q->branch),
                                    .path = q->path,
                                    .name = q->image,
                                    .new_name = some(q->new_name),
                                    .tag = some(q->tag),
                                    .digest = some(q->digest),
                                    .app_commit = some(q->app_commit),
                                    .run = some(q->run),
                                    .run_since_s = began_s(q->caller)};
    int r = gitops_update_image(s->gitops, s->kube, &u, &result, e);
    if (r < 0)
        return r;
    say(p, result.changed ? "%s: %s is now %s, commit %.12s" : "%s: %s was %s already (%.12s)",
        q->repository, q->path, *q->digest ? q->digest : q->tag, result.commit);
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "commit", result.commit);
    (void)value_set_bool(a, v, "changed", result.changed);
    *out = v;
    return 0;
}

int work_ports_open(struct server *s, struct err *e)
{
    struct work_ports ports = {.arg = s,
                               .identify = identify,
                               .build = build,
                               .scan = scan,
                               .push = push,
                               .sign = sign,
                               .update = update};
    char *spool = arena_printf(s->arena, "%s/spool", s->dir);
    int r = fs_mkdirs(spool, 0700, e);
    if (r == 0)
        s->work = work_new(s->kube, &ports, spool);
    return r;
}
