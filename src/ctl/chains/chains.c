/* chains.c - observe a run that ended, sign what it is and made, read it back, say so. */
#include "ctl/chains/chains.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "ctl/chains/hints.h"
#include "ctl/chains/statement.h"
#include "kube/cache.h"
#include "kube/write.h"
#include "sign/dsse.h"
#include "sign/keyfile.h"
#include "sign/keyref.h"
#include "sign/sign.h"

#define NS     "tekton-chains"
#define CONFIG "chains-config"
#define SECRET "signing-secrets"
#define PREFIX "chains.tekton.dev/"

enum { CHILDREN_MAX = 1024, READ_MAX = 16 << 20 };

/* One sort of run. Its controller has one worker, so that nothing here needs a lock. */
struct chains_side {
    const struct chains_ports *ports;
    const struct resource *resource;
    struct held_key {
        struct key *key;
        char *from; /* which Secret at which version, or which reference */
    } held[CHAINS_NONE];
};

struct chains {
    struct chains_ports ports;
    struct chains_side task, pipeline;
};

/* One run that is being signed. */
struct signing {
    struct controller_ctx *ctx;
    struct chains_side *side;
    struct arena *arena;
    const struct object *run;
    struct chains_config config;
    struct value *notes;           /* annotations to write */
    struct key *keys[CHAINS_NONE]; /* by enum chains_signer; the same from first to last */
};

/* ---- the key ---- */

static int load_secret(const struct object *secret, struct arena *a, struct key **out,
                       struct err *e)
{
    const struct value *data = value_get(secret->root, "data");
    size_t n, word_n;
    const char *pem = keyref_datum(data, "x509.pem", a, &n);
    const char *word = keyref_datum(data, "cosign.password", a, &word_n);
    if (!pem)
        pem = keyref_datum(data, "cosign.key", a, &n);
    if (!pem)
        return err_set(e, ERR_NOT_FOUND, "it has neither x509.pem nor cosign.key");
    return keyfile_open(pem, n, word ? word : "", out, e);
}

static const struct object *find_secret(struct signing *s, struct err *e)
{
    const struct object *o = cache_get(s->ctx->cache, &RES_SECRET, NS, SECRET, s->arena);
    if (o)
        return o;
    (void)err_set(e, ERR_NOT_FOUND, "there is no Secret " NS "/" SECRET);
    (void)err_hint(e, "slipway generate-key-pair k8s://" NS "/" SECRET " makes it");
    return NULL;
}

/* Opening a sealed key takes a while and much memory: it is done once for each version. */
static int refresh(struct signing *s, struct held_key *held, const char *from,
                   const struct object *secret, struct err *e)
{
    const struct chains_ports *p = s->side->ports;
    struct key *k = NULL;
    if (held->key && strcmp(held->from, from) == 0)
        return 0;
    int r = secret ? load_secret(secret, s->arena, &k, e) : p->key(p->arg, s->config.kms, &k, e);
    if (r < 0)
        return err_wrap(e, r, "%s", secret ? "Secret " NS "/" SECRET : "signers.kms.kmsref");
    key_free(held->key);
    free(held->from);
    held->key = k;
    held->from = strdup(from);
    if (!held->from)
        log_die("out of memory");
    return 0;
}

static const char *version_of(const struct object *secret, struct arena *a)
{
    return arena_printf(a, "%s/%llu", secret->uid, (unsigned long long)secret->rv);
}

/* A reference to a Secret, with the version that it has now. */
static const char *version_of_reference(struct signing *s, const char *reference)
{
    const char *ns, *name;
    if (!keyref_is_secret(reference) || keyref_secret(reference, s->arena, &ns, &name, NULL) < 0)
        return reference;
    const struct object *o = cache_get(s->ctx->cache, &RES_SECRET, ns, name, s->arena);
    return o ? arena_printf(s->arena, "%s %s", reference, version_of(o, s->arena)) : reference;
}

static int key_of(struct signing *s, enum chains_signer signer, struct key **out, struct err *e)
{
    const struct object *secret = NULL;
    if (!s->keys[signer]) {
        if (signer == CHAINS_X509) {
            secret = find_secret(s, e);
            if (!secret)
                return ERR_NOT_FOUND;
        }
        const char *from =
            secret ? version_of(secret, s->arena) : version_of_reference(s, s->config.kms);
        int r = refresh(s, &s->side->held[signer], from, secret, e);
        if (r < 0)
            return r;
        s->keys[signer] = s->side->held[signer].key;
    }
    *out = s->keys[signer];
    return 0;
}

/* ---- the store "tekton": annotations of the run ---- */

