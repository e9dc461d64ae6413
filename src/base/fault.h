#ifndef KFT_BASE_FAULT_H
#define KFT_BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Fault injection at fallible boundaries, only in builds with KFT_FAULTS. A driver runs a case with
 * the n-th point failing, n = 1, 2, …, until the case passes untouched. Environment: KFT_FAULT_NTH
 * (which point fails, from 1; 0 = none), KFT_FAULT_FROM=1 (and all after it), KFT_DBG_RMAX and
 * KFT_DBG_WMAX (the most bytes that one read or write moves), KFT_FAULT_COUNT (a file that gets the
 * number of points passed, at exit). Thread: loop. */
#ifdef KFT_FAULTS
bool kft_fault_hits(const char *name);
size_t kft_fault_clip_read(size_t size);
size_t kft_fault_clip_write(size_t size);
#define KFT_FAULT(name) kft_fault_hits(name)
#else
#define KFT_FAULT(name) false
#define kft_fault_clip_read(size) (size)
#define kft_fault_clip_write(size) (size)
#endif

#endif
