/* SPDX-License-Identifier: Apache-2.0 */

/* What the library logs: every operation, with the datapath's name in front,
 * failures as warnings and the rest for debugging. */

#include "dpif/dpif-private.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "lib/error.h"
#include "lib/log.h"
#include "lib/flow-text.h"

static struct dpx_rate_limit error_limit = DPX_RATE_LIMIT_INIT(60, 60);
static struct dpx_rate_limit debug_limit = DPX_RATE_LIMIT_INIT(600, 600);

bool
dpif_log_wanted(int error, enum dpx_log_level *level)
{
    *level = error ? DPX_LOG_WARN : DPX_LOG_DBG;
    return dpx_log_wanted(*level, error ? &error_limit : &debug_limit);
}

static void
vlog(const struct dpif *dpif, enum dpx_log_level level, const char *format,
     va_list args)
{
    struct dpx_buf text = DPX_BUF_INIT;

    dpx_buf_vprintf(&text, format, args);
    dpx_log_write(level, "%s: %s", dpif->full_name, dpx_buf_str(&text));
    dpx_buf_free(&text);
}

void
dpif_log_debug(const struct dpif *dpif, const char *format, ...)
{
    enum dpx_log_level level;

    if (dpif_log_wanted(0, &level)) {
        va_list args;

        va_start(args, format);
        vlog(dpif, level, format, args);
        va_end(args);
    }
}

void
dpif_log_warning(const struct dpif *dpif, const char *format, ...)
{
    enum dpx_log_level level;

    if (dpif_log_wanted(EINVAL, &level)) {
        va_list args;

        va_start(args, format);
        vlog(dpif, level, format, args);
        va_end(args);
    }
}

void
dpif_log_result(const struct dpif *dpif, const char *operation, int error)
{
    if (error) {
        dpif_log_warning(dpif, "%s failed (%s)", operation,
                         dpx_error_text(error));
    } else {
        dpif_log_debug(dpif, "%s success", operation);
    }
}

/* Logs an operation on a class, or on a datapath that may not be open. */
void
dpif_log_class(const char *type, const char *name, const char *operation,
               int error)
{
    enum dpx_log_level level;

    type = dpif_normalize_type(type);
    if (!dpif_log_wanted(error, &level)) {
        return;
    } else if (error) {
        dpx_log_write(level, "%s%s%s: %s failed (%s)", type, name ? "@" : "",
                      name ? name : "", operation, dpx_error_text(error));
    } else {
        dpx_log_write(level, "%s%s%s: %s success", type, name ? "@" : "",
                      name ? name : "", operation);
    }
}

struct flow_message {
    const struct nlattr *key;
    size_t key_len;
    const struct nlattr *mask;
    size_t mask_len;
    const struct dpif_flow_stats *stats; /* NULL: none. */
    const struct nlattr *actions;
    size_t actions_len;
};

/* Writes "failed to OPERATION (reason) KEY, STATS, actions:ACTIONS", from
 * behind the operation on. */
static void
write_flow(const struct dpif *dpif, enum dpx_log_level level, int error,
           struct dpx_buf *operation, const struct flow_message *m)
{
    struct dpx_buf text = DPX_BUF_INIT;

    if (error) {
        dpx_buf_printf(&text, "failed to %s (%s) ", dpx_buf_str(operation),
                       dpx_error_text(error));
    } else {
        dpx_buf_printf(&text, "%s ", dpx_buf_str(operation));
    }
    dpx_format_flow(m->key, m->key_len, m->mask, m->mask_len, true, NULL,
                    &text);
    if (m->stats) {
        dpx_buf_printf(&text, ", ");
        dpif_flow_stats_format(m->stats, &text);
    }
    if (m->actions || m->actions_len) {
        dpx_buf_printf(&text, ", actions:");
        dpx_format_actions(m->actions, m->actions_len, NULL, &text);
    }
    dpx_log_write(level, "%s: %s", dpif->full_name, dpx_buf_str(&text));
    dpx_buf_free(&text);
    dpx_buf_free(operation);
}

/* Of a flow, that it exists is no failure of the datapath. */
static bool
flow_wanted(int error, enum dpx_log_level *level)
{
    return dpif_log_wanted(error == EEXIST ? 0 : error, level);
}

void
dpif_log_flow(const struct dpif *dpif, const char *operation, int error,
              const struct nlattr *key, size_t key_len,
              const struct nlattr *mask, size_t mask_len,
              const struct dpif_flow_stats *stats,
              const struct nlattr *actions, size_t actions_len)
{
    enum dpx_log_level level;

    if (flow_wanted(error, &level)) {
        struct flow_message m = { key,   key_len, mask,       mask_len,
                                  stats, actions, actions_len };
        struct dpx_buf text = DPX_BUF_INIT;

        dpx_buf_printf(&text, "%s", operation);
        write_flow(dpif, level, error, &text, &m);
    }
}

void
dpif_log_put(const struct dpif *dpif, const struct dpif_flow_put_op *put,
             int error)
{
    enum dpx_log_level level;

    if (flow_wanted(error, &level)) {
        struct flow_message m = { put->key,        put->key_len, put->mask,
                                  put->mask_len,   put->stats,   put->actions,
                                  put->actions_len };
        struct dpx_buf text = DPX_BUF_INIT;

        dpx_buf_printf(&text, "put%s%s%s",
                       put->flags & DPIF_FP_CREATE ? "[create]" : "",
                       put->flags & DPIF_FP_MODIFY ? "[modify]" : "",
                       put->flags & DPIF_FP_ZERO_STATS ? "[zero]" : "");
        write_flow(dpif, level, error, &text, &m);
    }
}

/* The first bytes of a packet. */
static void
format_packet(struct dpx_buf *text, const struct dpx_buf *packet)
{
    const uint8_t *data = dpx_buf_data(packet);

    dpx_buf_printf(text, " on packet of %zu bytes ", packet->len);
    for (size_t i = 0; i < packet->len && i < 64; i++) {
        dpx_buf_printf(text, "%02x", data[i]);
    }
}

void
dpif_log_execute(const struct dpif *dpif, const struct dpif_execute *execute,
                 int error)
{
    struct dpx_buf text = DPX_BUF_INIT;
    enum dpx_log_level level;

    if (execute->probe || !dpif_log_wanted(error, &level)) {
        return;
    }
    dpx_buf_printf(&text, "%sexecute ", error ? "failed to " : "");
    dpx_format_actions(execute->actions, execute->actions_len, NULL, &text);
    if (error) {
        dpx_buf_printf(&text, " (%s)", dpx_error_text(error));
    }
    format_packet(&text, execute->packet);
    dpx_log_write(level, "%s: %s", dpif->full_name, dpx_buf_str(&text));
    dpx_buf_free(&text);
}

void
dpif_log_upcall(const struct dpif *dpif, const struct dpif_upcall *upcall)
{
    struct dpx_buf text = DPX_BUF_INIT;
    enum dpx_log_level level;

    if (!dpif_log_wanted(0, &level)) {
        return;
    }
    dpx_buf_printf(&text, "%s upcall ",
                   dpif_upcall_type_to_string(upcall->type));
    dpx_format_flow(upcall->key, upcall->key_len, NULL, 0, true, NULL, &text);
    format_packet(&text, &upcall->packet);
    dpx_log_write(level, "%s: %s", dpif->full_name, dpx_buf_str(&text));
    dpx_buf_free(&text);
}
