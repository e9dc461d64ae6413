#include "server/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/number.h"

/* ::ffff:0:0/96, RFC 4291 2.5.5.2. */
static const uint8_t v4_mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool kft_address_parse(const char *text, uint16_t port, KftAddress *ret_address)
{
    char plain[INET6_ADDRSTRLEN];
    KftAddress address;
    size_t length = strlen(text);

    memset(&address, 0, sizeof address);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof plain)
        return false;
    memcpy(plain, text, length);
    plain[length] = '\0';
    if (inet_pton(AF_INET, plain, &address.v4.sin_addr) == 1)
        address.base.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, plain, &address.v6.sin6_addr) == 1)
        address.base.sa_family = AF_INET6;
    else
        return false;
    kft_address_set_port(&address, port);
    *ret_address = address;
    return true;
}

uint16_t kft_address_get_port(const KftAddress *self)
{
    return ntohs(self->base.sa_family == AF_INET6 ? self->v6.sin6_port : self->v4.sin_port);
}

void kft_address_set_port(KftAddress *self, uint16_t port)
{
    if (self->base.sa_family == AF_INET6)
        self->v6.sin6_port = htons(port);
    else
        self->v4.sin_port = htons(port);
}

char *kft_address_format(const KftAddress *self)
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (self->base.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &self->v6.sin6_addr, text, sizeof text);
        /* What a socket for both families says of an IPv4 peer. */
        if (IN6_IS_ADDR_V4MAPPED(&self->v6.sin6_addr))
            return g_strdup_printf("%s:%u", text + strlen("::ffff:"), kft_address_get_port(self));
        return g_strdup_printf("[%s]:%u", text, kft_address_get_port(self));
    }
    (void)inet_ntop(AF_INET, &self->v4.sin_addr, text, sizeof text);
    return g_strdup_printf("%s:%u", text, kft_address_get_port(self));
}

void kft_address_list_interleave(KftAddressList *list)
{
    const KftAddressList from = *list;
    bool is_taken[KFT_MAX_ADDRESSES] = {false};
    unsigned n_taken = 0;
    int family = from.n_items > 0 ? from.items[0].base.sa_family : AF_UNSPEC;

    while (n_taken < from.n_items) {
        unsigned next = KFT_MAX_ADDRESSES;
        for (unsigned i = from.n_items; i-- > 0;) {
            /* The first of the family whose turn it is, else the first of all. */
            bool is_better = next == KFT_MAX_ADDRESSES || from.items[i].base.sa_family == family ||
                             from.items[next].base.sa_family != family;
            if (!is_taken[i] && is_better)
                next = i;
        }
        is_taken[next] = true;
        list->items[n_taken++] = from.items[next];
        family = from.items[next].base.sa_family == AF_INET6 ? AF_INET : AF_INET6;
    }
}

/* Every address as IPv6, so that there is one kind of network. */
static void to_bytes(const KftAddress *address, uint8_t bytes[16])
{
    if (address->base.sa_family == AF_INET6) {
        memcpy(bytes, &address->v6.sin6_addr, 16);
    } else {
        memcpy(bytes, v4_mapped_prefix, sizeof v4_mapped_prefix);
        memcpy(bytes + sizeof v4_mapped_prefix, &address->v4.sin_addr, 4);
    }
}

static bool has_prefix(const uint8_t bytes[16], const uint8_t prefix[16], unsigned n_bits)
{
    unsigned n_whole = n_bits / 8;
    unsigned n_rest = n_bits % 8;

    if (memcmp(bytes, prefix, n_whole) != 0)
        return false;
    return n_rest == 0 || (bytes[n_whole] ^ prefix[n_whole]) >> (8 - n_rest) == 0;
}

static bool is_zero_behind(const uint8_t bytes[16], unsigned n_bits)
{
    for (unsigned i = n_bits; i < 128; i++) {
        if ((bytes[i / 8] >> (7 - i % 8) & 1) != 0)
            return false;
    }
    return true;
}

bool kft_network_parse(const char *text, KftNetwork *ret_network)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);
    KftAddress address;
    KftNetwork network;
    uint64_t n_bits = 0;

    if (parts[0] == NULL || !kft_address_parse(parts[0], 0, &address))
        return false;
    unsigned most = address.base.sa_family == AF_INET6 ? 128 : 32;
    if (parts[1] == NULL)
        n_bits = most;
    else if (!kft_parse_uint(parts[1], 0, most, &n_bits))
        return false;
    to_bytes(&address, network.bytes);
    network.n_bits = (unsigned)n_bits + 128 - most;
    if (!is_zero_behind(network.bytes, network.n_bits))
        return false;
    *ret_network = network;
    return true;
}

bool kft_network_contains(const KftNetwork *self, const KftAddress *address)
{
    uint8_t bytes[16];
    to_bytes(address, bytes);
    return has_prefix(bytes, self->bytes, self->n_bits);
}
