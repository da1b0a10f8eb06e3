/* down.h - takes down what a stopped server left running on this host. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Whether containers of the data folder still run, perhaps without a server. */
bool server_left_running(const char *data_dir);
/* Ends every container of the data folder and removes the pod network. With `forget` the folder
 * goes, too. ERR_EXISTS: a server still runs in it. */
int server_take_down(const char *data_dir, int forget, size_t *out_containers,
                     struct err *e) MUST_CHECK;
