#include "sign/sign.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/key.h"
#include "oci/media.h"
#include "sign/bundle_int.h"
#include "sign/dsse.h"
#include "sign/sign_int.h"

enum { LAYERS_MAX = 1024 };

/* ---- looking ---- */

/* One look at all signatures, or attestations, of a digest. */
struct search {
    struct sign_place *place;
    const char *digest;
    struct octets hash; /* its bytes */
    const char *suffix;
    const char *predicate; /* of attestations; NULL: any */
    const struct bundle_policy *policy;
    struct arena *arena;
    struct value *found;
    size_t n_seen;
    struct err why; /* the last that did not hold */
};

static bool is_signature(const struct search *s)
{
    return strcmp(s->suffix, "sig") == 0;
}

/* What a verdict says, as an object. */
static struct value *tell(struct search *s, const struct bundle_verdict *v,
                          const struct value *payload, const char *json)
{
    struct arena *a = s->arena;
    struct value *t = value_new_object(a), *b;
    (void)value_set(a, t, "payload", payload);
    if (json_parse(a, json, strlen(json), JSON_SHALLOW, &b, NULL) == 0 &&
        value_get(b, "dsseEnvelope"))
        (void)value_set(a, t, "envelope", value_get(b, "dsseEnvelope"));
    if (v->identity)
        (void)value_set_str(a, t, "identity", v->identity);
    if (v->issuer)
        (void)value_set_str(a, t, "issuer", v->issuer);
    if (v->at_ms != INT64_MIN) {
        char at[CLOCK_TEXT_MAX];
        clock_format_rfc3339(v->at_ms, at);
        (void)value_set_str(a, t, "at", at);
    }
    return t;
}

/* The statement is of the type that is asked for, and a signature's own type is no attestation. */
static bool is_wanted(const struct search *s, const struct value *statement)
{
    const char *type = value_at_str(statement, "predicateType", "");
    if (is_signature(s))
        return strcmp(type, SIGN_PREDICATE) == 0;
    return s->predicate ? strcmp(type, s->predicate) == 0 : strcmp(type, SIGN_PREDICATE) != 0;
}

static bool has_annotations(const struct bundle_policy *p, const struct value *notes)
{
    VALUE_EACH_MEMBER (m, p->annotations)
        if (strcmp(value_str(value_get(notes, m->key), ""), value_str(&m->value, "")) != 0)
            return false;
    return true;
}

static int refuse_annotations(struct err *e)
{
    return err_set(e, ERR_DENIED, "the signature has not the annotations that are asked for");
}

/* A statement has them at its subject; the bundle was found to be about this digest. */
static int check_statement_says(const struct search *s, const struct value *statement,
                                struct err *e)
{
    const struct value *subjects = value_get(statement, "subject");
    if (!value_count(s->policy->annotations))
        return 0;
    if (value_count(subjects) != 1 ||
        !has_annotations(s->policy, value_get(value_item(subjects, 0), "annotations")))
        return refuse_annotations(e);
    return 0;
}

/* A payload in cosign's form names the digest. */
static int check_payload(const struct search *s, const struct value *payload, struct err *e)
{
    const char *named =
        value_at_str(value_at(payload, "critical.image"), "docker-manifest-digest", "");
    if (strcmp(named, s->digest) != 0)
        return err_set(e, ERR_DENIED, "the signature is over %s, not %s", named, s->digest);
    return has_annotations(s->policy, value_get(payload, "optional")) ? 0 : refuse_annotations(e);
}

/* `message`: what a signature that is no envelope is over. */
static int judge(struct search *s, const char *json, struct octets message, struct err *e)
{
    struct bundle *b;
    struct bundle_verdict v;
    struct value *payload;
    struct bundle_artifact artifact = {.bytes = message};
    if (!message.n)
        artifact.hash = s->hash;
    int r = bundle_read(json, strlen(json), s->arena, &b, e);
    if (r == 0)
        r = bundle_verify(b, &artifact, s->policy, s->arena, &v, e);
    if (r < 0)
        return r;
    if (!v.payload.n && !is_signature(s)) /* a signature states nothing, wherever it lies */
        return err_set(e, ERR_DENIED, "it is a signature, no attestation");
    const struct octets text = v.payload.n ? v.payload : message;
    if (!text.n) /* a bundle over the digest itself */
        payload = value_new_object(s->arena);
    else if ((r = json_parse(s->arena, (const char *)text.p, text.n, JSON_SHALLOW, &payload, e)) <
             0)
        return r;
    if (v.payload.n && !is_wanted(s, payload)) {
        s->n_seen--; /* it is of another kind: as if it were not there */
        return ERR_NOT_FOUND;
    }
    r = message.n ? check_payload(s, payload, e) : check_statement_says(s, payload, e);
    if (r < 0)
        return r;
    (void)value_push(s->arena, s->found, tell(s, &v, payload, json));
    return 0;
}

