#include "vcs/text_diff.h"

#include <git2/patch.h>

#include "vcs/repo_int.h"

REPO__GUARD(patch, git_patch_free)

static int add_line(const git_diff_delta *delta, const git_diff_hunk *hunk,
                    const git_diff_line *line, void *into)
{
    (void)delta;
    (void)hunk;
    struct buf *b = into;
    if (line->origin == GIT_DIFF_LINE_FILE_HDR)
        return 0;
    if (line->origin == GIT_DIFF_LINE_CONTEXT || line->origin == GIT_DIFF_LINE_ADDITION ||
        line->origin == GIT_DIFF_LINE_DELETION)
        buf_putc(b, line->origin);
    buf_add(b, line->content, line->content_len);
    return 0;
}

int text_diff(const char *before, size_t n_before, const char *after, size_t n_after,
              unsigned context, struct buf *out, struct err *e)
{
    repo__git_start();
    git_diff_options opts;
    GUARD(patch) git_patch *patch = NULL;
    int rc = git_diff_options_init(&opts, GIT_DIFF_OPTIONS_VERSION);
    opts.context_lines = context;
    opts.flags |= GIT_DIFF_FORCE_TEXT;
    if (rc == 0)
        rc = git_patch_from_buffers(&patch, before, n_before, NULL, after, n_after, NULL, &opts);
    if (rc == 0 && patch)
        rc = git_patch_print(patch, add_line, out);
    return rc < 0 ? repo__err(e, rc, "compare two texts") : buf_check(out, e);
}
