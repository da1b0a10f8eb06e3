/* probe.h - when to look at a container and what the looks add up to. Pure.
 *
 * Besides the looks every period, a container that never was ready is looked at early and
 * often (25 ms, doubling up to the period), so that it serves as soon as it can. Early looks can
 * only succeed: a failure of one counts for nothing.                                     */
#pragma once
#include "node/node_int.h"

void probe__begin(struct probe_state *p, const struct probe_def *d, int64_t started_ms);
/* When the next look is due. */
int64_t probe__due(const struct probe_state *p, const struct probe_def *d);
/* A look begins now. */
void probe__look(struct probe_state *p, const struct probe_def *d, int64_t now_ms);
/* Counts p->result; true when that was a failure worth an event. The first look at a program that
 * has just been started is not. */
bool probe__count(struct probe_state *p, const struct probe_def *d, int64_t now_ms);
