/* building.h - runs what the verb `build` was asked to.
 *
 * Model      In the whole program (building.c) with containers of this process only. In the small
 *            one (building_alone.c) as long as every step is cached; on the first that is not,
 *            and on any failure, it becomes the whole program, which starts over. */
#pragma once
#include "base/arena.h"
#include "build/build.h"

int building_run(struct build_opts *o, const char *data_dir, struct arena *a,
                 struct build_result *out, struct err *e) MUST_CHECK;
