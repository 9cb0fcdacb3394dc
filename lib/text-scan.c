/* SPDX-License-Identifier: Apache-2.0 */

/* Reading flow text: words, numbers and fields. */

#include "lib/text-private.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/error.h"

#define PUNCTUATION ",()=/" DPX_TEXT_BLANKS

size_t
dpx_text_word(const char *p)
{
    size_t n = strcspn(p, PUNCTUATION);

    return n || !*p ? n : 1;
}

bool
dpx_text_word_is(const char *p, const char *word)
{
    size_t n = strlen(word);

    return dpx_text_word(p) == n && !memcmp(p, word, n);
}

int
dpx_text_error(const struct dpx_text *t, const char *at, const char *what)
{
    size_t n = dpx_text_word(at);
    int column = at - t->start + 1;

    if (!*at) {
        return dpx_error(EINVAL, "column %d: %s expected, the text ends",
                         column, what);
    }
    return dpx_error(EINVAL, "column %d: \"%.*s\"%s: %s expected", column,
                     (int) (n < 48 ? n : 48), at, n < 48 ? "" : "...", what);
}

bool
dpx_text_take(struct dpx_text *t, const char *literal)
{
    size_t n = strlen(literal);

    if (strncmp(t->p, literal, n)) {
        return false;
    }
    t->p += n;
    return true;
}

int
dpx_text_need(struct dpx_text *t, const char *literal)
{
    char what[32];

    if (dpx_text_take(t, literal)) {
        return 0;
    }
    snprintf(what, sizeof what, "\"%s\"", literal);
    return dpx_text_error(t, t->p, what);
}

void
dpx_text_skip(struct dpx_text *t, const char *set)
{
    t->p += strspn(t->p, set);
}

int
dpx_text_number(struct dpx_text *t, uint64_t max, uint64_t *value)
{
    char what[64];
    char *end;

    if (!isdigit((unsigned char) *t->p)) {
        return dpx_text_error(t, t->p, "a number");
    }
    errno = 0;
    *value = strtoull(t->p, &end, 0);
    if (errno || *value > max) {
        snprintf(what, sizeof what, "a number up to %llu",
                 (unsigned long long) max);
        return dpx_text_error(t, t->p, what);
    }
    if (*end && !strchr(PUNCTUATION, *end)) {
        return dpx_text_error(t, t->p, "a number");
    }
    t->p = end;
    return 0;
}

/* A number, or a name. */
int
dpx_text_port(struct dpx_text *t, uint32_t *port)
{
    const struct dpx_port_names *names = t->names;
    size_t n = dpx_text_word(t->p);
    uint64_t number = 0;
    char name[64];

    if (strspn(t->p, "0123456789xabcdefABCDEF") == n
        && isdigit((unsigned char) *t->p)) {
        int error = dpx_text_number(t, UINT32_MAX, &number);

        *port = number;
        return error;
    }
    if (names && names->number && n < sizeof name) {
        memcpy(name, t->p, n);
        name[n] = '\0';
        *port = names->number(name, names->aux);
        if (*port != DPX_PORT_NONE) {
            t->p += n;
            return 0;
        }
    }
    return dpx_text_error(t, t->p,
                          names && names->number
                              ? "the number or name of a port"
                              : "the number of a port");
}

static int
digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int
dpx_text_hex(struct dpx_text *t, struct dpx_buf *b)
{
    size_t n = strcspn(t->p, PUNCTUATION);

    if (n % 2) {
        return dpx_text_error(t, t->p, "an even number of digits");
    }
    for (size_t i = 0; i < n; i += 2) {
        int high = digit(t->p[i]), low = digit(t->p[i + 1]);
        uint8_t byte;

        if (high < 0 || low < 0) {
            return dpx_text_error(t, t->p, "hexadecimal digits");
        }
        byte = high << 4 | low;
        dpx_buf_put(b, &byte, 1);
    }
    t->p += n;
    return 0;
}

