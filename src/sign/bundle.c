/* bundle.c - the verdict on a bundle: who signed, when, what, and who saw it. */
#include "sign/bundle.h"

#include <string.h>
#include <strings.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/regex.h"
#include "crypto/timestamp.h"
#include "sign/bundle_int.h"
#include "sign/dsse.h"

#define ISSUER_TEXT "1.3.6.1.4.1.57264.1.8" /* a UTF8String */
#define ISSUER_RAW  "1.3.6.1.4.1.57264.1.1" /* older: the bytes alone */

enum { TIMES_MAX = 2 * BUNDLE_ENTRIES_MAX };

/* The moments that somebody trusted vouches for. */
struct times {
    int64_t at_ms[TIMES_MAX];
    size_t n;
    struct err why_not; /* of the last that nobody vouches for */
};

/* An authority's certificates, as long as one check. */
struct chain {
    struct certificate *certs[TRUST_CHAIN_MAX];
    size_t n;
};

static void chain_done(struct chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        certificate_free(c->certs[i]);
}
#define AUTO_CHAIN __attribute__((cleanup(chain_done)))

static int chain_read(const struct trust_authority *from, struct chain *out, struct err *e)
{
    for (size_t i = 0; i < from->n_chain; i++) {
        int r = certificate_read(from->chain[i], &out->certs[i], e);
        if (r < 0)
            return err_wrap(e, r, "authority %s", from->url);
        out->n++;
    }
    return 0;
}

struct octets bundle__signature(const struct bundle *b)
{
    return b->envelope ? b->envelope->signature : b->signature;
}

/* ---- time ---- */

static int stamped_by(const struct timestamp *t, struct octets data, const struct certificate *who,
                      struct certificate *const *chain, size_t n, struct err *e)
{
    if (!certificate_has_purpose(who, PURPOSE_TIME_STAMPING))
        return err_set(e, ERR_DENIED, "the time-stamp's certificate is not for time-stamping");
    int r = timestamp_verify(t, data, who, e);
    return r < 0 ? r : certificate_verify(who, chain, n, t->at_ms, e);
}

/* The authority's own certificate is the first of its chain, or comes with the stamp. */
static int stamped_below(const struct timestamp *t, struct octets data,
                         const struct trust_authority *by, struct err *e)
{
    struct chain chain AUTO_CHAIN = {0};
    struct chain with AUTO_CHAIN = {0};
    int r = chain_read(by, &chain, e);
    if (r < 0)
        return r;
    if (!trust_time_has(by->time, t->at_ms))
        return err_set(e, ERR_DENIED, "authority %s was not in use at the time-stamp", by->url);
    if (!certificate_is_authority(chain.certs[0]) && chain.n > 1)
        return stamped_by(t, data, chain.certs[0], chain.certs + 1, chain.n - 1, e);
    timestamp_certificates(t, with.certs, &with.n);
    r = err_set(e, ERR_DENIED, "the time-stamp comes without its authority's certificate");
    for (size_t i = 0; i < with.n && r < 0; i++)
        if (!certificate_is_authority(with.certs[i]))
            r = stamped_by(t, data, with.certs[i], chain.certs, chain.n, e);
    return r;
}

static void add_timestamp(struct octets der, struct octets data, const struct trust_root *root,
                          struct times *times)
{
    struct timestamp t;
    if (timestamp_read(der, &t, &times->why_not) < 0)
        return;
    if (!root || !root->n_timestampers)
        (void)err_set(&times->why_not, ERR_DENIED, "the trusted root has no time-stamp authority");
    for (size_t i = 0; root && i < root->n_timestampers; i++)
        if (stamped_below(&t, data, &root->timestampers[i], &times->why_not) == 0) {
            times->at_ms[times->n++] = t.at_ms;
            return;
        }
}

/* An integrated time counts when the log's promise, which covers it, was checked. */
static void collect_times(const struct bundle *b, const struct bundle_policy *p,
                          struct times *times)
{
    for (size_t i = 0; i < b->n_timestamps; i++)
        add_timestamp(b->timestamps[i], bundle__signature(b), p->root, times);
    for (size_t i = 0; i < b->n_entries && p->root; i++)
        if (b->entries[i].promise.n && b->entries[i].integrated_s)
            times->at_ms[times->n++] = b->entries[i].integrated_s * 1000;
}

/* ---- who ---- */

static int check_sct_by(const struct certificate *leaf, const struct certificate *issuer,
                        const struct sct *s, const struct trust_root *root, struct err *e)
{
    AUTO(public_key) struct public_key *key = NULL;
    const struct trust_log *log =
        trust_log_find(root->certificate_logs, root->n_certificate_logs, s->log);
    if (!log)
        return err_set(e, ERR_DENIED, "no certificate log of the trusted root promised it");
    if (!trust_time_has(log->time, s->at_ms))
        return err_set(e, ERR_DENIED, "certificate log %s was not in use then", log->url);
    int r = public_key_read(log->key, &key, e);
    return r < 0 ? r : certificate_check_sct(leaf, issuer, s, key, e);
}

