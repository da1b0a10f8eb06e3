#include "base/own.h"
#include "template/functions_int.h"

#include "base/banned.h"

/* Helm splits at ": ", whatever stands between. */
static const char *after(const char *s, const char *sep)
{
    const char *found = strstr(s, sep);
    return found ? found + strlen(sep) : NULL;
}

const char *template_parse_error(struct arena *a, const char *name, const char *error)
{
    const char *place = after(error, ": ");
    if (!place)
        return arena_printf(a, "parse error in (%s): %s", name, error);
    const char *last = place;
    for (const char *p = place; p; p = after(p, ": "))
        last = p;
    const char *end = strstr(place, ": ");
    size_t n = end ? (size_t)(end - place) : strlen(place);
    return arena_printf(a, "parse error at (%.*s): %s", (int)n, place, last);
}

const char *template_exec_error(struct arena *a, const char *name, const char *error)
{
    static const char start[] = "HELM_ERR_START", stop[] = "HELM_ERR_END";
    const char *place = after(error, ": ");
    const char *rest = place ? after(place, ": ") : NULL;
    if (strncmp(error, "template: no template ", 22) == 0)
        return error;
    if (!rest)
        return arena_printf(a, "execution error in (%s): %s", name, error);
    const char *from = after(rest, start), *to = NULL;
    for (const char *p = from; p && (p = strstr(p, stop)); p++)
        to = p;
    if (!to)
        return error;
    return arena_printf(a, "execution error at (%.*s): %.*s", (int)(rest - 2 - place), place,
                        (int)(to - from), from);
}

bool template_error_place(struct arena *a, const char *error, struct template_place *out)
{
    static const char head[] = "template: ";
    if (strncmp(error, head, sizeof head - 1) != 0)
        return false;
    const char *s = error + sizeof head - 1, *end = strstr(s, ": ");
    if (!end)
        return false;
    char *name = arena_strndup(a, s, (size_t)(end - s));
    unsigned long numbers[2] = {0, 0};
    size_t n = 0;
    while (n < 2) {
        char *colon = strrchr(name, ':');
        if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
            break;
        numbers[n++] = strtoul(colon + 1, NULL, 10);
        *colon = '\0';
    }
    if (n == 0)
        return false;
    *out = (struct template_place){.name = name,
                                   .line = (unsigned)numbers[n - 1],
                                   .column = n == 2 ? (unsigned)numbers[0] : 0};
    return true;
}
