/* Property: whatever an archive holds, reading it as a chart ends, and a chart that is read renders
 * twice to the same bytes or fails twice with the same sentence. */
#include "base/buf.h"
#include "codec/compress.h"
#include "fuzz.h"
#include "render/helm/helm.h"

enum { TEXT_MAX = 1 << 20 };

/* The chart in a tar, packed on the way so that the engine sees tar and not gzip. */
static const char *outcome(const uint8_t *data, size_t size, struct arena *a)
{
    AUTO_BUF struct buf packed = {.max = TEXT_MAX}, text = {.max = TEXT_MAX};
    struct sink_buf to = sink_to_buf(&packed);
    AUTO(compressor) struct compressor *gzip = NULL;
    struct helm_log log = {.arena = a};
    struct helm_chart *c;
    struct err e = {0};
    if (compressor_new(COMPRESS_GZIP, 1, &to.sink, &gzip, &e) < 0 ||
        sink_write(compressor_sink(gzip), data, size, &e) < 0 || compressor_end(gzip, &e) < 0)
        return "too large";
    struct helm_result r;
    struct helm_render_opts opts = {.release = "r", .namespace = "n"};
    int rc = helm_chart_unpack(buf_text(&packed), packed.len, &log, &c, &e);
    if (rc == 0)
        rc = helm_chart_installable(c, &log, &e);
    if (rc == 0)
        rc = helm_render(c, go_map_new(a, 0), &opts, &log, &r, &e);
    if (rc < 0)
        return log.error;
    helm_result_manifest(&r, true, &text);
    return arena_strdup(a, buf_text(&text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *a = arena_new(0);
    if (size > TEXT_MAX / 4)
        return 0;
    const char *once = outcome(data, size, a), *again = outcome(data, size, a);
    MUST(strcmp(once, again) == 0);
    return 0;
}
