/* The line to the host: a unix socket in zones, the second serial port in machines. */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

struct channel {
	int fd;
	bool serial;
	char *held; /* bytes that have arrived and not been taken as a line */
	size_t used;
	size_t room;
};

enum outcome {
	DONE,
	TEMPORARY, /* nobody answers now; worth another try */
	IMPOSSIBLE, /* there is no channel, or it is not for this user */
};

/* Open the first channel that exists. On failure `reason` says why. */
enum outcome channel_open(struct channel *channel, const char **reason);

void channel_close(struct channel *channel);

/* Milliseconds of a clock that nobody sets. */
long long now_ms(void);

/* Send all bytes; false when that does not work by the deadline. */
bool channel_send(struct channel *channel, const char *data, size_t length, long long deadline);

/*
 * The next line without its newline, valid until the next call; NULL at the deadline, at the end of the channel, or when
 * the line is longer than any answer can be.
 */
char *channel_line(struct channel *channel, size_t *length, long long deadline);

#endif
