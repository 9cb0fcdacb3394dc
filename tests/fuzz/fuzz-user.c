/* SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer entry of plane `user`: a list of operations, then a frame.
 *
 *   clang -fsanitize=fuzzer,address,undefined -I. tests/fuzz/fuzz-user.c \
 *       bpf/user.c lib/buf.c lib/error.c maps/[a-z]*.c -lbpf -lpthread */

#include <stdlib.h>
#include <string.h>

#include "bpf/user.h"

#define MAX_OPS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_output(void *aux, uint32_t port, const struct dpx_packet *packet)
{
    uint8_t *sum = aux;

    (void) port;
    for (size_t i = 0; i < packet->frame.len; i++) {
        *sum ^= dpx_buf_data(&packet->frame)[i];
    }
}

static void
on_upcall(void *aux, enum dpx_upcall_type type, uint32_t pid,
          const struct dpx_key *key, const void *userdata, size_t len,
          const struct dpx_packet *packet)
{
    (void) type;
    (void) key;
    for (size_t i = 0; i < len; i++) {
        *(uint8_t *) aux ^= ((const uint8_t *) userdata)[i];
    }
    on_output(aux, pid, packet);
}

/* The compiler gives operations whose offsets are aligned and within headers,
 * and whose userdata fits; all else is any. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dpx_packet packet = { .in_port = 1 };
    struct dpx_op list[MAX_OPS];
    uint8_t sum = 0;
    struct dpx_user_ops ops = { on_output, on_upcall, NULL, &sum };
    size_t n = size ? data[0] % MAX_OPS : 0;

    if (size < 1 + n * sizeof *list) {
        return 0;
    }
    memcpy(list, data + 1, n * sizeof *list);
    data += 1 + n * sizeof *list;
    size -= 1 + n * sizeof *list;
    for (size_t i = 0; i < n; i++) {
        list[i].type %= DPX_OP_MAX + 1;
        list[i].off = list[i].type == DPX_OP_USERSPACE
                          ? list[i].off % (DPX_MAX_USERDATA + 1)
                          : list[i].off % 64 & ~3;
    }
    packet.frame.base = malloc(size ? size : 1);
    packet.frame.allocated = packet.frame.len = size;
    memcpy(packet.frame.base, data, size);
    dpx_user_execute(NULL, 0, &packet, list, n, &ops);
    dpx_buf_free(&packet.frame);
    return 0;
}
