/* SPDX-License-Identifier: Apache-2.0 */

/* Writers that are killed at work, hundreds of times; after each, the next
 * holder of the lock finds a table that is sound and has lost no flow. */

#include "tests/unit/table-fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FLOWS 100
#define N_STEADY 20 /* Flows that are never deleted. */
#define ROUNDS 400

static uint32_t
mask_of(uint32_t n)
{
    return n % 7;
}

static void
make(struct flow *a, uint32_t n, uint32_t version)
{
    flow_make(a, n, mask_of(n), n);
    flow_actions(a, n, version % 40);
    if (n % 3) {
        flow_ufid(a, n);
    }
}

/* Changes flows at random until it is killed. */
static void
write_flows(struct fixture *f, unsigned int seed)
{
    for (;;) {
        int i;

        if (dpx_table_begin(f->table)) {
            _exit(1);
        }
        for (i = rand_r(&seed) % 10; i >= 0; i--) {
            uint32_t n = rand_r(&seed) % N_FLOWS;
            static struct dpx_flow_stats stats;
            struct flow a;

            make(&a, n, rand_r(&seed));
            if (n < N_STEADY || rand_r(&seed) % 2) {
                dpx_table_put(f->table, DPX_PUT_CREATE | DPX_PUT_MODIFY,
                              &a.flow, NULL);
            } else if (rand_r(&seed) % 100) {
                dpx_table_del(f->table, &a.flow,
                              rand_r(&seed) % 4 ? NULL : &stats);
            } else {
                make(&a, N_FLOWS + n, 1);
                a.mask.ipv4.dst = 100 + n;
                dpx_table_put(f->table, DPX_PUT_CREATE, &a.flow, NULL);
                dpx_table_del(f->table, &a.flow, NULL);
            }
            flow_free(&a);
        }
        dpx_table_end(f->table);
    }
}

static void
verify(struct fixture *f)
{
    int ret = dpx_table_check(f->table);
    uint32_t n;

    if (ret) {
        fail_msg("%s", dpx_error_text(ret));
    }
    for (n = 0; n < N_FLOWS; n++) {
        struct dpx_flow_view view;
        struct flow a;

        make(&a, n, 0);
        ret = dpx_table_get(f->table, &a.flow, &view, &f->buf);
        assert_true(!ret || (ret == ENOENT && n >= N_STEADY));
        if (!ret) {
            uint32_t slot = match(f, &a.key);

            assert_int_equal(view.out, n);
            assert_memory_equal(view.actions, &n, sizeof n);
            assert_int_equal(f->maps->bodies[slot].out, n);
            assert_int_equal(f->maps->records[view.id].slot, slot);
        }
        flow_free(&a);
    }
}

static void
test_kill(void **state)
{
    struct fixture *f = *state;
    uint32_t repaired = 0;
    unsigned int seed = 1;
    uint32_t n;
    int round;

    for (n = 0; n < N_STEADY; n++) {
        struct flow a;

        make(&a, n, 1);
        assert_int_equal(put(f, DPX_PUT_CREATE, &a), 0);
        flow_free(&a);
    }
    for (round = 0; round < ROUNDS; round++) {
        int status;
        pid_t pid = fork();

        if (!pid) {
            write_flows(f, round);
        }
        usleep(200 + rand_r(&seed) % 4000);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        repaired += f->maps->meta->dirty != 0;
        verify(f);
    }
    print_message("%u of %u died at work\n", repaired, ROUNDS);
    assert_true(repaired > ROUNDS / 10);
}

static int
kill_set_up(void **state)
{
    return fixture_open(state, N_FLOWS, 12, N_FLOWS + 20, 700);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill, kill_set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
