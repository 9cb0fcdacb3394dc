/* SPDX-License-Identifier: Apache-2.0 */

/* The BPF objects: opened, sized, loaded, pinned; and making a datapath of
 * them. */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/private.h"
#include "skel/aux.skel.h"
#include "skel/tc.skel.h"
#include "skel/xdp.skel.h"

#define DEFAULT_FLOWS 262144
#define DEFAULT_MASKS 1024

/* The objects.  All have the same maps, which the first one makes. */
#define SOURCE(NAME)                                                          \
    {                                                                         \
#NAME, dpx_##NAME##__elf_bytes,                                       \
            offsetof(struct dpx_##NAME##__rodata, dpx_conf)                   \
    }
static const struct {
    const char *name;
    const void *(*elf)(size_t *);
    size_t conf_ofs; /* Of the configuration in .rodata. */
} sources[] = { SOURCE(xdp), SOURCE(tc), SOURCE(aux) };
#define N_OBJECTS (sizeof sources / sizeof *sources)

struct dpx_objects {
    struct bpf_object *objects[N_OBJECTS];
};

/* Programs that are pinned, and those that are attached for good. */
static const char *const programs[][2] = {
    { "xdp", "dpx_xdp" },
    { "tc", "dpx_tc" },
    { "clock", "dpx_clock" },
};
static const char *const hooks[][2] = {
    { "link-devmap", "dpx_devmap_lost" },
    { "link-redirect", "dpx_redirect_lost" },
    { "link-qdisc", "dpx_device_stopped" },
};

/* Loading ----------------------------------------------------------------- */

/* libbpf tells its story on stderr only if asked to: a library keeps quiet,
 * and a verifier's log is thousands of lines. */
static int
print(enum libbpf_print_level level, const char *format, va_list args)
{
    if (level == LIBBPF_DEBUG || !getenv("DPX_LIBBPF_LOG")) {
        return 0;
    }
    return vfprintf(stderr, format, args);
}

/* Sizes the map, or puts an existing one in its place. */
static int
set_map(struct bpf_map *map, const struct dpx_config *conf, const char *dp,
        const struct bpf_object *first)
{
    const char *name = bpf_map__name(map);
    uint64_t entries = dpx_config_entries(conf, name);
    int fd, error;

    if (dp) {
        fd = dpx_pin_get(dp, name);
        if (fd < 0) {
            return -fd;
        }
        error = -bpf_map__reuse_fd(map, fd);
        close(fd);
    } else if (first) {
        error = -bpf_map__reuse_fd(
            map, bpf_object__find_map_fd_by_name(first, name));
    } else {
        error = entries ? -bpf_map__set_max_entries(map, entries) : 0;
    }
    return error ? dpx_error(error, "cannot set up map %s: %s", name,
                             strerror(error))
                 : 0;
}

static int
set_up(struct bpf_object *object, size_t i, const struct dpx_config *conf,
       const char *dp, const struct bpf_object *first)
{
    struct bpf_map *map;

    bpf_object__for_each_map(map, object)
    {
        int error;

        if (bpf_map__is_internal(map)) {
            size_t size;
            char *data = (char *) bpf_map__initial_value(map, &size);

            if (data && strstr(bpf_map__name(map), ".rodata")
                && sources[i].conf_ofs + sizeof *conf <= size) {
                memcpy(data + sources[i].conf_ofs, conf, sizeof *conf);
            }
            continue;
        }
        error = set_map(map, conf, dp, first);
        if (error) {
            return error;
        }
    }
    return 0;
}

static int
load_object(struct dpx_objects *o, size_t i, const struct dpx_config *conf,
            const char *dp)
{
    LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = sources[i].name);
    struct bpf_object *object;
    const void *elf;
    size_t size;
    int error;

    elf = sources[i].elf(&size);
    object = bpf_object__open_mem(elf, size, &opts);
    if (!object) {
        return dpx_error(errno, "cannot read object %s: %s", sources[i].name,
                         strerror(errno));
    }
    error = set_up(object, i, conf, dp, i ? o->objects[0] : NULL);
    if (!error) {
        error = -bpf_object__load(object);
        if (error) {
            dpx_error(error,
                      "the kernel refuses object %s: %s (with "
                      "DPX_LIBBPF_LOG=1 in the environment it says why)",
                      sources[i].name, strerror(error));
        }
    }
    if (error) {
        bpf_object__close(object);
    } else {
        o->objects[i] = object;
    }
    return error;
}

