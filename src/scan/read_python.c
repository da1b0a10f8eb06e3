/* read_python.c - installed distributions, and what pip, Poetry, uv, PDM and Pipenv lock. */
#include <ctype.h>
#include <string.h>

#include "codec/json.h"
#include "codec/toml.h"
#include "scan/found.h"
#include "scan/reach.h"

static bool header(const char *line, const char *name, const char **out)
{
    size_t n = strlen(name);
    if (strncmp(line, name, n) != 0 || strncmp(line + n, ": ", 2) != 0)
        return false;
    *out = line + n + 2;
    return true;
}

/* "License :: OSI Approved :: MIT License" */
static const char *last_part(const char *classifier)
{
    const char *at = classifier;
    for (const char *p = classifier; (p = strstr(p, " :: ")); p += 4)
        at = p + 4;
    return at;
}

/* The header of METADATA or PKG-INFO, up to the first empty line. */
int found__python_metadata(struct found *f, const struct found_file *file, struct err *e)
{
    const char *name = NULL, *version = NULL, *licence = NULL, *expression = NULL, *v;
    char *rest = file->text;
    (void)e;
    for (char *line; (line = found_line(&rest)) && *line;) {
        if (header(line, "Name", &v))
            name = v;
        else if (header(line, "Version", &v))
            version = v;
        else if (header(line, "License-Expression", &v))
            expression = v;
        else if (header(line, "License", &v) && strcmp(v, "UNKNOWN") != 0)
            licence = v;
        else if (!licence && header(line, "Classifier", &v) && strncmp(v, "License ::", 10) == 0)
            licence = last_part(v);
    }
    found_licence(f, found_add(f, "PyPI", name, version, file->path),
                  expression ? expression : licence);
    return 0;
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.';
}

/* "name[extra] == 1.2 ; marker # comment": only what names one version says what is installed. */
static void requirement(struct found *f, const struct found_file *file, char *line)
{
    line += strspn(line, " \t");
    size_t n = 0;
    while (is_name_char(line[n]))
        n++;
    if (n == 0 || *line == '-')
        return;
    const char *name = arena_strndup(file->scratch, line, n);
    char *p = line + n;
    p += strspn(p, " \t");
    if (*p == '[')
        p += strcspn(p, "]") + (p[strcspn(p, "]")] == ']');
    p += strspn(p, " \t(");
    if (strncmp(p, "==", 2) != 0)
        return;
    p += 2 + (p[2] == '=');
    p += strspn(p, " \t");
    p[strcspn(p, " \t;#,)\\")] = '\0';
    if (!strchr(p, '*'))
        (void)found_add(f, "PyPI", name, p, file->path);
}

int found__requirements(struct found *f, const struct found_file *file, struct err *e)
{
    char *rest = file->text;
    (void)e;
    if (file->n > 2 && memcmp(file->text, "\xff\xfe", 2) == 0)
        return err_set(e, ERR_UNSUPPORTED, "it is UTF-16; save it as UTF-8");
    for (char *line; (line = found_line(&rest));)
        requirement(f, file, line);
    return 0;
}

static bool is_dev(const struct value *package)
{
    const struct value *groups = value_get(package, "groups");
    if (strcmp(value_at_str(package, "category", "main"), "dev") == 0)
        return true;
    VALUE_EACH_ITEM (g, groups)
        if (strcmp(value_str(g, ""), "main") == 0 || strcmp(value_str(g, ""), "default") == 0)
            return false;
    return value_count(groups) > 0;
}

/* uv.lock says what each package needs, and the project's own what its developers do. Packages are
 * told apart by their names alone: of two versions both are what one of them is. */
static void uv_needs(struct reach *g, const char *from, const struct value *groups)
{
    VALUE_EACH_MEMBER (m, groups)
        VALUE_EACH_ITEM (d, &m->value)
            reach__edge(g, from, value_at_str(d, "name", ""));
}

static bool is_project(const struct value *package)
{
    const struct value *source = value_get(package, "source");
    return value_get(source, "virtual") || value_get(source, "editable");
}

static struct reach *uv_reach(const struct value *packages, struct arena *a)
{
    struct reach *g = reach__new(a);
    VALUE_EACH_ITEM (p, packages) {
        const char *from = is_project(p) ? REACH_PROGRAM : value_at_str(p, "name", "");
        VALUE_EACH_ITEM (d, value_get(p, "dependencies"))
            reach__edge(g, from, value_at_str(d, "name", ""));
        uv_needs(g, from, value_get(p, "optional-dependencies"));
        if (is_project(p))
            uv_needs(g, REACH_DEVELOPERS, value_get(p, "dev-dependencies"));
    }
    reach__walk(g);
    return g;
}

/* poetry.lock, uv.lock and pdm.lock have [[package]], pylock.toml [[packages]]. */
int found__python_lock(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = toml_parse(file->scratch, file->text, file->n, &lock, e);
    if (r < 0)
        return r;
    const struct value *list = value_get(lock, "package");
    list = list ? list : value_get(lock, "packages");
    const struct reach *g = uv_reach(list, file->scratch);
    VALUE_EACH_ITEM (p, list) {
        const char *name = value_at_str(p, "name", NULL);
        bool dev = is_dev(p) || (name && reach__only_developers(g, name));
        if (!is_project(p))
            (void)found_add_dev(f, "PyPI", name, value_at_str(p, "version", NULL), file->path, dev);
    }
    return 0;
}

static void pipfile_section(struct found *f, const struct found_file *file,
                            const struct value *section, bool dev)
{
    VALUE_EACH_MEMBER (m, section) {
        const char *version = value_at_str(&m->value, "version", "");
        if (strncmp(version, "==", 2) == 0)
            (void)found_add_dev(f, "PyPI", m->key, version + 2, file->path, dev);
    }
}

int found__pipfile(struct found *f, const struct found_file *file, struct err *e)
{
    struct value *lock;
    int r = json_parse(file->scratch, file->text, file->n, JSON_SHALLOW, &lock, e);
    if (r < 0)
        return r;
    pipfile_section(f, file, value_get(lock, "default"), false);
    pipfile_section(f, file, value_get(lock, "develop"), true);
    return 0;
}
