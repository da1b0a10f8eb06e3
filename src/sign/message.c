#include <string.h>

#include "codec/base64.h"
#include "sign/message_int.h"

int message__octets(const struct value *v, const char *what, struct arena *a, struct octets *out,
                    struct err *e)
{
    const char *text = value_str(v, NULL);
    char *bytes;
    size_t n;
    if (!text || !*text)
        return err_set(e, ERR_INVALID, "there is no %s", what);
    size_t line_ends = 0;
    for (const char *c = text; *c; c++)
        line_ends += *c == '\n' || *c == '\r';
    bool is_url = strpbrk(text, "-_") != NULL, padded = (value_count(v) - line_ends) % 4 == 0;
    enum base64_form form =
        is_url ? (padded ? BASE64_URL : BASE64_URL_RAW) : (padded ? BASE64_STD : BASE64_STD_RAW);
    int r = base64_decode(a, text, value_count(v), form, &bytes, &n, e);
    if (r < 0)
        return err_wrap(e, r, "%s", what);
    *out = (struct octets){(const unsigned char *)bytes, n};
    return 0;
}

int message__number(const struct value *v, const char *what, int64_t *out, struct err *e)
{
    *out = 0;
    if (!v || value_is(v, VALUE_NULL))
        return 0;
    if (value_is(v, VALUE_STRING) ? value_int_from_text(value_str(v, ""), out)
                                  : (value_is(v, VALUE_INT) && (*out = value_int(v, 0), true)))
        return *out < 0 ? err_set(e, ERR_INVALID, "%s is negative: %lld", what, (long long)*out)
                        : 0;
    return err_set(e, ERR_INVALID, "%s is not a number", what);
}

int message__check(const struct value *v, const char *what, const char *const *names, struct err *e)
{
    if (v && !value_is(v, VALUE_OBJECT))
        return err_set(e, ERR_INVALID, "%s is not an object", what);
    VALUE_EACH_MEMBER (m, v) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], m->key) != 0)
            i++;
        if (!names[i])
            return err_set(e, ERR_INVALID, "%s has no field \"%.80s\"", what, m->key);
    }
    return 0;
}

const struct value *message__get(const struct value *v, const char *name)
{
    const struct value *m = value_get(v, name);
    return value_is(m, VALUE_NULL) ? NULL : m;
}
