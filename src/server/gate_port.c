/* gate_port.c - what this server can prove of an image, for the rules of a protected namespace. */
#include <string.h>

#include "apiserver/image_gate.h"
#include "codec/base64.h"
#include "gate/gate.h"
#include "oci/reference.h"
#include "server/server_int.h"
#include "sign/provenance.h"
#include "sign/sign.h"

enum { OBJECTS_MAX = 512 };

struct gate_port {
    struct image_gate gate;
    struct server *server;
};

/* One question, and what is known for its answer. */
struct asking {
    struct server *server;
    struct arena *arena;
    const char *ns, *image;
    const char *name, *repository; /* "host/path", "path" */
    const char *digest;            /* NULL: not here */
    int64_t now_ms;
    struct image_answer *answer;
};

static bool protects(struct image_gate *g, const struct value *ns)
{
    (void)g;
    return gate_protects(ns);
}

/* ---- facts ---- */

/* A key in a Secret, as `cosign generate-key-pair k8s://…` stores it. */
static int key_of_secret(const struct asking *q, const char *name, const char **out, struct err *e)
{
    AUTO(object) struct object *secret = NULL;
    char *pem;
    size_t n;
    int r = kube_get(q->server->kube, &RES_SECRET, q->ns, name, &secret, e);
    if (r < 0)
        return r;
    const char *text = value_str(value_get(value_get(secret->root, "data"), "cosign.pub"), "");
    r = base64_decode(q->arena, text, strlen(text), BASE64_STD, &pem, &n, e);
    if (r == 0 && n == 0)
        r = err_set(e, ERR_NOT_FOUND, "Secret %s/%s has no cosign.pub", q->ns, name);
    if (r == 0)
        *out = pem;
    return r;
}

struct facts {
    struct gate_facts *facts;
    struct value *provenance;
    struct err why;
};

/* Looks for signatures and provenance by whom the policy of one authority wants. */
static void look(const struct asking *q, const struct bundle_policy *by, struct facts *f)
{
    struct sign_local place = sign_local(q->server->images, q->repository);
    struct value *found;
    if (sign_verify(&place.place, q->digest, by, q->arena, &found, &f->why) == 0)
        f->facts->is_signed = true;
    if (sign_verify_attestations(&place.place, q->digest, SLSA_PROVENANCE_V1, by, q->arena, &found,
                                 NULL) == 0)
        VALUE_EACH_ITEM (one, found)
            (void)value_push(q->arena, f->provenance, value_get(one, "payload"));
}

static int look_for_key(const struct asking *q, const struct gate_authority *by, struct facts *f,
                        struct err *e)
{
    AUTO(public_key) struct public_key *given = NULL;
    struct bundle_policy policy = {.key = q->server->signing_public, .without_log = true};
    const char *pem = by->key;
    int r = by->secret ? key_of_secret(q, by->secret, &pem, e) : 0;
    if (r == 0 && pem) {
        r = public_key_load(pem, strlen(pem), &given, e);
        policy.key = given;
    }
    if (r < 0)
        return err_wrap(e, r, "authority %s", by->name);
    look(q, &policy, f);
    return 0;
}

static int look_for_identities(const struct asking *q, const struct gate_authority *by,
                               struct facts *f, struct err *e)
{
    struct trust_root *root;
    int r = trust_root_public(q->arena, &root, e);
    for (size_t i = 0; r == 0 && i < by->n_identities; i++) {
        const struct bundle_policy policy = {
            .root = root, .identity = by->identities[i], .issuer = by->issuers[i]};
        look(q, &policy, f);
    }
    return r;
}

static int gather(const struct asking *q, const struct gate_policy *p, struct gate_facts *out,
                  struct err *e)
{
    struct facts f = {.facts = out, .provenance = value_new_array(q->arena)};
    struct ref scan;
    *out = (struct gate_facts){.image = q->image, .digest = q->digest, .scanned_ms = INT64_MIN};
    if (!q->digest)
        return 0;
    for (size_t i = 0; i < p->n_authorities; i++) {
        const struct gate_authority *by = &p->authorities[i];
        int r = by->n_identities ? look_for_identities(q, by, &f, e) : look_for_key(q, by, &f, e);
        if (r < 0)
            return err_wrap(e, r, "policy %s", p->name);
    }
    out->unsigned_why = arena_strdup(q->arena, f.why.msg);
    out->provenance = f.provenance;
    if (refs_get(image_store_refs(q->server->images),
                 arena_printf(q->arena, "scanned/%s", q->digest), q->arena, &scan, NULL) == 0)
        out->scanned_ms = scan.set_ms;
    return 0;
}

