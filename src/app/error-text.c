/* What an error code means to a person and what can be done about it. The technical message stands
 * beside it, one click away. */
#include <glib/gi18n.h>

#include "text.h"

static const struct {
    const char *sentence;
    const char *hint;
} texts[] = {
    [KFT_ERROR_BAD_CONFIG] = {N_("The configuration is not right"),
                              N_("Edit the forward, or mend the kubeconfig that it names.")},
    [KFT_ERROR_AUTH] = {N_("The cluster gives no access"),
                        N_("Log in to the cluster again, ask for the right to forward ports, or "
                           "check the certificates. Diagnose tells which.")},
    [KFT_ERROR_PROXY_AUTH] = {N_("The proxy wants a login"),
                              N_("Try again to be asked for it, or store it in the keyring.")},
    [KFT_ERROR_NOT_FOUND] = {N_("What it points at does not exist"),
                             N_("Check namespace, name and port. It is tried again by itself.")},
    [KFT_ERROR_REFUSED] = {N_("The cluster refused the connection"),
                           N_("Check that the program in the pod listens on this port.")},
    [KFT_ERROR_UNREACHABLE] = {N_("The cluster cannot be reached"),
                               N_("Check the network or the VPN. It is tried again by itself.")},
    [KFT_ERROR_TIMEOUT] = {N_("The cluster did not answer in time"),
                           N_("It is tried again by itself.")},
    [KFT_ERROR_PROTOCOL] = {N_("The cluster answered something unexpected"),
                            N_("A proxy between here and the cluster may be the cause; try another "
                               "transport.")},
    [KFT_ERROR_LIMIT] = {N_("A limit was reached"),
                         N_("Close connections or split the configuration.")},
    [KFT_ERROR_PORT_IN_USE] = {N_("The local port is in use"),
                               N_("Stop the program that uses it, or choose another local port.")},
    [KFT_ERROR_CANCELLED] = {N_("It was cancelled"), N_("Start it again if you want to.")},
    [KFT_ERROR_STORAGE] = {N_("A file could not be read or written"),
                           N_("Check the disk space and the rights of the file.")},
    [KFT_ERROR_INTERNAL] = {N_("Something went wrong inside kftray"),
                            N_("Please report this with the technical details.")},
};

const char *kft_error_sentence(KftErrorCode code)
{
    g_return_val_if_fail((size_t)code < G_N_ELEMENTS(texts), "");
    return _(texts[code].sentence);
}

const char *kft_error_hint(KftErrorCode code)
{
    g_return_val_if_fail((size_t)code < G_N_ELEMENTS(texts), "");
    return _(texts[code].hint);
}
