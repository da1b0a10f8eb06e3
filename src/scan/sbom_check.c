/* sbom_check.c - CycloneDX's rules about what is read here, as a table: which members an object may
 * have and what they are. What is not read is only asked whether it is known. */
#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "scan/sbom_int.h"

enum { CHECK_DEPTH = 64 };

enum kind {
    ANY,     /* not read */
    TEXT,    /* one of `words` when there are some */
    REF,     /* a text that is not empty */
    OBJECT,  /* of `shape` */
    LIST,    /* of objects of `shape` */
    TEXTS,   /* each once */
    INTEGER, /* at least 1 */
    TIME,
    URN,      /* urn:uuid:… */
    HEX,      /* a digest */
    LICENCES, /* licenses */
};

struct shape;

struct field {
    const char *name;
    enum kind kind;
    bool wanted;
    const char *words; /* ",a,b," */
    const struct shape *shape;
};

struct shape {
    const struct field *fields; /* NULL name ends them */
};

static const struct shape hash = {
    (const struct field[]){
                           {.name = "alg",
         .kind = TEXT,
         .wanted = true,
         .words = ",MD5,SHA-1,SHA-256,SHA-384,SHA-512,SHA3-256,SHA3-384,SHA3-512,BLAKE2b-256,"
                  "BLAKE2b-384,BLAKE2b-512,BLAKE3,"},
                           {.name = "content", .kind = HEX, .wanted = true},
                           {0},
                           }
};

static const struct shape property = {
    (const struct field[]){
                           {.name = "name", .kind = TEXT},
                           {.name = "value", .kind = TEXT},
                           {0},
                           }
};

static const struct shape attachment = {
    (const struct field[]){
                           {.name = "contentType", .kind = TEXT},
                           {.name = "encoding", .kind = TEXT, .words = ",base64,"},
                           {.name = "content", .kind = TEXT, .wanted = true},
                           {0},
                           }
};

static const struct shape licence = {
    (const struct field[]){
                           {.name = "bom-ref", .kind = REF},
                           {.name = "id", .kind = TEXT},
                           {.name = "name", .kind = TEXT},
                           {.name = "acknowledgement", .kind = TEXT, .words = ",declared,concluded,"},
                           {.name = "text", .kind = OBJECT, .shape = &attachment},
                           {.name = "url", .kind = TEXT},
                           {.name = "licensing"},
                           {.name = "properties", .kind = LIST, .shape = &property},
                           {0},
                           }
};

static const struct shape swid = {
    (const struct field[]){
                           {.name = "tagId", .kind = TEXT, .wanted = true},
                           {.name = "name", .kind = TEXT, .wanted = true},
                           {.name = "version", .kind = TEXT},
                           {.name = "tagVersion", .kind = ANY},
                           {.name = "patch", .kind = ANY},
                           {.name = "text", .kind = OBJECT, .shape = &attachment},
                           {.name = "url", .kind = TEXT},
                           {0},
                           }
};

static const struct shape patch = {
    (const struct field[]){
                           {.name = "type",
         .kind = TEXT,
         .wanted = true,
         .words = ",unofficial,monkey,backport,cherry-pick,"},
                           {.name = "diff"},
                           {.name = "resolves"},
                           {0},
                           }
};

static const struct shape component; /* holds others */

static const struct shape pedigree = {
    (const struct field[]){
                           {.name = "ancestors", .kind = LIST, .shape = &component},
                           {.name = "descendants", .kind = LIST, .shape = &component},
                           {.name = "variants", .kind = LIST, .shape = &component},
                           {.name = "commits"},
                           {.name = "patches", .kind = LIST, .shape = &patch},
                           {.name = "notes", .kind = TEXT},
                           {0},
                           }
};

static const struct shape component = {
    (const struct field[]){
                           {.name = "type",
         .kind = TEXT,
         .wanted = true,
         .words = ",application,framework,library,container,platform,operating-system,device,"
                  "device-driver,firmware,file,machine-learning-model,data,cryptographic-asset,"},
                           {.name = "name", .kind = TEXT, .wanted = true},
                           {.name = "mime-type", .kind = TEXT},
                           {.name = "bom-ref", .kind = REF},
                           {.name = "supplier"},
                           {.name = "manufacturer"},
                           {.name = "authors"},
                           {.name = "author", .kind = TEXT},
                           {.name = "publisher", .kind = TEXT},
                           {.name = "group", .kind = TEXT},
                           {.name = "version", .kind = TEXT},
                           {.name = "description", .kind = TEXT},
                           {.name = "scope", .kind = TEXT, .words = ",required,optional,excluded,"},
                           {.name = "hashes", .kind = LIST, .shape = &hash},
                           {.name = "licenses", .kind = LICENCES},
                           {.name = "copyright", .kind = TEXT},
                           {.name = "cpe", .kind = TEXT},
                           {.name = "purl", .kind = TEXT},
                           {.name = "omniborId", .kind = TEXTS},
                           {.name = "swhid", .kind = TEXTS},
                           {.name = "swid", .kind = OBJECT, .shape = &swid},
                           {.name = "modified"},
                           {.name = "pedigree", .kind = OBJECT, .shape = &pedigree},
                           {.name = "externalReferences"},
                           {.name = "components", .kind = LIST, .shape = &component},
                           {.name = "evidence"},
                           {.name = "releaseNotes"},
                           {.name = "modelCard"},
                           {.name = "data"},
                           {.name = "cryptoProperties"},
                           {.name = "properties", .kind = LIST, .shape = &property},
                           {.name = "tags", .kind = TEXTS},
                           {.name = "signature"},
                           {0},
                           }
};

