/* read_dotnet.c - NuGet's lock file, what a program was published with, and project files. */
#include <string.h>

#include "codec/json.h"
#include "scan/found.h"
#include "scan/xml.h"

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

/* <package id= version= developmentDependency=>, <PackageVersion Include= Version=> */
int found__nuget_xml(struct found *f, const struct found_file *file, struct err *e)
{
    struct xml x = {.p = file->text, .end = file->text + file->n, .arena = file->scratch};
    const char *text, *attributes = "";
    (void)e;
    for (enum xml_event ev; (ev = xml__next(&x, &text, &attributes)) != XML_END_OF_DOCUMENT;) {
        bool config = strcmp(ev == XML_OPEN ? x.name : "", "package") == 0;
        bool props = ev == XML_OPEN && (strcmp(x.name, "PackageVersion") == 0 ||
                                        strcmp(x.name, "PackageReference") == 0);
        if (!config && !props)
            continue;
        const char *version = xml__attribute(&x, attributes, config ? "version" : "Version");
        const char *dev = xml__attribute(&x, attributes, "developmentDependency");
        if (version && !strpbrk(version, "$*[(")) /* neither a variable nor a range */
            found_add(f, "NuGet", xml__attribute(&x, attributes, config ? "id" : "Include"),
                      version, file->path)
                ->dev = dev && strcmp(dev, "true") == 0;
    }
    return 0;
}
