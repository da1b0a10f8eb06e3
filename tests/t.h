/* t.h - the test runner: one process a file, a table of cases a function.
 *
 * T_MAIN(f, g) runs the functions and prints "2 passed, 0 failed"; a check that fails names
 * its case, its file and line, fails its function and lets the function go on.            */
#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool t_failed;

#define T_FAIL(name, ...)                                                                          \
    do {                                                                                           \
        t_failed = true;                                                                           \
        (void)fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, (name));                          \
        (void)fprintf(stderr, __VA_ARGS__);                                                        \
        (void)fputc('\n', stderr);                                                                 \
    } while (0)

#define T_OK(cond, name)                                                                           \
    do {                                                                                           \
        if (!(cond))                                                                               \
            T_FAIL(name, "%s is false", #cond);                                                    \
    } while (0)

#define T_EQ_INT(got, want, name)                                                                  \
    do {                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                              \
        if (got_ != want_)                                                                         \
            T_FAIL(name, "%s is %lld, not %lld", #got, got_, want_);                               \
    } while (0)

#define T_EQ_STR(got, want, name)                                                                  \
    do {                                                                                           \
        const char *got_ = (got), *want_ = (want);                                                 \
        if (!got_ || !want_ ? got_ != want_ : strcmp(got_, want_) != 0)                            \
            T_FAIL(name, "%s is\n  %s\nnot\n  %s", #got, got_ ? got_ : "(null)",                   \
                   want_ ? want_ : "(null)");                                                      \
    } while (0)

/* For calls with a struct err *: fails with its sentence when rc is not 0. */
#define T_RC(call, e, name)                                                                        \
    do {                                                                                           \
        int rc_ = (call);                                                                          \
        if (rc_ != 0)                                                                              \
            T_FAIL(name, "%s: %s", #call, (e)->msg);                                               \
    } while (0)

static inline int t_run(void (*const *fns)(void), size_t n)
{
    size_t failed = 0;
    for (size_t i = 0; i < n; i++) {
        t_failed = false;
        fns[i]();
        failed += t_failed;
    }
    (void)printf("%zu passed, %zu failed\n", n - failed, failed);
    return failed != 0;
}

#define T_MAIN(...)                                                                                \
    int main(void)                                                                                 \
    {                                                                                              \
        static void (*const fns[])(void) = {__VA_ARGS__};                                          \
        return t_run(fns, sizeof fns / sizeof fns[0]);                                             \
    }
