/* read_php.c - what Composer locks and what it has installed. */
#include "codec/json.h"
#include "scan/found.h"

static void add_all(struct found *f, const struct found_file *file, const struct value *list,
                    bool dev)
{
    VALUE_EACH_ITEM (p, list) {
        struct package *added = found_add(f, "Packagist", value_at_str(p, "name", NULL),
                                          value_at_str(p, "version", NULL), file->path);
        added->dev = dev;
        found_licence(f, added, value_str(value_item(value_get(p, "license"), 0), NULL));
    }
}

int found__composer(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &lock, e);
    if (r < 0)
        return r;
    add_all(f, file, value_get(lock, "packages"), false);
    add_all(f, file, value_get(lock, "packages-dev"), true);
    return 0;
}

/* Composer 2 has {"packages": […]}, Composer 1 had the list alone. */
int found__composer_installed(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *doc;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &doc, e);
    if (r == 0)
        add_all(f, file, value_is(doc, VALUE_ARRAY) ? doc : value_get(doc, "packages"), false);
    return r;
}
