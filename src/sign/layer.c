/* layer.c - cosign's own form of a signature, told as a bundle. */
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/certificate.h"
#include "sign/sign_int.h"

/* The promise of the log, which cosign calls a bundle. */
static int add_entry(const char *text, struct arena *a, struct value *material, struct err *e)
{
    struct value *v, *body;
    char *id, *bytes;
    size_t n;
    if (!*text)
        return 0;
    int r = json_parse(a, text, strlen(text), JSON_SHALLOW, &v, e);
    const char *hex = r == 0 ? value_at_str(v, "Payload.logID", "") : "";
    const char *coded = r == 0 ? value_at_str(v, "Payload.body", "") : "";
    if (r == 0)
        r = hex_decode(a, hex, strlen(hex), &id, &n, e);
    if (r < 0)
        return err_wrap(e, r, "the log's promise");
    struct value *entry =
        value_push(a, value_make_array(a, material, "tlogEntries"), value_new_object(a));
    (void)value_set_int(a, entry, "logIndex", value_at_int(v, "Payload.logIndex", -1));
    (void)value_set_str(a, value_make_object(a, entry, "logId"), "keyId",
                        base64_encode(a, id, n, BASE64_STD));
    (void)value_set_int(a, entry, "integratedTime", value_at_int(v, "Payload.integratedTime", 0));
    (void)value_set_str(a, value_make_object(a, entry, "inclusionPromise"), "signedEntryTimestamp",
                        value_at_str(v, "SignedEntryTimestamp", ""));
    (void)value_set_str(a, entry, "canonicalizedBody", coded);
    r = base64_decode(a, coded, strlen(coded), BASE64_STD, &bytes, &n, e);
    if (r == 0)
        r = json_parse(a, bytes, n, JSON_SHALLOW, &body, e);
    if (r < 0)
        return err_wrap(e, r, "the log's entry");
    struct value *kind = value_make_object(a, entry, "kindVersion");
    (void)value_set_str(a, kind, "kind", value_at_str(body, "kind", ""));
    (void)value_set_str(a, kind, "version", value_at_str(body, "apiVersion", ""));
    return 0;
}

static int add_timestamp(const char *text, struct arena *a, struct value *material, struct err *e)
{
    struct value *v;
    if (!*text)
        return 0;
    int r = json_parse(a, text, strlen(text), JSON_SHALLOW, &v, e);
    if (r < 0)
        return err_wrap(e, r, "time-stamp");
    struct value *list =
        value_make_array(a, material, "timestampVerificationData.rfc3161Timestamps");
    (void)value_set_str(a, value_push(a, list, value_new_object(a)), "signedTimestamp",
                        value_at_str(v, "SignedRFC3161Timestamp", ""));
    return 0;
}

static int add_signer(const char *pem, struct arena *a, struct value *material, struct err *e)
{
    struct octets der;
    size_t n;
    if (!*pem) {
        (void)value_set_str(a, value_make_object(a, material, "publicKey"), "hint", "");
        return 0;
    }
    int r = pem_read(pem, strlen(pem), a, &der, 1, &n, e);
    struct value *list = value_make_array(a, material, "x509CertificateChain.certificates");
    if (r == 0)
        (void)value_set_str(a, value_push(a, list, value_new_object(a)), "rawBytes",
                            base64_encode(a, der.p, der.n, BASE64_STD));
    return r;
}

int sign_bundle_of(const struct sign_parts *parts, struct arena *a, char **out, struct err *e)
{
    struct value *b = value_new_object(a), *envelope;
    (void)value_set_str(a, b, "mediaType", "application/vnd.dev.sigstore.bundle+json;version=0.1");
    struct value *material = value_make_object(a, b, "verificationMaterial");
    int r = add_signer(parts->certificate, a, material, e);
    if (r == 0)
        r = add_entry(parts->promise, a, material, e);
    if (r == 0)
        r = add_timestamp(parts->timestamp, a, material, e);
    if (r == 0 && *parts->envelope) {
        r = json_parse(a, parts->envelope, strlen(parts->envelope), JSON_SHALLOW, &envelope, e);
        if (r == 0)
            (void)value_set(a, b, "dsseEnvelope", envelope);
    } else if (r == 0) {
        (void)value_set_str(a, value_make_object(a, b, "messageSignature"), "signature",
                            parts->signature);
    }
    if (r == 0)
        *out = json_text(a, b, 0);
    return r;
}
