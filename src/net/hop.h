#ifndef KFT_NET_HOP_H
#define KFT_NET_HOP_H

/* How far the way to a server a connection came before it failed. */
typedef enum {
    KFT_HOP_NONE,
    KFT_HOP_SETUP,              /* the configuration: URLs, files */
    KFT_HOP_NAME,               /* of the server, or of the proxy before it */
    KFT_HOP_TCP,                /* to the server, or to the proxy */
    KFT_HOP_PROXY,              /* the proxy's TLS, its login, and what it says about the server */
    KFT_HOP_TLS,                /* with the server */
    KFT_HOP_CLIENT_CERTIFICATE, /* our certificate: missing, not usable, refused */
    KFT_HOP_SERVER,             /* what the server sends */
} KftHop;

#endif