static const char *note(const struct value *layer, const char *name)
{
    return value_str(value_get(value_get(layer, "annotations"), name), "");
}

/* What speaks for cosign's signature lies in the annotations of its layer. */
static int bundle_of_layer(const struct value *layer, const char *envelope, struct arena *a,
                           char **out, struct err *e)
{
    const struct sign_parts parts = {
        .signature = note(layer, SIGNATURE_KEY),
        .envelope = envelope,
        .certificate = note(layer, "dev.sigstore.cosign/certificate"),
        .promise = note(layer, "dev.sigstore.cosign/bundle"),
        .timestamp = note(layer, "dev.sigstore.cosign/rfc3161timestamp"),
    };
    return sign_bundle_of(&parts, a, out, e);
}

static void look_at_layer(struct search *s, const struct value *layer)
{
    char *bytes, *json;
    size_t n;
    bool bundle = strcmp(value_at_str(layer, "mediaType", ""), BUNDLE_LAYER) == 0;
    bool envelope = strcmp(value_at_str(layer, "mediaType", ""), DSSE_LAYER) == 0;
    if (s->n_seen >= LAYERS_MAX)
        return;
    s->n_seen++;
    int r = s->place->ops->blob(s->place, value_at_str(layer, "digest", ""), s->arena, &bytes, &n,
                                &s->why);
    if (r == 0 && bundle)
        json = bytes;
    else if (r == 0)
        r = bundle_of_layer(layer, envelope ? bytes : "", s->arena, &json, &s->why);
    struct octets message = {NULL, 0};
    if (r == 0 && !bundle && !envelope)
        message = (struct octets){(unsigned char *)bytes, n};
    if (r == 0)
        (void)judge(s, json, message, &s->why);
}

static int look_at_manifest(struct search *s, const char *reference)
{
    struct sign_manifest m;
    int r = s->place->ops->manifest(s->place, reference, s->arena, &m, &s->why);
    if (r == 0)
        VALUE_EACH_ITEM (layer, value_get(m.doc, "layers"))
            look_at_layer(s, layer);
    return r == ERR_NOT_FOUND ? 0 : r;
}

static int look_at_referrers(struct search *s)
{
    const struct value *list;
    const char *artifact = arena_printf(s->arena, COSIGN_ARTIFACT "%s.v1+json", s->suffix);
    int r = s->place->ops->referrers(s->place, s->digest, s->arena, &list, &s->why);
    VALUE_EACH_ITEM (d, r == 0 ? list : NULL) {
        const char *type = value_at_str(d, "artifactType", "");
        if (strcmp(type, artifact) == 0 || strcmp(type, BUNDLE_LAYER) == 0)
            r = look_at_manifest(s, value_at_str(d, "digest", ""));
        if (r < 0)
            return r;
    }
    return r;
}

static int search(struct search *s, struct err *e)
{
    char *bytes;
    const char *hex = strchr(s->digest, ':');
    int r = blob_digest_check(s->digest, e);
    if (r == 0)
        r = hex_decode(s->arena, hex + 1, strlen(hex + 1), &bytes, &s->hash.n, e);
    if (r < 0)
        return r;
    s->hash.p = (unsigned char *)bytes;
    s->found = value_new_array(s->arena);
    r = look_at_manifest(s, sign__tag(s->digest, s->suffix, s->arena));
    if (r == 0)
        r = look_at_referrers(s);
    if (r < 0) {
        if (e)
            *e = s->why;
        return r;
    }
    if (value_count(s->found))
        return 0;
    const char *what = is_signature(s) ? "signature" : "attestation";
    const char *of = s->predicate && !is_signature(s) ? s->predicate : "";
    if (s->n_seen == 0)
        return err_set(e, ERR_NOT_FOUND, "%s has no %s%s%s", s->digest, what, *of ? " " : "", of);
    return err_set(e, ERR_DENIED, "no %s%s%s of %s is by whom it should be: %s", what,
                   *of ? " " : "", of, s->digest, s->why.msg);
}

