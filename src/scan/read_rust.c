/* read_rust.c - Cargo.lock. */
#include <string.h>

#include "codec/toml.h"
#include "scan/found.h"

/* What has no source is the project itself; what comes from elsewhere than the registry is no
 * crate that advisories speak of. */
int found__cargo(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = toml_parse(file->scratch, file->text, file->n, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_ITEM (p, value_get(lock, "package"))
        if (strstr(value_at_str(p, "source", ""), "registry+"))
            (void)found_add(f, "crates.io", value_at_str(p, "name", NULL),
                            value_at_str(p, "version", NULL), file->path);
    return 0;
}
