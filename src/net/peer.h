#ifndef KFT_NET_PEER_H
#define KFT_NET_PEER_H

#include <stdbool.h>

/* Whether the program at the other end of a local TCP connection has closed it altogether, after
 * its FIN arrived. TCP itself cannot tell a half-close from a close; the kernel can, for a peer on
 * this machine: the peer's socket then belongs to no file any more (sock_diag(7), idiag_inode 0) or
 * does not exist.
 *
 * @fd: our end. Returns false if the peer still holds its socket, if it is not on this machine, or
 * if the kernel does not say. One system call pair, no blocking. Thread: any. */
bool kft_peer_is_closed(int fd);

#endif
