/* SPDX-License-Identifier: Apache-2.0 */

/* Drops that userspace counts.  The kernel's planes add to their CPU's value
 * and userspace can only replace those of all CPUs, so it has keys of its own,
 * and the first CPU's value. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <unistd.h>

#include "maps/maps.h"

void
dpx_maps_count_drop(struct dpx_maps *m, uint32_t port,
                    enum dpx_drop_reason reason, uint64_t packets,
                    uint64_t bytes)
{
    struct dpx_drop_key key = { port, reason | DPX_DROP_USER };
    int n_cpus = libbpf_num_possible_cpus();
    struct dpx_drop *values;
    int fd;

    if (m->dir < 0 || n_cpus < 0) {
        return;
    }
    fd = dpx_maps_fd(m, "drops");
    values = calloc(n_cpus, sizeof *values);
    if (fd >= 0 && values && !dpx_maps_lock(m)) {
        bpf_map_lookup_elem(fd, &key, values);
        values[0].packets += packets;
        values[0].bytes += bytes;
        bpf_map_update_elem(fd, &key, values, BPF_ANY);
        dpx_maps_unlock(m);
    }
    free(values);
    if (fd >= 0) {
        close(fd);
    }
}
