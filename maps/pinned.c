/* SPDX-License-Identifier: Apache-2.0 */

/* Datapaths in the kernel: finding, checking and mapping what is pinned. */

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/error.h"
#include "maps/maps-private.h"

#define BPFFS "/sys/fs/bpf"

/* Whether nothing can be pinned here, which the message says. */
static int
check_bpffs(void)
{
    struct statfs fs;

    if (statfs(BPFFS, &fs) || fs.f_type != BPF_FS_MAGIC) {
        return dpx_error(ENODEV, "no bpffs on %s (mount -t bpf bpf %s)", BPFFS,
                         BPFFS);
    }
    return 0;
}

static int
denied(int error, const char *what)
{
    return dpx_error(error, "cannot open %s: %s (this needs root)", what,
                     strerror(error));
}

static void
pin_path(const char *name, const char *pin, char *path, size_t size)
{
    snprintf(path, size, "%s/%s/%s", DPX_PIN_ROOT, name, pin);
}

int
dpx_maps_fd(const struct dpx_maps *m, const char *pin)
{
    char path[256];
    int fd;

    if (m->dir < 0) {
        return -ENODEV;
    }
    pin_path(m->name, pin, path, sizeof path);
    fd = bpf_obj_get(path);
    return fd < 0 ? -errno : fd;
}

/* What the descriptor is of: "bpf-map", "bpf-prog", ... */
static void
object_kind(int fd, char *kind, size_t size)
{
    char link[64], target[64];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    snprintf(kind, size, "%s",
             strncmp(target, "anon_inode:", 11) ? target : target + 11);
}

/* Opens pin `pin` and checks that it is an array of `entries` values of
 * `value_size` bytes that can be mapped.  `entries` 0: any size will do, and
 * any value at least that long. */
static int
open_array(const struct dpx_maps *m, const char *pin, size_t value_size,
           uint64_t entries, int *fdp)
{
    struct bpf_map_info info;
    uint32_t len = sizeof info;
    char kind[64];
    int fd = dpx_maps_fd(m, pin);
    int error;

    if (fd == -EPERM || fd == -EACCES) {
        return denied(-fd, DPX_PIN_ROOT);
    }
    if (fd < 0) {
        return dpx_error(EPROTO, "datapath %s: pin %s: %s", m->name, pin,
                         fd == -ENOENT ? "is missing" : strerror(-fd));
    }
    object_kind(fd, kind, sizeof kind);
    memset(&info, 0, sizeof info);
    if (strcmp(kind, "bpf-map")) {
        error = dpx_error(EPROTO, "datapath %s: pin %s is a %s and not a map",
                          m->name, pin, kind);
    } else if (bpf_obj_get_info_by_fd(fd, &info, &len)) {
        error = dpx_error(errno, "datapath %s: pin %s: %s", m->name, pin,
                          strerror(errno));
    } else if (info.type != BPF_MAP_TYPE_ARRAY
               || !(info.map_flags & BPF_F_MMAPABLE)) {
        error = dpx_error(EPROTO,
                          "datapath %s: pin %s is a map of another "
                          "kind (type %u)",
                          m->name, pin, info.type);
    } else if (!entries ? info.value_size < value_size
                        : info.value_size != value_size
                              || info.max_entries != entries) {
        error = dpx_error(EPROTO,
                          "datapath %s: pin %s has %u values of %u "
                          "bytes, and not %llu of %zu",
                          m->name, pin, info.max_entries, info.value_size,
                          (unsigned long long) (entries ? entries : 1),
                          value_size);
    } else {
        *fdp = fd;
        return 0;
    }
    close(fd);
    return error;
}

static int
map_array(const struct dpx_maps *m, const char *pin, size_t value_size,
          uint64_t entries, void **p)
{
    int fd = -1;
    int ret = open_array(m, pin, value_size, entries, &fd);

    if (ret) {
        return ret;
    }
    *p = mmap(NULL, value_size * entries, PROT_READ | PROT_WRITE, MAP_SHARED,
              fd, 0);
    if (*p == MAP_FAILED) {
        *p = NULL;
        ret = dpx_error(errno, "datapath %s: cannot map pin %s: %s", m->name,
                        pin, strerror(errno));
    }
    close(fd);
    return ret;
}

/* Maps everything, by m->conf. */
static int
map_all(struct dpx_maps *m)
{
    const struct dpx_config *c = &m->conf;
    int ret;

#define X(NAME, TYPE, ENTRIES)                                                \
    ret = map_array(m, #NAME, sizeof(TYPE), ENTRIES, (void **) &m->NAME);     \
    if (ret) {                                                                \
        return ret;                                                           \
    }
    DPX_MMAPS(X)
#undef X
    return 0;
}

/* Opens the pin directory of `name` into `m`. */
static int
open_dir(struct dpx_maps *m)
{
    char path[256];
    int ret;

    pin_path(m->name, "", path, sizeof path);
    m->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->dir >= 0) {
        return 0;
    }
    if (errno == EACCES || errno == EPERM) {
        return denied(errno, path);
    }
    ret = errno == ENOENT || errno == ENOTDIR ? check_bpffs() : errno;
    return ret ? ret : dpx_error(ENODEV, "no datapath %s", m->name);
}

