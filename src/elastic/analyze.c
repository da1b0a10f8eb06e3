/* analyze.c - words of a text: letters and digits in a row, in lower case; what stands between two
 * letters or digits and joins them (a dot, an apostrophe, a comma between digits) is inside. */
#include <ctype.h>
#include <string.h>

#include "elastic/elastic_int.h"

static bool is_letter(unsigned char c)
{
    return isalpha(c) || c == '_' || c >= 0x80;
}

/* Punctuation between `before` and `after` that does not end a word. */
static bool joins(unsigned char before, unsigned char mark, unsigned char after)
{
    bool letters = is_letter(before) && before != '_' && is_letter(after) && after != '_';
    bool digits = isdigit(before) && isdigit(after);
    if (mark == '.' || mark == '\'')
        return letters || digits;
    return (mark == ',' || mark == ';') && digits;
}

/* General punctuation, spaces of other widths and ideographic marks: e2 80 xx, e3 80 xx, c2 xx. */
static size_t foreign_mark(const unsigned char *p, const unsigned char *end)
{
    if (end - p >= 2 && p[0] == 0xc2 && p[1] <= 0xbf && p[1] != 0xaa && p[1] != 0xb5 &&
        p[1] != 0xba)
        return 2;
    if (end - p >= 3 && (p[0] == 0xe2 || p[0] == 0xe3) && p[1] == 0x80)
        return 3;
    return 0;
}

/* Two-byte letters that have a lower case 32 or so code points on: Latin-1, Greek, Cyrillic. */
static void fold_two(unsigned char *p)
{
    unsigned c = (unsigned)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
        (c >= 0x410 && c <= 0x42f))
        c += 32;
    else if (c >= 0x400 && c <= 0x40f)
        c += 80;
    else if (c >= 0x100 && c <= 0x137)
        c |= 1;
    p[0] = (unsigned char)(0xc0 | c >> 6);
    p[1] = (unsigned char)(0x80 | (c & 0x3f));
}

void words_fold(const char *text, size_t n, char *out)
{
    unsigned char *o = (unsigned char *)out;
    memmove(out, text, n);
    for (size_t i = 0; i < n; i++) {
        if (o[i] >= 'A' && o[i] <= 'Z') {
            o[i] |= 0x20;
        } else if (o[i] >= 0xc3 && o[i] <= 0xd1 && i + 1 < n && (o[i + 1] & 0xc0) == 0x80) {
            fold_two(o + i);
            i++;
        }
    }
}

bool words_next(struct words *w)
{
    const unsigned char *p = w->at, *end = w->end;
    for (size_t skip; p < end && (!(is_letter(*p) || isdigit(*p)) || foreign_mark(p, end));) {
        skip = foreign_mark(p, end);
        p += skip ? skip : 1;
    }
    const unsigned char *start = p;
    while (p < end && (size_t)(p - start) < WORD_MAX) {
        bool inside = is_letter(*p) || isdigit(*p);
        if (!inside && p > start && p + 1 < end)
            inside = joins(p[-1], *p, p[1]);
        if (!inside || foreign_mark(p, end))
            break;
        p++;
    }
    w->n = (size_t)(p - start);
    words_fold((const char *)start, w->n, w->word);
    w->word[w->n] = '\0';
    w->at = p;
    return w->n > 0;
}

const char **words_all(struct arena *a, const char *text, size_t n, size_t *out_n)
{
    const unsigned char *bytes = (const unsigned char *)text;
    struct words w = {.at = bytes, .end = bytes + n};
    const char **list = NULL;
    size_t count = 0, cap = 0;
    while (words_next(&w)) {
        if (count == cap) {
            size_t more = cap ? cap * 2 : 8;
            list = arena_grow(a, list, cap * sizeof *list, more * sizeof *list);
            cap = more;
        }
        list[count++] = arena_strndup(a, w.word, w.n);
    }
    *out_n = count;
    return list;
}
