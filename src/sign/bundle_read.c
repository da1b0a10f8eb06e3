/* bundle_read.c - the JSON of a bundle; each version's rules about what must be there. */
#include <string.h>

#include "codec/json.h"
#include "sign/bundle_int.h"
#include "sign/message_int.h"

static const struct {
    const char *type;
    int minor;
} versions[] = {
    {"application/vnd.dev.sigstore.bundle+json;version=0.1", 1},
    {"application/vnd.dev.sigstore.bundle+json;version=0.2", 2},
    {"application/vnd.dev.sigstore.bundle+json;version=0.3", 3},
    {"application/vnd.dev.sigstore.bundle.v0.3+json",        3},
};

static int read_version(const struct value *v, int *out, struct err *e)
{
    const char *type = value_at_str(v, "mediaType", "");
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (strcmp(versions[i].type, type) == 0) {
            *out = versions[i].minor;
            return 0;
        }
    return err_set(e, ERR_INVALID,
                   "\"%.120s\" is no version of a bundle that is known; 0.1 to 0.3 are", type);
}

/* Versions 0.1 and 0.2 may carry a chain; its first is who signed, the rest are not believed. */
static int read_chain(const struct value *v, struct arena *a, struct octets *out, struct err *e)
{
    const struct value *list = value_get(v, "certificates");
    if (value_count(list) == 0)
        return err_set(e, ERR_INVALID, "the certificate chain is empty");
    for (size_t i = 0; i < value_count(list) && i < TRUST_CHAIN_MAX; i++) {
        AUTO(certificate) struct certificate *c = NULL;
        struct octets der;
        int r =
            message__octets(value_get(value_item(list, i), "rawBytes"), "certificate", a, &der, e);
        if (r == 0)
            r = certificate_read(der, &c, e);
        if (r < 0)
            return r;
        if (certificate_is_self_issued(c))
            return err_set(e, ERR_INVALID,
                           "the certificate chain holds a root; roots come from the trusted root");
        if (i == 0)
            *out = der;
    }
    return 0;
}

static int read_signer(const struct value *material, struct arena *a, struct bundle *b,
                       struct err *e)
{
    const struct value *chain = message__get(material, "x509CertificateChain");
    const struct value *one = message__get(material, "certificate");
    const struct value *key = message__get(material, "publicKey");
    if (!!chain + !!one + !!key != 1)
        return err_set(e, ERR_INVALID,
                       "a bundle holds one of certificate, x509CertificateChain and publicKey");
    if (chain && b->minor >= 3)
        return err_set(e, ERR_INVALID, "a bundle 0.3 holds a certificate, not a chain");
    if (chain)
        return read_chain(chain, a, &b->certificate, e);
    if (one)
        return message__octets(value_get(one, "rawBytes"), "certificate", a, &b->certificate, e);
    return 0;
}

static int read_proof(const struct value *v, struct arena *a, struct bundle_proof **out,
                      struct err *e)
{
    static const char *const names[] = {"logIndex", "rootHash",   "treeSize",
                                        "hashes",   "checkpoint", NULL};
    struct bundle_proof *p = ARENA_NEW(a, struct bundle_proof);
    const struct value *hashes = value_get(v, "hashes");
    int r = message__check(v, "inclusionProof", names, e);
    if (r == 0)
        r = message__number(value_get(v, "logIndex"), "logIndex of the proof", &p->index, e);
    if (r == 0)
        r = message__number(value_get(v, "treeSize"), "treeSize", &p->size, e);
    if (r == 0)
        r = message__octets(value_get(v, "rootHash"), "rootHash", a, &p->root, e);
    if (r < 0)
        return r;
    if (value_count(hashes) > BUNDLE_HASHES_MAX)
        return err_set(e, ERR_TOO_LARGE, "the inclusion proof has %zu hashes, more than %d",
                       value_count(hashes), BUNDLE_HASHES_MAX);
    VALUE_EACH_ITEM (h, hashes) {
        r = message__octets(h, "hash of the inclusion proof", a, &p->hashes[p->n_hashes++], e);
        if (r < 0)
            return r;
    }
    p->checkpoint = value_at_str(v, "checkpoint.envelope", NULL);
    *out = p;
    return 0;
}

/* 0.1 speaks by promises and may have a proof; from 0.2 on there is a proof with a checkpoint. */
static int check_entry(const struct bundle *b, const struct bundle_entry *t, struct err *e)
{
    if (b->minor == 1 && !t->promise.n)
        return err_set(e, ERR_INVALID, "the log's entry has no inclusion promise");
    if (b->minor > 1 && (!t->proof || !t->proof->checkpoint))
        return err_set(e, ERR_INVALID, "the log's entry has no inclusion proof with a checkpoint");
    for (const struct bundle_entry *o = b->entries; o < t; o++)
        if (o->index == t->index && octets_equal(o->log, t->log))
            return err_set(e, ERR_INVALID, "the same entry of the log stands twice");
    return 0;
}

