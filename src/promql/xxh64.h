/* xxh64.h - the hash by which limit_ratio() picks series, so that it picks those that upstream
 * does. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* XXH64 with seed 0. */
uint64_t xxh64(const void *bytes, size_t n);
