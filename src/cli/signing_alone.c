/* signing_alone.c - no Secrets, for the program of files alone: what names one is the whole
 * program's. */
#include "cli/signing.h"

static int no_api(struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED, "this part of the program asks no API");
}

int signing_read_secret(void *arg, const char *ns, const char *name, struct arena *a,
                        const struct value **out, struct err *e)
{
    (void)arg, (void)ns, (void)name, (void)a, (void)out;
    return no_api(e);
}

int signing_create_secret(const char *ns, const struct value *secret, struct arena *a,
                          struct err *e)
{
    (void)ns, (void)secret, (void)a;
    return no_api(e);
}