static void note(struct signing *s, const char *what, const char *id, const char *bytes, size_t n)
{
    struct arena *a = s->arena;
    (void)value_set_str(a, s->notes, arena_printf(a, PREFIX "%s-%s", what, id),
                        base64_encode(a, bytes, n, BASE64_STD));
}

static void annotate(struct signing *s, const char *id, const char *payload, const char *signature,
                     size_t n)
{
    note(s, "payload", id, payload, strlen(payload));
    note(s, "signature", id, signature, n);
    note(s, "cert", id, "", 0);
    note(s, "chain", id, "", 0);
}

static int read_note(const struct object *o, const char *what, const char *id, struct arena *a,
                     char **out, size_t *n, struct err *e)
{
    const char *text = object_annotation(o, arena_printf(a, PREFIX "%s-%s", what, id));
    if (!text)
        return err_set(e, ERR_CONFLICT, "annotation " PREFIX "%s-%s is gone", what, id);
    return base64_decode(a, text, strlen(text), BASE64_STD, out, n, e);
}

/* What lies in the store is this key's over what was to be signed. */
static int check_note(const struct object *o, const char *id, const char *payload, struct key *k,
                      struct arena *a, struct err *e)
{
    AUTO(public_key) struct public_key *own = NULL;
    char *stored, *sig, *signed_text;
    size_t stored_n, sig_n, n;
    struct value *envelope;
    int r = key_public_half(k, &own, e);
    if (r == 0)
        r = read_note(o, "payload", id, a, &stored, &stored_n, e);
    if (r == 0)
        r = read_note(o, "signature", id, a, &sig, &sig_n, e);
    if (r < 0)
        return r;
    if (stored_n != strlen(payload) || memcmp(stored, payload, stored_n) != 0)
        return err_set(e, ERR_CONFLICT, "annotation " PREFIX "payload-%s was changed", id);
    if (sig_n == 0 || sig[0] != '{')
        return public_key_verify(own, stored, stored_n, sig, sig_n, e);
    r = json_parse(a, sig, sig_n, JSON_SHALLOW, &envelope, e);
    if (r == 0)
        r = dsse_verify(envelope, own, a, &signed_text, &n, e);
    if (r == 0 && (n != stored_n || memcmp(signed_text, stored, n) != 0))
        r = err_set(e, ERR_CONFLICT, "annotation " PREFIX "signature-%s is of something else", id);
    return r;
}

/* ---- the store "oci" ---- */

static int place_of(struct signing *s, const char *repository, struct sign_place **out,
                    struct err *e)
{
    const struct chains_ports *p = s->side->ports;
    const char *chosen = s->config.repository;
    const struct chains_where w = {.repository = chosen ? chosen : repository,
                                   .run = s->run,
                                   .chosen = chosen != NULL,
                                   .insecure = s->config.insecure};
    return p->place(p->arg, &w, s->arena, out, e);
}

/* A look that was cut off has attested this run before. */
static bool is_attested(struct sign_place *p, const struct sign_request *q, struct arena *a)
{
    AUTO(public_key) struct public_key *own = NULL;
    struct value *had;
    if (key_public_half(q->key, &own, NULL) < 0)
        return false;
    const struct bundle_policy policy = {.key = own, .without_log = true};
    const char *type = value_at_str(q->statement, "predicateType", "");
    if (sign_verify_attestations(p, q->digest, type, &policy, a, &had, NULL) < 0)
        return false;
    VALUE_EACH_ITEM (one, had)
        if (value_equal(value_get(one, "payload"), q->statement))
            return true;
    return false;
}

/* `subject`: {"name", "digest"}; one without a SHA-256 is no image. */
static int put_oci(struct signing *s, const struct value *subject, const struct value *statement,
                   struct key *k, struct err *e)
{
    struct sign_place *place;
    char out[DIGEST_MAX];
    const char *hex = value_at_str(subject, "digest.sha256", NULL);
    if (!hex)
        return 0;
    const struct sign_request q = {.name = value_at_str(subject, "name", ""),
                                   .digest = arena_printf(s->arena, "sha256:%s", hex),
                                   .key = k,
                                   .form = s->config.bundle ? SIGN_BUNDLE : SIGN_TAG,
                                   .statement = statement};
    int r = place_of(s, q.name, &place, e);
    if (r < 0 || (statement && is_attested(place, &q, s->arena)))
        return r;
    return sign_image(place, &q, out, e);
}

/* ---- what is signed ---- */

/* A note that was written, to be checked. */
struct kept {
    const char *id, *payload;
    struct key *key;
};
struct kept_list {
    struct kept *items;
    size_t n;
};

