#include "entrypoint/program.h"

#include <stdbool.h>
#include <string.h>

#include "base/fs.h"

extern const char entrypoint_image[], entrypoint_image_end[];

struct program program_entrypoint(void)
{
    return (struct program){entrypoint_image, (size_t)(entrypoint_image_end - entrypoint_image)};
}

static bool is_there(const struct program *p, const char *path)
{
    AUTO(arena) struct arena *a = arena_new(0);
    char *have;
    size_t n;
    return access(path, X_OK) == 0 && fs_read(path, p->n, a, &have, &n, NULL) == 0 && n == p->n &&
           memcmp(have, p->bytes, n) == 0;
}

int program_install(const struct program *p, const char *path, struct err *e)
{
    return is_there(p, path) ? 0 : fs_write_atomic(path, 0755, p->bytes, p->n, e);
}
