/* SPDX-License-Identifier: Apache-2.0 */

/* The growable buffer and the errors with a text. */

#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/buf.h"
#include "lib/error.h"

static void
test_empty(void **state)
{
    struct dpx_buf b = DPX_BUF_INIT;

    (void) state;
    assert_null(dpx_buf_data(&b));
    assert_string_equal(dpx_buf_str(&b), "");
    assert_non_null(dpx_buf_put(&b, NULL, 0));
    assert_int_equal(b.len, 0);
    dpx_buf_free(&b);
    assert_null(b.base);
    dpx_buf_free(&b);
}

static void
test_put_push(void **state)
{
    struct dpx_buf b;
    size_t i;

    (void) state;
    dpx_buf_init(&b);
    for (i = 0; i < 1000; i++) {
        uint8_t byte = i;
        uint8_t *first;

        assert_int_equal(*(uint8_t *) dpx_buf_put(&b, &byte, 1), byte);
        first = dpx_buf_push(&b, &byte, 1);
        assert_ptr_equal(first, dpx_buf_data(&b));
    }
    assert_int_equal(b.len, 2000);
    for (i = 0; i < 1000; i++) {
        assert_int_equal(dpx_buf_data(&b)[1000 + i], (uint8_t) i);
        assert_int_equal(dpx_buf_data(&b)[999 - i], (uint8_t) i);
    }
    assert_int_equal(*(uint32_t *) dpx_buf_put(&b, NULL, 4), 0);
    dpx_buf_clear(&b);
    assert_int_equal(b.len, 0);

    dpx_buf_reserve(&b, 5000, 3000);
    assert_true(b.head >= 5000);
    assert_true(b.allocated - b.head - b.len >= 3000);
    dpx_buf_free(&b);
}

static void
test_text(void **state)
{
    char long_text[300];
    struct dpx_buf b;

    (void) state;
    dpx_buf_init(&b);
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';

    dpx_buf_printf(&b, "%d,%s", 42, "a");
    assert_string_equal(dpx_buf_str(&b), "42,a");
    dpx_buf_printf(&b, "%s", long_text);
    assert_int_equal(b.len, 4 + 299);
    assert_string_equal(dpx_buf_str(&b) + 4, long_text);
    assert_string_equal((char *) dpx_buf_data(&b) + 4, long_text);
    dpx_buf_free(&b);
}

static void
test_attributes(void **state)
{
    static const uint8_t expected[] = {
        20, 0, 7, 0,                /* A nest of type 7. */
        5,  0, 1, 0, 0xaa, 0, 0, 0, /* u8. */
        8,  0, 2, 0, 4,    3, 2, 1, /* u32. */
        12, 0, 3, 0, 8,    7, 6, 5, 4, 3, 2, 1, 6, 0, 4, 0, 2, 1, 0, 0,
    };
    struct dpx_buf b;
    struct nlattr nla;
    size_t mark, i;

    (void) state;
    dpx_buf_init(&b);
    mark = dpx_nla_nest(&b, 7);
    dpx_nla_put_u8(&b, 1, 0xaa);
    dpx_nla_put_u32(&b, 2, 0x01020304);
    dpx_nla_end(&b, mark);
    dpx_nla_put_u64(&b, 3, 0x0102030405060708);
    dpx_nla_put_u16(&b, 4, 0x0102);
    assert_int_equal(b.len, sizeof expected);
    assert_memory_equal(dpx_buf_data(&b), expected, sizeof expected);

    /* A nest too long to be one is no valid attribute. */
    dpx_buf_clear(&b);
    mark = dpx_nla_nest(&b, 1);
    for (i = 0; i < 10000; i++) {
        dpx_nla_put_u64(&b, 1, i);
    }
    dpx_nla_end(&b, mark);
    memcpy(&nla, dpx_buf_data(&b), sizeof nla);
    assert_int_equal(nla.nla_len, 0);
    dpx_buf_free(&b);
}

static void
test_errors(void **state)
{
    (void) state;
    assert_string_equal(dpx_error_text(ENOENT), strerror(ENOENT));
    assert_int_equal(dpx_error(ENOENT, "no port %d", 3), ENOENT);
    assert_string_equal(dpx_error_text(ENOENT), "no port 3");
    assert_string_equal(dpx_error_text(EBUSY), strerror(EBUSY));
    dpx_error(ENOENT, "br0: %s", dpx_error_text(ENOENT));
    assert_string_equal(dpx_error_text(ENOENT), "br0: no port 3");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),  cmocka_unit_test(test_put_push),
        cmocka_unit_test(test_text),   cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
