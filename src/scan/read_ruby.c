/* read_ruby.c - Bundler's lock file and the specifications of installed gems. */
#include <ctype.h>
#include <string.h>

#include "scan/found.h"

/* "    name (1.2.3-x86_64-linux)" below "GEM": four blanks, deeper ones are wishes. */
int found__gemfile(struct found *f, const struct found_file *file, struct err *e)
{
    bool gems = false;
    char *rest = file->text;
    (void)e;
    for (char *line; (line = found_line(&rest));) {
        if (*line != ' ')
            gems = strcmp(line, "GEM") == 0;
        if (!gems || strncmp(line, "    ", 4) != 0 || line[4] == ' ')
            continue;
        char *open = strstr(line, " ("), *version = open ? open + 2 : NULL;
        if (!open)
            continue;
        *open = '\0';
        version[strcspn(version, ")-")] = '\0'; /* a gem's own prereleases have dots */
        (void)found_add(f, "RubyGems", line + 4, version, file->path);
    }
    return 0;
}

/* The text in quotes behind `s.KEY =`, or NULL. */
static const char *assigned(struct arena *a, const char *line, const char *key)
{
    const char *dot = strchr(line, '.');
    size_t n = strlen(key);
    if (!dot || strncmp(dot + 1, key, n) != 0)
        return NULL;
    const char *p = dot + 1 + n;
    p += strspn(p, " ");
    if (*p++ != '=')
        return NULL;
    p += strcspn(p, "\"'");
    return *p ? arena_strndup(a, p + 1, strcspn(p + 1, "\"'")) : NULL;
}

int found__gemspec(struct found *f, const struct found_file *file, struct err *e)
{
    const char *name = NULL, *version = NULL, *licence = NULL;
    char *rest = file->text;
    (void)e;
    for (char *line; (line = found_line(&rest));) {
        const char *v;
        if (!name && (v = assigned(file->scratch, line, "name")))
            name = v;
        else if (!version && (v = assigned(file->scratch, line, "version")))
            version = v;
        else if (!licence && ((v = assigned(file->scratch, line, "licenses")) ||
                              (v = assigned(file->scratch, line, "license"))))
            licence = v;
    }
    found_licence(f, found_add(f, "RubyGems", name, version, file->path), licence);
    return 0;
}
