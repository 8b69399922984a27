/* Version 2 of the metadata protocol, as a client speaks it. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include "channel.h"

enum status {
	SUCCESS,
	NOTFOUND,
	FAILURE,
	NO_ANSWER, /* nothing usable came in time */
	NO_SERVICE, /* there is nothing to ask */
};

struct answer {
	enum status status;
	unsigned char *payload; /* the caller frees it */
	size_t length;
	const char *reason; /* for NO_ANSWER and NO_SERVICE */
};

/*
 * Ask until there is an answer, with a new connection each time, for at most 45 seconds. `argument` is what follows the
 * command, before it is encoded; NULL for none.
 */
struct answer ask(const char *command, const char *argument, size_t length);

#endif
