/* read_other.c - Conan, Dart's pub, Hex, Swift, CocoaPods, Conda: one lock file each. */
#include <string.h>

#include "codec/json.h"
#include "codec/yaml.h"
#include "scan/found.h"

/* "zlib/1.2.13#revision%time", "name/version@user/channel" */
static void conan_reference(struct found *f, const struct found_file *file, const char *ref,
                            bool dev)
{
    const char *slash = strchr(ref, '/');
    if (slash)
        found_add(f, "ConanCenter", arena_strndup(file->scratch, ref, (size_t)(slash - ref)),
                  arena_strndup(file->scratch, slash + 1, strcspn(slash + 1, "#@%:")), file->path)
            ->dev = dev;
}

/* Version 1 has a graph, version 2 lists. */
int found__conan(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (m, value_at(lock, "graph_lock.nodes"))
        conan_reference(f, file, value_at_str(&m->value, "ref", ""), false);
    VALUE_EACH_ITEM (v, value_get(lock, "requires"))
        conan_reference(f, file, value_str(v, ""), false);
    VALUE_EACH_ITEM (v, value_get(lock, "build_requires"))
        conan_reference(f, file, value_str(v, ""), true);
    return 0;
}

int found__pub(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = yaml_parse(file->scratch, file->text, file->n, 0, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_MEMBER (m, value_get(lock, "packages"))
        if (strcmp(value_at_str(&m->value, "source", "hosted"), "hosted") == 0)
            (void)found_add(f, "Pub", m->key, value_at_str(&m->value, "version", NULL), file->path);
    return 0;
}

/* The n-th text in quotes of a line, or NULL. */
static const char *quoted(struct arena *a, const char *line, int n)
{
    for (; *line; n--) {
        const char *open = strchr(line, '"'), *close = open ? strchr(open + 1, '"') : NULL;
        if (!close)
            return NULL;
        if (n == 1)
            return arena_strndup(a, open + 1, (size_t)(close - open - 1));
        line = close + 1;
    }
    return NULL;
}

/* `  "name": {:hex, :name, "1.2.3", …},` */
int found__mix(struct found *f, const struct found_file *file, struct err *e)
{
    char *rest = file->text;
    (void)e;
    for (char *line; (line = found_line(&rest));)
        if (strstr(line, "{:hex,"))
            (void)found_add(f, "Hex", quoted(file->scratch, line, 1),
                            quoted(file->scratch, line, 2), file->path);
    return 0;
}

/* Advisories name a Swift package by where it lies, without the protocol. */
static const char *swift_name(struct arena *a, const char *url)
{
    const char *behind = strstr(url, "://");
    char *name = arena_strdup(a, behind ? behind + 3 : url);
    size_t n = strlen(name);
    if (n > 4 && strcmp(name + n - 4, ".git") == 0)
        name[n - 4] = '\0';
    return name;
}

int found__swift(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *doc;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &doc, e);
    if (r < 0)
        return r;
    const struct value *pins = value_get(doc, "pins");
    VALUE_EACH_ITEM (p, pins ? pins : value_at(doc, "object.pins")) {
        const char *url = value_at_str(p, "location", value_at_str(p, "repositoryURL", NULL));
        if (url)
            (void)found_add(f, "SwiftURL", swift_name(file->scratch, url),
                            value_at_str(p, "state.version", NULL), file->path);
    }
    return 0;
}

/* PODS: "Name (1.2)" or {"Name (1.2)": [wishes]}; Name/Part is a part of Name. */
int found__pods(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = yaml_parse(file->scratch, file->text, file->n, 0, &lock, e);
    if (r < 0)
        return r;
    VALUE_EACH_ITEM (v, value_get(lock, "PODS")) {
        const char *text = value_is(v, VALUE_OBJECT) && value_members_count(v)
                               ? value_members(v)->key
                               : value_str(v, "");
        const char *open = strstr(text, " (");
        if (open)
            (void)found_add(
                f, "CocoaPods", arena_strndup(file->scratch, text, (size_t)(open - text)),
                arena_strndup(file->scratch, open + 2, strcspn(open + 2, ")")), file->path);
    }
    return 0;
}

int found__conda(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *p;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &p, e);
    if (r < 0)
        return r;
    found_licence(f,
                  found_add(f, "Conda", value_at_str(p, "name", NULL),
                            value_at_str(p, "version", NULL), file->path),
                  value_at_str(p, "license", NULL));
    return 0;
}