/* One digest of two repositories has one note: the later one. */
static void keep(struct kept_list *l, const char *id, const char *payload, struct key *k)
{
    size_t i = 0;
    while (i < l->n && strcmp(l->items[i].id, id) != 0)
        i++;
    l->items[i] = (struct kept){id, payload, k};
    if (i == l->n)
        l->n++;
}

static size_t children_of(struct signing *s, const struct value **out)
{
    size_t n = 0;
    VALUE_EACH_ITEM (c, value_at(s->run->root, "status.childReferences")) {
        if (n == CHILDREN_MAX || strcmp(value_at_str(c, "kind", ""), "TaskRun") != 0)
            continue;
        const struct object *o = cache_get(s->ctx->cache, &RES_TASK_RUN, s->run->ns,
                                           value_at_str(c, "name", ""), s->arena);
        if (o && value_at(o->root, "status.completionTime"))
            out[n++] = o->root;
    }
    return n;
}

static int sign_run(struct signing *s, struct kept_list *kept, struct err *e)
{
    struct arena *a = s->arena;
    bool pipeline = s->side->resource == &RES_PIPELINE_RUN;
    const struct chains_artifact *terms = pipeline ? &s->config.pipeline : &s->config.task;
    const struct value **children = ARENA_ARRAY(a, const struct value *, CHILDREN_MAX);
    struct chains_run view = {pipeline ? "PipelineRun" : "TaskRun", s->run->root, children, 0};
    struct key *k;
    struct value *envelope;
    if (!chains_artifact_on(terms))
        return 0;
    view.n_children = pipeline ? children_of(s, children) : 0;
    struct value *statement = chains_statement(&view, &s->config, a);
    const char *payload = json_text(a, statement, 0);
    int r = key_of(s, terms->signer, &k, e);
    if (r == 0 && terms->tekton)
        r = dsse_sign(k, DSSE_IN_TOTO, payload, strlen(payload), a, &envelope, e);
    if (r == 0 && terms->tekton) {
        const char *id =
            arena_printf(a, "%s-%s", pipeline ? "pipelinerun" : "taskrun", s->run->uid);
        const char *text = json_text(a, envelope, 0);
        annotate(s, id, payload, text, strlen(text));
        keep(kept, id, payload, k);
    }
    VALUE_EACH_ITEM (subject, terms->oci ? value_get(statement, "subject") : NULL)
        if (r == 0)
            r = put_oci(s, subject, statement, k, e);
    return r;
}

static int sign_one_image(struct signing *s, const struct value *image, struct key *k,
                          struct kept_list *kept, struct err *e)
{
    struct arena *a = s->arena;
    const char *hex = value_at_str(image, "digest.sha256", "");
    char *sig;
    size_t n;
    int r = s->config.image.oci ? put_oci(s, image, NULL, k, e) : 0;
    if (r < 0 || !s->config.image.tekton)
        return r;
    const char *payload =
        sign_payload(value_at_str(image, "name", ""), arena_printf(a, "sha256:%s", hex), NULL, a);
    r = key_sign(k, payload, strlen(payload), a, &sig, &n, e);
    if (r < 0)
        return r;
    const char *id = arena_strndup(a, hex, 12);
    annotate(s, id, payload, sig, n);
    keep(kept, id, payload, k);
    return 0;
}

/* As with Chains, a task's images; those of a pipeline are its tasks'. */
static int sign_images(struct signing *s, const struct value *images, struct kept_list *kept,
                       struct err *e)
{
    struct key *k;
    if (value_count(images) == 0)
        return 0;
    int r = key_of(s, s->config.image.signer, &k, e);
    VALUE_EACH_ITEM (image, images)
        if (r == 0)
            r = sign_one_image(s, image, k, kept, e);
    return r;
}

static int write_notes(struct signing *s, const struct value *notes, struct err *e)
{
    struct value *patch = value_new_object(s->arena);
    (void)value_set(s->arena, value_make_object(s->arena, patch, "metadata"), "annotations", notes);
    return write_patch(s->ctx, s->side->resource, s->run, patch, e);
}

static int store_notes(struct signing *s, const struct kept_list *kept, struct err *e)
{
    AUTO(object) struct object *stored = NULL;
    struct value *done = value_new_object(s->arena);
    int r = kept->n ? write_notes(s, s->notes, e) : 0;
    if (r == 0 && kept->n)
        r = kube_get(s->ctx->kube, s->side->resource, s->run->ns, s->run->name, &stored, e);
    for (size_t i = 0; r == 0 && i < kept->n; i++)
        r = check_note(stored, kept->items[i].id, kept->items[i].payload, kept->items[i].key,
                       s->arena, e);
    (void)value_set_str(s->arena, done, PREFIX "signed", "true");
    return r < 0 ? r : write_notes(s, done, e);
}

