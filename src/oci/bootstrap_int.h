/* bootstrap_int.h - a root folder in the making. */
#pragma once
#include "oci/bootstrap.h"

struct root {
    struct image_store *store;
    struct arena *arena;
    char *folder; /* below the store, so that it can become a layer by a rename */
    char *place;  /* its parent, which is removed at the end */
};

int root_new(struct image_store *s, struct root *out, struct err *e) MUST_CHECK;
void root_done(struct root *r);
char *root_path(struct root *r, const char *path);
int root_mkdir(struct root *r, const char *path, mode_t mode, struct err *e) MUST_CHECK;
int root_write(struct root *r, const char *path, mode_t mode, const char *text,
               struct err *e) MUST_CHECK;
int root_link(struct root *r, const char *path, const char *target, struct err *e) MUST_CHECK;
/* Copies a file of this machine (what it links to) to `path`. */
int root_copy(struct root *r, const char *from, const char *path, mode_t mode,
              struct err *e) MUST_CHECK;
/* A program and the libraries it needs, these at the paths they have here. */
int root_program(struct root *r, const char *from, const char *path, struct err *e) MUST_CHECK;
/* Folders, users, name service, CA certificates, busybox with its applets. */
int root_busybox(struct root *r, const char *busybox, struct err *e) MUST_CHECK;

/* Packs the folder, moves it to the layers, stores and tags the image. */
int root_finish(struct root *r, const char *name, const struct value *config, int64_t epoch,
                char out_digest[DIGEST_MAX], struct err *e) MUST_CHECK;
