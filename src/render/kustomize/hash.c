/* The suffix of generated names: it changes when the content does. */
#include <nettle/sha2.h>

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

void kustomize_hash(struct arena *a, const struct value *object, char out[11])
{
    unsigned char digest[SHA256_DIGEST_SIZE];
    struct sha256_ctx sum;
    const char *kind = value_at_str(object, "kind", "");
    bool data = strcmp(kind, "Secret") == 0 || strcmp(kind, "ConfigMap") == 0;
    const char *text = json_text(a, data ? digested(a, object) : object, JSON_SORTED);
    sha256_init(&sum);
    sha256_update(&sum, strlen(text), (const uint8_t *)text);
    sha256_digest(&sum, sizeof digest, digest);
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
}

void kust_hash_names(struct kust_set *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct kust_resource *r = s->items[i];
        char hash[11];
        if (!r->wants_hash)
            continue;
        kustomize_hash(s->a, r->object, hash);
        const char *name = arena_printf(s->a, "%s-%s", kust_name(r), hash);
        (void)value_set_str(s->a, value_make_object(s->a, r->object, "metadata"), "name", name);
        kust_renamed(r);
    }
}
