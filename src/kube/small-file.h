#ifndef KFT_KUBE_SMALL_FILE_H
#define KFT_KUBE_SMALL_FILE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Small files as a whole. Private to this module. Thread: any. */

/* Reads @path, which may be a pipe. Returns: (transfer full), NUL terminated behind @ret_size; may
 * hold secrets, free with kft_small_file_free(). Errors: NOT_FOUND, STORAGE, LIMIT (more than
 * @max_bytes); messages begin with the path. */
char *kft_small_file_read(const char *path, size_t max_bytes, size_t *ret_size, GError **error);
/* Overwrites and frees. NULL is allowed. */
void kft_small_file_free(char *data, size_t size);
/* Whether @path could be read now. Errors as above. */
bool kft_small_file_check(const char *path, GError **error);
/* Replaces @path by a new file with its mode and group, so that a reader sees the old text or the
 * new one. A symbolic link stays, what it points to is replaced. Errors: STORAGE. */
bool kft_small_file_replace(const char *path, const char *data, size_t size, GError **error);

#endif
