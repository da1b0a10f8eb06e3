/* test.c - a release's own tests. */
#include "release/release_int.h"

int release_test(struct release_session *s, const char *name, const struct release_filter *f,
                 struct release **out, struct err *e)
{
    struct release *r;
    *out = NULL;
    if (helm_release_name_check(name, s->log, e) < 0)
        return release__fail(s, e, ERR_INVALID, "releaseTest: Release name is invalid: %s", name);
    int rc = release_get(s, name, 0, &r, e);
    if (rc < 0)
        return rc;
    *out = r;
    rc = release__run_hooks(s, r, "test", f, e);
    if (rc == 0)
        return release__update(s, r, false, e);
    release__record(s, r);
    return rc;
}
