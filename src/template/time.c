#include "template/time_int.h"
const struct go_type go_time_type = {.name = "time.Time", .kind = GO_STRUCT};
const struct go_type go_duration_type = {.name = "time.Duration", .kind = GO_INT64};
const struct go_type go_semver_type = {.name = "*semver.Version", .kind = GO_PTR};
