/* SPDX-License-Identifier: Apache-2.0 */

/* What the files that know how maps are made share. */

#ifndef DPX_MAPS_PRIVATE_H
#define DPX_MAPS_PRIVATE_H 1

#include <stddef.h>

#include "maps/maps.h"

/* A native reader of memory maps, alone in its cache line. */
struct dpx_reader {
    uint64_t seq; /* Odd while it reads. */
    uint64_t pad[7];
};

/* maps.c */
struct dpx_maps *dpx_maps_alloc(const char *name, const struct dpx_config *);
void
dpx_meta_init(struct dpx_meta *, const char *name, const struct dpx_config *);

/* memory.c */
void dpx_memory_unmap(void *, size_t size);

#endif /* maps/maps-private.h */
