/* Finds the process behind a local port: the socket's inode from /proc/net/tcp and tcp6, or udp and
 * udp6, then the process that has a descriptor on it. Everything read is only shown, so a race with
 * a process that ends gives at worst no name. Format: proc(5),
 * Documentation/networking/proc_net_tcp in the kernel. */
#include "net/port-holder.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/redact.h"

#define MAX_NAME_CHARS 64
/* The kernel pads the lines of IPv4 to 150, those of IPv6 are no longer than 200. */
#define MAX_LINE_BYTES 512

/* Columns of a line of /proc/net/tcp, split at white space. */
enum {
    COLUMN_LOCAL = 1,
    COLUMN_STATE = 3,
    COLUMN_INODE = 9
};

static const struct {
    const char *tables[2];
    const char *state; /* of a socket that is in the way */
} kinds[] = {
    [KFT_PORT_TCP] = {{"/proc/net/tcp", "/proc/net/tcp6"}, "0A"},
    [KFT_PORT_UDP] = {{"/proc/net/udp", "/proc/net/udp6"}, "07"},
};

typedef struct {
    char *exact; /* "0100007F:1F90" as the table writes it */
    char *port;  /* ":1F90" */
    bool is_any; /* the address is a wildcard: any local address is in its way */
} Wanted;

/* The table writes each 32 bit word as the machine has it in memory. */
static char *format_words(const uint32_t *words, size_t n_words, const char *port)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < n_words; i++)
        g_string_append_printf(out, "%08X", words[i]);
    g_string_append(out, port);
    return g_string_free(out, FALSE);
}

static Wanted wanted_of(const struct sockaddr_storage *address)
{
    Wanted wanted = {0};
    uint32_t words[4] = {0};
    size_t n_words = 1;
    in_port_t port = 0;
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)address;
        memcpy(words, &v6->sin6_addr, sizeof words);
        n_words = 4;
        port = v6->sin6_port;
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        memcpy(words, &v4->sin_addr, sizeof words[0]);
        port = v4->sin_port;
    }
    wanted.port = g_strdup_printf(":%04X", ntohs(port));
    wanted.exact = format_words(words, n_words, wanted.port);
    wanted.is_any = (words[0] | words[1] | words[2] | words[3]) == 0;
    return wanted;
}

static bool is_in_the_way(const char *local, const Wanted *wanted)
{
    static const char mapped[] = "0000000000000000FFFF0000"; /* ::ffff:0:0/96 */
    if (!g_str_has_suffix(local, wanted->port))
        return false;
    bool is_wildcard = strspn(local, "0") == (size_t)(strchr(local, ':') - local);
    if (g_str_has_prefix(local, mapped) && strcmp(local + strlen(mapped), wanted->exact) == 0)
        return true;
    return wanted->is_any || is_wildcard || strcmp(local, wanted->exact) == 0;
}

/* Splits @line at white space; false for one that is too short. */
static bool split_line(char *line, const char *ret_columns[COLUMN_INODE + 1])
{
    size_t n_columns = 0;
    char *rest = NULL;
    for (char *at = strtok_r(line, " \n", &rest); at != NULL && n_columns <= COLUMN_INODE;
         at = strtok_r(NULL, " \n", &rest))
        ret_columns[n_columns++] = at;
    return n_columns > COLUMN_INODE && strchr(ret_columns[COLUMN_LOCAL], ':') != NULL;
}

/* The inode of the socket, as text; NULL if there is none in @table. The kernel lists what is
 * listened on first: the connections behind it, which may be tens of thousands, are not read. */
static char *dup_inode(const char *table, KftPortKind kind, const Wanted *wanted)
{
    char line[MAX_LINE_BYTES];
    char *inode = NULL;
    FILE *file = fopen(table, "re");
    if (file == NULL)
        return NULL;
    bool is_over = fgets(line, sizeof line, file) == NULL; /* the heading */
    while (inode == NULL && !is_over && fgets(line, sizeof line, file) != NULL) {
        const char *columns[COLUMN_INODE + 1] = {NULL};
        if (!split_line(line, columns))
            continue;
        bool has_state = strcmp(columns[COLUMN_STATE], kinds[kind].state) == 0;
        is_over = kind == KFT_PORT_TCP && !has_state;
        if (has_state && is_in_the_way(columns[COLUMN_LOCAL], wanted))
            inode = g_strdup(columns[COLUMN_INODE]);
    }
    (void)fclose(file);
    return inode;
}

static bool process_has(const char *pid, const char *link)
{
    g_autofree char *folder = g_strdup_printf("/proc/%s/fd", pid);
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;
    bool is_found = false;
    if (dir == NULL)
        return false; /* another user's */
    while (!is_found && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        char target[64];
        ssize_t length = readlink(file, target, sizeof target - 1);
        is_found = length > 0 && (size_t)length == strlen(link) &&
                   memcmp(target, link, (size_t)length) == 0;
    }
    g_dir_close(dir);
    return is_found;
}

static char *dup_process_name(const char *pid)
{
    g_autofree char *file = g_strdup_printf("/proc/%s/comm", pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(file, &text, NULL, NULL))
        return NULL;
    g_autofree char *name = kft_one_line(text, MAX_NAME_CHARS);
    return g_strdup_printf("%s (pid %s)", name, pid);
}

static char *dup_holder(const char *inode)
{
    g_autofree char *link = g_strdup_printf("socket:[%s]", inode);
    GDir *dir = g_dir_open("/proc", 0, NULL);
    const char *name = NULL;
    char *holder = NULL;
    if (dir == NULL)
        return NULL;
    while (holder == NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (g_ascii_isdigit(name[0]) && process_has(name, link))
            holder = dup_process_name(name);
    }
    g_dir_close(dir);
    return holder;
}

char *kft_port_holder_dup_name(KftPortKind kind, const struct sockaddr_storage *address)
{
    Wanted wanted = wanted_of(address);
    g_autofree char *inode = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(kinds[kind].tables) && inode == NULL; i++)
        inode = dup_inode(kinds[kind].tables[i], kind, &wanted);
    g_free(wanted.exact);
    g_free(wanted.port);
    return inode == NULL ? NULL : dup_holder(inode);
}
