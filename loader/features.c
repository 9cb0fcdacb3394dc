/* SPDX-License-Identifier: Apache-2.0 */

/* What the machine must have. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

int
dpx_machine_check(void)
{
    struct statfs fs;

    if (geteuid()) {
        return dpx_error(EPERM, "only root may (try sudo)");
    } else if (statfs("/sys/fs/bpf", &fs)
               || (unsigned long) fs.f_type != BPF_FS_MAGIC) {
        return dpx_error(ENOSYS,
                         "there is no BPF file system on /sys/fs/bpf "
                         "(mount -t bpf bpf /sys/fs/bpf; ip netns exec hides "
                         "it: use nsenter --net=/run/netns/NAME)");
    }
    return 0;
}

static int
lacks(const char *what)
{
    struct utsname u;

    uname(&u);
    return dpx_error(ENOSYS,
                     "this kernel, %s, lacks %s (Linux 6.1 or newer "
                     "is needed)",
                     u.release, what);
}

int
dpx_kernel_check(void)
{
    static const struct {
        enum bpf_prog_type type;
        enum bpf_func_id helper;
        const char *name;
    } helpers[] = {
        { BPF_PROG_TYPE_XDP, BPF_FUNC_loop, "the BPF helper loop" },
        { BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, "the BPF helper loop" },
        { BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_ringbuf_reserve_dynptr,
          "the BPF helper ringbuf_reserve_dynptr" },
    };

    int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0,
                            sysconf(_SC_PAGESIZE), NULL);

    if (fd == -EPERM) { /* Root in a container. */
        return dpx_error(EPERM, "BPF is not permitted here (this needs "
                                "CAP_SYS_ADMIN and CAP_NET_ADMIN)");
    } else if (fd < 0) {
        return lacks("BPF ring buffers");
    }
    close(fd);
    for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
        if (libbpf_probe_bpf_helper(helpers[i].type, helpers[i].helper, NULL)
            == 0) {
            return lacks(helpers[i].name);
        }
    }
    if (access("/sys/kernel/btf/vmlinux", R_OK)) {
        return lacks("its BTF, /sys/kernel/btf/vmlinux");
    }
    return 0;
}
