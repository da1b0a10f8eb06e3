/* err.h - one error value, owned by whoever can act on it.
 *
 * A fallible function returns 0 or a negative enum err_code and, when `e` is
 * not NULL, leaves the same code with a sentence for a human in *e.
 * The object is plain memory: reporting an error never allocates and a caller
 * that ignores it leaks nothing. On failure out-parameters are untouched.
 * Sentences name the object and the value, lower case, no full stop.        */
#pragma once

/* What the caller should do about it; each maps to one HTTP status. */
enum err_code {
    ERR_OK = 0,
    ERR_INVALID = -1,          /* the caller's input is wrong; retrying cannot help  (400/422) */
    ERR_NOT_FOUND = -2,        /* no such thing                                      (404) */
    ERR_CONFLICT = -3,         /* stale revision: re-read, then retry                (409) */
    ERR_GONE = -4,             /* history compacted: relist                          (410) */
    ERR_TOO_LARGE = -5,        /* a configured limit was reached                     (413) */
    ERR_AGAIN = -6,            /* transient: retry with back-off                     (429/503) */
    ERR_SYSTEM = -7,           /* the kernel or a library said no; see sys           (500) */
    ERR_EXISTS = -8,           /* already there: choose another name                 (409) */
    ERR_DENIED = -9,           /* known, but not allowed                             (403) */
    ERR_UNAUTHENTICATED = -10, /* who are you?                                      (401) */
    ERR_UNSUPPORTED = -11, /* understood and refused: not offered here           (405/415/501) */
    ERR_TIMEOUT = -12,     /* a deadline passed                                  (504) */
    ERR_CANCELLED = -13,   /* the caller or an operator stopped it               (499) */
};

struct err {
    enum err_code code;
    int sys; /* errno, or 0 */
    char msg[720];
    char hint[240]; /* what to do about it; empty when there is nothing to say */
};

#define MUST_CHECK   __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Records an error and returns `code`, so `return err_set(...)` reads well. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF(3, 4);

/* Records ERR_SYSTEM with strerror(sys) appended: "open x: no such file". ENOENT, EEXIST,
 * EACCES/EPERM, EAGAIN and ENOSPC choose the code that says what to do instead. */
int err_sys(struct err *e, int sys, const char *fmt, ...) PRINTF(3, 4);

/* Puts the caller's view in front: "pull app: layer 2: connection reset". Returns `code`. */
int err_wrap(struct err *e, int code, const char *fmt, ...) PRINTF(3, 4);

/* Sets the hint of an error that was recorded before. Returns its code. */
int err_hint(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* "invalid", "not found", … */
const char *err_code_name(int code);
