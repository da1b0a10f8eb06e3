/* light_alone.c - no URLs, for the small program. */
#include "cli/light.h"

int light_fetch(const char *url, size_t max, struct arena *a, const char **out, size_t *n,
                struct err *e)
{
    (void)max, (void)a, (void)out, (void)n;
    return err_set(e, ERR_UNSUPPORTED, "%s: this program fetches nothing", url);
}