/* ---- the answer ---- */

static int judge(const struct asking *q, const struct gate_policy *p, struct err *e)
{
    struct gate_facts facts;
    int r = gather(q, p, &facts, e);
    if (r < 0)
        return r;
    const char *why = gate_refusal(p, &facts, q->now_ms, q->arena);
    if (why && p->warn)
        q->answer->warning = arena_printf(q->arena, "image %s: %s", q->image, why);
    if (!why || p->warn)
        return 0;
    (void)err_set(e, ERR_DENIED, "%s", why);
    return err_hint(e, "%s", gate_remedy(q->ns, q->image, q->digest, q->arena));
}

static int judge_all(const struct asking *q, const struct kube_list *policies, struct err *e)
{
    struct gate_policy p;
    bool covered = false;
    for (size_t i = 0; i < policies->n; i++) {
        const struct value *object = policies->items[i]->root;
        if (!gate_policy_covers(object, q->name))
            continue;
        int r = gate_policy_read(object, q->arena, &p, e);
        if (r == 0)
            r = judge(q, &p, e);
        if (r < 0)
            return r;
        covered = true;
    }
    gate_policy_default(&p);
    return covered ? 0 : judge(q, &p, e);
}

/* True when an allowance lets it in; says whose. */
static bool is_allowed(const struct asking *q, const struct kube_list *list)
{
    const struct value *all[OBJECTS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < list->n && n < OBJECTS_MAX; i++)
        all[n++] = list->items[i]->root;
    const struct value *by = gate_allowance(all, n, q->image, q->digest, q->now_ms);
    if (by)
        q->answer->warning = arena_printf(
            q->arena, "image %s starts without proof: ImageAllowance %s of %s, until %s: %s",
            q->image, value_at_str(by, "metadata.name", ""), value_at_str(by, "spec.owner", ""),
            value_at_str(by, "spec.expires", ""), value_at_str(by, "spec.reason", ""));
    return by != NULL;
}

static int ask(const struct asking *q, struct err *e)
{
    struct kube_list allowances = {0}, policies = {0};
    int r = kube_list(q->server->kube, &RES_IMAGE_ALLOWANCE, q->ns, NULL, &allowances, e);
    if (r == 0 && !is_allowed(q, &allowances)) {
        r = kube_list(q->server->kube, &RES_IMAGE_POLICY, q->ns, NULL, &policies, e);
        if (r == 0)
            r = judge_all(q, &policies, e);
        kube_list_done(&policies);
    }
    kube_list_done(&allowances);
    return r;
}

static int admit(struct image_gate *g, const char *ns, const char *image, struct arena *a,
                 struct image_answer *out, struct err *e)
{
    struct server *s = ((struct gate_port *)g)->server;
    struct reference ref;
    const char *digest = NULL;
    int r = reference_parse(image, a, &ref, e);
    if (r < 0)
        return r;
    if (image_store_digest(s->images, image, a, &digest, NULL) < 0)
        digest = NULL;
    const struct asking q = {.server = s,
                             .arena = a,
                             .ns = ns,
                             .image = image,
                             .name = arena_printf(a, "%s/%s", ref.host, ref.path),
                             .repository = ref.path,
                             .digest = digest,
                             .now_ms = clock_real_ms(),
                             .answer = out};
    r = ask(&q, e);
    if (r == 0 && digest && !ref.digest)
        out->pinned = arena_printf(a, "%s@%s", image, digest);
    return r;
}

struct image_gate *gate_port_open(struct server *s)
{
    static const struct image_gate_ops ops = {protects, admit};
    struct gate_port *p = ARENA_NEW(s->arena, struct gate_port);
    *p = (struct gate_port){{&ops}, s};
    return &p->gate;
}
