/* garbage.h - removes what its owners left behind; deletes in the foreground; orphans.
 *
 * Model      Keys are objects: "plural.group/namespace" and name, or "owner" and a uid. What an
 *            event means is found out from the cache: which owners there are, and (indexed by
 *            owner) which dependents. Before an object is deleted the API itself is asked whether
 *            its owner is gone.                                                           */
#pragma once
#include "kube/controller.h"

extern const struct controller garbage_controller;
