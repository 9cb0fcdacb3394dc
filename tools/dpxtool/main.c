/* SPDX-License-Identifier: Apache-2.0 */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/version.h"
#include "tools/dpxtool/tool.h"

bool json_wanted;
static size_t json_flags = JSON_COMPACT;
static json_t *json_result;

static const struct noun {
    const char *name;
    const struct command *commands;
} nouns[] = {
    { "dp", dp_commands },
    { "port", port_commands },
    { "flow", flow_commands },
    { "mask", mask_commands },
    { "upcall", upcall_commands },
    { "drop", drop_commands },
    { NULL, NULL },
};

/* Errors ---------------------------------------------------------------- */

static void
complain(const char *reason, const char *what, va_list args)
{
    struct dpx_buf text = DPX_BUF_INIT;

    dpx_buf_printf(&text, "cannot ");
    dpx_buf_vprintf(&text, what, args);
    if (reason) {
        dpx_buf_printf(&text, ": %s", reason);
    }
    if (json_wanted) {
        json_t *error = json_pack("{s:o}", "error",
                                  json_text(dpx_buf_str(&text)));

        json_dumpf(error, stdout, json_flags);
        putchar('\n');
        json_decref(error);
    }
    fprintf(stderr, "dpxtool: %s\n", dpx_buf_str(&text));
    dpx_buf_free(&text);
}

void
die(int error, const char *what, ...)
{
    va_list args;

    va_start(args, what);
    complain(dpx_error_text(error), what, args);
    va_end(args);
    exit(1);
}

void
usage_die(const char *what, ...)
{
    va_list args;

    va_start(args, what);
    complain(NULL, what, args);
    va_end(args);
    exit(1);
}

/* Arguments --------------------------------------------------------------- */

static bool
is_prefix(const char *prefix, const char *word)
{
    return *prefix && !strncmp(prefix, word, strlen(prefix));
}

bool
args_is(struct args *a, const char *word)
{
    if (!a->n || !is_prefix(a->words[0], word)) {
        return false;
    }
    a->n--;
    a->words++;
    return true;
}

const char *
args_next(struct args *a, const char *what)
{
    if (!a->n) {
        usage_die("go on: %s expected at the end of the command", what);
    }
    a->n--;
    return *a->words++;
}

void
args_end(struct args *a)
{
    if (a->n) {
        usage_die("understand \"%s\": unexpected argument", a->words[0]);
    }
}

/* Output -------------------------------------------------------------------*/

void
json_out(json_t *value)
{
    json_result = value;
}

json_t *
json_text(const char *text)
{
    json_t *value = json_string(text);
    char *copy;

    if (!value) {
        copy = strdup(text);
        for (char *p = copy; p && *p; p++) {
            *p = *p & 0x80 ? '?' : *p;
        }
        value = json_string(copy);
        free(copy);
    }
    return value;
}

static void
usage(FILE *out, const char *noun, const struct command *commands)
{
    for (const struct command *c = commands; c->name; c++) {
        fprintf(out, "%s dpxtool %s %s%s%s\n",
                c == commands ? "Usage:" : "      ", noun, c->name,
                *c->usage ? " " : "", c->usage);
    }
    fprintf(out, "       dpxtool %s help\n", noun);
}

static void
help(FILE *out)
{
    fputs("Usage: dpxtool [OPTIONS] OBJECT { COMMAND | help }\n"
          "       dpxtool version\n"
          "\n"
          "       OBJECT := { dp | port | flow | mask | upcall | drop }\n"
          "       OPTIONS := { -j|--json | -p|--pretty | -V|--version |\n"
          "                    -h|--help }\n",
          out);
}

static void
version(void)
{
    if (json_wanted) {
        json_out(json_pack("{s:s}", "version", DPX_VERSION));
    } else {
        puts("dpxtool " DPX_VERSION);
    }
}

static void
run_noun(const struct noun *noun, struct args *a)
{
    if (args_is(a, "help")) {
        usage(stdout, noun->name, noun->commands);
        return;
    }
    if (!a->n) { /* As bpftool: the first command. */
        noun->commands[0].run(a);
        return;
    }
    for (const struct command *c = noun->commands; c->name; c++) {
        if (args_is(a, c->name)) {
            c->run(a);
            return;
        }
    }
    usage(stderr, noun->name, noun->commands);
    usage_die("understand \"%s\": no such command of %s", a->words[0],
              noun->name);
}

static void
run(struct args *a)
{
    if (!a->n || args_is(a, "help")) {
        help(stdout);
        return;
    }
    if (args_is(a, "version")) {
        version();
        return;
    }
    for (const struct noun *noun = nouns; noun->name; noun++) {
        if (args_is(a, noun->name)) {
            run_noun(noun, a);
            return;
        }
    }
    help(stderr);
    usage_die("understand \"%s\": no such object", a->words[0]);
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
        { "pretty", no_argument, NULL, 'p' },
        { "version", no_argument, NULL, 'V' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool want_version = false;
    int c;

    while ((c = getopt_long(argc, argv, "+jpVh", options, NULL)) != -1) {
        switch (c) {
        case 'j':
            json_wanted = true;
            break;
        case 'p':
            json_wanted = true;
            json_flags = JSON_INDENT(4);
            break;
        case 'V':
            want_version = true;
            break;
        case 'h':
            help(stdout);
            return 0;
        default:
            help(stderr);
            return 1;
        }
    }
    if (want_version) {
        version();
    } else {
        run(&(struct args){ argc - optind, argv + optind });
    }
    if (json_wanted) {
        json_dumpf(json_result ? json_result : json_null(), stdout,
                   json_flags | JSON_ENCODE_ANY);
        putchar('\n');
        json_decref(json_result);
    }
    if (fflush(stdout) || ferror(stdout)) {
        usage_die("write the output");
    }
    return 0;
}