int
dpx_objects_load(const struct dpx_config *conf, const char *dp,
                 struct dpx_objects **op)
{
    struct dpx_objects *o = calloc(1, sizeof *o);
    libbpf_print_fn_t theirs = libbpf_set_print(print);
    int error = o ? 0 : ENOMEM;

    for (size_t i = 0; i < N_OBJECTS && !error; i++) {
        error = load_object(o, i, conf, dp);
    }
    libbpf_set_print(theirs);
    if (error) {
        dpx_objects_free(o);
        o = NULL;
    }
    *op = o;
    return error;
}

void
dpx_objects_free(struct dpx_objects *o)
{
    for (size_t i = 0; o && i < N_OBJECTS; i++) {
        bpf_object__close(o->objects[i]);
    }
    free(o);
}

static struct bpf_program *
find_program(const struct dpx_objects *o, const char *name)
{
    struct bpf_program *prog = NULL;

    for (size_t i = 0; i < N_OBJECTS && !prog; i++) {
        prog = bpf_object__find_program_by_name(o->objects[i], name);
    }
    return prog;
}

int
dpx_objects_program(const struct dpx_objects *o, const char *pin)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (!strcmp(pin, programs[i][0])) {
            return bpf_program__fd(find_program(o, programs[i][1]));
        }
    }
    return -1;
}

/* Pinning ----------------------------------------------------------------- */

int
dpx_objects_pin_maps(const struct dpx_objects *o, const char *dp)
{
    struct bpf_map *map;
    int error = 0;

    bpf_object__for_each_map(map, o->objects[0])
    {
        if (!bpf_map__is_internal(map) && !error) {
            error = dpx_pin_put(dp, bpf_map__name(map), bpf_map__fd(map));
        }
    }
    return error;
}

int
dpx_objects_pin_programs(const struct dpx_objects *o, const char *dp,
                         const char *suffix)
{
    char pin[DPX_PIN_LEN];
    int error = 0;

    for (size_t i = 0; i < sizeof programs / sizeof *programs && !error; i++) {
        snprintf(pin, sizeof pin, "%s%s", programs[i][0], suffix);
        error = dpx_pin_put(dp, pin, dpx_objects_program(o, programs[i][0]));
    }
    return error;
}

int
dpx_objects_attach(const struct dpx_objects *o, const char *dp,
                   const char *suffix)
{
    char pin[DPX_PIN_LEN];
    int error = 0;

    for (size_t i = 0; i < sizeof hooks / sizeof *hooks && !error; i++) {
        struct bpf_link *link;

        link = bpf_program__attach(find_program(o, hooks[i][1]));
        if (!link) {
            return dpx_error(errno, "cannot attach program %s: %s",
                             hooks[i][1], strerror(errno));
        }
        snprintf(pin, sizeof pin, "%s%s", hooks[i][0], suffix);
        error = dpx_pin_put(dp, pin, bpf_link__fd(link));
        bpf_link__destroy(link);
    }
    return error;
}

/* Making a datapath ------------------------------------------------------- */

static int
fill_directory(const char *name, const struct dpx_objects *o)
{
    int error = dpx_objects_pin_maps(o, name);

    if (!error) {
        error = dpx_objects_pin_programs(o, name, "");
    }
    if (!error) {
        error = dpx_objects_attach(o, name, "");
    }
    return error;
}