int sign_verify(struct sign_place *p, const char *digest, const struct bundle_policy *policy,
                struct arena *a, struct value **out, struct err *e)
{
    struct search s = {.place = p, .digest = digest, .suffix = "sig", .policy = policy, .arena = a};
    int r = search(&s, e);
    if (r == 0)
        *out = s.found;
    return r;
}

int sign_verify_attestations(struct sign_place *p, const char *digest, const char *predicate_type,
                             const struct bundle_policy *policy, struct arena *a,
                             struct value **out, struct err *e)
{
    struct search s = {.place = p,
                       .digest = digest,
                       .suffix = "att",
                       .predicate = predicate_type,
                       .policy = policy,
                       .arena = a};
    int r = search(&s, e);
    if (r == 0)
        *out = s.found;
    return r;
}

/* ---- signing ---- */

static int make_signature(const struct sign_request *q, struct arena *a, struct sign_layer *out,
                          struct err *e)
{
    char *payload = sign_payload(q->name, q->digest, q->annotations, a), *sig;
    size_t n;
    int r = key_sign(q->key, payload, strlen(payload), a, &sig, &n, e);
    if (r < 0)
        return r;
    struct value *notes = value_new_object(a);
    (void)value_set_str(a, notes, SIGNATURE_KEY, base64_encode(a, sig, n, BASE64_STD));
    *out = (struct sign_layer){SIMPLE_SIGNING, "sig", payload, notes};
    return 0;
}

static int make_attestation(const struct sign_request *q, struct arena *a, struct sign_layer *out,
                            struct err *e)
{
    struct value *envelope;
    char *payload = json_text(a, q->statement, 0);
    int r = dsse_sign(q->key, DSSE_IN_TOTO, payload, strlen(payload), a, &envelope, e);
    if (r < 0)
        return r;
    struct value *notes = value_new_object(a);
    (void)value_set_str(a, notes, SIGNATURE_KEY, "");
    (void)value_set_str(a, notes, "predicateType", value_at_str(q->statement, "predicateType", ""));
    *out = (struct sign_layer){DSSE_LAYER, "att", json_text(a, envelope, 0), notes};
    return 0;
}

/* In a bundle a signature is a statement, too. */
static struct value *signature_statement(const struct sign_request *q, struct arena *a)
{
    struct value *s = value_new_object(a);
    (void)value_set_str(a, s, "_type", "https://in-toto.io/Statement/v1");
    struct value *subject = value_push(a, value_make_array(a, s, "subject"), value_new_object(a));
    const char *colon = strchr(q->digest, ':');
    (void)value_setn(a, value_make_object(a, subject, "digest"), q->digest,
                     (size_t)(colon - q->digest), value_new_str(a, colon + 1));
    if (q->annotations)
        (void)value_set(a, subject, "annotations", q->annotations);
    (void)value_set_str(a, s, "predicateType", SIGN_PREDICATE);
    (void)value_make_object(a, s, "predicate");
    return s;
}

static int set_key_hint(struct key *k, struct value *b, struct arena *a, struct err *e)
{
    AUTO(public_key) struct public_key *own = NULL;
    unsigned char hash[32];
    int r = key_public_half(k, &own, e);
    if (r == 0)
        r = public_key_hash(own, hash, e);
    if (r == 0)
        (void)value_set_str(a, value_make_object(a, b, "verificationMaterial.publicKey"), "hint",
                            base64_encode(a, hash, sizeof hash, BASE64_STD));
    return r;
}

static int set_message(struct key *k, struct octets bytes, struct value *b, struct arena *a,
                       struct err *e)
{
    unsigned char hash[64];
    char *sig;
    size_t n;
    int r = key_sign(k, bytes.p, bytes.n, a, &sig, &n, e);
    if (r < 0)
        return r;
    (void)bundle__hash(32, bytes, hash);
    struct value *m = value_make_object(a, b, "messageSignature");
    struct value *digest = value_make_object(a, m, "messageDigest");
    (void)value_set_str(a, digest, "algorithm", "SHA2_256");
    (void)value_set_str(a, digest, "digest", base64_encode(a, hash, 32, BASE64_STD));
    (void)value_set_str(a, value_get_mut(b, "messageSignature"), "signature",
                        base64_encode(a, sig, n, BASE64_STD));
    return 0;
}