static const struct shape metadata = {
    (const struct field[]){
                           {.name = "timestamp", .kind = TIME},
                           {.name = "lifecycles"},
                           {.name = "tools"},
                           {.name = "manufacturer"},
                           {.name = "authors"},
                           {.name = "component", .kind = OBJECT, .shape = &component},
                           {.name = "manufacture"},
                           {.name = "supplier"},
                           {.name = "licenses", .kind = LICENCES},
                           {.name = "properties", .kind = LIST, .shape = &property},
                           {0},
                           }
};

static const struct shape dependency = {
    (const struct field[]){
                           {.name = "ref", .kind = REF, .wanted = true},
                           {.name = "dependsOn", .kind = TEXTS},
                           {.name = "provides", .kind = TEXTS},
                           {0},
                           }
};

static const struct shape flow = {
    (const struct field[]){
                           {.name = "flow",
         .kind = TEXT,
         .wanted = true,
         .words = ",inbound,outbound,bi-directional,unknown,"},
                           {.name = "classification", .kind = TEXT, .wanted = true},
                           {.name = "name", .kind = TEXT},
                           {.name = "description", .kind = TEXT},
                           {.name = "governance"},
                           {.name = "source"},
                           {.name = "destination"},
                           {0},
                           }
};

static const struct shape service = {
    (const struct field[]){
                           {.name = "name", .kind = TEXT, .wanted = true},
                           {.name = "bom-ref", .kind = REF},
                           {.name = "provider"},
                           {.name = "group", .kind = TEXT},
                           {.name = "version", .kind = TEXT},
                           {.name = "description", .kind = TEXT},
                           {.name = "endpoints", .kind = ANY},
                           {.name = "authenticated"},
                           {.name = "x-trust-boundary"},
                           {.name = "trustZone", .kind = TEXT},
                           {.name = "data", .kind = LIST, .shape = &flow},
                           {.name = "licenses", .kind = LICENCES},
                           {.name = "externalReferences"},
                           {.name = "services", .kind = LIST, .shape = &service},
                           {.name = "releaseNotes"},
                           {.name = "properties", .kind = LIST, .shape = &property},
                           {.name = "tags", .kind = TEXTS},
                           {.name = "signature"},
                           {0},
                           }
};

static const struct shape bom = {
    (const struct field[]){
                           {.name = "$schema", .kind = TEXT},
                           {.name = "bomFormat", .kind = TEXT, .wanted = true, .words = ",CycloneDX,"},
                           {.name = "specVersion", .kind = TEXT, .wanted = true},
                           {.name = "serialNumber", .kind = URN},
                           {.name = "version", .kind = INTEGER},
                           {.name = "metadata", .kind = OBJECT, .shape = &metadata},
                           {.name = "components", .kind = LIST, .shape = &component},
                           {.name = "services", .kind = LIST, .shape = &service},
                           {.name = "externalReferences"},
                           {.name = "dependencies", .kind = LIST, .shape = &dependency},
                           {.name = "compositions"},
                           {.name = "vulnerabilities"},
                           {.name = "annotations"},
                           {.name = "formulation"},
                           {.name = "declarations"},
                           {.name = "definitions"},
                           {.name = "properties", .kind = LIST, .shape = &property},
                           {.name = "signature"},
                           {0},
                           }
};

/* ---- checking ---- */

struct place {
    const struct place *in;
    const char *name;
    size_t depth;
};

static int refuse(const struct place *at, const char *why, struct err *e)
{
    char path[400] = "";
    size_t n = 0;
    const struct place *up[CHECK_DEPTH + 2];
    for (; at && n < ARRAY_LEN(up); at = at->in)
        up[n++] = at;
    for (size_t len = 0; n-- > 0 && len < sizeof path - 1; len = strlen(path))
        (void)snprintf(path + len, sizeof path - len, "%s%s", len ? "." : "", up[n]->name);
    return err_set(e, ERR_INVALID, "%s: %s", path, why);
}

static int check_object(const struct value *v, const struct shape *s, const struct place *at,
                        struct err *e);