static int
unfinished(const struct dpx_maps *m)
{
    return dpx_error(ENODATA,
                     "datapath %s was not created, or not deleted, "
                     "to the end (dpx-loader create or delete does so)",
                     m->name);
}

/* Reads and checks what meta says of itself, in however old a layout. */
static int
read_meta(const struct dpx_maps *m, struct dpx_config *conf)
{
    const size_t head = offsetof(struct dpx_meta, conf);
    const struct dpx_meta *meta;
    int fd = dpx_maps_fd(m, "meta");
    int ret;

    if (fd == -ENOENT) {
        return unfinished(m);
    }
    close(fd);
    ret = open_array(m, "meta", head, 0, &fd);
    if (ret) {
        return ret;
    }
    meta = mmap(NULL, sizeof *meta, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (meta == MAP_FAILED) {
        return dpx_error(errno, "datapath %s: cannot map pin meta: %s",
                         m->name, strerror(errno));
    }
    if (!meta->magic) {
        ret = unfinished(m);
    } else if (meta->magic != DPX_LAYOUT_MAGIC) {
        ret = dpx_error(EPROTO,
                        "datapath %s: pin meta is not dpx's (magic "
                        "%#x)",
                        m->name, meta->magic);
    } else if (meta->version != DPX_LAYOUT_VERSION
               || meta->size != sizeof *meta) {
        ret = dpx_error(EPROTO,
                        "datapath %s: pin meta has layout version %u "
                        "(%u bytes), and this program knows version %u (%zu "
                        "bytes)",
                        m->name, meta->version, meta->size, DPX_LAYOUT_VERSION,
                        sizeof *meta);
    } else if (strncmp(meta->name, m->name, sizeof meta->name)) {
        ret = dpx_error(EPROTO,
                        "datapath %s: pin meta is that of datapath "
                        "%.*s",
                        m->name, DPX_NAME_LEN, meta->name);
    } else {
        *conf = meta->conf;
    }
    munmap((void *) meta, sizeof *meta);
    return ret;
}

/* Whether the numbers that code here divides by, masks with and indexes with
 * make sense together. */
static int
check_config(const struct dpx_maps *m)
{
    const struct dpx_config *c = &m->conf;

    if (!c->n_flows || !c->n_slots || !c->n_blocks || !c->n_cpus || !c->n_masks
        || c->n_masks > UINT16_MAX || c->bucket_mask & (c->bucket_mask + 1)
        || c->name_mask & (c->name_mask + 1)
        || c->cache_mask & (c->cache_mask + 1)
        || c->n_buckets <= c->bucket_mask) {
        return dpx_error(EPROTO,
                         "datapath %s: pin meta is corrupt: its sizes "
                         "do not fit together",
                         m->name);
    }
    return 0;
}

int
dpx_maps_open(const char *name, struct dpx_maps **mapsp)
{
    static const struct dpx_config none;
    struct dpx_maps *m;
    int ret;

    *mapsp = NULL;
    ret = dpx_name_check(name);
    if (ret) {
        return ret;
    }
    m = dpx_maps_alloc(name, &none);
    if (!m) {
        return dpx_error(ENOMEM, "out of memory");
    }
    ret = open_dir(m);
    ret = ret ? ret : read_meta(m, &m->conf);
    ret = ret ? ret : check_config(m);
    ret = ret ? ret : map_all(m);
    if (ret) {
        dpx_maps_close(m);
        return ret;
    }
    m->clock = dpx_maps_fd(m, "clock");
    *mapsp = m;
    return 0;
}

bool
dpx_maps_deleted(const struct dpx_maps *m)
{
    struct stat dir;

    return m->dir >= 0 && !fstat(m->dir, &dir) && !dir.st_nlink;
}

int
dpx_maps_init(const char *name, const struct dpx_config *conf,
              struct dpx_maps **mapsp)
{
    struct dpx_maps *m;
    int ret = dpx_name_check(name);

    *mapsp = NULL;
    if (ret) {
        return ret;
    }
    m = dpx_maps_alloc(name, conf);
    if (!m) {
        return dpx_error(ENOMEM, "out of memory");
    }
    ret = open_dir(m);
    ret = ret ? ret : map_all(m);
    if (ret) {
        dpx_maps_close(m);
        return ret;
    }
    dpx_meta_init(m->meta, name, conf);
    *mapsp = m;
    return 0;
}

int
dpx_maps_enumerate(int (*cb)(const char *name, void *aux), void *aux)
{
    struct dirent *entry;
    DIR *dir = opendir(DPX_PIN_ROOT);
    int ret = 0;

    if (!dir) {
        return errno == ENOENT ? check_bpffs() : denied(errno, DPX_PIN_ROOT);
    }
    while (!ret && (entry = readdir(dir))) {
        char meta[300];

        snprintf(meta, sizeof meta, "%s/meta", entry->d_name);
        if (strlen(entry->d_name) < DPX_NAME_LEN && entry->d_name[0] != '.'
            && !faccessat(dirfd(dir), meta, F_OK, 0)) {
            ret = cb(entry->d_name, aux);
        }
    }
    closedir(dir);
    return ret;
}
