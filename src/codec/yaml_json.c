/* yaml_json.c - which texts YAML and JSON read alike.
 *
 * Machines write JSON where YAML is asked for, and JSON is read many times faster than libyaml
 * reads it. But it is not quite a part of YAML as Go reads that: numbers are rewritten, there are
 * breaks that only YAML knows, a key is 1,024 characters long at most, tabs must not begin a
 * line. What might differ is left to libyaml. */
#include "codec/utf8.h"
#include "codec/yaml_int.h"

enum { ALIKE_KEY = 1000, ALIKE_DEPTH = 500, ALIKE_DIGITS = 18 };

static const char *skip_space(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\n' || *s == '\t' || *s == '\r'))
        s++;
    return s;
}

/* Past the string that begins at `s`; NULL: not alike. */
static const char *skip_string(const char *s, const char *end)
{
    const char *start = s++;
    for (; s < end && *s != '"'; s++) {
        while (end - s > 8 && utf8_plain_word(s))
            s += 8;
        if (*s == '"')
            break;
        if ((signed char)*s < ' ' || *s == 0x7f) /* below zero: beyond ASCII */
            return NULL;
        if (*s == '\\' && (++s == end || !memchr("\"\\nrtbf", *s, 7)))
            return NULL;
    }
    if (s == end)
        return NULL;
    const char *next = skip_space(++s, end);
    bool key = next < end && *next == ':';
    return key && (next != s || s - start > ALIKE_KEY) ? NULL : s;
}

static const char *skip_integer(const char *s, const char *end)
{
    const char *first = *s == '-' ? s + 1 : s, *stop = first;
    while (stop < end && *stop >= '0' && *stop <= '9')
        stop++;
    bool zero = first < end && *first == '0' && stop - s > 1;
    bool more = stop < end && (*stop == '.' || (*stop | 0x20) == 'e');
    return stop == first || zero || more || stop - first > ALIKE_DIGITS ? NULL : stop;
}

bool yaml__reads_as_json(const char *s, size_t n)
{
    const char *end = s + n;
    int depth = 0;
    if (n == 0 || *s != '{')
        return false;
    do {
        if (*s == '"')
            s = skip_string(s, end);
        else if (*s == '-' || (*s >= '0' && *s <= '9'))
            s = skip_integer(s, end);
        else if (*s == '{' || *s == '[')
            s = ++depth <= ALIKE_DEPTH ? s + 1 : NULL;
        else if (*s == '}' || *s == ']')
            s = --depth >= 0 ? s + 1 : NULL;
        else if (*s == ',' || *s == ':' || (*s >= 'a' && *s <= 'z'))
            s++;
        else if (skip_space(s, end) != s)
            s = skip_space(s, end);
        else
            return false;
    } while (s && depth > 0 && s < end);
    while (s && s < end && (*s == ' ' || *s == '\n'))
        s++;
    return s == end;
}