static int check_list(const struct value *v, const struct shape *s, const struct place *at,
                      struct err *e)
{
    if (!value_is(v, VALUE_ARRAY))
        return refuse(at, "is no list", e);
    VALUE_EACH_ITEM (item, v) {
        int r = check_object(item, s, at, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_texts(const struct value *v, const struct place *at, struct err *e)
{
    if (!value_is(v, VALUE_ARRAY))
        return refuse(at, "is no list", e);
    VALUE_EACH_ITEM (item, v)
        if (!value_is(item, VALUE_STRING))
            return refuse(at, "holds what is no text", e);
    return 0;
}

/* Each is a license or an expression; an expression stands alone. */
static int check_licences(const struct value *v, const struct place *at, struct err *e)
{
    if (!value_is(v, VALUE_ARRAY))
        return refuse(at, "is no list", e);
    VALUE_EACH_ITEM (item, v) {
        const struct value *one = value_get(item, "license");
        bool expression = value_is(value_get(item, "expression"), VALUE_STRING);
        if ((one != NULL) == expression || (expression && value_count(v) > 1))
            return refuse(at, "is neither a list of licenses nor one expression", e);
        int r = one ? check_object(one, &licence, at, e) : 0;
        if (r == 0 && one && (value_get(one, "id") != NULL) == (value_get(one, "name") != NULL))
            r = refuse(at, "a license has either an id or a name", e);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_hex(const char *s)
{
    static const size_t lengths[] = {32, 40, 64, 96, 128};
    size_t n = strspn(s, "0123456789abcdefABCDEF");
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
        if (n == lengths[i] && !s[n])
            return true;
    return false;
}

static bool is_uuid(const char *s)
{
    static const char form[] = "urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == 'x' ? !isxdigit((unsigned char)s[i]) : s[i] != form[i])
            return false;
    return true;
}

static int check_scalar(const struct value *v, const struct field *f, const struct place *at,
                        struct err *e)
{
    char word[80];
    int64_t ns;
    if (f->kind == INTEGER)
        return value_is(v, VALUE_INT) && v->i >= 1 ? 0 : refuse(at, "is no number from 1", e);
    if (!value_is(v, VALUE_STRING))
        return refuse(at, "is no text", e);
    (void)snprintf(word, sizeof word, ",%.70s,", v->text);
    if (f->words && !strstr(f->words, word))
        return refuse(at, "is none of the values allowed", e);
    if (f->kind == REF && !*v->text)
        return refuse(at, "is empty", e);
    if (f->kind == TIME && clock_parse_rfc3339(v->text, &ns, NULL) < 0)
        return refuse(at, "is no time such as 2026-01-02T03:04:05Z", e);
    if (f->kind == HEX && !is_hex(v->text))
        return refuse(at, "is no digest in hexadecimal", e);
    if (f->kind == URN && !is_uuid(v->text))
        return refuse(at, "is no urn:uuid", e);
    return 0;
}

static int check_field(const struct value *v, const struct field *f, const struct place *in,
                       struct err *e)
{
    const struct place at = {in, f->name, in ? in->depth + 1 : 0};
    if (at.depth > CHECK_DEPTH)
        return err_set(e, ERR_TOO_LARGE, "the document is nested deeper than %d", CHECK_DEPTH);
    switch (f->kind) {
    case ANY:
        return 0;
    case OBJECT:
        return check_object(v, f->shape, &at, e);
    case LIST:
        return check_list(v, f->shape, &at, e);
    case TEXTS:
        return check_texts(v, &at, e);
    case LICENCES:
        return check_licences(v, &at, e);
    case TEXT:
    case REF:
    case INTEGER:
    case TIME:
    case URN:
    case HEX:
        return check_scalar(v, f, &at, e);
    }
    return 0;
}

static int check_object(const struct value *v, const struct shape *s, const struct place *at,
                        struct err *e)
{
    if (!value_is(v, VALUE_OBJECT))
        return refuse(at, "is no object", e);
    for (const struct field *f = s->fields; f->name; f++)
        if (f->wanted && !value_get(v, f->name)) {
            const struct place missing = {at, f->name, 0};
            return refuse(&missing, "is missing", e);
        }
    VALUE_EACH_MEMBER (m, v) {
        const struct field *f = s->fields;
        while (f->name && strcmp(f->name, m->key) != 0)
            f++;
        if (!f->name) {
            const struct place unknown = {at, m->key, 0};
            return refuse(&unknown, "is not known", e);
        }
        int r = check_field(&m->value, f, at, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What depends on something names what the document has. */
int sbom__check_cyclonedx(const struct value *doc, struct err *e)
{
    static const char versions[] = ",1.2,1.3,1.4,1.5,1.6,1.7,";
    const struct place at = {NULL, "the document", 0};
    char word[16];
    int r = check_object(doc, &bom, &at, e);
    if (r < 0)
        return r;
    (void)snprintf(word, sizeof word, ",%.10s,", value_at_str(doc, "specVersion", ""));
    if (!strstr(versions, word))
        return err_set(e, ERR_UNSUPPORTED, "CycloneDX %s cannot be read, 1.2 to 1.7 can",
                       value_at_str(doc, "specVersion", ""));
    return 0;
}
