/* intstr.h - IntOrString: 3, "25%" or a port's name.                                     */
#pragma once
#include "codec/value.h"

/* 3 → 3; "25%" → 25% of total, rounded up or down. ERR_INVALID for other text. */
int intstr_scale(const struct value *v, int64_t total, bool round_up, int64_t *out,
                 struct err *e) MUST_CHECK;

/* Is it text of the form "25%"? Gives 25. */
bool intstr_percent(const struct value *v, int64_t *out);
