/* value.c - single encrypted values, and which values are. */
#include <nettle/gcm.h>
#include <nettle/memops.h>
#include <string.h>

#include "codec/base64.h"
#include "render/sops/sops_int.h"

/* ---- which ---- */

int sops__rules(struct sops_file *f, struct err *e)
{
    static const struct {
        const char *name;
        bool regex, negative;
    } rules[] = {
        {"unencrypted_suffix", false, true },
        {"encrypted_suffix",   false, false},
        {"unencrypted_regex",  true,  true },
        {"encrypted_regex",    true,  false},
    };
    static const char *const unknown[] = {"unencrypted_comment_regex", "encrypted_comment_regex"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
        if (*value_at_str(f->meta, unknown[i], ""))
            return err_set(e, ERR_UNSUPPORTED, "%s: sops.%s is not offered here", f->path,
                           unknown[i]);
    f->rule = (struct sops_rule){.suffix = "_unencrypted", .negative = true};
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        const char *text = value_at_str(f->meta, rules[i].name, "");
        if (!*text)
            continue;
        f->rule = (struct sops_rule){.suffix = text, .negative = rules[i].negative};
        int rc = rules[i].regex ? regex_compile(text, strlen(text), 0, &f->rule.regex, e) : 0;
        return rc < 0 ? err_wrap(e, rc, "%s: sops.%s", f->path, rules[i].name) : 0;
    }
    return 0;
}

static bool fits(const struct sops_rule *r, const char *key)
{
    size_t n = strlen(key), len = strlen(r->suffix);
    bool hit = false;
    if (r->regex)
        return regex_match(r->regex, key, n, 0, NULL, 0, &hit, NULL) == 0 && hit;
    return n >= len && strcmp(key + n - len, r->suffix) == 0;
}

bool sops__is_encrypted(const struct sops_file *f, const char *const *path, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fits(&f->rule, path[i]))
            return !f->rule.negative;
    return f->rule.negative;
}

/* ---- one value ---- */

struct sealed {
    unsigned char *data, *iv, *tag;
    size_t data_n, iv_n, tag_n;
    const char *type;
};

static bool part(struct arena *a, const char **at, const char *end, const char *name,
                 unsigned char **out, size_t *n)
{
    size_t len = strlen(name);
    if ((size_t)(end - *at) < len || strncmp(*at, name, len) != 0)
        return false;
    const char *start = *at + len, *comma = memchr(start, ',', (size_t)(end - start));
    char *bytes;
    if (!comma || base64_decode(a, start, (size_t)(comma - start), BASE64_STD, &bytes, n, NULL) < 0)
        return false;
    *out = (unsigned char *)bytes;
    *at = comma;
    return true;
}

static bool parse(struct arena *a, const char *text, size_t n, struct sealed *out)
{
    static const char begin[] = "ENC[AES256_GCM", type[] = ",type:";
    const char *at = text + sizeof begin - 1, *end = text + n - 1;
    size_t len = sizeof type - 1;
    if (n <= sizeof begin || strncmp(text, begin, sizeof begin - 1) != 0 || *end != ']')
        return false;
    if (!part(a, &at, end, ",data:", &out->data, &out->data_n) ||
        !part(a, &at, end, ",iv:", &out->iv, &out->iv_n) ||
        !part(a, &at, end, ",tag:", &out->tag, &out->tag_n) || (size_t)(end - at) <= len ||
        strncmp(at, type, len) != 0)
        return false;
    out->type = arena_strndup(a, at + len, (size_t)(end - at) - len);
    return out->iv_n > 0 && out->tag_n == GCM_DIGEST_SIZE;
}

static bool opened(const struct sops_file *f, const struct sealed *s, const char *place, char *text)
{
    struct gcm_aes256_ctx ctx;
    unsigned char tag[GCM_DIGEST_SIZE];
    gcm_aes256_set_key(&ctx, f->key);
    gcm_aes256_set_iv(&ctx, s->iv_n, s->iv);
    gcm_aes256_update(&ctx, strlen(place), (const uint8_t *)place);
    gcm_aes256_decrypt(&ctx, s->data_n, (uint8_t *)text, s->data);
    gcm_aes256_digest(&ctx, sizeof tag, tag);
    explicit_bzero(&ctx, sizeof ctx);
    text[s->data_n] = '\0';
    return memeql_sec(tag, s->tag, sizeof tag) == 1;
}

static bool typed(struct arena *a, const char *type, const char *text, size_t n, struct value *out)
{
    int64_t number;
    char *end;
    if (strcmp(type, "str") == 0 || strcmp(type, "bytes") == 0 || strcmp(type, "time") == 0)
        *out = *value_new_strn(a, text, n);
    else if (strcmp(type, "bool") == 0)
        *out = *value_new_bool(a, *text == 'T' || *text == 't' || *text == '1');
    else if (strcmp(type, "int") == 0 && value_int_from_text(text, &number))
        *out = *value_new_int(a, number);
    else if (strcmp(type, "float") == 0 && n > 0)
        *out = *value_new_float(a, strtod(text, &end));
    else
        return false;
    return true;
}

int sops__open(struct sops_file *f, const char *sealed, size_t n, const char *place,
               struct value *out, struct err *e)
{
    struct sealed s;
    if (n == 0) {
        *out = *value_new_str(f->a, "");
        return 0;
    }
    if (!parse(f->a, sealed, n, &s))
        return err_set(e, ERR_INVALID, "%s: %s is not encrypted, though SOPS says so", f->path,
                       place);
    char *text = arena_alloc(f->a, s.data_n + 1);
    if (!opened(f, &s, place, text))
        return err_set(e, ERR_INVALID, "%s: %s was changed or moved since it was encrypted",
                       f->path, place);
    if (!typed(f->a, s.type, text, s.data_n, out))
        return err_set(e, ERR_INVALID, "%s: %s is of a type that is not known", f->path, place);
    return 0;
}
