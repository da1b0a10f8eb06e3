/* conformance-sbom FOLDER: FOLDER/cyclonedx holds documents that are valid or not, as their names
 * say; FOLDER/spdx valid ones. What is valid must be read, and what is written of it in both
 * formats must be read back as the same packages; what is not valid must be refused. */
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "codec/json.h"
#include "scan/sbom.h"

enum { TEXT_MAX = 64 << 20 };

static unsigned passed, failed;

static void count(const char *path, bool ok, const char *why)
{
    passed += ok;
    failed += !ok;
    if (!ok)
        printf("%s: %s\n", path, why);
}

static bool lists(const struct inventory *inv, const struct package *p)
{
    for (size_t i = 0; i < inv->n; i++)
        if (strcmp(inv->packages[i].name, p->name) == 0 &&
            strcmp(inv->packages[i].version, p->version) == 0 &&
            strcmp(inv->packages[i].ecosystem, p->ecosystem) == 0)
            return true;
    return false;
}

static bool comes_back(const struct inventory *inv, const struct value *doc, struct arena *a)
{
    struct inventory again;
    struct err e = {0};
    const char *text = json_text(a, doc, 0);
    bool ok = sbom_read(text, strlen(text), a, &again, &e) == 0;
    for (size_t i = 0; ok && i < inv->n; i++)
        ok = lists(&again, &inv->packages[i]);
    if (!ok)
        printf("%s\n", e.msg);
    return ok;
}

static void document(const char *path, bool valid)
{
    AUTO(arena) struct arena *a = arena_new(0);
    const struct sbom_about about = {"conformance", "0", true, 0};
    struct inventory inv;
    struct err e = {0};
    char *text;
    size_t n;
    int r = fs_read(path, TEXT_MAX, a, &text, &n, &e);
    if (r == 0)
        r = sbom_read(text, n, a, &inv, &e);
    if (r < 0 || !valid) {
        count(path, (r == 0) == valid, r < 0 ? e.msg : "read, though it is not valid");
        return;
    }
    count(path,
          comes_back(&inv, sbom_cyclonedx(&inv, &about, NULL, a), a) &&
              comes_back(&inv, sbom_spdx(&inv, &about, a), a),
          "what is written of it lacks packages");
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    const char *name = path + ftw->base;
    size_t n = strlen(name);
    (void)st;
    if (type != FTW_F || n < 5 || strcmp(name + n - 5, ".json") != 0 || strstr(path, "/schema/"))
        return 0;
    document(path, strncmp(name, "invalid-", 8) != 0);
    return 0;
}

int main(int argc, char **argv)
{
    AUTO(arena) struct arena *a = arena_new(0);
    static const char *const folders[] = {"cyclonedx", "spdx"};
    if (argc != 2) {
        (void)fprintf(stderr, "usage: conformance-sbom FOLDER\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        if (nftw(arena_printf(a, "%s/%s", argv[1], folders[i]), visit, 16, FTW_PHYS) != 0)
            failed++;
    printf("sbom: %u passed, %u failed\n", passed, failed);
    return failed != 0;
}
