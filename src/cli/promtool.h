/* promtool.h - what the commands about metrics share. */
#pragma once
#include "cli/verb.h"

extern const struct verb verbs_promtool[];

/* Of --enable-feature: names as Prometheus has them, several with commas between. False: there is
 * no such feature. */
bool promtool_features(const struct option_list *names, unsigned *out, struct err *e);
