/* SPDX-License-Identifier: Apache-2.0 */

/* dpxtool: one noun, one file, one command table. */

#ifndef TOOL_H
#define TOOL_H 1

#include <jansson.h>
#include <stdbool.h>

#include "lib/buf.h"
#include "lib/error.h"
#include "lib/odp.h"
#include "provider-xdp/provider.h"

/* The rest of the command line.  Words are matched like bpftool's: any
 * unambiguous beginning will do. */
struct args {
    int n;
    char **words;
};

bool args_is(struct args *, const char *word);          /* Eats it if it is. */
const char *args_next(struct args *, const char *what); /* Or dies. */
void args_end(struct args *); /* Dies unless at the end. */

/* "dpxtool: cannot ...: reason" and exit status 1.  `what` is the part behind
 * "cannot". */
void die(int error, const char *what, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void usage_die(const char *what, ...)
    __attribute__((noreturn, format(printf, 1, 2)));

struct command {
    const char *name;
    void (*run)(struct args *);
    const char *usage; /* What follows the noun and the command. */
};

extern const struct command dp_commands[], port_commands[], flow_commands[],
    mask_commands[], upcall_commands[], drop_commands[];

/* Output: with -j or -p everything is gathered as JSON and printed at the end,
 * otherwise text is printed as it comes. */
extern bool json_wanted;
void json_out(json_t *); /* Takes the reference. */
json_t *
json_text(const char *); /* '?' for what JSON cannot hold: not UTF-8. */

/* Opens the datapath that follows the word "dp"; dies if there is none. */
struct dpx_dp *open_dp(struct args *);

/* Calls `cb` for the datapath that "dp DP" names, or for each that there is.
 * With JSON, `cb` returns what goes into the array that is printed. */
void for_each_dp(struct args *, json_t *(*cb)(struct dpx_dp *) );

/* Port names of a datapath for flow text; numbers are printed unless
 * `names`. */
struct dpx_port_names port_names(struct dpx_dp *, bool names);

#endif /* tools/dpxtool/tool.h */
