/* cri.h - lines as container runtimes write them: "TIME stdout|stderr F|P text". Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cri_line {
    int64_t time_ns;
    bool stderr_stream, partial;
    const char *text; /* borrowed, not terminated */
    size_t n;
};

/* `line` without its newline. False when it is not of this form. */
bool cri_parse(const char *line, size_t n, struct cri_line *out);
