/* remove.c - undo everything podnet made on this host. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "podnet/podnet_int.h"

static int remove_pods(const char *namespaces, struct err *e)
{
    DIR *d = opendir(namespaces);
    if (!d)
        return errno == ENOENT ? 0 : err_sys(e, errno, "open %s", namespaces);
    int r = 0;
    for (const struct dirent *f; r == 0 && (f = readdir(d));) {
        char path[512], link[16];
        if (f->d_name[0] == '.')
            continue;
        link_name_of(f->d_name, link);
        (void)snprintf(path, sizeof path, "%s/%s", namespaces, f->d_name);
        r = link_delete(link, e);
        if (r == 0)
            r = netns_delete(path, e);
    }
    (void)closedir(d);
    return r;
}

int podnet_remove_all(const struct podnet_opts *o, struct err *e)
{
    AUTO(arena) struct arena *a = arena_new(0);
    int r = remove_pods(arena_printf(a, "%s/netns", o->state_dir), e);
    if (r == 0)
        r = link_delete(PODNET_LINK, e);
    if (r == 0)
        r = rules_apply("table ip slipway {}\ndelete table ip slipway\n", e);
    return r < 0 ? r : fs_remove_tree(arena_printf(a, "%s/addresses", o->state_dir), e);
}
