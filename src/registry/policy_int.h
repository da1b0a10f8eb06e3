/* policy_int.h - what policy.c and quota.c share. */
#pragma once
#include "registry/policy.h"

/* Takes the arena, in which the rules are. */
struct registry_policy *policy__new(struct arena *a, const struct registry_rules *rules);
bool policy__covers(const struct registry_quota *q, const char *repository);
