#include "server/metrics.h"

#include <stdarg.h>

const char *kft_ending_name(KftEnding ending)
{
    switch (ending) {
#define ENDING_NAME(name, text)                                                                    \
    case KFT_ENDING_##name:                                                                        \
        return text;
        KFT_ENDINGS(ENDING_NAME)
#undef ENDING_NAME
    case KFT_N_ENDINGS:
        break;
    }
    g_assert_not_reached();
}

static void begin(GString *out, const char *name, const char *type, const char *help)
{
    g_string_append_printf(out, "# HELP kftray_server_%s %s\n# TYPE kftray_server_%s %s\n", name,
                           help, name, type);
}

static void
add(GString *out, const char *name, const char *label, const char *value, uint64_t number)
{
    g_string_append_printf(out, "kftray_server_%s", name);
    if (label != NULL)
        g_string_append_printf(out, "{%s=\"%s\"}", label, value);
    g_string_append_printf(out, " %" G_GUINT64_FORMAT "\n", number);
}

static void append_connections(const KftMetrics *self, GString *out)
{
    begin(out, "connections_total", "counter", "Connections of clients.");
    add(out, "connections_total", "result", "accepted", self->n_accepted);
    add(out, "connections_total", "result", "turned-away", self->n_turned_away);
    begin(out, "connections", "gauge", "Connections of clients that are open.");
    add(out, "connections", NULL, NULL, self->n_open);
    begin(out, "ended_total", "counter", "Connections that ended, by how.");
    for (unsigned i = 0; i < KFT_N_ENDINGS; i++)
        add(out, "ended_total", "result", kft_ending_name((KftEnding)i), self->n_ended[i]);
}

static void append_traffic(const KftMetrics *self, GString *out)
{
    begin(out, "bytes_total", "counter", "Bytes taken, without frames and handshakes.");
    add(out, "bytes_total", "to", "target", self->bytes_to_target);
    add(out, "bytes_total", "to", "client", self->bytes_to_client);
    begin(out, "datagrams_total", "counter",
          "Datagrams taken, those dropped from a backlog included.");
    add(out, "datagrams_total", "to", "target", self->datagrams_to_target);
    add(out, "datagrams_total", "to", "client", self->datagrams_to_client);
    begin(out, "datagrams_dropped_total", "counter", "Datagrams dropped, by why.");
    add(out, "datagrams_dropped_total", "reason", "backlog", self->dropped_backlog);
    add(out, "datagrams_dropped_total", "reason", "size", self->dropped_size);
    add(out, "datagrams_dropped_total", "reason", "send", self->dropped_send);
    begin(out, "queued_bytes", "gauge", "Bytes of datagrams that wait for clients to read.");
    add(out, "queued_bytes", NULL, NULL, self->queued_bytes);
}

char *kft_metrics_format(const KftMetrics *self, const char *mode)
{
    GString *out = g_string_sized_new(4096);

    begin(out, "info", "gauge", "Version and mode of the server.");
    g_string_append_printf(out, "kftray_server_info{version=\"%s\",mode=\"%s\"} 1\n", KFT_VERSION,
                           mode);
    begin(out, "start_time_seconds", "gauge", "When the server started.");
    add(out, "start_time_seconds", NULL, NULL, self->started_unix_s);
    begin(out, "draining", "gauge", "Whether the server takes no more connections.");
    add(out, "draining", NULL, NULL, self->is_draining);
    append_connections(self, out);
    append_traffic(self, out);
    return g_string_free(out, FALSE);
}
