/* fetch.h - what ADD brings from elsewhere: files and git repositories.
 *
 * Guarantees With build_opts.fenced nothing of this machine's own network is reached, whatever
 *            names stand for and wherever redirects lead (net/public.h). */
#pragma once
#include "build/build_int.h"

bool fetch_is_url(const char *source); /* of a file */
bool fetch_is_git(const char *source);

/* The file that a URL names, as FOLDER/name, *name being the last part of its path. `checksum`:
 * what its digest has to be, or NULL. */
int fetch_file(struct build *b, const char *url, const char *checksum, const char *folder,
               const char **name, struct err *e) MUST_CHECK;

/* A repository at one commit: "URL[#REF[:SUBFOLDER]]". */
struct fetch_git {
    const char *url, *ref, *subfolder; /* ref "": the default branch; subfolder "": all */
    char commit[65];
};
/* Takes the text apart. */
int fetch_git_parse(struct build *b, const char *text, struct fetch_git *out,
                    struct err *e) MUST_CHECK;
/* Into an empty folder; sets `commit`. `checksum`: what the commit has to start with, or NULL. */
int fetch_git(struct build *b, struct fetch_git *g, const char *checksum, const char *folder,
              struct err *e) MUST_CHECK;
