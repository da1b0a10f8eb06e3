#include <sys/mman.h>

#include "base/own.h"
#include "fuzz.h"
#include "scan/catalogue.h"

/* Property: a file of any bytes is refused as a database or answers what it is asked, and as a
 * catalogue of images it gives what is whole; neither reads past its end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(advisories) struct advisories *db = NULL;
    AUTO(catalogue) struct catalogue *c = NULL;
    AUTO_FD int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct affected *list;
    struct value *records;
    struct err e = {0};
    size_t n;
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    const char *path = arena_printf(a, "/proc/self/fd/%d", fd);
    MUST(catalogue_open(path, false, &c, &e) == 0);
    if (advisories_open(path, &db, NULL) < 0)
        return 0;
    if (advisories_find(db, "npm", "lodash", a, &records, NULL) == 0)
        MUST(value_is(records, VALUE_ARRAY));
    (void)(advisories_find(db, "Debian:12", "curl", a, &records, NULL) == 0);
    (void)(catalogue_affected(c, NULL, db, 0, a, &list, &n, NULL) == 0);
    return 0;
}
