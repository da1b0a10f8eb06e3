#include <sys/stat.h>

#include "base/fs.h"
#include "node/node_int.h"
#include "t.h"

/* A host: DIR/lib/data is the node's folder, DIR/way a link into it. */
static char dir[64];

static bool begin(struct arena *a)
{
    (void)snprintf(dir, sizeof dir, "/tmp/slipway-guard-XXXXXX");
    return mkdtemp(dir) && fs_mkdirs(arena_printf(a, "%s/lib/data/pki", dir), 0755, NULL) == 0 &&
           symlink("lib/data/pki", arena_printf(a, "%s/way", dir)) == 0 &&
           symlink(dir, arena_printf(a, "%s/lib/up", dir)) == 0;
}

static const struct {
    const char *path; /* below DIR */
    bool refused;
    const char *hidden; /* what of it is not shown */
} cases[] = {
    {"",                     false, "lib/data"},
    {"/",                    false, "lib/data"},
    {"/lib",                 false, "data"    },
    {"/lib/up",              false, "lib/data"},
    {"/lib/data",            true,  NULL      },
    {"/lib/data/",           true,  NULL      },
    {"/lib/data/pki",        true,  NULL      },
    {"/lib/data/new/folder", true,  NULL      },
    {"/lib/database",        false, NULL      },
    {"/way",                 true,  NULL      },
    {"/way/cosign.key",      true,  NULL      },
    {"/lib/up/lib/data",     true,  NULL      },
    {"/lib/data/bin",        false, NULL      },
    {"/lib/data/bin/x",      false, NULL      },
    {"/lib/data/binary",     true,  NULL      },
    {"/not/there",           false, NULL      },
};

static void hides_the_data_folder(void)
{
    AUTO(arena) struct arena *a = arena_new(0);
    T_OK(begin(a), "a host");
    const char *data = arena_printf(a, "%s/lib/data", dir);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *path = arena_printf(a, "%s%s", dir, cases[i].path);
        struct err e = {0};
        T_EQ_INT(guard__path(data, path, "bin", a, &e), cases[i].refused ? ERR_DENIED : 0,
                 cases[i].path);
        T_EQ_STR(guard__hidden(data, path, a), cases[i].hidden, cases[i].path);
    }
    T_OK(guard__read_only(data, arena_printf(a, "%s/bin", data), a), "programs");
    T_OK(!guard__read_only(data, arena_printf(a, "%s/lib", dir), a), "others");
    (void)!fs_remove_tree(dir, NULL);
}

T_MAIN(hides_the_data_folder)
