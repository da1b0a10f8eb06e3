/* read_dotnet.c - NuGet's lock file, what a program was published with, and project files. */
#include <string.h>

#include "codec/json.h"
#include "codec/xml.h"
#include "scan/found.h"

/* "dependencies": a list for each framework. */
int found__nuget_lock(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (framework, value_get(lock, "dependencies"))
        VALUE_EACH_MEMBER (m, &framework->value)
            if (strcmp(value_at_str(&m->value, "type", ""), "Project") != 0)
                (void)found_add(f, "NuGet", m->key, value_at_str(&m->value, "resolved", NULL),
                                file->path);
    return 0;
}

/* "libraries": by "Name/1.2.3"; those of type "project" are the program's own. */
int found__nuget_deps(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *doc;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &doc, e);
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (m, value_get(doc, "libraries")) {
        const char *slash = strchr(m->key, '/');
        if (slash && strcmp(value_at_str(&m->value, "type", ""), "package") == 0)
            (void)found_add(f, "NuGet",
                            arena_strndup(file->scratch, m->key, (size_t)(slash - m->key)),
                            slash + 1, file->path);
    }
    return 0;
}

struct nuget_xml {
    struct found *f;
    const struct found_file *file;
};

static void on_open(void *arg, const char *element, const char *const *attributes)
{
    const struct nuget_xml *x = arg;
    bool config = strcmp(element, "package") == 0;
    if (!config && strcmp(element, "PackageVersion") != 0 &&
        strcmp(element, "PackageReference") != 0)
        return;
    const char *version = xml_attribute(attributes, config ? "version" : "Version");
    const char *dev = xml_attribute(attributes, "developmentDependency");
    if (!version || strpbrk(version, "$*[(")) /* a variable or a range */
        return;
    found_add(x->f, "NuGet", xml_attribute(attributes, config ? "id" : "Include"), version,
              x->file->path)
        ->dev = dev && strcmp(dev, "true") == 0;
}

/* <package id= version= developmentDependency=>, <PackageVersion Include= Version=> */
int found__nuget_xml(struct found *f, const struct found_file *file, struct err *e)
{
    struct nuget_xml x = {.f = f, .file = file};
    struct xml_reader reader = {.open = on_open, .arg = &x};
    return xml_read(file->text, file->n, &reader, e);
}
