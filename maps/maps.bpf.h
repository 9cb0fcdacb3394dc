/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */

/* The maps of layout.h's table, as the kernel is to make them.  The loader
 * sets the number of entries of those that vary (dpx_config_entries()) before
 * it loads, and gives every object the same maps. */

#ifndef DPX_MAPS_BPF_H
#define DPX_MAPS_BPF_H 1

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps/layout.h"

/* An array that userspace maps into its memory. */
#define DPX_MMAP_ARRAY(NAME, TYPE, ENTRIES)                                   \
    struct {                                                                  \
        __uint(type, BPF_MAP_TYPE_ARRAY);                                     \
        __uint(map_flags, BPF_F_MMAPABLE);                                    \
        __uint(max_entries, ENTRIES);                                         \
        __type(key, __u32);                                                   \
        __type(value, TYPE);                                                  \
    } NAME SEC(".maps")

DPX_MMAP_ARRAY(meta, struct dpx_meta, 1);
DPX_MMAP_ARRAY(bodies, struct dpx_body, 1);
DPX_MMAP_ARRAY(actions, struct dpx_actions, 1);
DPX_MMAP_ARRAY(records, struct dpx_record, 1);
DPX_MMAP_ARRAY(names, __u64, 1);
DPX_MMAP_ARRAY(blocks, struct dpx_block, 1);
DPX_MMAP_ARRAY(index, struct dpx_bucket, 1);
DPX_MMAP_ARRAY(masks, struct dpx_mask, 1);
DPX_MMAP_ARRAY(order, __u64, 1);
DPX_MMAP_ARRAY(cache, __u64, 1);
DPX_MMAP_ARRAY(counters, struct dpx_counter, 1);
DPX_MMAP_ARRAY(mask_hits, __u64, 1);
DPX_MMAP_ARRAY(cpus, struct dpx_cpu, 1);
DPX_MMAP_ARRAY(ports, struct dpx_port, DPX_MAX_PORTS);
DPX_MMAP_ARRAY(backlog, __u64, DPX_MAX_PORTS);

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, DPX_MAX_PORTS);
    __type(key, __u32);
    __type(value, __u32);
} ifports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, DPX_MAX_PORTS);
    __type(key, __u32);
    __type(value, __u32);
} devmap SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 2 * DPX_MAX_PORTS * DPX_DROP_MAX);
    __type(key, struct dpx_drop_key);
    __type(value, struct dpx_drop);
} drops SEC(".maps");

/* Whoever receives puts rings into it, of twice conf.ring_bytes. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, DPX_MAX_HANDLERS);
    __type(key, __u32);
    __array(
        values, struct {
            __uint(type, BPF_MAP_TYPE_RINGBUF);
            __uint(max_entries, 4096);
        });
} upcalls SEC(".maps");

#endif /* maps/maps.bpf.h */
