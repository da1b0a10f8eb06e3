/* What other tools have set aside, and bills of material in and out. */
#include "codec/json.h"
#include "scan/purl.h"
#include "scan/report.h"
#include "t.h"

static struct arena *a;

/* The ignores as "id [purl|path] reason (until)!;" */
static void sets_aside(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"# c\nCVE-1\nCVE-2 exp:2026-01-31 # later\n\n",
         "CVE-1: listed in .trivyignore;CVE-2: later (1769817600);"                                                                                             },
        {"CVE-1 exp:soon",                                                            "invalid"                                                                 },
        {"vulnerabilities:\n- id: CVE-1\n  paths: [a/*]\n  statement: unused\n- id: CVE-2\n  purls: "
         "[\"pkg:npm/a\"]\n",                                                                            "CVE-1 a/*: unused;CVE-2 pkg:npm/a: listed in .trivyignore;"                                                                                                                                    },
        {"vulnerabilities:\n- id: CVE-1\n  purls: [\"npm/a\"]\n",                                                                           "invalid"},
        {"{\"@context\":\"https://openvex.dev/ns/"
         "v0.2.0\",\"statements\":[{\"vulnerability\":{\"name\":\"CVE-1\"},"
         "\"products\":[{\"@id\":\"pkg:oci/x\",\"subcomponents\":[{\"@id\":\"pkg:npm/"
         "a@1\"}]}],\"status\":\"not_affected\","
         "\"justification\":\"j\"},{\"vulnerability\":\"CVE-2\",\"products\":[\"pkg:npm/"
         "b\"],\"status\":\"affected\"}]}",                                                                           "CVE-1 pkg:npm/a@1: VEX: not_affected, j;CVE-2 pkg:npm/b: VEX: affected!;"                                                                                                                                                                                           },
        {"{\"bomFormat\":\"CycloneDX\",\"components\":[{\"bom-ref\":\"r\",\"purl\":\"pkg:npm/"
         "a@1\"}],\"vulnerabilities\":"
         "[{\"id\":\"CVE-1\",\"analysis\":{\"state\":\"false_positive\"},\"affects\":[{\"ref\":"
         "\"urn:cdx:x/1#r\"}]}]}","CVE-1 pkg:npm/a@1: VEX: false_positive;"},
        {"{\"x\":1}",                                                    "unsupported"                                                                                                                                                              },
    };
    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scan_policy p = {0};
        struct err e = {0};
        int r = scan_policy_add(&p, cases[i].text, strlen(cases[i].text), a, &e);
        char *got = arena_strdup(a, r < 0 ? err_code_name(r) : "");
        for (size_t k = 0; k < p.n_ignores; k++) {
            const struct scan_ignore *g = &p.ignores[k];
            got = arena_printf(a, "%s%s%s%s: %s", got, g->id, g->purl || g->paths ? " " : "",
                               g->purl    ? purl_print(g->purl, a)
                               : g->paths ? g->paths[0]
                                          : "",
                               g->reason);
            if (g->until_ms)
                got = arena_printf(a, "%s (%lld)", got, (long long)g->until_ms / 1000);
            got = arena_printf(a, "%s%s;", got, g->lifts ? "!" : "");
        }
        T_EQ_STR(got, cases[i].want, cases[i].text);
    }
    arena_free(a);
}