int sign_make_bundle(struct key *k, struct octets bytes, const struct value *statement,
                     struct arena *a, struct value **out, struct err *e)
{
    struct value *b = value_new_object(a), *envelope;
    (void)value_set_str(a, b, "mediaType", BUNDLE_LAYER);
    int r = set_key_hint(k, b, a, e);
    if (r == 0 && !statement)
        r = set_message(k, bytes, b, a, e);
    if (r == 0 && statement) {
        char *payload = json_text(a, statement, 0);
        r = dsse_sign(k, DSSE_IN_TOTO, payload, strlen(payload), a, &envelope, e);
        if (r == 0)
            (void)value_set(a, b, "dsseEnvelope", envelope);
    }
    if (r == 0)
        *out = b;
    return r;
}

static int make_bundle(const struct sign_request *q, struct arena *a, struct sign_layer *out,
                       struct err *e)
{
    struct value *b, *notes = value_new_object(a);
    const struct value *statement = q->statement ? q->statement : signature_statement(q, a);
    int r = sign_make_bundle(q->key, (struct octets){NULL, 0}, statement, a, &b, e);
    if (r < 0)
        return r;
    (void)value_set_str(a, notes, "dev.sigstore.bundle.content", "dsse-envelope");
    (void)value_set_str(a, notes, "dev.sigstore.bundle.predicateType",
                        value_at_str(statement, "predicateType", ""));
    *out =
        (struct sign_layer){BUNDLE_LAYER, q->statement ? "att" : "sig", json_text(a, b, 0), notes};
    return 0;
}

/* Reads back what was just stored, with the key's own public half. */
static int check(struct sign_place *p, const struct sign_request *q, struct arena *a, struct err *e)
{
    AUTO(public_key) struct public_key *own = NULL;
    struct value *found;
    int r = key_public_half(q->key, &own, e);
    const struct bundle_policy policy = {
        .key = own, .without_log = true, .annotations = q->statement ? NULL : q->annotations};
    if (r == 0 && q->statement)
        r = sign_verify_attestations(p, q->digest, value_at_str(q->statement, "predicateType", ""),
                                     &policy, a, &found, e);
    else if (r == 0)
        r = sign_verify(p, q->digest, &policy, a, &found, e);
    return r;
}

int sign_image(struct sign_place *p, const struct sign_request *q, char out[DIGEST_MAX],
               struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(4 * SIGN_DOCUMENT_MAX);
    struct sign_layer layer;
    char digest[DIGEST_MAX];
    int r = blob_digest_check(q->digest, e);
    if (r == 0)
        r = q->form == SIGN_BUNDLE ? make_bundle(q, a, &layer, e)
            : q->statement         ? make_attestation(q, a, &layer, e)
                                   : make_signature(q, a, &layer, e);
    if (r == 0)
        r = sign__store(p, q, &layer, a, digest, e);
    if (r == 0)
        r = check(p, q, a, e);
    if (r < 0)
        return err_wrap(e, r, "%s %s@%s", q->statement ? "attest" : "sign", q->name, q->digest);
    (void)snprintf(out, DIGEST_MAX, "%s", digest);
    return 0;
}

const char *sign_predicate_type(const char *name)
{
    static const char *const names[][2] = {
        {"custom",           "https://cosign.sigstore.dev/attestation/v1"     },
        {"slsaprovenance",   "https://slsa.dev/provenance/v0.2"               },
        {"slsaprovenance02", "https://slsa.dev/provenance/v0.2"               },
        {"slsaprovenance1",  "https://slsa.dev/provenance/v1"                 },
        {"spdx",             "https://spdx.dev/Document"                      },
        {"spdxjson",         "https://spdx.dev/Document"                      },
        {"cyclonedx",        "https://cyclonedx.org/bom"                      },
        {"link",             "https://in-toto.io/Link/v1"                     },
        {"vuln",             "https://cosign.sigstore.dev/attestation/vuln/v1"},
        {"openvex",          "https://openvex.dev/ns"                         },
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    return name;
}
