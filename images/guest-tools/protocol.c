#include "protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "codec.h"

/* The whole conversation may take this long; one try at it may not use up all of that. */
#define TOTAL_MS 45000
#define NEGOTIATION_MS 3000
#define ANSWER_MS 22000
#define PAUSE_MS 250

struct request {
	char id[9];
	char *line;
	size_t length;
};

static bool make_request(struct request *request, const char *command, const char *argument, size_t length);
static bool negotiate(struct channel *channel, long long deadline);
static bool await_answer(struct channel *channel, const char *id, struct answer *answer, long long deadline);
static bool read_answer(const char *line, size_t length, const char *id, struct answer *answer);
static long long sooner(long long one, long long other);

struct answer ask(const char *command, const char *argument, size_t length)
{
	struct answer answer = { .status = NO_ANSWER, .reason = "the metadata service does not answer" };
	long long deadline = now_ms() + TOTAL_MS;
	bool answered = false;

	while (!answered && now_ms() < deadline) {
		struct channel channel;
		struct request request = { .line = NULL };
		enum outcome opened = channel_open(&channel, &answer.reason);

		if (opened == IMPOSSIBLE) {
			channel_close(&channel);
			answer.status = NO_SERVICE;
			return answer;
		}
		if (opened == DONE && make_request(&request, command, argument, length))
			answered = negotiate(&channel, sooner(deadline, now_ms() + NEGOTIATION_MS)) &&
				   channel_send(&channel, request.line, request.length, sooner(deadline, now_ms() + ANSWER_MS)) &&
				   await_answer(&channel, request.id, &answer, sooner(deadline, now_ms() + ANSWER_MS));
		free(request.line);
		channel_close(&channel);
		if (!answered)
			nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * 1000000L }, NULL);
	}
	return answer;
}

/* An id of its own for each try: a late answer to an earlier one is then recognised as such. */
static bool make_request(struct request *request, const char *command, const char *argument, size_t length)
{
	unsigned int random = 0;
	size_t room = base64_room(length) + 64;
	char *body = malloc(room);
	int used;

	request->line = malloc(room + 64);
	if (!body || !request->line || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
		free(body);
		return false;
	}
	snprintf(request->id, sizeof request->id, "%08x", random);
	used = snprintf(body, 64, "%s %s%s", request->id, command, argument ? " " : "");
	if (argument)
		used += (int)base64_encode(argument, length, body + used);
	request->length = (size_t)snprintf(request->line, room + 64, "V2 %d %08x %s\n", used, (unsigned)crc32_of(body, (size_t)used), body);
	free(body);
	return true;
}

/* What an earlier program left half-said on a serial line is ended first; whatever that brings as an answer is skipped. */
static bool negotiate(struct channel *channel, long long deadline)
{
	static const char HELLO[] = "\nNEGOTIATE V2\n";
	const char *hello = channel->serial ? HELLO : HELLO + 1;
	char *line;
	size_t length;

	if (!channel_send(channel, hello, strlen(hello), deadline))
		return false;
	while ((line = channel_line(channel, &length, deadline)))
		if (strcmp(line, "V2_OK") == 0)
			return true;
	return false;
}

static bool await_answer(struct channel *channel, const char *id, struct answer *answer, long long deadline)
{
	char *line;
	size_t length;

	while ((line = channel_line(channel, &length, deadline)))
		if (read_answer(line, length, id, answer))
			return true;
	return false;
}

/* `V2 <length> <crc> <id> <status> [payload]`; anything else, and an answer to somebody else, is no answer. */
static bool read_answer(const char *line, size_t length, const char *id, struct answer *answer)
{
	static const char *const NAMES[] = { "SUCCESS", "NOTFOUND", "FAILURE" };
	unsigned long claimed;
	unsigned int checksum;
	int offset = 0;
	const char *body, *word, *payload;
	size_t body_length, word_length;

	if (sscanf(line, "V2 %9lu %8x %n", &claimed, &checksum, &offset) != 2 || offset == 0)
		return false;
	body = line + offset;
	body_length = length - (size_t)offset;
	if (claimed != body_length || crc32_of(body, body_length) != checksum || memchr(body, '\0', body_length))
		return false;
	if (body_length < 9 || memcmp(body, id, 8) != 0 || body[8] != ' ')
		return false;
	word = body + 9;
	word_length = strcspn(word, " ");
	payload = word[word_length] == ' ' ? word + word_length + 1 : word + word_length;
	for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
		size_t encoded = strlen(payload);
		long decoded;

		if (strlen(NAMES[i]) != word_length || memcmp(word, NAMES[i], word_length) != 0)
			continue;
		answer->payload = malloc(encoded + 1);
		decoded = answer->payload ? base64_decode(payload, encoded, answer->payload) : -1;
		if (decoded < 0) {
			free(answer->payload);
			answer->payload = NULL;
			return false;
		}
		answer->length = (size_t)decoded;
		answer->status = (enum status)i;
		return true;
	}
	return false;
}

static long long sooner(long long one, long long other)
{
	return one < other ? one : other;
}
