/* The two encodings of the protocol: the checksum over a frame's body, and base64 for keys and values. */
#ifndef CODEC_H
#define CODEC_H

#include <stddef.h>
#include <stdint.h>

/* IEEE CRC-32. */
uint32_t crc32_of(const void *data, size_t length);

/* Bytes that the encoding of so many bytes takes, with its closing NUL. */
size_t base64_room(size_t length);

/* Encode into `out`, which has base64_room(length) bytes; returns the length of the text. */
size_t base64_encode(const void *data, size_t length, char *out);

/* Decode into `out`, which has room for `length` bytes. Returns -1 when the text is not base64. */
long base64_decode(const char *text, size_t length, unsigned char *out);

#endif