static void refuses(void)
{
    static const struct {
        const char *text, *want; /* a part of the message; NULL: read */
    } cases[] = {
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\"}",                                   NULL },
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"9.9\"}",                                   "9.9"},
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":[{\"name\":\"x\"}]}",
         "components.type: is missing"                                                                   },
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"surprise\":1}",
         "surprise: is not known"                                                                        },
        {"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"metadata\":{\"timestamp\":"
         "\"today\"}}",                                                                                          "timestamp"                                                                                   },
        {"{\"spdxVersion\":\"SPDX-2.3\",\"SPDXID\":\"x\",\"name\":\"n\",\"dataLicense\":\"CC0-1."
         "0\"}",                                                                                         NULL           },
        {"{\"spdxVersion\":\"SPDX-3.0\",\"SPDXID\":\"x\",\"name\":\"n\",\"dataLicense\":\"CC0-1."
         "0\"}","SPDX-3.0"},
        {"SPDXVersion: SPDX-2.3\nPackageName: a\nExternalRef: PACKAGE-MANAGER purl pkg:npm/a@1\n",
         NULL                                                                                  },
        {"x",  "neither"                                                                                            },
    };
    a = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct inventory inv;
        struct err e = {0};
        int r = sbom_read(cases[i].text, strlen(cases[i].text), a, &inv, &e);
        T_OK(cases[i].want ? r < 0 && strstr(e.msg, cases[i].want) : r == 0, cases[i].text);
    }
    arena_free(a);
}

/* What is written is read back as the same, and the same gives the same bytes. */
static void round_trip(void)
{
    struct package p[] = {
        {"npm",       "@s/a",  "1.0",    "@s/a",  "/lock", "MIT",               false},
        {"Debian:12", "glibc", "2.36-9", "libc6", "/var",  "GPL-2+",            false},
        {"Maven",     "g:a",   "1",      "g:a",   "/pom",  "MIT OR Apache-2.0", true },
    };
    struct inventory inv = {"debian", "12", p, 3, NULL};
    const struct sbom_about about = {"x", "0", true, 0};
    a = arena_new(0);
    for (int i = 0; i < 2; i++) {
        struct inventory again;
        struct err e = {0};
        const char *text =
            json_text(a, i ? sbom_spdx(&inv, &about, a) : sbom_cyclonedx(&inv, &about, NULL, a), 0);
        const char *twice =
            json_text(a, i ? sbom_spdx(&inv, &about, a) : sbom_cyclonedx(&inv, &about, NULL, a), 0);
        T_EQ_STR(text, twice, "the same");
        T_RC(sbom_read(text, strlen(text), a, &again, &e), &e, text);
        T_EQ_INT(again.n, 3, text);
        T_EQ_STR(again.os_id, "debian", "os");
        for (size_t k = 0; k < again.n && k < 3; k++) {
            T_EQ_STR(again.packages[k].ecosystem, p[k].ecosystem, text);
            T_EQ_STR(again.packages[k].name, p[k].name, text);
            T_EQ_STR(again.packages[k].version, p[k].version, text);
        }
    }
    arena_free(a);
}

/* Properties that name one another, forty times each: they would take for ever. */
static void bounded(void)
{
    AUTO_BUF struct buf b;
    struct inventory inv;
    struct err e = {0};
    a = arena_new(0);
    buf_init(&b, 1 << 20);
    buf_puts(&b, "<project><properties><ok>1.${minor}</ok><minor>2</minor>");
    for (int i = 0; i < 12; i++) {
        buf_printf(&b, "<p%d>", i);
        for (int k = 0; k < 40 && i < 11; k++)
            buf_printf(&b, "${p%d}", i + 1);
        buf_printf(&b, "</p%d>", i);
    }
    buf_puts(&b, "</properties><dependencies>");
    static const char *const versions[] = {"${p0}", "${ok}"};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++)
        buf_printf(&b,
                   "<dependency><groupId>g</groupId><artifactId>a%zu</artifactId>"
                   "<version>%s</version></dependency>",
                   i, versions[i]);
    buf_puts(&b, "</dependencies></project>");
    T_RC(inventory_read("/pom.xml", b.data, b.len, NULL, a, &inv, &e), &e, "read");
    T_EQ_INT(inv.n, 1, "one has a version");
    if (inv.n == 1)
        T_EQ_STR(inv.packages[0].version, "1.2", inv.packages[0].name);
    arena_free(a);
}

T_MAIN(sets_aside, refuses, round_trip, bounded)
