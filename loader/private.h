/* SPDX-License-Identifier: Apache-2.0 */

/* What the loader's files share: the lock, pins, program attachment, ports.
 * Internal to loader/.
 *
 * Functions return 0 or a positive errno, with a message in dpx_error_text()
 * unless said otherwise.  All but dpx_lock() want the lock held. */

#ifndef DPX_LOADER_PRIVATE_H
#define DPX_LOADER_PRIVATE_H 1

#include "loader/device.h"
#include "loader/loader.h"

/* pins.c ------------------------------------------------------------------ */

/* One lock for all that the loader does to any datapath, across processes:
 * flock() on DPX_PIN_ROOT.  Returns what dpx_unlock() takes, or -errno.
 * `create`: makes the directory if there is none.  unlock removes it if it is
 * empty. */
int dpx_lock(bool create);
void dpx_unlock(int lock);

#define DPX_PATH_LEN 96

/* The path of pin `pin` of datapath `dp` (NULL: of its directory). */
const char *
dpx_pin_path(char path[DPX_PATH_LEN], const char *dp, const char *pin);

/* A descriptor of the pinned object, or -errno. */
int dpx_pin_get(const char *dp, const char *pin);
int dpx_pin_put(const char *dp, const char *pin, int fd);

/* Removes the pin, if there is one.  No message. */
int dpx_pin_remove(const char *dp, const char *pin);

/* Renames a pin over another, in one step. */
int dpx_pin_rename(const char *dp, const char *from, const char *to);

/* Calls `cb` for each pin, whatever it stands for. */
int dpx_pin_each(const char *dp, void (*cb)(const char *pin, void *aux),
                 void *aux);

/* The pin of a port's link, `hook` being "xdp" or "tc". */
#define DPX_PIN_LEN 32
const char *
dpx_pin_link(char pin[DPX_PIN_LEN], const char *hook, uint32_t port);

/* The kernel's number of the program with this pin; 0: none. */
uint32_t dpx_pin_prog_id(const char *dp, const char *pin);

/* xdp.c ------------------------------------------------------------------- */

/* Puts program `xdp` of the datapath on the device, in the driver.  ENOTSUP,
 * EMSGSIZE, EBUSY. */
int dpx_xdp_attach(const char *dp, uint32_t port, const struct dpx_link *);

/* Takes the port's program off its device, wherever that is. */
void dpx_link_detach(const char *dp, const char *hook, uint32_t port);

/* Has the port's link run program `prog`. */
int dpx_link_update(const char *dp, const char *hook, uint32_t port, int prog);

/* tc.c -------------------------------------------------------------------- */

/* The same for program `tc`, on `*tcxp` a link or else a filter of clsact;
 * `*qdiscp`: there was no clsact before. */
int dpx_tc_attach(struct dpx_net *, const char *dp, uint32_t port,
                  const struct dpx_link *, bool *tcxp, bool *qdiscp);

/* Removes the program's filter, if the device has it; links are for
 * dpx_link_detach().  `qdisc`: the clsact is ours to delete, if it is empty.
 */
void dpx_tc_remove_filter(struct dpx_net *, const char *dp, uint32_t ifindex,
                          bool qdisc);
int dpx_tc_update(struct dpx_net *, const char *dp, uint32_t port,
                  uint32_t ifindex, bool tcx, int prog);

/* Whether the port's program is on device `ifindex`. */
bool dpx_tc_present(struct dpx_net *, const char *dp, uint32_t port,
                    uint32_t ifindex, bool tcx);

/* The pin of a program that is about to take over. */
#define DPX_PIN_NEW "-new"

/* port.c ------------------------------------------------------------------ */

/* What an attach has changed and detach restores: bits of dpx_port.undo.  Each
 * is set before the change is made. */
#define DPX_UNDO_OWN(OFFLOAD) (1u << (OFFLOAD))        /* On the device. */
#define DPX_UNDO_PEER(OFFLOAD) (1u << (8 + (OFFLOAD))) /* On its peer. */
#define DPX_UNDO_PROMISC (1u << 16)
#define DPX_UNDO_CLSACT (1u << 17)
#define DPX_UNDO_ALL (1u << 18) /* The attach has not finished. */
_Static_assert(DPX_OFF_MAX <= 8, "undo bits");

/* Opens `net` into the namespace of the datapath's ports, and takes the thread
 * there until close.  ENOENT if that namespace cannot be found. */
int dpx_net_open_home(const struct dpx_maps *, struct dpx_net *, int *homep);
void dpx_net_close_home(struct dpx_net *, int home);

/* Reads the device as it is now into the port's record.  Returns whether that
 * changed it. */
bool dpx_port_refresh(struct dpx_net *, struct dpx_maps *, uint32_t port,
                      const struct dpx_link *);

/* Undoes all that the record says was done, as far as it goes, and frees the
 * port.  `link` NULL: its device is gone. */
void dpx_port_remove(struct dpx_net *, struct dpx_maps *, uint32_t port,
                     const struct dpx_link *);

/* Puts the datapath's TC program on the port's device. */
int dpx_port_attach_tc(struct dpx_net *, struct dpx_maps *, uint32_t port,
                       const struct dpx_link *);

/* dpx_ports_sync(), dpx_detach() and dpx_attach() with the lock held. */
int
dpx_sync_locked(struct dpx_maps *,
                void (*changed)(uint32_t port, const char *name, void *aux),
                void *aux);
int dpx_detach_locked(struct dpx_maps *, uint32_t port);
int dpx_attach_locked(struct dpx_maps *, const char *ifname,
                      const struct dpx_attach_opts *, uint32_t *portp);

/* The alias of an internal port's port end. */
void dpx_internal_alias(char alias[64], const char *dp);

/* features.c -------------------------------------------------------------- */

/* ENOSYS, with what the kernel lacks. */
int dpx_kernel_check(void);

/* load.c ------------------------------------------------------------------ */

/* The programs and maps of one datapath, loaded and not yet pinned. */
struct dpx_objects;

/* Loads this build's programs: with maps of their own, or with the pinned ones
 * of datapath `dp` if it is not NULL. */
int dpx_objects_load(const struct dpx_config *, const char *dp,
                     struct dpx_objects **);
void dpx_objects_free(struct dpx_objects *);

/* Pins the maps.  Pins the programs, each pin's name followed by `suffix`. */
int dpx_objects_pin_maps(const struct dpx_objects *, const char *dp);
int dpx_objects_pin_programs(const struct dpx_objects *, const char *dp,
                             const char *suffix);

/* The program with this pin's name; -1: there is none. */
int dpx_objects_program(const struct dpx_objects *, const char *pin);

/* Attaches what belongs to no port, and pins its links likewise. */
int dpx_objects_attach(const struct dpx_objects *, const char *dp,
                       const char *suffix);

/* unload.c ---------------------------------------------------------------- */

int dpx_unload_locked(const char *dp);

#endif /* loader/private.h */
