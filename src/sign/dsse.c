#include "sign/dsse.h"

#include <string.h>

#include "codec/base64.h"

char *dsse__signed(const char *type, const char *payload, size_t n, struct arena *a, size_t *out_n)
{
    char *head = arena_printf(a, "DSSEv1 %zu %s %zu ", strlen(type), type, n);
    size_t h = strlen(head);
    char *text = arena_alloc(a, h + n + 1);
    memcpy(text, head, h);
    if (n)
        memcpy(text + h, payload, n);
    *out_n = h + n;
    return text;
}

int dsse_sign(struct key *k, const char *type, const char *payload, size_t n, struct arena *a,
              struct value **out, struct err *e)
{
    size_t pae_n, sig_n;
    char *pae = dsse__signed(type, payload, n, a, &pae_n), *sig;
    int r = key_sign(k, pae, pae_n, a, &sig, &sig_n, e);
    if (r < 0)
        return r;
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "payloadType", type);
    (void)value_set_str(a, v, "payload", base64_encode(a, payload, n, BASE64_STD));
    struct value *signature =
        value_push(a, value_set(a, v, "signatures", value_new_array(a)), value_new_object(a));
    (void)value_set_str(a, signature, "keyid", "");
    (void)value_set_str(a, signature, "sig", base64_encode(a, sig, sig_n, BASE64_STD));
    *out = v;
    return 0;
}

static int decode(struct arena *a, const struct value *v, const char *what, char **out, size_t *n,
                  struct err *e)
{
    const char *text = value_str(v, NULL);
    if (!text)
        return err_set(e, ERR_INVALID, "the envelope has no %s", what);
    int r = base64_decode(a, text, strlen(text), BASE64_STD, out, n, e);
    if (r < 0) /* the specification allows either alphabet */
        r = base64_decode(a, text, strlen(text), BASE64_URL, out, n, e);
    return r < 0 ? err_wrap(e, r, "%s of the envelope", what) : 0;
}

int dsse_verify(const struct value *envelope, struct public_key *k, struct arena *a, char **out,
                size_t *out_n, struct err *e)
{
    char *payload, *sig;
    size_t n, pae_n, sig_n;
    int r = decode(a, value_get(envelope, "payload"), "payload", &payload, &n, e);
    if (r < 0)
        return r;
    char *pae = dsse__signed(value_at_str(envelope, "payloadType", ""), payload, n, a, &pae_n);
    VALUE_EACH_ITEM (s, value_get(envelope, "signatures")) {
        if (decode(a, value_get(s, "sig"), "signature", &sig, &sig_n, e) < 0)
            continue;
        if (public_key_verify(k, pae, pae_n, sig, sig_n, e) == 0) {
            *out = payload;
            *out_n = n;
            return 0;
        }
    }
    return err_set(e, ERR_DENIED, "no signature of the envelope is this key's");
}