static int check_scts(const struct certificate *leaf, const struct certificate *issuer,
                      const struct trust_root *root, struct arena *a, struct err *e)
{
    struct sct *all;
    size_t n;
    int r = certificate_scts(leaf, a, &all, &n, e);
    if (r < 0)
        return r;
    r = err_set(e, ERR_DENIED, "the certificate's list of SCTs is empty");
    for (size_t i = 0; i < n && r < 0; i++)
        r = check_sct_by(leaf, issuer, &all[i], root, e);
    return r < 0 ? err_wrap(e, r, "certificate transparency") : 0;
}

static int issued_by(const struct certificate *leaf, const struct trust_authority *by,
                     const struct times *times, const struct bundle_policy *p, struct arena *a,
                     struct err *e)
{
    struct chain chain AUTO_CHAIN = {0};
    int r = chain_read(by, &chain, e);
    for (size_t i = 0; i < times->n && r == 0; i++) {
        r = certificate_verify(leaf, chain.certs, chain.n, times->at_ms[i], e);
        if (r == 0 && !trust_time_has(by->time, times->at_ms[i]))
            r = err_set(e, ERR_DENIED, "authority %s was not in use at the signature", by->url);
    }
    if (r == 0 && !p->without_certificate_log)
        r = check_scts(leaf, chain.certs[0], p->root, a, e);
    return r;
}

static int check_issued(const struct certificate *leaf, const struct times *times,
                        const struct bundle_policy *p, struct arena *a, struct err *e)
{
    struct err best = {0};
    if (!certificate_has_purpose(leaf, PURPOSE_CODE_SIGNING))
        return err_set(e, ERR_DENIED, "the certificate is not for signing code");
    if (times->n == 0)
        return times->why_not.code
                   ? err_set(e, ERR_DENIED, "nobody trusted says when it was signed: %s",
                             times->why_not.msg)
                   : err_set(e, ERR_DENIED, "nothing in the bundle says when it was signed");
    (void)err_set(&best, ERR_DENIED, "the trusted root has no certificate authority");
    for (size_t i = 0; i < p->root->n_authorities; i++)
        if (issued_by(leaf, &p->root->authorities[i], times, p, a, &best) == 0)
            return 0;
    if (e)
        *e = best;
    return best.code;
}

static int matches(const struct bundle_expect *want, const char *got, bool *out, struct err *e)
{
    if (!want->pattern) {
        *out = strcmp(want->text, got) == 0;
        return 0;
    }
    AUTO(regex) struct regex *re = NULL;
    int r = regex_compile(want->text, strlen(want->text), 0, &re, e);
    return r < 0 ? r : regex_match(re, got, strlen(got), 0, NULL, 0, out, e);
}

static int check_identity(const struct certificate *leaf, const struct bundle_policy *p,
                          struct arena *a, struct bundle_verdict *out, struct err *e)
{
    bool ok = false;
    const char *name, *first = NULL;
    for (unsigned i = 0; !ok && (name = certificate_name(leaf, i, a)); i++) {
        first = first ? first : name;
        int r = p->identity.text ? matches(&p->identity, name, &ok, e) : 0;
        if (r < 0)
            return err_wrap(e, r, "expected identity");
        if (ok || !p->identity.text)
            out->identity = name;
        ok = ok || !p->identity.text;
    }
    if (!ok)
        return err_set(e, ERR_DENIED, "signed by %s, not by %s", first ? first : "no identity",
                       p->identity.text ? p->identity.text : "anyone with a name");
    return 0;
}

static int check_issuer(const struct certificate *leaf, const struct bundle_policy *p,
                        struct arena *a, struct bundle_verdict *out, struct err *e)
{
    struct octets raw, text;
    bool ok = true;
    out->issuer = "";
    if (certificate_extension(leaf, ISSUER_TEXT, a, &raw) && der_take(&raw, DER_UTF8, &text))
        out->issuer = octets_text(text, a);
    else if (certificate_extension(leaf, ISSUER_RAW, a, &raw))
        out->issuer = octets_text(raw, a);
    int r = p->issuer.text ? matches(&p->issuer, out->issuer, &ok, e) : 0;
    if (r < 0)
        return err_wrap(e, r, "expected issuer");
    return ok ? 0
              : err_set(e, ERR_DENIED, "the identity is vouched for by %s, not by %s",
                        *out->issuer ? out->issuer : "nobody", p->issuer.text);
}

/* ---- what ---- */

static bool is_subject(const struct value *subject, const struct bundle_artifact *artifact,
                       struct arena *a)
{
    static const struct {
        const char *name;
        size_t size;
    } kinds[] = {
        {"sha256", 32},
        {"sha384", 48},
        {"sha512", 64}
    };
    unsigned char hash[64];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct octets got = {hash, kinds[i].size};
        const char *want = value_str(value_get(value_get(subject, "digest"), kinds[i].name), NULL);
        if (artifact->hash.n)
            got = artifact->hash.n == kinds[i].size ? artifact->hash : (struct octets){hash, 0};
        else
            (void)bundle__hash(kinds[i].size, artifact->bytes, hash);
        if (want && got.n && strcasecmp(want, hex_encode(a, got.p, got.n)) == 0)
            return true;
    }
    return false;
}

