/* SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer entry of the attribute codec: a key, a mask and actions, each with
 * its length in front, are parsed, compiled and printed. */

#include <stdlib.h>
#include <string.h>

#include "lib/odp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A part of its own size, so that ASan sees what is read beyond it. */
static void *
take(const uint8_t **data, size_t *left, size_t *n)
{
    void *part;

    *n = 0;
    if (*left) {
        *n = **data;
        ++*data;
        --*left;
    }
    *n = *n < *left ? *n : *left;
    part = malloc(*n ? *n : 1);
    memcpy(part, *data, *n);
    *data += *n;
    *left -= *n;
    return part;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dpx_program program = { 0 };
    struct dpx_buf text = DPX_BUF_INIT, attrs = DPX_BUF_INIT;
    size_t key_len, mask_len, actions_len;
    void *key = take(&data, &size, &key_len);
    void *mask = take(&data, &size, &mask_len);
    void *actions = take(&data, &size, &actions_len);
    struct dpx_key k, m;

    dpx_format_flow(key, key_len, mask, mask_len, true, NULL, &text);
    dpx_format_actions(actions, actions_len, NULL, &text);
    if (!dpx_key_from_attrs(key, key_len, mask_len ? mask : NULL, mask_len, &k,
                            &m)) {
        dpx_compile(actions, actions_len, &k, &m, &program);
    }
    if (!dpx_key_parse(key, key_len, &k)) {
        dpx_key_to_attrs(&k, &attrs);
    }
    dpx_program_free(&program);
    dpx_buf_free(&text);
    dpx_buf_free(&attrs);
    free(key);
    free(mask);
    free(actions);
    return 0;
}
