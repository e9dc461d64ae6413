#ifndef KFT_APP_MACHINE_H
#define KFT_APP_MACHINE_H

#include "core.h"

/* Tells @core's engine what the desktop knows of this computer: that the network changed
 * (GNetworkMonitor), that the machine is about to sleep and that it woke up (logind's
 * "PrepareForSleep", org.freedesktop.login1(5)). They are hints: without a system bus nothing is
 * missing but the moment. Lives as long as the core. Thread: ui. */
void kft_machine_watch(KftCore *core);

#endif
