#include "api/intstr.h"

#include <string.h>

bool intstr_percent(const struct value *v, int64_t *out)
{
    if (!value_is(v, VALUE_STRING) || v->n < 2 || v->n > 10 || v->text[v->n - 1] != '%')
        return false;
    size_t digits = strspn(v->text, "0123456789");
    if (digits != v->n - 1)
        return false;
    *out = strtol(v->text, NULL, 10);
    return true;
}

int intstr_scale(const struct value *v, int64_t total, bool round_up, int64_t *out, struct err *e)
{
    int64_t percent;
    if (value_is(v, VALUE_INT)) {
        *out = v->i;
        return 0;
    }
    if (!intstr_percent(v, &percent))
        return err_set(e, ERR_INVALID, "invalid value for IntOrString: invalid type: %s",
                       value_is(v, VALUE_STRING) ? "string is not a percentage" : "not set");
    int64_t hundredths = percent * total;
    *out = (hundredths + (round_up ? 99 : 0)) / 100;
    return 0;
}
