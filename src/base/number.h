#ifndef KFT_BASE_NUMBER_H
#define KFT_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Checked parsing of numbers that come from outside. Each takes the whole of @text or nothing:
 * signs, spaces and trailing characters are refused. Thread: any. */

/* Decimal, @min..@max. */
bool kft_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);
/* A TCP or UDP port, @min..65535. */
bool kft_parse_port(const char *text, uint16_t min, uint16_t *ret_port);
/* A duration as Go and kubectl write it ("90s", "1m30s", "500ms", "1.5h", "0"), to milliseconds.
 * At most 10 years. */
bool kft_parse_duration_ms(const char *text, uint64_t *ret_ms);
/* RFC 3339 date-time with "Z" or an offset, to seconds since the epoch. */
bool kft_parse_rfc3339(const char *text, int64_t *ret_unix_s);

#endif
