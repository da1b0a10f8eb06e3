#include "logs/cri.h"

#include <string.h>

#include "base/clock.h"

bool cri_parse(const char *line, size_t n, struct cri_line *out)
{
    char time[CLOCK_TEXT_MAX];
    const char *space = memchr(line, ' ', n);
    size_t t = space ? (size_t)(space - line) : n;
    if (!space || t >= sizeof time || n < t + 9)
        return false;
    memcpy(time, line, t);
    time[t] = '\0';
    const char *rest = space + 1; /* "stdout F text" */
    bool is_err = strncmp(rest, "stderr ", 7) == 0;
    if (!is_err && strncmp(rest, "stdout ", 7) != 0)
        return false;
    char tag = rest[7];
    if ((tag != 'F' && tag != 'P') || clock_parse_rfc3339(time, &out->time_ns, NULL) < 0)
        return false;
    size_t skip = t + 1 + 7 + 1 + (n > t + 9 && rest[8] == ' ');
    out->stderr_stream = is_err;
    out->partial = tag == 'P';
    out->text = line + skip;
    out->n = n - skip;
    return true;
}
