/* SPDX-License-Identifier: Apache-2.0 */

/* What the files of flow text (lib/text-*.c) share.  Most of it is tables: the
 * argument of a key's attribute, or of an action, is a list of fields, each
 * with a name, a place and a type. */

#ifndef DPX_TEXT_PRIVATE_H
#define DPX_TEXT_PRIVATE_H 1

#include "lib/odp-private.h"

/* lib/text-field.c: the tables, and writing. */

enum dpx_text_type {
    DPX_TEXT_U8,
    DPX_TEXT_U8X,
    DPX_TEXT_U16,
    DPX_TEXT_U32,
    DPX_TEXT_U32X,
    DPX_TEXT_BE16,
    DPX_TEXT_BE16X,
    DPX_TEXT_BE32X,
    DPX_TEXT_ETHERTYPE,
    DPX_TEXT_LABEL,
    DPX_TEXT_VID,
    DPX_TEXT_PCP,
    DPX_TEXT_CFI,
    DPX_TEXT_LSE_LABEL,
    DPX_TEXT_LSE_TC,
    DPX_TEXT_LSE_TTL,
    DPX_TEXT_LSE_BOS,
    DPX_TEXT_PORT,
    DPX_TEXT_FRAG,
    DPX_TEXT_TCP_FLAGS,
    DPX_TEXT_CT_STATE,
    DPX_TEXT_NUMBERS, /* These are no numbers: */
    DPX_TEXT_ETH = DPX_TEXT_NUMBERS,
    DPX_TEXT_IPV4,
    DPX_TEXT_IPV6,
    DPX_TEXT_U128,
    DPX_TEXT_TYPES
};

/* A number is `bits` of a word of `size` bytes, from bit `shift` on. */
struct dpx_text_kind {
    uint8_t size;
    bool big_endian;
    uint8_t bits;
    uint8_t shift;
    const char *format; /* Takes a uint64_t. */
    const char *mask_format;
    const char *const *flags; /* Names of bits; or of values, for frag. */
    const char *what;         /* For messages. */
};

#define DPX_TEXT_NONE -1

struct dpx_text_field {
    uint8_t code; /* OVS_KEY_ATTR_*; or DPX_TEXT_ACTION + it. */
    uint8_t ofs;
    uint8_t type;     /* enum dpx_text_type. */
    const char *name; /* NULL: it stands there without a name. */
    int usual;        /* Value that is not written, or NONE. */
};

#define DPX_TEXT_ACTION 64 /* Added to OVS_ACTION_ATTR_*. */
#define DPX_TEXT_MAX 40    /* Bytes of the longest argument. */

extern const struct dpx_text_kind dpx_text_kinds[DPX_TEXT_TYPES];

/* The first field of `code`, up to the next that is not of `code`; NULL. */
const struct dpx_text_field *dpx_text_fields(int code);

uint64_t dpx_text_get(const struct dpx_text_kind *, const uint8_t *);
void dpx_text_set(const struct dpx_text_kind *, uint8_t *, uint64_t);

struct dpx_text_style {
    bool more;  /* Wildcarded fields too. */
    bool stray; /* Those, if their value is not 0. */
    bool slash; /* Masks of all ones too. */
};

/* Appends the fields of `code`, of `size` bytes, which the caller has checked.
 * `mask` may be NULL: exact. */
void dpx_text_put_fields(struct dpx_buf *, int code, const uint8_t *value,
                         const uint8_t *mask, size_t size,
                         struct dpx_text_style, const struct dpx_port_names *);
void dpx_text_put_port(struct dpx_buf *, uint32_t port,
                       const struct dpx_port_names *);
void dpx_text_put_hex(struct dpx_buf *, const uint8_t *, size_t n);

/* lib/text-scan.c: reading. */

struct dpx_text {
    const char *start; /* For column numbers. */
    const char *p;     /* What is left. */
    const struct dpx_port_names *names;
    int depth; /* Of nesting. */
};

#define DPX_TEXT_DEPTH 32
#define DPX_TEXT_BLANKS " \t\r\n"

/* Sets the message, with the column of `at` and the word there.  EINVAL. */
int dpx_text_error(const struct dpx_text *, const char *at, const char *what);

/* Takes `literal` if it comes next; insists on it; skips bytes of `set`. */
bool dpx_text_take(struct dpx_text *, const char *literal);
int dpx_text_need(struct dpx_text *, const char *literal);
void dpx_text_skip(struct dpx_text *, const char *set);

/* The length of the word that comes next. */
size_t dpx_text_word(const char *);
bool dpx_text_word_is(const char *, const char *word);

int dpx_text_number(struct dpx_text *, uint64_t max, uint64_t *);
int dpx_text_port(struct dpx_text *, uint32_t *);

/* Appends the bytes that the word's hexadecimal digits stand for. */
int dpx_text_hex(struct dpx_text *, struct dpx_buf *);

/* Reads the fields of `code` up to the closing parenthesis, which it leaves.
 * What is not named is 0, and wildcarded.  `*size`: bytes used of both.
 * `*partial`: a mask was written, or a field left out. */
int
dpx_text_get_fields(struct dpx_text *, int code, uint8_t value[DPX_TEXT_MAX],
                    uint8_t mask[DPX_TEXT_MAX], size_t *size, bool *partial);

/* lib/text-key.c: one attribute of a key. */

int dpx_text_get_key(struct dpx_text *, struct dpx_buf *key,
                     struct dpx_buf *mask, bool *partial);
void dpx_text_put_key(struct dpx_buf *, const struct dpx_attr *key,
                      const struct dpx_attr *mask, struct dpx_text_style,
                      const struct dpx_port_names *);

/* lib/text-action.c: lists of actions, up to a closing parenthesis. */

void dpx_text_put_actions(struct dpx_buf *, struct dpx_attrs,
                          const struct dpx_port_names *, int depth);
int dpx_text_get_actions(struct dpx_text *, struct dpx_buf *actions);

/* lib/text-nest.c: actions that are no lists of fields. */

typedef bool dpx_text_putter(struct dpx_buf *, const struct dpx_attr *,
                             const struct dpx_port_names *, int depth);
typedef int dpx_text_getter(struct dpx_text *, struct dpx_buf *actions);

dpx_text_putter dpx_text_put_userspace, dpx_text_put_set, dpx_text_put_sample,
    dpx_text_put_clone, dpx_text_put_check_pkt_len, dpx_text_put_hash;
dpx_text_getter dpx_text_get_userspace, dpx_text_get_set, dpx_text_get_sample,
    dpx_text_get_clone, dpx_text_get_check_pkt_len, dpx_text_get_hash;

#endif /* lib/text-private.h */
