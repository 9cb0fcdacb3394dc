/* SPDX-License-Identifier: Apache-2.0 */

/* libFuzzer entry of flow text: whatever text is accepted prints as text that
 * is accepted again, and gives the same attributes. */

#include <stdlib.h>
#include <string.h>

#include "lib/odp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_actions(const char *text)
{
    struct dpx_buf a = DPX_BUF_INIT, b = DPX_BUF_INIT, printed = DPX_BUF_INIT;

    if (!dpx_parse_actions(text, NULL, &a)) {
        dpx_format_actions((void *) dpx_buf_data(&a), a.len, NULL, &printed);
        if (dpx_parse_actions(dpx_buf_str(&printed), NULL, &b)
            || a.len != b.len
            || (a.len && memcmp(dpx_buf_data(&a), dpx_buf_data(&b), a.len))) {
            abort();
        }
    }
    dpx_buf_free(&a);
    dpx_buf_free(&b);
    dpx_buf_free(&printed);
}

static void
check_flow(const char *text)
{
    struct dpx_buf key = DPX_BUF_INIT, mask = DPX_BUF_INIT;
    struct dpx_buf key2 = DPX_BUF_INIT, mask2 = DPX_BUF_INIT;
    struct dpx_buf printed = DPX_BUF_INIT;
    uint8_t ufid[16];
    bool has_ufid;

    if (!dpx_parse_flow(text, NULL, &key, &mask, ufid, &has_ufid) && key.len) {
        dpx_format_flow((void *) dpx_buf_data(&key), key.len,
                        (void *) dpx_buf_data(&mask), mask.len, true, NULL,
                        &printed);
        if (dpx_parse_flow(dpx_buf_str(&printed), NULL, &key2, &mask2, ufid,
                           &has_ufid)) {
            abort();
        }
    }
    dpx_buf_free(&key);
    dpx_buf_free(&mask);
    dpx_buf_free(&key2);
    dpx_buf_free(&mask2);
    dpx_buf_free(&printed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *) data, size);

    check_flow(text);
    check_actions(text);
    free(text);
    return 0;
}
