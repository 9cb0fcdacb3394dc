/* SPDX-License-Identifier: Apache-2.0 */

/* The registry of datapath classes. */

#include "dpif/dpif-private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"

struct registration {
    struct registration *next;
    const struct dpif_class *class;
    unsigned int refs; /* Open datapaths. */
};

static const struct dpif_class *base_classes[] = {
    &dpif_xdp_class,
    &dpif_netdev_class,
};

/* Guards everything below. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct registration *registrations;
static struct dpif_set blacklist;
static bool initialized;

static struct registration **
find(const char *type)
{
    struct registration **r = &registrations;

    while (*r && strcmp((*r)->class->type, type)) {
        r = &(*r)->next;
    }
    return r;
}

static int
register_locked(const struct dpif_class *class)
{
    struct registration **r = find(class->type);

    if (dpif_set_contains(&blacklist, class->type)) {
        return dpx_error(EINVAL, "datapath type %s is blacklisted",
                         class->type);
    } else if (*r) {
        return dpx_error(EEXIST, "datapath type %s is registered already",
                         class->type);
    }
    *r = calloc(1, sizeof **r);
    if (!*r) {
        abort();
    }
    (*r)->class = class;
    return 0;
}

/* Takes the mutex, and registers the base classes the first time. */
static void
lock(void)
{
    pthread_mutex_lock(&mutex);
    if (!initialized) {
        initialized = true;
        for (size_t i = 0; i < sizeof base_classes / sizeof *base_classes;
             i++) {
            register_locked(base_classes[i]);
        }
    }
}

static void
unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

/* Registers `class`, which must stay valid.  EEXIST, EINVAL (blacklisted). */
int
dp_register_provider(const struct dpif_class *class)
{
    int error;

    lock();
    error = register_locked(class);
    unlock();
    return error;
}

/* EAFNOSUPPORT if the type is unknown, EBUSY while a datapath of it is open.
 */
int
dp_unregister_provider(const char *type)
{
    struct registration **r, *dead = NULL;
    int error = 0;

    lock();
    r = find(dpif_normalize_type(type));
    if (!*r) {
        error = dpx_error(EAFNOSUPPORT, "datapath type %s is unknown",
                          dpif_normalize_type(type));
    } else if ((*r)->refs) {
        error = dpx_error(EBUSY, "datapath type %s is in use",
                          (*r)->class->type);
    } else {
        dead = *r;
        *r = dead->next;
    }
    unlock();
    free(dead);
    return error;
}

/* Makes later registrations of `type` fail: the base classes' too, unless
 * they have been used already. */
void
dp_blacklist_provider(const char *type)
{
    pthread_mutex_lock(&mutex);
    dpif_set_add(&blacklist, dpif_normalize_type(type));
    pthread_mutex_unlock(&mutex);
}

void
dp_enumerate_types(struct dpif_set *types)
{
    dpif_set_clear(types);
    lock();
    for (const struct registration *r = registrations; r; r = r->next) {
        dpif_set_add(types, r->class->type);
    }
    unlock();
}

int
dpif_class_ref(const char *type, struct registration **rp)
{
    type = dpif_normalize_type(type);
    lock();
    *rp = *find(type);
    if (*rp) {
        (*rp)->refs++;
    }
    unlock();
    return *rp ? 0
               : dpx_error(EAFNOSUPPORT, "datapath type %s is unknown", type);
}

void
dpif_class_unref(struct registration *r)
{
    pthread_mutex_lock(&mutex);
    r->refs--;
    pthread_mutex_unlock(&mutex);
}

const struct dpif_class *
dpif_class_of(const struct registration *r)
{
    return r->class;
}

/* EAFNOSUPPORT for an unknown type; a class that cannot enumerate has none. */
int
dp_enumerate_names(const char *type, struct dpif_set *names)
{
    struct registration *r;
    int error;

    dpif_set_clear(names);
    error = dpif_class_ref(type, &r);
    if (!error) {
        error = r->class->enumerate ? r->class->enumerate(names) : 0;
        if (error) {
            dpif_set_clear(names);
        }
        dpif_class_unref(r);
    }
    dpif_log_class(type, NULL, "enumerate", error);
    return error;
}

/* Splits "[type@]name".  The caller frees both, type being normalized. */
void
dp_parse_name(const char *datapath_name, char **name, char **type)
{
    const char *at = strchr(datapath_name, '@');
    char *given = at ? strndup(datapath_name, at - datapath_name) : NULL;

    *name = strdup(at ? at + 1 : datapath_name);
    *type = strdup(dpif_normalize_type(given));
    free(given);
    if (!*name || !*type) {
        abort();
    }
}

const char *
dpif_normalize_type(const char *type)
{
    return type && type[0] ? type : "system";
}

/* The type of netdev to open for a port of `port_type` on a datapath of type
 * `dp_type`. */
const char *
dpif_port_open_type(const char *dp_type, const char *port_type)
{
    const struct registration *r;

    lock();
    r = *find(dpif_normalize_type(dp_type));
    if (r && r->class->port_open_type) {
        port_type = r->class->port_open_type(port_type);
    }
    unlock();
    return port_type;
}

/* Sets of names --------------------------------------------------------- */

static size_t
set_find(const struct dpif_set *set, const char *name)
{
    size_t i = 0;

    while (i < set->n && strcmp(set->names[i], name) < 0) {
        i++;
    }
    return i;
}

bool
dpif_set_contains(const struct dpif_set *set, const char *name)
{
    size_t i = set_find(set, name);

    return i < set->n && !strcmp(set->names[i], name);
}

/* Copies `name`. */
void
dpif_set_add(struct dpif_set *set, const char *name)
{
    size_t i = set_find(set, name);

    if (i < set->n && !strcmp(set->names[i], name)) {
        return;
    }
    set->names = realloc(set->names, (set->n + 1) * sizeof *set->names);
    if (!set->names) {
        abort();
    }
    memmove(&set->names[i + 1], &set->names[i],
            (set->n - i) * sizeof *set->names);
    set->names[i] = strdup(name);
    if (!set->names[i]) {
        abort();
    }
    set->n++;
}

void
dpif_set_clear(struct dpif_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        free(set->names[i]);
    }
    free(set->names);
    *set = (struct dpif_set) DPIF_SET_INIT;
}
