/* fmt_int.h - Go's fmt, between its files. */
#pragma once
#include "template/exec_int.h"

/* One verb with its flags. */
struct format {
    struct template_run *run;
    struct buf *out;
    bool sharp, zero, plus, minus, space; /* "# 0 + - blank" */
    bool sharp_v, plus_v;                 /* %#v, %+v */
    bool has_width, has_precision;
    long width, precision;
    int depth;
};

void format__padding(struct format *f, long n);
/* Pads to the width on the left, or with the minus flag on the right. */
void format__pad(struct format *f, const char *s, size_t n);
/* precision: where the format has none; -1: as few digits as read back. */
void format__float(struct format *f, double v, uint32_t verb, int precision);
void format__integer(struct format *f, uint64_t u, bool is_signed, uint32_t verb);
void format__string(struct format *f, const char *s, size_t n, uint32_t verb);
/* Bad verbs for the kinds above are the caller's to say: these only take what they know. */
bool format__takes(enum go_kind kind, uint32_t verb);
