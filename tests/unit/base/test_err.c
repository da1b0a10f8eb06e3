#include "base/err.h"

#include <errno.h>

#include "t.h"

static void wraps(void)
{
    struct err e;
    int r = err_set(&e, ERR_AGAIN, "connection %s", "reset");
    r = err_wrap(&e, r, "layer %d", 2);
    T_EQ_INT(r, ERR_AGAIN, "code");
    T_EQ_STR(e.msg, "layer 2: connection reset", "sentence");
    T_EQ_STR(e.hint, "", "no hint yet");
    T_EQ_INT(err_hint(&e, "try later"), ERR_AGAIN, "hint keeps the code");
    T_EQ_STR(e.hint, "try later", "hint");
}

static void maps_errno(void)
{
    struct err e;
    T_EQ_INT(err_sys(&e, ENOENT, "open x"), ERR_NOT_FOUND, "ENOENT");
    T_EQ_STR(e.msg, "open x: No such file or directory", "sentence");
    T_EQ_INT(err_sys(NULL, EIO, "read"), ERR_SYSTEM, "no object is fine");
}

T_MAIN(wraps, maps_errno)
