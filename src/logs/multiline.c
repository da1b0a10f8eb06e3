#include "logs/multiline.h"

#include <string.h>

enum { LOOK_BYTES = 1024 }; /* where a first line says what it is */

static bool holds(const char *line, size_t n, const char *word)
{
    return memmem(line, n, word, strlen(word)) != NULL;
}

static bool begins(const char *line, size_t n, const char *with)
{
    size_t len = strlen(with);
    return n >= len && memcmp(line, with, len) == 0;
}

static bool begins_any(const char *line, size_t n, const char *const *words)
{
    for (; *words; words++)
        if (begins(line, n, *words))
            return true;
    return false;
}

static bool ends(const char *line, size_t n, const char *with)
{
    size_t len = strlen(with);
    return n >= len && memcmp(line + n - len, with, len) == 0;
}

/* A traceback that goes on within its line, as in JSON, has no lines behind it. */
static enum multiline begin(const char *line, size_t n)
{
    if (ends(line, n, "Traceback (most recent call last):"))
        return MULTILINE_PYTHON;
    n = n < LOOK_BYTES ? n : LOOK_BYTES;
    if (holds(line, n, "panic") || begins(line, n, "fatal error: ") ||
        begins(line, n, "goroutine "))
        return MULTILINE_GO;
    if (holds(line, n, "Exception") || holds(line, n, "Error") || holds(line, n, "Throwable") ||
        holds(line, n, "exception") || (holds(line, n, ".rb:") && holds(line, n, ":in ")))
        return MULTILINE_EXCEPTION;
    return MULTILINE_NONE;
}

/* A frame of Java, JavaScript, Ruby or .NET, and what stands between frames. */
static bool is_frame(const char *line, size_t n)
{
    static const char *const flush[] = {"Caused by: ", "Suppressed: ", "nested exception is", NULL};
    static const char *const indented[] = {"at ",         "from ",        "... ",
                                           "Caused by: ", "Suppressed: ", "--- End of ",
                                           "---> ",       "[CIRCULAR",    NULL};
    size_t blank = 0;
    while (blank < n && (line[blank] == ' ' || line[blank] == '\t'))
        blank++;
    if (blank == 0)
        return begins_any(line, n, flush);
    const char *rest = line + blank;
    size_t left = n - blank, digits = 0;
    while (digits < left && rest[digits] >= '0' && rest[digits] <= '9')
        digits++;
    return begins_any(rest, left, indented) ||
           (digits && begins(rest + digits, left - digits, ": from ")); /* Ruby 2 counts them */
}

/* "pkg.Func(…)", "\t/file.go:1 +0x2", and what stands between goroutines. */
static bool is_goroutine(const char *line, size_t n)
{
    static const char *const words[] = {"goroutine ",   "created by ", "[signal ", "panic: ",
                                        "exit status ", "runtime: ",   "\t",       NULL};
    return n == 0 || begins_any(line, n, words) ||
           (line[n - 1] == ')' && line[0] != ' ' && holds(line, n, ".") && holds(line, n, "("));
}

static bool is_chain(const char *line, size_t n)
{
    static const char *const words[] = {"During handling of the above exception",
                                        "The above exception was the direct cause",
                                        "Traceback (most recent call last):", NULL};
    return n == 0 || begins_any(line, n, words);
}

bool multiline_next(enum multiline *state, const char *line, size_t n)
{
    bool more = false;
    enum multiline then = *state;
    switch (*state) {
    case MULTILINE_NONE:
        break;
    case MULTILINE_EXCEPTION:
        more = is_frame(line, n);
        break;
    case MULTILINE_PYTHON: /* what is not indented says which exception it was */
        more = true;
        if (n && line[0] != ' ' && line[0] != '\t')
            then = MULTILINE_PYTHON_END;
        break;
    case MULTILINE_PYTHON_END:
        more = is_chain(line, n);
        if (begins(line, n, "Traceback "))
            then = MULTILINE_PYTHON;
        break;
    case MULTILINE_GO:
        more = is_goroutine(line, n);
        break;
    }
    *state = more ? then : begin(line, n);
    return more;
}
