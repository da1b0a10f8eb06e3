/* creds.h - the service account's annotated secrets become credentials of git, ssh and docker.
 *
 * Model      Flags name a secret mounted at /tekton/creds-secrets/NAME and a URL. Files go to
 *            $HOME and to /tekton/creds: .gitconfig, .git-credentials, .ssh, .docker.
 * Guarantees Only what a flag names is written, with mode 0600. Nothing is printed.        */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

struct creds;

struct creds *creds_new(struct arena *a);
/* "basic-git", "SECRET=URL" and the like; false: not one of them. */
bool creds_take(struct creds *c, const char *flag, const char *value);
void creds_write(struct creds *c);
