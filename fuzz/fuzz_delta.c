#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "fuzz.h"
#include "scan/advisories.h"

/* An empty database: magic, time, no packages, no records, its size. */
static const unsigned char empty[40] = {'S', 'W', 'A', 'D', 'V', '0', '3', '\n', [32] = 40};

static const char *file_of(struct arena *a, const void *bytes, size_t n, int *fd)
{
    *fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(*fd >= 0 && write(*fd, bytes, n) == (ssize_t)n);
    return arena_printf(a, "/proc/self/fd/%d", *fd);
}

/* Property: a delta of any bytes is refused, or makes a database that opens and can be asked. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    AUTO(advisories) struct advisories *from = NULL, *made = NULL;
    AUTO_FD int base_fd = -1, delta_fd = -1;
    struct value *records;
    struct err e = {0};
    char folder[] = "/tmp/slipway-fuzz-XXXXXX";
    MUST(mkdtemp(folder));
    const char *base = file_of(a, empty, sizeof empty, &base_fd);
    const char *delta = file_of(a, data, size, &delta_fd);
    const char *out = arena_printf(a, "%s/made", folder);
    MUST(advisories_open(base, &from, &e) == 0);
    if (advisories_apply(from, delta, out, NULL) == 0) {
        MUST(advisories_open(out, &made, &e) == 0);
        (void)!advisories_find(made, "npm", "lodash", a, &records, NULL);
    }
    MUST(fs_remove_tree(folder, &e) == 0);
    return 0;
}
