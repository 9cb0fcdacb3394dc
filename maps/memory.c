/* SPDX-License-Identifier: Apache-2.0 */

/* A datapath in plain memory.  Processes forked from its maker share it, and a
 * page that cannot be touched follows each table. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/error.h"
#include "maps/maps-private.h"

static size_t
round_to_pages(size_t size)
{
    size_t page = sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

static void *
memory_map(size_t size)
{
    size_t page = sysconf(_SC_PAGESIZE);
    char *p;

    size = round_to_pages(size);
    p = mmap(NULL, size + page, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        return NULL;
    }
    mprotect(p + size, page, PROT_NONE);
    return p;
}

void
dpx_memory_unmap(void *p, size_t size)
{
    if (p) {
        munmap(p, round_to_pages(size) + sysconf(_SC_PAGESIZE));
    }
}

int
dpx_maps_create_memory(const char *name, const struct dpx_config *c,
                       struct dpx_maps **mapsp)
{
    struct dpx_maps *m;

    *mapsp = NULL;
    m = dpx_maps_alloc(name, c);
    if (!m) {
        return dpx_error(ENOMEM, "datapath %s: out of memory", name);
    }
    m->readers = aligned_alloc(DPX_CACHE_LINE, c->n_cpus * sizeof *m->readers);
    if (!m->readers) {
        goto error;
    }
    memset(m->readers, 0, c->n_cpus * sizeof *m->readers);
#define X(NAME, TYPE, ENTRIES)                                                \
    m->NAME = memory_map((size_t) (ENTRIES) * sizeof(TYPE));                  \
    if (!m->NAME) {                                                           \
        goto error;                                                           \
    }
    DPX_MMAPS(X)
#undef X
    dpx_meta_init(m->meta, name, c);
    dpx_maps_exist(m);
    *mapsp = m;
    return 0;

error:
    dpx_maps_close(m);
    return dpx_error(ENOMEM, "datapath %s: out of memory", name);
}
