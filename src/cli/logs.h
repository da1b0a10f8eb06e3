/* logs.h - slipway logs: lines of pods, also of those long gone. */
#pragma once

struct verb;

int logs_run(const struct verb *verb, int argc, char **argv);
