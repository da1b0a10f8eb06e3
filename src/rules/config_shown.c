/* config_shown.c - a configuration for everybody's eyes. */
#include <string.h>

#include "base/own.h"
#include "codec/yaml.h"
#include "rules/config.h"

static const char HIDDEN[] = "<secret>";

static bool is_secret(const char *key)
{
    static const char *const keys[] = {"password",
                                       "credentials",
                                       "bearer_token",
                                       "client_secret",
                                       "secret_key",
                                       "access_key",
                                       "client_certificate_key",
                                       "key",
                                       "token",
                                       "auth_token",
                                       "secrets",
                                       "headers",
                                       "service_account_key",
                                       "private_key",
                                       "application_credential_secret",
                                       "application_key",
                                       "application_secret",
                                       "consumer_key",
                                       "key_passphrase"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

/* "https://user:word@host": the word goes. */
static const char *without_word(const char *text, struct arena *a)
{
    const char *host = strstr(text, "://");
    host = host ? host + 3 : text;
    const char *end = host + strcspn(host, "/?#"), *at = memchr(host, '@', (size_t)(end - host));
    const char *colon = at ? memchr(host, ':', (size_t)(at - host)) : NULL;
    if (!colon)
        return text;
    return arena_join(a, arena_strndup(a, text, (size_t)(colon + 1 - text)), HIDDEN, at, NULL);
}

static struct value *shown(const struct value *v, bool secret, struct arena *a)
{
    struct value *out;
    switch (v->kind) {
    case VALUE_ARRAY:
        out = value_new_array(a);
        VALUE_EACH_ITEM (x, v)
            (void)value_push(a, out, shown(x, secret, a));
        return out;
    case VALUE_OBJECT:
        out = value_new_object(a);
        VALUE_EACH_MEMBER (m, v)
            (void)value_set(a, out, m->key, shown(&m->value, secret || is_secret(m->key), a));
        return out;
    case VALUE_STRING:
        return value_new_str(a, secret && v->n ? HIDDEN : without_word(v->text, a));
    case VALUE_INT:
    case VALUE_FLOAT:
        return secret ? value_new_str(a, HIDDEN) : value_copy(a, v);
    case VALUE_NULL:
    case VALUE_BOOL:
        break;
    }
    return value_copy(a, v);
}

char *config_shown(const struct value *root, struct arena *a)
{
    return yaml_text(a, shown(root, false, a), YAML_KEEP_ORDER);
}