static int read_entry(const struct value *v, struct arena *a, struct bundle *b,
                      struct bundle_entry *t, struct err *e)
{
    static const char *const names[] = {
        "logIndex",         "logId",          "kindVersion",       "integratedTime",
        "inclusionPromise", "inclusionProof", "canonicalizedBody", NULL};
    const struct value *promise = value_at(v, "inclusionPromise.signedEntryTimestamp");
    const struct value *proof = message__get(v, "inclusionProof");
    int r = message__check(v, "an entry of the log", names, e);
    if (r == 0)
        r = message__number(value_get(v, "logIndex"), "logIndex", &t->index, e);
    if (r == 0)
        r = message__number(value_get(v, "integratedTime"), "integratedTime", &t->integrated_s, e);
    if (r == 0)
        r = message__octets(value_at(v, "logId.keyId"), "keyId of the log", a, &t->log, e);
    if (r == 0)
        r = message__octets(value_get(v, "canonicalizedBody"), "canonicalizedBody", a, &t->body, e);
    if (r == 0 && promise && value_count(promise))
        r = message__octets(promise, "signedEntryTimestamp", a, &t->promise, e);
    if (r == 0 && proof)
        r = read_proof(proof, a, &t->proof, e);
    t->kind = value_at_str(v, "kindVersion.kind", "");
    t->version = value_at_str(v, "kindVersion.version", "");
    return r < 0 ? r : check_entry(b, t, e);
}

static int read_entries(const struct value *list, struct arena *a, struct bundle *b, struct err *e)
{
    if (value_count(list) > BUNDLE_ENTRIES_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d entries of a log", BUNDLE_ENTRIES_MAX);
    b->entries = ARENA_ARRAY(a, struct bundle_entry, value_count(list) + 1);
    VALUE_EACH_ITEM (v, list) {
        int r = read_entry(v, a, b, &b->entries[b->n_entries], e);
        if (r < 0)
            return r;
        b->n_entries++;
    }
    return 0;
}

static int read_timestamps(const struct value *list, struct arena *a, struct bundle *b,
                           struct err *e)
{
    if (value_count(list) > BUNDLE_ENTRIES_MAX)
        return err_set(e, ERR_TOO_LARGE, "more than %d time-stamps", BUNDLE_ENTRIES_MAX);
    b->timestamps = ARENA_ARRAY(a, struct octets, value_count(list) + 1);
    VALUE_EACH_ITEM (v, list) {
        int r = message__octets(value_get(v, "signedTimestamp"), "signedTimestamp", a,
                                &b->timestamps[b->n_timestamps++], e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_material(const struct value *v, struct arena *a, struct bundle *b, struct err *e)
{
    static const char *const names[] = {"publicKey",   "x509CertificateChain",      "certificate",
                                        "tlogEntries", "timestampVerificationData", NULL};
    const struct value *times = value_at(v, "timestampVerificationData.rfc3161Timestamps");
    int r = v ? message__check(v, "verificationMaterial", names, e)
              : err_set(e, ERR_INVALID, "the bundle has no verificationMaterial");
    if (r == 0)
        r = read_signer(v, a, b, e);
    if (r == 0)
        r = read_entries(value_get(v, "tlogEntries"), a, b, e);
    return r < 0 ? r : read_timestamps(times, a, b, e);
}

static int read_envelope(const struct value *v, struct arena *a, struct bundle *b, struct err *e)
{
    static const char *const names[] = {"payload", "payloadType", "signatures", NULL};
    struct bundle_envelope *x = ARENA_NEW(a, struct bundle_envelope);
    const struct value *signatures = value_get(v, "signatures");
    int r = message__check(v, "dsseEnvelope", names, e);
    if (r < 0)
        return r;
    if (value_count(signatures) != 1)
        return err_set(e, ERR_INVALID, "the envelope of a bundle has one signature, not %zu",
                       value_count(signatures));
    x->type = value_at_str(v, "payloadType", "");
    r = message__octets(value_get(v, "payload"), "payload", a, &x->payload, e);
    if (r == 0)
        r = message__octets(value_get(value_item(signatures, 0), "sig"), "signature", a,
                            &x->signature, e);
    b->envelope = x;
    return r;
}

static int read_signature(const struct value *v, struct arena *a, struct bundle *b, struct err *e)
{
    static const char *const names[] = {"messageDigest", "signature", NULL};
    const struct value *digest = message__get(v, "messageDigest");
    int r = message__check(v, "messageSignature", names, e);
    if (r == 0)
        r = message__octets(value_get(v, "signature"), "signature", a, &b->signature, e);
    if (r == 0 && digest)
        r = message__octets(value_get(digest, "digest"), "digest", a, &b->hash, e);
    b->hash_algorithm = value_at_str(digest, "algorithm", "");
    return r;
}

int bundle_read(const char *json, size_t n, struct arena *a, struct bundle **out, struct err *e)
{
    static const char *const names[] = {"mediaType", "verificationMaterial", "messageSignature",
                                        "dsseEnvelope", NULL};
    struct value *v;
    struct bundle *b = ARENA_NEW(a, struct bundle);
    if (n > BUNDLE_MAX)
        return err_set(e, ERR_TOO_LARGE, "the bundle is larger than %d bytes", BUNDLE_MAX);
    int r = json_parse(a, json, n, JSON_STRICT_KEYS | JSON_SHALLOW, &v, e);
    if (r == 0 && !value_is(v, VALUE_OBJECT))
        r = err_set(e, ERR_INVALID, "it is no object");
    if (r == 0)
        r = read_version(v, &b->minor, e);
    if (r == 0)
        r = message__check(v, "the bundle", names, e);
    if (r == 0)
        r = read_material(value_get(v, "verificationMaterial"), a, b, e);
    const struct value *message = message__get(v, "messageSignature");
    const struct value *envelope = r == 0 ? message__get(v, "dsseEnvelope") : NULL;
    if (r == 0 && !message == !envelope)
        r = err_set(e, ERR_INVALID, "a bundle holds one of messageSignature and dsseEnvelope");
    if (r == 0)
        r = envelope ? read_envelope(envelope, a, b, e) : read_signature(message, a, b, e);
    if (r < 0)
        return err_wrap(e, r, "bundle");
    *out = b;
    return 0;
}
