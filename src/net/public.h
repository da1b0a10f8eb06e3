/* public.h - where strangers' words may lead this machine: not to itself.
 *
 * Model      Loopback, link-local (with what clouds tell their machines there), unspecified and
 *            multicast addresses are not public; private networks are, as a container there sees
 *            them, too. */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"

bool address_is_public(const struct sockaddr *address);

/* "HOST:PORT:ADDRESS[,ADDRESS …]" of an http(s) URL, looked up now, for a program that is to
 * connect there and nowhere else. ERR_DENIED when one of the addresses is not public. */
int address_pin(const char *url, struct arena *a, const char **out, struct err *e) MUST_CHECK;
