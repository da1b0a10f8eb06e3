/* What is written for other programs, held to what its schema asks of each object: the members it
 * must have, those it may have, and the words that a text is one of. */
#include "scan/report.h"

#include "codec/json.h"
#include "t.h"

static struct err e;

struct shape {
    const char *at; /* of objects; "[]" stands for each item */
    const char *required, *others;
    const char *words; /* "member:,a,b," */
};

static const struct shape sarif[] = {
    {"",                                                               "version runs",     "$schema",                             "version:,2.1.0,"                },
    {"runs[]",                                                         "tool",             "results",                             NULL                             },
    {"runs[].tool",                                                    "driver",           "",                                    NULL                             },
    {"runs[].tool.driver",                                             "name",             "version rules",                       NULL                             },
    {"runs[].tool.driver.rules[]",                                     "id",               "shortDescription helpUri properties", NULL                             },
    {"runs[].tool.driver.rules[].shortDescription",                    "text",             "",                                    NULL                             },
    {"runs[].results[]",                                               "message",
     "ruleId ruleIndex level locations partialFingerprints suppressions",                                                         "level:,none,note,warning,error,"},
    {"runs[].results[].message",                                       "text",             "",                                    NULL                             },
    {"runs[].results[].locations[]",                                   "",                 "physicalLocation",                    NULL                             },
    {"runs[].results[].locations[].physicalLocation",                  "artifactLocation", "region",                              NULL                             },
    {"runs[].results[].locations[].physicalLocation.artifactLocation", "uri",              "",
     "uri:,a%20b/package-lock.json,Dockerfile,"                                                                                                                    },
    {"runs[].results[].locations[].physicalLocation.region",           "startLine",        "",                                    NULL                             },
    {"runs[].results[].suppressions[]",                                "kind",             "justification",                       "kind:,inSource,external,"       },
    {NULL,                                                             NULL,               NULL,                                  NULL                             },
};

static const struct shape spdx[] = {
    {"",                          "SPDXID creationInfo dataLicense name spdxVersion documentNamespace",
     "packages relationships",                                                                                "spdxVersion:,SPDX-2.3,"                        },
    {"creationInfo",              "created creators",                                                   "",   NULL                                            },
    {"packages[]",                "SPDXID downloadLocation name",
     "filesAnalyzed primaryPackagePurpose versionInfo licenseConcluded licenseDeclared "
     "copyrightText sourceInfo externalRefs",                                                                 "primaryPackagePurpose:,,APPLICATION,CONTAINER,"},
    {"packages[].externalRefs[]", "referenceCategory referenceLocator referenceType",                   "",
     "referenceCategory:,PACKAGE-MANAGER,"                                                                                                                    },
    {"relationships[]",           "spdxElementId relatedSpdxElement relationshipType",                  "",
     "relationshipType:,DESCRIBES,CONTAINS,"                                                                                                                  },
    {NULL,                        NULL,                                                                 NULL, NULL                                            },
};

static const struct shape cyclonedx[] = {
    {"",                               "bomFormat specVersion",
     "$schema serialNumber version metadata components dependencies vulnerabilities",                                                "specVersion:,1.6,"   },
    {"components[]",                   "type name",             "bom-ref version group purl licenses properties",
     "type:,library,"                                                                                                                                      },
    {"vulnerabilities[]",              "",                      "id ratings description recommendation references analysis affects",
     NULL                                                                                                                                                  },
    {"vulnerabilities[].ratings[]",    "",                      "score severity method vector",
     "severity:,unknown,low,medium,high,critical,"                                                                                                         },
    {"vulnerabilities[].references[]", "id source",             "",                                                                  NULL                  },
    {"vulnerabilities[].analysis",     "",                      "state detail",                                                      "state:,not_affected,"},
    {"vulnerabilities[].affects[]",    "ref",                   "",                                                                  NULL                  },
    {NULL,                             NULL,                    NULL,                                                                NULL                  },
};

static bool lists(const char *words, const char *word, char between)
{
    size_t n = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p++)
        if ((p == words || p[-1] == between) && (p[n] == between || !p[n]))
            return true;
    return false;
}

static void hold_object(const struct shape *s, const struct value *v)
{
    char must[32];
    for (const char *p = s->required; *p; p += strcspn(p, " "), p += *p == ' ') {
        (void)snprintf(must, sizeof must, "%.*s", (int)strcspn(p, " "), p);
        T_OK(value_get(v, must), must);
    }
    VALUE_EACH_MEMBER (m, v)
        T_OK(lists(s->required, m->key, ' ') || lists(s->others, m->key, ' '), m->key);
    if (!s->words)
        return;
    size_t n = strcspn(s->words, ":");
    const char *word = value_str(value_getn(v, s->words, n), NULL);
    T_OK(!word || lists(s->words + n + 1, word, ','), word);
}

/* How many objects were there to be held to it. */
static size_t hold(const struct shape *s, const char *at, const struct value *v)
{
    size_t n = strcspn(at, ".["), held = 0;
    if (!v)
        return 0;
    if (*at == '[') {
        VALUE_EACH_ITEM (x, v)
            held += hold(s, at + 2 + (at[2] == '.'), x);
        return held;
    }
    if (n)
        return hold(s, at + n + (at[n] == '.'), value_getn(v, at, n));
    hold_object(s, v);
    return 1;
}

static void hold_all(const struct scan_report *r, enum report_format format,
                     const struct shape *shapes, struct arena *a)
{
    const struct sbom_about about = {"the shop", "1.0", false, 1700000000000};
    AUTO_BUF struct buf b;
    struct value *doc;
    buf_init(&b, 1 << 20);
    report_print(r, format, &about, a, &b);
    T_RC(json_parse(a, b.data, b.len, 0, &doc, &e), &e, "it is JSON");
    for (const struct shape *s = shapes; s->at; s++)
        T_OK(hold(s, s->at, doc) > 0, s->at);
}

/* One finding that counts, one that is set aside, one issue. */
static void is_what_schemas_ask(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    static const char *const aliases[] = {"GHSA-1", NULL};
    struct package p = {"npm", "lodash", "4.17.20", "lodash", "/a b/package-lock.json",
                        "MIT", false};
    struct finding findings[] = {
        {.id = "CVE-1",
         .summary = "bad",
         .aliases = aliases,
         .package = &p,
         .fixed = "4.17.21",
         .severity = SEVERITY_HIGH,
         .score = 7.2,
         .vector = "CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H",
         .epss = -1,
         .fails = true},
        {.id = "CVE-2",
         .summary = "",
         .aliases = aliases + 1,
         .package = &p,
         .fixed = "",
         .severity = SEVERITY_UNKNOWN,
         .epss = -1,
         .ignored = true,
         .why = "not reached"},
    };
    struct issue issue = {.kind = ISSUE_CONFIG,
                          .rule = "image-root",
                          .title = "as root",
                          .advice = "end it with USER",
                          .severity = SEVERITY_MEDIUM,
                          .path = "/Dockerfile",
                          .line = 3};
    struct scan_report r = {
        .inventory = {.os_id = "", .os_version = "", .packages = &p, .n = 1},
        .findings = findings,
        .n = 2,
        .issues = {&issue,           1,                      1                        },
        .summary = ""
    };
    hold_all(&r, REPORT_SARIF, sarif, a);
    hold_all(&r, REPORT_SPDX, spdx, a);
    hold_all(&r, REPORT_CYCLONEDX, cyclonedx, a);
}

T_MAIN(is_what_schemas_ask)
