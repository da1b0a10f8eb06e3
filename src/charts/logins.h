/* logins.h - who is logged in to which registry: the config.json of Helm and of Docker.
 *
 * Model      Helm's file first, then Docker's. What programs keep for them
 *            (credsStore, credHelpers) is not asked for.
 * Guarantees A file is written whole and readable by its owner alone; members that are not
 *            understood stay.                                                              */
#pragma once
#include "charts/charts.h"
#include "oci/images.h"

/* All of *out NULL: nobody is logged in. */
int charts_login_find(const struct charts_files *f, const char *host, struct arena *a,
                      struct image_auth *out, struct err *e) MUST_CHECK;
int charts_login_save(const char *path, const char *host, const char *user, const char *password,
                      struct err *e) MUST_CHECK;
/* ERR_NOT_FOUND: nobody was. */
int charts_login_remove(const char *path, const char *host, struct err *e) MUST_CHECK;
