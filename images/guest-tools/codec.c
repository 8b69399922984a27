#include "codec.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

uint32_t crc32_of(const void *data, size_t length)
{
	const unsigned char *bytes = data;
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < length; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
	}
	return ~crc;
}

size_t base64_room(size_t length)
{
	return (length + 2) / 3 * 4 + 1;
}

size_t base64_encode(const void *data, size_t length, char *out)
{
	const unsigned char *in = data;
	size_t at = 0;

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t group = (uint32_t)in[i] << 16;

		if (left > 1)
			group |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			group |= in[i + 2];
		out[at++] = ALPHABET[group >> 18];
		out[at++] = ALPHABET[(group >> 12) & 63];
		out[at++] = left > 1 ? ALPHABET[(group >> 6) & 63] : '=';
		out[at++] = left > 2 ? ALPHABET[group & 63] : '=';
	}
	out[at] = '\0';
	return at;
}

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

long base64_decode(const char *text, size_t length, unsigned char *out)
{
	uint32_t group = 0;
	int bits = 0;
	long at = 0;

	while (length > 0 && text[length - 1] == '=')
		length--;
	for (size_t i = 0; i < length; i++) {
		int value = sextet(text[i]);

		if (value < 0)
			return -1;
		group = (group << 6) | (uint32_t)value;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[at++] = (unsigned char)(group >> bits);
		}
	}
	return at;
}