static int sign_all(struct signing *s, struct err *e)
{
    struct value *images = value_new_array(s->arena);
    if (s->side->resource == &RES_TASK_RUN && chains_artifact_on(&s->config.image))
        hints_images(value_at(s->run->root, "status.results"), s->arena, images);
    struct kept_list kept = {.items = ARENA_ARRAY(s->arena, struct kept, value_count(images) + 1)};
    s->notes = value_new_object(s->arena);
    int r = sign_run(s, &kept, e);
    if (r == 0)
        r = sign_images(s, images, &kept, e);
    return r < 0 ? r : store_notes(s, &kept, e);
}

/* ---- which runs ---- */

static bool is_due(const struct object *o)
{
    const struct value *c = object_condition(o->root, "Succeeded");
    const char *ended = value_at_str(c, "status", "Unknown");
    return !o->deleting && strcmp(ended, "Unknown") != 0 && !object_annotation(o, PREFIX "signed");
}

static bool is_ours(const struct object *run, const struct chains_config *c)
{
    const char *by = value_at_str(run->root, "spec.managedBy", "");
    return !*by || strcmp(by, "tekton.dev/pipeline") == 0 || chains_list_has(c->managed_by, by);
}

static int look(struct controller_ctx *c, const struct key *key, struct arena *a, struct err *e)
{
    struct signing s = {.ctx = c, .side = c->arg, .arena = a};
    s.run = cache_get(c->cache, s.side->resource, key->ns, key->name, a);
    const struct object *map = cache_get(c->cache, &RES_CONFIG_MAP, NS, CONFIG, a);
    if (!s.run || !map || !is_due(s.run))
        return 0;
    int r = chains_config_read(value_get(map->root, "data"), &s.config, e);
    if (r < 0)
        return err_wrap(e, r, "not signed: ConfigMap " NS "/" CONFIG);
    if (!is_ours(s.run, &s.config))
        return 0;
    r = sign_all(&s, e);
    return r < 0 ? err_wrap(e, r, "not signed") : 0;
}

/* The configuration or the key is another: all that wait for it. */
static void keys_of_terms(const struct object *o, struct controller_ctx *c, struct key_sink *s)
{
    AUTO(arena) struct arena *a = arena_new(0);
    struct chains_side *side = c->arg;
    if (strcmp(o->ns, NS) != 0 || (strcmp(o->name, CONFIG) != 0 && strcmp(o->name, SECRET) != 0))
        return;
    struct object_list runs = cache_list(c->cache, side->resource, NULL, a);
    for (size_t i = 0; i < runs.n; i++)
        if (is_due(runs.items[i]))
            key_add(s, runs.items[i]->ns, runs.items[i]->name);
}

#define TERMS                                                                                      \
    {&RES_CONFIG_MAP, keys_of_terms}, {&RES_SECRET, keys_of_terms},                                \
    {                                                                                              \
        NULL, NULL                                                                                 \
    }

static const struct controller_watch task_watches[] = {
    {&RES_TASK_RUN, NULL},
    TERMS
};
static const struct controller_watch pipeline_watches[] = {
    {&RES_PIPELINE_RUN, NULL},
    TERMS
};
static const struct controller task_controller = {
    .name = "chains-taskrun", .watches = task_watches, .workers = 1, .sync = look};
static const struct controller pipeline_controller = {
    .name = "chains-pipelinerun", .watches = pipeline_watches, .workers = 1, .sync = look};

struct chains *chains_new(const struct chains_ports *ports)
{
    struct chains *c = calloc(1, sizeof *c);
    if (!c)
        log_die("out of memory");
    c->ports = *ports;
    c->task = (struct chains_side){.ports = &c->ports, .resource = &RES_TASK_RUN};
    c->pipeline = (struct chains_side){.ports = &c->ports, .resource = &RES_PIPELINE_RUN};
    return c;
}

void chains_free(struct chains *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < CHAINS_NONE; i++) {
        key_free(c->task.held[i].key);
        key_free(c->pipeline.held[i].key);
        free(c->task.held[i].from);
        free(c->pipeline.held[i].from);
    }
    free(c);
}

void chains_add(struct runner *r, struct chains *c)
{
    runner_add(r, &task_controller, &c->task);
    runner_add(r, &pipeline_controller, &c->pipeline);
}
