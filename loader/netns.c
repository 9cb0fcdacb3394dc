/* SPDX-License-Identifier: Apache-2.0 */

/* Network namespaces: finding one, and going there. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/error.h"
#include "loader/device.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

uint64_t
dpx_netns_cookie(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;

    if (fd >= 0) {
        if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len)) {
            cookie = 0;
        }
        close(fd);
    }
    return cookie;
}

int
dpx_netns_enter(int fd, int *homep)
{
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int error;

    if (home < 0 || setns(fd, CLONE_NEWNET)) {
        error = errno;
        if (home >= 0) {
            close(home);
        }
        return dpx_error(error, "cannot enter a network namespace: %s",
                         strerror(error));
    }
    *homep = home;
    return 0;
}

void
dpx_netns_leave(int home)
{
    if (setns(home, CLONE_NEWNET)) {
        abort(); /* To go on elsewhere would be worse. */
    }
    close(home);
}

/* Search ------------------------------------------------------------------ */

struct search {
    bool (*match)(int fd, const char *path, void *aux);
    void *aux;
    ino_t *seen;
    size_t n_seen;
};

/* A descriptor of the namespace that file `path` stands for, if it matches and
 * is new to this search; else -1. */
static int
try_file(struct search *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct statfs fs;
    struct stat st;

    if (fd < 0) {
        return -1;
    }
    if (fstatfs(fd, &fs) || fs.f_type != NSFS_MAGIC || fstat(fd, &st)) {
        goto no;
    }
    for (size_t i = 0; i < s->n_seen; i++) {
        if (s->seen[i] == st.st_ino) {
            goto no;
        }
    }
    s->seen = realloc(s->seen, (s->n_seen + 1) * sizeof *s->seen);
    if (!s->seen) {
        abort();
    }
    s->seen[s->n_seen++] = st.st_ino;
    if (s->match(fd, path, s->aux)) {
        return fd;
    }
no:
    close(fd);
    return -1;
}

/* Tries `dir`/NAME`suffix` for each entry NAME of `dir` that begins with one
 * of the characters in `first` (NULL: any). */
static int
try_dir(struct search *s, const char *dir, const char *first,
        const char *suffix)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[512];
    int fd = -1;

    while (d && fd < 0 && (e = readdir(d))) {
        if (e->d_name[0] != '.' && (!first || strchr(first, e->d_name[0]))) {
            snprintf(path, sizeof path, "%s/%s%s", dir, e->d_name, suffix);
            fd = try_file(s, path);
        }
    }
    if (d) {
        closedir(d);
    }
    return fd;
}

static int
find(bool (*match)(int fd, const char *path, void *aux), void *aux)
{
    struct search s = { .match = match, .aux = aux };
    int fd = try_dir(&s, "/run/netns", NULL, "");

    if (fd < 0) {
        fd = try_dir(&s, "/proc", "123456789", "/ns/net");
    }
    free(s.seen);
    return fd < 0 ? -ENOENT : fd;
}

static int
get_nsid(const struct nlmsghdr *nlh, void *nsidp)
{
    const struct nlattr *attr;

    mnl_attr_for_each(attr, nlh, sizeof(struct rtgenmsg))
    {
        if (mnl_attr_get_type(attr) == NETNSA_NSID) {
            *(int *) nsidp = mnl_attr_get_u32(attr);
        }
    }
    return MNL_CB_OK;
}

/* The number that `net`'s namespace has for namespace `fd`; -1: none. */
static int
nsid_of(struct dpx_net *net, int fd)
{
    _Alignas(8) uint8_t buf[256];
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct rtgenmsg *gen;
    int nsid = -1;

    nlh->nlmsg_type = RTM_GETNSID;
    nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    gen = mnl_nlmsg_put_extra_header(nlh, sizeof *gen);
    gen->rtgen_family = AF_UNSPEC;
    mnl_attr_put_u32(nlh, NETNSA_FD, fd);
    return dpx_net_talk(net->route, nlh, get_nsid, &nsid) ? -1 : nsid;
}

static bool
collect(int fd, const char *path, void *net_)
{
    struct dpx_net *net = net_;
    int nsid = nsid_of(net, fd);

    if (nsid >= 0) {
        net->known = realloc(net->known,
                             (net->n_known + 1) * sizeof *net->known);
        if (!net->known) {
            abort();
        }
        net->known[net->n_known].nsid = nsid;
        net->known[net->n_known++].path = strdup(path);
    }
    return false;
}

int
dpx_netns_by_id(struct dpx_net *net, int nsid)
{
    if (!net->searched) {
        net->searched = true;
        find(collect, net);
    }
    for (size_t i = 0; i < net->n_known; i++) {
        if (net->known[i].nsid == nsid) {
            int fd = open(net->known[i].path, O_RDONLY | O_CLOEXEC);

            /* Processes come and go, and so may the path. */
            if (fd >= 0 && nsid_of(net, fd) == nsid) {
                return fd;
            } else if (fd >= 0) {
                close(fd);
            }
        }
    }
    return -ENOENT;
}

static bool
match_cookie(int fd, const char *path, void *wanted)
{
    uint64_t cookie;
    int home = -1;

    (void) path;
    if (dpx_netns_enter(fd, &home)) {
        return false;
    }
    cookie = dpx_netns_cookie();
    dpx_netns_leave(home);
    return cookie == *(uint64_t *) wanted;
}

int
dpx_netns_by_cookie(uint64_t cookie)
{
    return find(match_cookie, &cookie);
}
