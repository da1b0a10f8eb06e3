/* print.c - documents as `helm template` prints them. */
#include <string.h>

#include "base/buf.h"
#include "render/helm/manifests_int.h"

static void print_one(struct buf *b, const struct helm_manifest *m)
{
    buf_printf(b, "---\n# Source: %s\n", m->path);
    buf_add(b, m->text.s, m->text.n);
    buf_putc(b, '\n');
}

void helm_result_manifest(const struct helm_result *r, bool with_crds, struct buf *out)
{
    for (size_t i = 0; i < r->crds.n && with_crds; i++)
        print_one(out, &r->crds.items[i]);
    for (size_t i = 0; i < r->manifests.n; i++)
        print_one(out, &r->manifests.items[i]);
}

/* Behind the manifest that is there. */
static void add_hooks(const struct helm_result *r, const struct helm_show *show, struct buf *text)
{
    struct helm_text kept = helm__trim((struct helm_text){buf_text(text), text->len});
    if (kept.n && kept.s != text->data)
        memmove(text->data, kept.s, kept.n);
    buf_cut(text, kept.n);
    buf_putc(text, '\n');
    for (size_t i = 0; i < r->hooks.n && !show->no_hooks; i++)
        if (!show->skip_tests || !(r->hooks.items[i].events & 1u << HELM_TEST))
            print_one(text, &r->hooks.items[i]);
}

/* The path within the chart that a document's "# Source: chart/path" names, or NULL. */
static const char *source_of(struct arena *a, struct helm_text doc)
{
    static const char mark[] = "# Source: ";
    const char *s = doc.s, *end = doc.s + doc.n;
    while ((s = memmem(s, (size_t)(end - s), mark, strlen(mark)))) {
        s += strlen(mark);
        const char *slash = s;
        while (slash < end && *slash != '/')
            slash++;
        const char *stop = slash < end ? memchr(slash + 1, '\n', (size_t)(end - slash - 1)) : NULL;
        stop = stop ? stop : end;
        if (slash > s && slash < end && stop > slash + 1)
            return arena_strndup(a, slash + 1, (size_t)(stop - slash - 1));
    }
    return NULL;
}

/* The documents of the paths that one pattern matches; false: none. */
static bool print_matching(struct helm_text all, const char *pattern, struct arena *a,
                           struct buf *out)
{
    struct helm_split split = helm__split(all);
    struct helm_text doc;
    bool found = false;
    while (helm__next_document(&split, &doc)) {
        const char *path = source_of(a, doc);
        if (!path || !helm_path_match(pattern, path))
            continue;
        buf_puts(out, "---\n");
        buf_add(out, doc.s, doc.n);
        buf_putc(out, '\n');
        found = true;
    }
    return found;
}

int helm_result_print(const struct helm_result *r, const struct helm_show *show,
                      struct helm_log *log, struct buf *text, struct err *e)
{
    add_hooks(r, show, text);
    if (show->n_only == 0)
        return buf_check(text, e);
    AUTO_BUF struct buf some = {.max = text->max};
    for (size_t i = 0; i < show->n_only; i++)
        if (!print_matching((struct helm_text){buf_text(text), text->len}, show->only[i],
                            log->arena, &some))
            return helm__fail(log, e, ERR_NOT_FOUND, "could not find template %s in chart",
                              show->only[i]);
    buf_clear(text);
    buf_add(text, buf_text(&some), some.len);
    return buf_check(text, e);
}
