/* tekton_ports.h - what Tekton's loops get from this server. */
#pragma once
#include "ctl/tekton/tekton.h"

struct server;
struct tekton *tekton_ports_new(struct server *s);
