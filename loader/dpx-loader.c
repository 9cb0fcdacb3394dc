/* SPDX-License-Identifier: Apache-2.0 */

/* dpx-loader: makes datapaths and attaches devices to them. */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/error.h"
#include "lib/version.h"
#include "loader/loader.h"

static const char usage[] =
    "usage: dpx-loader create DP [--flows N] [--masks N] [--no-local]\n"
    "       dpx-loader delete DP\n"
    "       dpx-loader reload DP\n"
    "       dpx-loader attach DP IFACE [--port N] [--mode auto|xdp|tc]\n"
    "                         [--internal]\n"
    "       dpx-loader detach DP IFACE\n"
    "       dpx-loader show [DP]\n"
    "       dpx-loader --help | --version\n"
    "\n"
    "DP is a datapath's name: 1 to 15 letters, digits, '-', '_'.\n"
    "See dpx-loader(8).\n";

struct options {
    struct dpx_create_opts create;
    struct dpx_attach_opts attach;
};

static void __attribute__((format(printf, 1, 2)))
complain(const char *format, ...)
{
    va_list args;

    fputs("dpx-loader: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    putc('\n', stderr);
}

static void
warn(const char *text, void *aux)
{
    (void) aux;
    complain("warning: %s", text);
}

/* Commands ---------------------------------------------------------------- */

static int
create(char **args, const struct options *o)
{
    int error = dpx_load(args[0], &o->create);

    if (error) {
        complain("cannot create %s: %s", args[0], dpx_error_text(error));
    }
    return error;
}

static int delete (char **args, const struct options *o)
{
    int error = dpx_unload(args[0]);

    (void) o;
    if (error) {
        complain("cannot delete %s: %s", args[0], dpx_error_text(error));
    }
    return error;
}

static int
reload(char **args, const struct options *o)
{
    int error = dpx_reload(args[0]);

    (void) o;
    if (error) {
        complain("cannot reload %s: %s", args[0], dpx_error_text(error));
    }
    return error;
}

static int
attach(char **args, const struct options *o)
{
    struct dpx_maps *maps = NULL;
    uint32_t port;
    int error = dpx_maps_open(args[0], &maps);

    if (!error) {
        error = dpx_attach(maps, args[1], &o->attach, &port);
    }
    if (error) {
        complain("cannot attach %s to %s: %s", args[1], args[0],
                 dpx_error_text(error));
    }
    dpx_maps_close(maps);
    return error;
}

/* The port that `text` names by its device or by its number. */
static uint32_t
find_port(const struct dpx_maps *maps, const char *text)
{
    uint32_t port = dpx_port_by_name(maps, text);
    unsigned long n;
    char *end;

    if (port == DPX_PORT_NONE && *text >= '0' && *text <= '9') {
        n = strtoul(text, &end, 10);
        if (!*end && n < DPX_MAX_PORTS && maps->ports[n].ifindex) {
            port = n;
        }
    }
    return port;
}

static int
detach(char **args, const struct options *o)
{
    struct dpx_maps *maps = NULL;
    uint32_t port;
    int error = dpx_maps_open(args[0], &maps);

    (void) o;
    if (!error) {
        error = dpx_ports_sync(maps, NULL, NULL);
    }
    if (!error) {
        port = find_port(maps, args[1]);
        error = port == DPX_PORT_NONE
                    ? dpx_error(ENODEV, "it has no port %s", args[1])
                    : dpx_detach(maps, port);
    }
    if (error) {
        complain("cannot detach %s from %s: %s", args[1], args[0],
                 dpx_error_text(error));
    }
    dpx_maps_close(maps);
    return error;
}

/* Show -------------------------------------------------------------------- */

static void
show_port(const struct dpx_maps *maps, uint32_t port)
{
    static const char *const modes[] = { "auto", "xdp", "tc" };
    const struct dpx_port *p = &maps->ports[port];
    const char *why = dpx_port_why_not_xdp(maps, port);

    printf("  port %u: %.15s%s%s, mode %s, mtu %u, tc by %s\n", port, p->name,
           p->flags & DPX_PORT_INTERNAL ? " (internal)" : "",
           p->flags & DPX_PORT_UP ? "" : ", down",
           p->mode < 3 ? modes[p->mode] : "?", p->mtu,
           p->flags & DPX_PORT_TCX ? "tcx" : "clsact");
    if (why) {
        printf("    xdp: no, because %s\n", why);
    } else {
        printf("    xdp: yes\n");
    }
    printf("    xdp frames sent to it: %s\n",
           p->flags & DPX_PORT_RX_XDP ? "arrive"
                                      : "would not arrive, so tc sends to it");
}

static int
show_one(const char *name, void *aux)
{
    struct dpx_maps *maps = NULL;
    int error = dpx_maps_open(name, &maps);

    (void) aux;
    if (!error) {
        error = dpx_ports_sync(maps, NULL, NULL);
    }
    if (error) {
        complain("cannot show %s: %s", name, dpx_error_text(error));
    } else {
        printf("%s: %u of %u flows, %u masks at most\n", name,
               maps->meta->n_flows, maps->conf.n_flows - 1,
               maps->conf.n_masks);
        for (uint32_t port = 0; port < DPX_MAX_PORTS; port++) {
            if (maps->ports[port].ifindex) {
                show_port(maps, port);
            }
        }
    }
    dpx_maps_close(maps);
    return error;
}

/* A datapath that cannot be shown does not keep the others from it. */
static int
show_any(const char *name, void *failed)
{
    *(int *) failed |= show_one(name, NULL);
    return 0;
}

static int
show(char **args, const struct options *o)
{
    int failed = 0;
    int error;

    (void) o;
    if (args[0]) {
        return show_one(args[0], NULL);
    }
    error = dpx_maps_enumerate(show_any, &failed);
    if (error) {
        complain("cannot list the datapaths: %s", dpx_error_text(error));
    }
    return error ? error : failed;
}

/* Command line ------------------------------------------------------------ */

static const struct {
    const char *name;
    int min_args, max_args;
    const char *options; /* Letters of those it takes. */
    int (*run)(char **args, const struct options *);
} commands[] = {
    { "create", 1, 1, "fmn", create }, { "delete", 1, 1, "", delete },
    { "reload", 1, 1, "", reload },    { "attach", 2, 2, "poi", attach },
    { "detach", 2, 2, "", detach },    { "show", 0, 1, "", show },
};

static const struct option long_options[] = {
    { "flows", required_argument, NULL, 'f' },
    { "masks", required_argument, NULL, 'm' },
    { "no-local", no_argument, NULL, 'n' },
    { "port", required_argument, NULL, 'p' },
    { "mode", required_argument, NULL, 'o' },
    { "internal", no_argument, NULL, 'i' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

/* A decimal number from `min` to 2**32 - 2. */
static bool
parse_number(const char *what, const char *text, uint32_t min, uint32_t *np)
{
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n < min
        || n >= UINT32_MAX) {
        complain("cannot read --%s %s: not a number of %u or more", what, text,
                 min);
        return false;
    }
    *np = n;
    return true;
}

static bool
parse_mode(const char *text, enum dpx_port_mode *modep)
{
    if (!strcmp(text, "auto")) {
        *modep = DPX_MODE_AUTO;
    } else if (!strcmp(text, "xdp")) {
        *modep = DPX_MODE_XDP;
    } else if (!strcmp(text, "tc")) {
        *modep = DPX_MODE_TC;
    } else {
        complain("cannot read --mode %s: not auto, xdp or tc", text);
        return false;
    }
    return true;
}

static bool
parse_option(int c, const char *arg, struct options *o)
{
    switch (c) {
    case 'f':
        return parse_number("flows", arg, 1, &o->create.n_flows);
    case 'm':
        return parse_number("masks", arg, 1, &o->create.n_masks);
    case 'n':
        o->create.no_local = true;
        return true;
    case 'p':
        return parse_number("port", arg, 0, &o->attach.port);
    case 'o':
        return parse_mode(arg, &o->attach.mode);
    case 'i':
        o->attach.internal = true;
        return true;
    case 'h':
        fputs(usage, stdout);
        exit(0);
    case 'V':
        puts("dpx-loader " DPX_VERSION);
        exit(0);
    }
    return false;
}

/* Parses all options, wherever they stand, and collects their letters. */
static bool
parse_options(int argc, char **argv, struct options *o, char *letters)
{
    int i, c;

    while ((c = getopt_long(argc, argv, "hV", long_options, &i)) != -1) {
        if (!parse_option(c, optarg, o)) {
            return false;
        }
        if (!strchr(letters, c)) {
            letters[strlen(letters)] = c;
        }
    }
    return true;
}

static int
run_command(int argc, char **argv, const struct options *o,
            const char *letters)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[0], commands[i].name)) {
            continue;
        }
        if (argc - 1 < commands[i].min_args || argc - 1 > commands[i].max_args
            || strspn(letters, commands[i].options) < strlen(letters)) {
            complain("cannot run %s: wrong arguments\n%s", argv[0], usage);
            return 1;
        }
        int error = dpx_machine_check();

        if (error) {
            complain("cannot run %s: %s", argv[0], dpx_error_text(error));
            return 1;
        }
        return commands[i].run(argv + 1, o) ? 1 : 0;
    }
    complain("cannot run %s: no such command\n%s", argv[0], usage);
    return 1;
}

int
main(int argc, char **argv)
{
    struct options o = {
        .attach = { .port = DPX_PORT_NONE,
                    .mode = DPX_MODE_AUTO,
                    .warn = warn },
    };
    char letters[32] = "";
    int status;

    if (!parse_options(argc, argv, &o, letters)) {
        return 1;
    }
    if (optind == argc) {
        fputs(usage, stderr);
        return 1;
    }
    status = run_command(argc - optind, argv + optind, &o, letters);
    if (fflush(stdout) || ferror(stdout)) {
        complain("cannot write the output: %s", strerror(errno));
        status = 1;
    }
    return status;
}
