/* read_os.c - which distribution it is, and the package databases of dpkg and apk. */
#include <string.h>

#include "base/own.h"
#include "scan/found.h"

/* The value of KEY= in os-release, quotes taken off. */
static const char *release_value(struct arena *a, const char *text, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, key, n) != 0 || line[n] != '=')
            continue;
        const char *v = line + n + 1;
        v += *v == '"' || *v == '\'';
        return arena_strndup(a, v, strcspn(v, "\"'\n"));
    }
    return "";
}

/* What OSV calls a distribution: its name and how much of the version follows. */
static const struct distribution {
    const char *id, *name;
    enum { WHOLE, MAJOR, MINOR, NOTHING } version;
    bool by_source;
} distributions[] = {
    {"debian",              "Debian:",                       MAJOR,   true },
    {"ubuntu",              "Ubuntu:",                       WHOLE,   true },
    {"alpine",              "Alpine:v",                      MINOR,   true },
    {"wolfi",               "Wolfi",                         NOTHING, true },
    {"chainguard",          "Chainguard",                    NOTHING, true },
    {"almalinux",           "AlmaLinux:",                    MAJOR,   false},
    {"rocky",               "Rocky Linux:",                  MAJOR,   true },
    {"rhel",                "Red Hat:",                      MAJOR,   false},
    {"centos",              "Red Hat:",                      MAJOR,   false},
    {"fedora",              "Fedora:",                       WHOLE,   false},
    {"amzn",                "Amazon Linux:",                 WHOLE,   false},
    {"ol",                  "Oracle Linux:",                 MAJOR,   false},
    {"photon",              "Photon OS:",                    WHOLE,   false},
    {"azurelinux",          "Azure Linux:",                  MAJOR,   false},
    {"mariner",             "CBL-Mariner:",                  WHOLE,   false},
    {"mageia",              "Mageia:",                       WHOLE,   true },
    {"openEuler",           "openEuler:",                    WHOLE,   true },
    {"opensuse-leap",       "openSUSE:Leap ",                WHOLE,   true },
    {"opensuse-tumbleweed", "openSUSE:Tumbleweed",           NOTHING, true },
    {"sles",                "SUSE:Linux Enterprise Server ", WHOLE,   true },
    {"sle-micro",           "SUSE:Linux Enterprise Micro ",  WHOLE,   true },
};

static size_t version_part(const struct distribution *d, const char *version)
{
    size_t n = strcspn(version, ".");
    if (d->version == NOTHING)
        return 0;
    if (d->version == MAJOR)
        return n;
    if (d->version == WHOLE || !version[n])
        return strlen(version);
    return n + 1 + strcspn(version + n + 1, ".");
}

static const char *ecosystem_of(struct arena *a, const struct distribution *d, const char *version)
{
    size_t n = version_part(d, version), name = strlen(d->name);
    if (n == 0 && strchr(d->name, ':') && d->version != NOTHING)
        name = strcspn(d->name, ":"); /* Debian's unstable says no version */
    return arena_printf(a, "%.*s%.*s", (int)name, d->name, (int)n, version);
}

const char *found__distribution(struct arena *a, const char *id, const char *version,
                                bool *by_source)
{
    for (size_t i = 0; i < ARRAY_LEN(distributions); i++)
        if (strcmp(distributions[i].id, id) == 0) {
            *by_source = distributions[i].by_source;
            return ecosystem_of(a, &distributions[i], version);
        }
    return NULL;
}

const char *found__distribution_id(const char *ecosystem)
{
    size_t n = strcspn(ecosystem, ":");
    for (size_t i = 0; i < ARRAY_LEN(distributions); i++)
        if (strcspn(distributions[i].name, ":") == n &&
            strncmp(distributions[i].name, ecosystem, n) == 0)
            return distributions[i].id;
    return NULL;
}

void found__release(struct found *f)
{
    AUTO_BUF struct buf b;
    buf_init(&b, 1 << 20);
    if (layers__read(f->tree, "/etc/os-release", &b, NULL) < 0) {
        buf_clear(&b);
        if (layers__read(f->tree, "/usr/lib/os-release", &b, NULL) < 0)
            return;
    }
    const char *id = release_value(f->arena, buf_text(&b), "ID");
    const char *version = release_value(f->arena, buf_text(&b), "VERSION_ID");
    f->out->os_id = id;
    f->out->os_version = version;
    f->distribution = found__distribution(f->arena, id, version, &f->by_source);
}

/* ---- dpkg ---- */

struct stanza {
    const char *package, *version, *source, *status;
};

static void add_stanza(struct found *f, const struct found_file *file, const struct stanza *s)
{
    if (!s->package || !s->version || (s->status && !strstr(s->status, " installed")))
        return;
    const char *name = s->source ? s->source : s->package, *version = s->version;
    const char *paren = strchr(name, '('); /* "Source: glibc (2.36-9)" has a version of its own */
    if (paren) {
        version = arena_strndup(file->scratch, paren + 1, strcspn(paren + 1, ")"));
        name = arena_strndup(file->scratch, name, strcspn(name, " ("));
    }
    struct package *p = found_add(f, f->distribution, name, version, file->path);
    p->binary = found_keep(f, s->package);
}

/* "Field: value" lines, an empty one between packages. */
int found__dpkg(struct found *f, const struct found_file *file, struct err *e)
{
    struct stanza s = {0};
    char *rest = file->text;
    (void)e;
    for (char *line; (line = found_line(&rest));) {
        if (!*line) {
            add_stanza(f, file, &s);
            s = (struct stanza){0};
        } else if (strncmp(line, "Package: ", 9) == 0) {
            s.package = line + 9;
        } else if (strncmp(line, "Version: ", 9) == 0) {
            s.version = line + 9;
        } else if (strncmp(line, "Source: ", 8) == 0) {
            s.source = line + 8;
        } else if (strncmp(line, "Status: ", 8) == 0) {
            s.status = line + 8;
        }
    }
    add_stanza(f, file, &s);
    return 0;
}

/* ---- apk ---- */

struct apk {
    const char *name, *version, *origin, *licence;
};

static void add_apk(struct found *f, const struct found_file *file, const struct apk *k)
{
    if (!k->name || !k->version)
        return;
    struct package *p =
        found_add(f, f->distribution, k->origin ? k->origin : k->name, k->version, file->path);
    p->binary = found_keep(f, k->name);
    found_licence(f, p, k->licence);
}

int found__apk(struct found *f, const struct found_file *file, struct err *e)
{
    struct apk k = {0};
    char *rest = file->text;
    (void)e;
    for (char *line; (line = found_line(&rest));) {
        if (!*line) {
            add_apk(f, file, &k);
            k = (struct apk){0};
        } else if (strncmp(line, "P:", 2) == 0) {
            k.name = line + 2;
        } else if (strncmp(line, "V:", 2) == 0) {
            k.version = line + 2;
        } else if (strncmp(line, "o:", 2) == 0) {
            k.origin = line + 2;
        } else if (strncmp(line, "L:", 2) == 0) {
            k.licence = line + 2;
        }
    }
    add_apk(f, file, &k);
    return 0;
}
