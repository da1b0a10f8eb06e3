/* Serves the registry from a folder until standard input ends; prints its port. */
#include <stdio.h>

#include "registry/registry.h"

int main(int argc, char **argv)
{
    struct err e = {0};
    AUTO(image_store) struct image_store *images = NULL;
    AUTO(registry) struct registry *registry = NULL;
    AUTO(http_server) struct http_server *server = NULL;
    if (argc != 3)
        return 2;
    struct image_store_opts o = {.folder = argv[1]};
    if (image_store_open(&o, &images, &e) < 0)
        goto failed;
    struct registry_opts r = {.images = images};
    struct http_listen l = {.address = argv[2]};
    if (registry_new(&r, &registry, &e) < 0 ||
        http_server_start(&l, registry_handle, registry, &server, &e) < 0)
        goto failed;
    (void)printf("%u\n", http_server_port(server));
    (void)fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
failed:
    (void)fprintf(stderr, "serve: %s\n", e.msg);
    return 1;
}
