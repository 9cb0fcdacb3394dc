/* SPDX-License-Identifier: Apache-2.0 */

/* Pins, and the lock. */

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"

static int
open_root(bool create)
{
    int fd;

    if (create && mkdir(DPX_PIN_ROOT, 0700) && errno != EEXIST) {
        return -dpx_error(errno, "cannot make %s: %s", DPX_PIN_ROOT,
                          strerror(errno));
    }
    fd = open(DPX_PIN_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int
dpx_lock(bool create)
{
    struct stat ours, theirs;

    for (;;) {
        int fd = open_root(create);

        if (fd == -ENOENT && create) {
            continue; /* Removed since we made it. */
        } else if (fd == -ENOENT) {
            return -dpx_error(ENODEV, "no datapath exists");
        } else if (fd < 0) {
            return -dpx_error(-fd, "cannot open %s: %s", DPX_PIN_ROOT,
                              strerror(-fd));
        }
        while (flock(fd, LOCK_EX) && errno == EINTR) {
            continue;
        }
        /* Whoever held it before us may have removed the directory. */
        if (!fstat(fd, &ours) && !stat(DPX_PIN_ROOT, &theirs)
            && ours.st_ino == theirs.st_ino) {
            return fd;
        }
        close(fd);
    }
}

void
dpx_unlock(int lock)
{
    rmdir(DPX_PIN_ROOT);
    close(lock);
}

const char *
dpx_pin_path(char path[DPX_PATH_LEN], const char *dp, const char *pin)
{
    snprintf(path, DPX_PATH_LEN, "%s/%s%s%s", DPX_PIN_ROOT, dp, pin ? "/" : "",
             pin ? pin : "");
    return path;
}

int
dpx_pin_get(const char *dp, const char *pin)
{
    char path[DPX_PATH_LEN];
    int fd = bpf_obj_get(dpx_pin_path(path, dp, pin));

    return fd < 0
               ? -dpx_error(-fd, "cannot open pin %s: %s", path, strerror(-fd))
               : fd;
}

int
dpx_pin_put(const char *dp, const char *pin, int fd)
{
    char path[DPX_PATH_LEN];
    int error = -bpf_obj_pin(fd, dpx_pin_path(path, dp, pin));

    return error ? dpx_error(error, "cannot pin %s: %s", path, strerror(error))
                 : 0;
}

int
dpx_pin_remove(const char *dp, const char *pin)
{
    char path[DPX_PATH_LEN];

    return unlink(dpx_pin_path(path, dp, pin)) ? errno : 0;
}

int
dpx_pin_rename(const char *dp, const char *from, const char *to)
{
    char old[DPX_PATH_LEN], new[DPX_PATH_LEN];

    return rename(dpx_pin_path(old, dp, from), dpx_pin_path(new, dp, to))
               ? dpx_error(errno, "cannot rename pin %s to %s: %s", old, new,
                           strerror(errno))
               : 0;
}

int
dpx_pin_each(const char *dp, void (*cb)(const char *pin, void *aux), void *aux)
{
    char path[DPX_PATH_LEN];
    DIR *dir = opendir(dpx_pin_path(path, dp, NULL));
    struct dirent *e;

    if (!dir) {
        return dpx_error(errno == ENOENT ? ENODEV : errno,
                         "no datapath %s: %s", dp, strerror(errno));
    }
    while ((e = readdir(dir))) {
        if (e->d_name[0] != '.') {
            cb(e->d_name, aux);
        }
    }
    closedir(dir);
    return 0;
}

const char *
dpx_pin_link(char pin[DPX_PIN_LEN], const char *hook, uint32_t port)
{
    snprintf(pin, DPX_PIN_LEN, "link-%s-%u", hook, port);
    return pin;
}

uint32_t
dpx_pin_prog_id(const char *dp, const char *pin)
{
    char path[DPX_PATH_LEN];
    struct bpf_prog_info info = { 0 };
    uint32_t len = sizeof info;
    int fd = bpf_obj_get(dpx_pin_path(path, dp, pin));

    if (fd >= 0) {
        if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
            info.id = 0;
        }
        close(fd);
    }
    return info.id;
}