/* The kernel's number of map `devmap`, by which its tracepoints call it. */
static int
set_devmap(struct dpx_maps *maps)
{
    struct bpf_map_info info = { 0 };
    uint32_t len = sizeof info;
    int fd = dpx_maps_fd(maps, "devmap");
    int error;

    if (fd < 0) {
        return -fd;
    }
    error = -bpf_obj_get_info_by_fd(fd, &info, &len);
    close(fd);
    maps->meta->devmap = info.id;
    return error ? dpx_error(error, "cannot query map devmap: %s",
                             strerror(error))
                 : 0;
}

/* Completes the datapath.  It exists from the end of this on: what a process
 * killed before that leaves behind is no datapath, and the next one clears it
 * away. */
static int
finish(const char *name, const struct dpx_config *conf, bool no_local)
{
    struct dpx_attach_opts opts = { .port = DPX_PORT_LOCAL,
                                    .mode = DPX_MODE_TC,
                                    .internal = true };
    struct dpx_maps *maps;
    uint32_t port;
    int error = dpx_maps_init(name, conf, &maps);

    if (error) {
        return error;
    }
    maps->meta->netns = dpx_netns_cookie();
    error = set_devmap(maps);
    if (!error && !no_local) {
        error = dpx_attach_locked(maps, name, &opts, &port);
        if (error) {
            dpx_error(error,
                      "cannot make its local port: %s (--no-local "
                      "does without)",
                      dpx_error_text(error));
        }
    }
    if (!error) {
        dpx_maps_exist(maps);
    }
    dpx_maps_close(maps);
    return error;
}

/* Clears away what a process that was killed has left of datapath `name`. */
static int
clear(const char *name)
{
    struct dpx_maps *maps;
    int error = dpx_maps_open(name, &maps);

    dpx_maps_close(maps);
    if (error == ENODATA) {
        error = dpx_unload_locked(name);
    } else if (error != ENODEV) {
        error = dpx_error(EEXIST, "datapath %s exists already", name);
    } else {
        error = 0;
    }
    return error;
}

static int
load_locked(const char *name, const struct dpx_config *conf,
            const struct dpx_objects *o, bool no_local)
{
    char path[DPX_PATH_LEN], reason[512];
    int error = clear(name);

    if (error) {
        return error;
    }
    if (mkdir(dpx_pin_path(path, name, NULL), 0700)) {
        return dpx_error(errno, "cannot make %s: %s", path, strerror(errno));
    }
    error = fill_directory(name, o);
    if (!error) {
        error = finish(name, conf, no_local);
    }
    if (error) {
        snprintf(reason, sizeof reason, "%s", dpx_error_text(error));
        dpx_unload_locked(name);
        dpx_error(error, "%s", reason);
    }
    return error;
}

int
dpx_load(const char *name, const struct dpx_create_opts *opts)
{
    static const struct dpx_create_opts none;
    struct dpx_objects *o;
    struct dpx_config conf;
    int error, lock;

    opts = opts ? opts : &none;
    error = dpx_name_check(name);
    if (!error) {
        error = dpx_machine_check();
    }
    if (!error) {
        error = dpx_config_init(&conf,
                                opts->n_flows ? opts->n_flows : DEFAULT_FLOWS,
                                opts->n_masks ? opts->n_masks : DEFAULT_MASKS,
                                libbpf_num_possible_cpus());
    }
    if (!error) {
        error = dpx_kernel_check();
    }
    if (!error) {
        error = dpx_objects_load(&conf, NULL, &o);
    }
    if (error) {
        return error;
    }
    lock = dpx_lock(true); /* Late: to load takes long. */
    if (lock >= 0) {
        error = load_locked(name, &conf, o, opts->no_local);
        dpx_unlock(lock);
    } else {
        error = -lock;
    }
    dpx_objects_free(o);
    return error;
}
