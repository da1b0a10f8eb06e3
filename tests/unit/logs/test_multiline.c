#include "logs/multiline.h"

#include "base/arena.h"
#include "base/own.h"
#include "t.h"

/* Records of a text, "|" between them. */
static const char *joined(const char *text, struct arena *a)
{
    enum multiline state = MULTILINE_NONE;
    const char *all = "";
    for (const char *at = text, *end; *at; at = end + 1) {
        end = strchr(at, '\n');
        bool more = multiline_next(&state, at, (size_t)(end - at));
        all = arena_join(a, all, *all ? more ? "\n" : "|" : "",
                         arena_strndup(a, at, (size_t)(end - at)), NULL);
    }
    return all;
}

/* "|" begins a record; it is a line end in the input. */
static void joins_as(const char *name, const char *records)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *text = arena_join(a, records, "\n", NULL);
    for (char *p = text; (p = strchr(p, '|'));)
        *p = '\n';
    T_EQ_STR(joined(text, a), records, name);
}

static void joins(void)
{
    joins_as("plain lines", "a|  b|at c|\td");
    joins_as("java", "ERROR it failed|java.lang.IllegalStateException: no\n\tat "
                     "a.B.c(B.java:1)\n\tat a.B.d(B.java:2)\n"
                     "Caused by: java.io.IOException: x\n\t... 12 more|next");
    joins_as("javascript", "TypeError: x is not a function\n    at f (/app/a.js:1:2)\n    at "
                           "node:internal/x:3:4|GET /");
    joins_as("python",
             "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\n"
             "ZeroDivisionError: division by zero|next");
    joins_as("python, chained",
             "Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 1\n\n"
             "During handling of the above exception, another exception occurred:\n\n"
             "Traceback (most recent call last):\n  File \"a.py\", line 2\nValueError: 2|next");
    joins_as("python, as JSON",
             "{\"exc\":\"Traceback (most recent call last):\\n  File\"}|{\"msg\":\"next\"}|a");
    joins_as("go", "panic: runtime error: index out of range\n\ngoroutine 1 "
                   "[running]:\nmain.main()\n\t/app/main.go:3 +0x1d\n"
                   "created by main.run\n\t/app/main.go:9\nexit status 2|next line");
    joins_as(
        "ruby",
        "a.rb:1:in `f': no (RuntimeError)\n\tfrom a.rb:2:in `g'\n\t 1: from a.rb:3:in `h'|next");
    joins_as(
        ".net",
        "Unhandled exception. System.InvalidOperationException: no\n ---> System.Exception: inner\n"
        "   at A.B.C() in a.cs:line 1\n   --- End of inner exception stack trace ---\n   at "
        "A.D()|next");
    joins_as("two in a row", "x.AException: 1\n\tat a.b(c)|x.BException: 2\n\tat a.b(c)");
}

T_MAIN(joins)