static bool
read_eth(const char *word, size_t n, uint8_t *p)
{
    if (n != 17) {
        return false;
    }
    for (int i = 0; i < 6; i++, word += 3) {
        int high = digit(word[0]), low = digit(word[1]);

        if (high < 0 || low < 0 || (i < 5 && word[2] != ':')) {
            return false;
        }
        p[i] = high << 4 | low;
    }
    return true;
}

static bool
read_u128(const char *word, size_t n, uint8_t *p)
{
    if (n > 2 && word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) {
        word += 2;
        n -= 2;
    }
    if (!n || n > 32) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        int x = digit(word[n - 1 - i]);

        if (x < 0) {
            return false;
        }
        p[15 - i / 2] |= i % 2 ? x << 4 : x;
    }
    return true;
}

static bool
read_address(int family, const char *word, size_t n, uint8_t *p)
{
    char text[INET6_ADDRSTRLEN];

    if (n >= sizeof text) {
        return false;
    }
    memcpy(text, word, n);
    text[n] = '\0';
    return inet_pton(family, text, p) == 1;
}

/* Reads what is no number. */
static int
read_address_field(struct dpx_text *t, int type, uint8_t *p)
{
    size_t n = dpx_text_word(t->p);
    bool ok;

    memset(p, 0, dpx_text_kinds[type].size);
    switch (type) {
    case DPX_TEXT_ETH:
        ok = read_eth(t->p, n, p);
        break;
    case DPX_TEXT_IPV4:
        ok = read_address(AF_INET, t->p, n, p);
        break;
    case DPX_TEXT_IPV6:
        ok = read_address(AF_INET6, t->p, n, p);
        break;
    default:
        ok = read_u128(t->p, n, p);
        break;
    }
    if (!ok) {
        return dpx_text_error(t, t->p, dpx_text_kinds[type].what);
    }
    t->p += n;
    return 0;
}

static int
read_value(struct dpx_text *t, int type, bool is_mask, uint8_t *p)
{
    const struct dpx_text_kind *kind = &dpx_text_kinds[type];
    uint64_t x = 0;
    int error = 0;

    if (type >= DPX_TEXT_NUMBERS) {
        return read_address_field(t, type, p);
    }
    if (type == DPX_TEXT_PORT && !is_mask) {
        uint32_t port = 0;

        error = dpx_text_port(t, &port);
        x = port;
    } else if (type == DPX_TEXT_FRAG && !isdigit((unsigned char) *t->p)) {
        const char *const *names = kind->flags;

        while (names && names[x] && !dpx_text_word_is(t->p, names[x])) {
            x++;
        }
        if (!names || !names[x]) {
            return dpx_text_error(t, t->p, kind->what);
        }
        t->p += strlen(names[x]);
    } else {
        error = dpx_text_number(t, (UINT64_C(1) << kind->bits) - 1, &x);
    }
    if (!error) {
        dpx_text_set(kind, p, x);
    }
    return error;
}

/* "a|b", which is exact, or "+a-b", which says the mask. */
static int
read_flags(struct dpx_text *t, const struct dpx_text_kind *kind,
           uint64_t *value, uint64_t *mask)
{
    bool masked = *t->p == '+' || *t->p == '-';
    uint64_t all = (UINT64_C(1) << kind->bits) - 1;

    *value = 0;
    *mask = masked ? 0 : all;
    for (;;) {
        bool on = *t->p != '-';
        size_t n;
        int i = 0;

        t->p += masked;
        n = strcspn(t->p, "+-|" PUNCTUATION);
        while (kind->flags[i]
               && (strlen(kind->flags[i]) != n
                   || memcmp(kind->flags[i], t->p, n))) {
            i++;
        }
        if (!kind->flags[i]) {
            return dpx_text_error(t, t->p, kind->what);
        }
        *mask |= UINT64_C(1) << i;
        *value |= (uint64_t) on << i;
        t->p += n;
        if (masked ? *t->p != '+' && *t->p != '-' : *t->p != '|') {
            return 0;
        }
        t->p += !masked;
    }
}

