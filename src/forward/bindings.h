#ifndef KFT_FORWARD_BINDINGS_H
#define KFT_FORWARD_BINDINGS_H

#include "kftray/types.h"

#include "net/listener.h"
#include "net/udp-listener.h"

/* The local listeners of a forward: every port on every address, with kubectl's rules for
 * "localhost" and for what may fail. Thread: loop. */
typedef struct KftBindings KftBindings;

typedef struct {
    /* A listener is open. @address: "127.0.0.1:8080". */
    void (*on_listening)(size_t port_index, const char *address, void *user_data);
    /* Something was left out; one line. */
    void (*on_notice)(const char *text, void *user_data);
    /* @socket: (transfer full). */
    void (*on_connection)(size_t port_index, KftSocket *socket, void *user_data);
    /* UDP. @listener lives until the bindings are freed; see net/udp-listener.h. */
    void (*on_datagram)(size_t port_index,
                        KftUdpListener *listener,
                        const KftUdpAddress *peer,
                        KftUdpDatagram datagram,
                        void *user_data);
    /* UDP: @n datagrams were lost before they could be taken. */
    void (*on_lost)(uint32_t n, void *user_data);
} KftBindingsFuncs;

typedef struct {
    KftProtocol protocol;
    /* Numeric, or "localhost" for 127.0.0.1 and ::1, of which one suffices; NULL ended. */
    const char *const *addresses;
    const uint16_t *ports; /* local ones; 0 = any free one, the same on all addresses */
    size_t n_ports;
} KftBindingsOptions;

/* Opens all listeners. @options: copied. As with kubectl a port that cannot be bound is left out
 * with a notice as long as another one can.
 * on_listening and on_notice run inside this call. Errors: PORT_IN_USE, BAD_CONFIG (an address that
 * is none), when no port could be bound. */
KftBindings *kft_bindings_new(KftLoop *loop,
                              const KftBindingsOptions *options,
                              const KftBindingsFuncs *funcs,
                              void *user_data,
                              GError **error);
/* The local port of that index; 0 if it was left out. */
uint16_t kft_bindings_get_port(const KftBindings *self, size_t index);
/* NULL is allowed. */
void kft_bindings_free(KftBindings *self);

/* Whether each is "localhost" or a numeric address. Errors: BAD_CONFIG. */
bool kft_bindings_check_addresses(const char *const *addresses, GError **error);

#endif
