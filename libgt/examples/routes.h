/* SPDX-License-Identifier: MIT */
/* What the example server answers. */
#ifndef EXAMPLE_ROUTES_H
#define EXAMPLE_ROUTES_H

#include "http.h"

#define ROUTES_BLOCK_MAX_MS 10000 /* the longest that a handler blocks */

/* Answer a request. May block the calling thread. */
void routes_answer(const struct http_request *request, struct http_response *response);

#endif /* EXAMPLE_ROUTES_H */
