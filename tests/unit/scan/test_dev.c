/* Which packages of a lock file only developers need. */
#include "base/fs.h"
#include "scan/inventory.h"
#include "t.h"

static struct arena *a;
static struct err e;

/* "name version [(dev)];…" */
static const char *text_of(const struct inventory *inv)
{
    char *s = arena_strdup(a, "");
    for (size_t i = 0; i < inv->n; i++)
        s = arena_printf(a, "%s%s %s%s;", s, inv->packages[i].name, inv->packages[i].version,
                         inv->packages[i].dev ? " (dev)" : "");
    return s;
}

/* A lock file, and perhaps a package.json beside it, in a folder of their own. */
static const char *take(const char *name, const char *lock, const char *project)
{
    char dir[] = "/tmp/slipway-dev-XXXXXX";
    const char *const layers[] = {dir};
    struct inventory inv = {0};
    T_OK(mkdtemp(dir), "mkdtemp");
    T_RC(fs_write_atomic(arena_printf(a, "%s/%s", dir, name), 0644, lock, strlen(lock), &e), &e,
         name);
    if (project)
        T_RC(fs_write_atomic(arena_printf(a, "%s/package.json", dir), 0644, project,
                             strlen(project), &e),
             &e, name);
    T_RC(inventory_take(layers, 1, a, &inv, &e), &e, name);
    T_RC(fs_remove_tree(dir, &e), &e, "clean up");
    return text_of(&inv);
}

static void tells_apart(void)
{
    static const char project[] = "{\"dependencies\":{\"a\":\"^1\"},\"devDependencies\":{\"d\":"
                                  "\"^1\",\"x\":\"npm:real@2\"}}";
    static const char classic[] =
        "a@^1:\n  version \"1.0\"\n  dependencies:\n    \"@s/b\" \"^2\"\n    both \"^1\"\n\n"
        "\"@s/b@^2\":\n  version \"2.0\"\n\nboth@^1, both@^1.5:\n  version \"1.5\"\n\n"
        "d@^1:\n  version \"1.1\"\n  dependencies:\n    both \"^1.5\"\n    e \"*\"\n\n"
        "e@*:\n  version \"3.0\"\n\nnobodys@1:\n  version \"1\"\n\n"
        "\"x@npm:real@2\":\n  version \"2.2\"\n";
    static const char berry[] =
        "__metadata:\n  version: 8\n\n\"a@npm:^1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0\"\n"
        "  dependencies:\n    both: \"npm:^1\"\n\n\"both@npm:^1, both@npm:^1.5\":\n  version: 1.5.0\n"
        "  resolution: \"both@npm:1.5\"\n\n\"d@npm:^1\":\n  version: 1.1.0\n  resolution: "
        "\"d@npm:1.1\"\n  dependencies:\n    both: ^1.5\n    e: \"npm:*\"\n\n\"e@npm:*\":\n"
        "  version: 3.0.0\n  resolution: \"e@npm:3.0\"\n";
    static const struct {
        const char *what, *name, *lock, *project, *want;
    } cases[] = {
        {"yarn 1",              "yarn.lock",         classic,                                project,
         "a 1.0;@s/b 2.0;both 1.5;d 1.1 (dev);e 3.0 (dev);nobodys 1;real 2.2 (dev);"                                                                                 },
        {"yarn 1 alone",        "yarn.lock",         classic,                                NULL,
         "a 1.0;@s/b 2.0;both 1.5;d 1.1;e 3.0;nobodys 1;real 2.2;"                                                                                                   },
        {"yarn 4",              "yarn.lock",         berry,                                  project, "a 1.0.0;both 1.5.0;d 1.1.0 (dev);e 3.0.0 (dev);"                      },
        {"pnpm 9",              "pnpm-lock.yaml",
         "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {specifier: ^1, "
         "version: 1.0.0(p@1.0.0)}\n    devDependencies:\n      d: {specifier: ^1, version: "
         "1.1.0}\n"
         "packages:\n  a@1.0.0: {}\n  p@1.0.0: {}\n  d@1.1.0: {}\n  '@s/e@3.0.0': {}\n"
         "snapshots:\n  a@1.0.0(p@1.0.0):\n    dependencies: {p: 1.0.0}\n  d@1.1.0:\n"
         "    dependencies: {p: 1.0.0, '@s/e': 3.0.0}\n  '@s/e@3.0.0': {}\n  p@1.0.0: {}\n", NULL,    "a 1.0.0;p 1.0.0;d 1.1.0 (dev);@s/e 3.0.0 (dev);"              },
        {"bun",                 "bun.lock",
         "{\"workspaces\": {\"\": {\"dependencies\": {\"a\": \"1\"}, \"devDependencies\": {\"d\": "
         "\"1\"}}}, \"packages\": {\"a\": [\"a@1.0.0\", \"\", {\"dependencies\": {\"b\": \"1\"}}], "
         "\"a/b\": [\"b@1.0.0\", \"\", {}], \"b\": [\"b@2.0.0\", \"\", {}], \"d\": [\"d@1.1.0\", "
         "\"\", {\"dependencies\": {\"b\": \"2\", \"@s/e\": \"3\"}}], \"@s/e\": [\"@s/e@3.0.0\", "
         "\"\", {\"dependencies\": {\"b\": \"2\"}}],}}",                                     NULL,    "a 1.0.0;b 1.0.0;b 2.0.0 (dev);d 1.1.0 (dev);@s/e 3.0.0 (dev);"},
        {"uv",                  "uv.lock",
         "[[package]]\nname='me'\nversion='0'\nsource={editable='.'}\ndependencies=[{name='a'}]\n"
         "[package.optional-dependencies]\nweb=[{name='w'}]\n[package.dev-dependencies]\n"
         "dev=[{name='d'},{name='a'}]\n[[package]]\nname='a'\nversion='1'\n[[package]]\nname='d'\n"
         "version='2'\ndependencies=[{name='e'}]\n[[package]]\nname='e'\nversion='3'\n"
         "[[package]]\nname='w'\nversion='4'\n",                                             NULL,    "a 1;d 2 (dev);e 3 (dev);w 4;"                                 },
        {"npm, needed by both", "package-lock.json",
         "{\"packages\":{\"node_modules/a\":{\"version\":\"1\",\"dev\":true},"
         "\"node_modules/b/node_modules/a\":{\"version\":\"1\"}}}",                          NULL,    "a 1;"                                                         },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        a = arena_new(0);
        T_EQ_STR(take(cases[i].name, cases[i].lock, cases[i].project), cases[i].want,
                 cases[i].what);
        arena_free(a);
    }
}

/* Rings end. */
static void goes_round_once(void)
{
    a = arena_new(0);
    T_EQ_STR(take("uv.lock",
                  "[[package]]\nname='me'\nsource={virtual='.'}\n[package.dev-dependencies]\n"
                  "dev=[{name='a'}]\n[[package]]\nname='a'\nversion='1'\ndependencies=[{name='b'},"
                  "{name='a'}]\n[[package]]\nname='b'\nversion='2'\ndependencies=[{name='a'}]\n",
                  NULL),
             "a 1 (dev);b 2 (dev);", "a ring");
    arena_free(a);
}

T_MAIN(tells_apart, goes_round_once)
