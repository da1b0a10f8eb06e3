/* time_int.h - time.Time and time.Duration. */
#pragma once
#include "template/exec_int.h"

extern const struct go_type go_time_type, go_duration_type;
extern const struct go_type go_semver_type; /* *semver.Version */