static int check_statement(const struct bundle_envelope *x, const struct bundle_artifact *artifact,
                           struct arena *a, struct err *e)
{
    struct value *statement;
    if (artifact->any)
        return 0;
    if (strcmp(x->type, DSSE_IN_TOTO) != 0)
        return err_set(e, ERR_DENIED, "the envelope holds %.80s, not a statement about an artifact",
                       x->type);
    int r = json_parse(a, (const char *)x->payload.p, x->payload.n, JSON_SHALLOW, &statement, e);
    if (r < 0)
        return err_wrap(e, r, "statement");
    VALUE_EACH_ITEM (subject, value_get(statement, "subject"))
        if (is_subject(subject, artifact, a))
            return 0;
    return err_set(e, ERR_DENIED, "the statement is not about this artifact");
}

static int check_signature(const struct bundle *b, const struct bundle_artifact *artifact,
                           struct public_key *key, struct bundle_claim *claim, struct arena *a,
                           struct err *e)
{
    claim->envelope = b->envelope;
    claim->signature = bundle__signature(b);
    if (b->envelope) {
        char *pae = dsse__signed(b->envelope->type, (const char *)b->envelope->payload.p,
                                 b->envelope->payload.n, a, &claim->message.n);
        claim->message.p = (unsigned char *)pae;
        int r = check_statement(b->envelope, artifact, a, e);
        if (r < 0)
            return r;
    } else {
        claim->message = artifact->bytes;
        claim->hash = artifact->hash;
        if (b->hash.n && !bundle__hash_is(b->hash_algorithm, b->hash, claim))
            return err_set(e, ERR_DENIED, "the bundle is about another artifact");
    }
    return claim->hash.n ? public_key_verify_hash(key, claim->hash, claim->signature, e)
                         : public_key_verify(key, claim->message.p, claim->message.n,
                                             claim->signature.p, claim->signature.n, e);
}

static int check_entries(const struct bundle *b, const struct bundle_policy *p,
                         const struct bundle_claim *claim, struct arena *a, struct err *e)
{
    if (b->n_entries == 0 && !p->without_log)
        return err_set(e, ERR_DENIED, "no transparency log has an entry of it");
    for (size_t i = 0; i < b->n_entries && p->root; i++) {
        int r = bundle__check_log(b, &b->entries[i], p->root, a, e);
        if (r == 0)
            r = bundle__check_body(&b->entries[i], claim, a, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The key that must have signed; `*leaf` is its certificate, unless the caller names a key. */
static int find_signer(const struct bundle *b, const struct bundle_policy *p, struct arena *a,
                       struct certificate **leaf, struct public_key **key,
                       struct bundle_claim *claim, struct err *e)
{
    if (p->key)
        return public_key_der(p->key, a, &claim->signer, e);
    if (!b->certificate.n)
        return err_set(e, ERR_DENIED,
                       "the bundle was signed with a key and names no identity: "
                       "say which key it should be");
    claim->signer = b->certificate;
    int r = certificate_read(b->certificate, leaf, e);
    return r < 0 ? r : certificate_public_key(*leaf, key, e);
}

int bundle_verify(const struct bundle *b, const struct bundle_artifact *artifact,
                  const struct bundle_policy *p, struct arena *a, struct bundle_verdict *out,
                  struct err *e)
{
    AUTO(certificate) struct certificate *leaf = NULL;
    AUTO(public_key) struct public_key *own = NULL;
    struct bundle_claim claim = {0};
    struct times times = {0};
    struct bundle_verdict v = {.at_ms = INT64_MIN};
    if (!p->root && (!p->key || !p->without_log))
        return err_set(e, ERR_INVALID, "without a trusted root only a key can be checked");
    int r = find_signer(b, p, a, &leaf, &own, &claim, e);
    if (r == 0)
        r = check_signature(b, artifact, p->key ? p->key : own, &claim, a, e);
    if (r == 0)
        r = check_entries(b, p, &claim, a, e);
    if (r < 0)
        return r;
    collect_times(b, p, &times);
    if (leaf)
        r = check_issued(leaf, &times, p, a, e);
    if (leaf && r == 0)
        r = check_identity(leaf, p, a, &v, e);
    if (leaf && r == 0)
        r = check_issuer(leaf, p, a, &v, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < times.n; i++)
        v.at_ms = i && v.at_ms < times.at_ms[i] ? v.at_ms : times.at_ms[i];
    if (b->envelope) {
        v.payload = b->envelope->payload;
        v.payload_type = b->envelope->type;
    }
    *out = v;
    return 0;
}