static void
set_ones(const struct dpx_text_kind *kind, uint8_t *mask)
{
    if (kind->bits) {
        dpx_text_set(kind, mask, (UINT64_C(1) << kind->bits) - 1);
    } else {
        memset(mask, 0xff, kind->size);
    }
}

static int
read_field(struct dpx_text *t, const struct dpx_text_field *f, uint8_t *value,
           uint8_t *mask, bool *partial)
{
    const struct dpx_text_kind *kind = &dpx_text_kinds[f->type];
    int error;

    if (kind->flags && f->type != DPX_TEXT_FRAG
        && !isdigit((unsigned char) *t->p)) {
        uint64_t v, m;

        error = read_flags(t, kind, &v, &m);
        if (!error) {
            dpx_text_set(kind, value, v);
            dpx_text_set(kind, mask, m);
            *partial |= m != (UINT64_C(1) << kind->bits) - 1;
        }
        return error;
    }
    set_ones(kind, mask);
    error = read_value(t, f->type, false, value);
    if (!error && dpx_text_take(t, "/")) {
        *partial = true;
        error = read_value(t, f->type, true, mask);
    }
    return error;
}

/* Finds the field that is named next, and takes its name. */
static const struct dpx_text_field *
find_field(struct dpx_text *t, const struct dpx_text_field *f)
{
    int code = f->code;
    size_t n = dpx_text_word(t->p);

    for (; f->code == code; f++) {
        if (!f->name) {
            return f;
        }
        if (t->p[n] == '=' && dpx_text_word_is(t->p, f->name)) {
            t->p += n + 1;
            return f;
        }
    }
    return NULL;
}

/* Sets what is usual where it is not named; counts the fields. */
static unsigned int
start_fields(const struct dpx_text_field *f, uint8_t *value, uint8_t *mask)
{
    unsigned int n = 0;

    for (int code = f->code; f[n].code == code; n++) {
        const struct dpx_text_kind *kind = &dpx_text_kinds[f[n].type];

        if (f[n].usual != DPX_TEXT_NONE) {
            dpx_text_set(kind, value + f[n].ofs, f[n].usual);
            set_ones(kind, mask + f[n].ofs);
        }
    }
    return n;
}

/* Were all fields named that have no usual value? */
static bool
is_complete(const struct dpx_text_field *first, unsigned int n, uint64_t seen)
{
    for (unsigned int i = 0; i < n; i++) {
        if (!(seen >> i & 1) && first[i].usual == DPX_TEXT_NONE) {
            return false;
        }
    }
    return true;
}

int
dpx_text_get_fields(struct dpx_text *t, int code, uint8_t value[DPX_TEXT_MAX],
                    uint8_t mask[DPX_TEXT_MAX], size_t *size, bool *partial)
{
    const struct dpx_text_field *first = dpx_text_fields(code);
    unsigned int n, at = 0;
    uint64_t seen = 0;
    int error;

    memset(value, 0, DPX_TEXT_MAX);
    memset(mask, 0, DPX_TEXT_MAX);
    *partial = false;
    n = start_fields(first, value, mask);
    while (*t->p != ')' || !first->name) {
        const char *name = t->p;
        const struct dpx_text_field *f = find_field(t, first);

        if (!f) {
            return dpx_text_error(t, t->p, "the name of a field, \"=\"");
        }
        if (seen >> (f - first) & 1) {
            /* Of MPLS, a field that comes again begins the next entry. */
            if (code != OVS_KEY_ATTR_MPLS || at == 4 * (DPX_MAX_MPLS - 1)) {
                return dpx_text_error(t, name, "each field once");
            }
            *partial |= !is_complete(first, n, seen);
            at += 4;
            seen = 0;
        }
        seen |= UINT64_C(1) << (f - first);
        error = read_field(t, f, value + at + f->ofs, mask + at + f->ofs,
                           partial);
        if (error) {
            return error;
        }
        if (*t->p == ')') {
            break;
        }
        if (!f->name || !dpx_text_take(t, ",")) {
            return dpx_text_error(t, t->p, "\",\" or \")\"");
        }
    }
    *partial |= !is_complete(first, n, seen);
    *size = at + 4;
    return 0;
}
