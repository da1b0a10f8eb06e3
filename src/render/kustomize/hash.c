/* The suffix of generated names: it changes when the content does. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "codec/json.h"
#include "render/kustomize/kust_int.h"

/* What Kustomize digests: kind, name and data, as Go prints a sorted map. */
static struct value *digested(struct arena *a, const struct value *object)
{
    bool secret = strcmp(value_at_str(object, "kind", ""), "Secret") == 0;
    const struct value *data = value_get(object, "data");
    struct value *v = value_new_object(a);
    (void)value_set_str(a, v, "kind", secret ? "Secret" : "ConfigMap");
    (void)value_set_str(a, v, "name", ""); /* whatever it is called */
    (void)value_set(a, v, "data", data ? data : value_new_str(a, ""));
    if (secret) {
        (void)value_set_str(a, v, "type", value_at_str(object, "type", ""));
        if (value_get(object, "stringData"))
            (void)value_set(a, v, "stringData", value_get(object, "stringData"));
    } else if (value_count(value_get(object, "binaryData")) > 0) {
        (void)value_set(a, v, "binaryData", value_get(object, "binaryData"));
    }
    return v;
}

int kustomize_hash(struct arena *a, const struct value *object, char out[11], struct err *e)
{
    unsigned char digest[32];
    const char *kind = value_at_str(object, "kind", "");
    bool data = strcmp(kind, "Secret") == 0 || strcmp(kind, "ConfigMap") == 0;
    const char *text = json_text(a, data ? digested(a, object) : object, JSON_SORTED);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), digest) < 0)
        return err_set(e, ERR_SYSTEM, "compute a SHA-256 digest");
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < 10; i++) {
        char c = hex[i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4];
        /* No vowels and no digits that look like them: a suffix must not spell a word. */
        out[i] = c == '0'   ? 'g'
                 : c == '1' ? 'h'
                 : c == '3' ? 'k'
                 : c == 'a' ? 'm'
                 : c == 'e' ? 't'
                            : c;
    }
    out[10] = '\0';
    return 0;
}

int kust_hash_names(struct kust_set *s, struct err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        struct kust_resource *r = s->items[i];
        char hash[11];
        if (!r->wants_hash)
            continue;
        int rc = kustomize_hash(s->a, r->object, hash, e);
        if (rc < 0)
            return rc;
        const char *name = arena_printf(s->a, "%s-%s", kust_name(r), hash);
        (void)value_set_str(s->a, value_make_object(s->a, r->object, "metadata"), "name", name);
        kust_renamed(r);
    }
    return 0;
}
