/*
 * mdata-get, mdata-put, mdata-list, mdata-delete: what a guest reads and writes of its own instance's metadata. One
 * program, which does what the name says that it is called by.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "protocol.h"

enum exit_code { EXIT_OK, EXIT_NOT_FOUND, EXIT_ERROR, EXIT_USAGE, EXIT_TEMPORARY = 10 };

/* The host keeps no value larger than a mebibyte; what is clearly larger is not read in full. */
#define INPUT_MAX_BYTES (4u << 20)

struct command {
	const char *name;
	const char *usage;
	int (*run)(int argc, char **argv);
};

static int get(int argc, char **argv);
static int put(int argc, char **argv);
static int list(int argc, char **argv);
static int delete_key(int argc, char **argv);

static const struct command COMMANDS[] = {
	{ "mdata-get", "mdata-get <key>", get },
	{ "mdata-put", "mdata-put <key> [value]\n       command | mdata-put <key>", put },
	{ "mdata-list", "mdata-list", list },
	{ "mdata-delete", "mdata-delete <key>", delete_key },
};

static const struct command *self;

int main(int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;

	name = name ? name + 1 : argc > 0 ? argv[0] : "";
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
		if (strcmp(name, COMMANDS[i].name) == 0)
			self = &COMMANDS[i];
	if (!self) {
		fprintf(stderr, "call this program as mdata-get, mdata-put, mdata-list or mdata-delete\n");
		return EXIT_USAGE;
	}
	return self->run(argc - 1, argv + 1);
}

static int usage(void)
{
	fprintf(stderr, "Usage: %s\n", self->usage);
	return EXIT_USAGE;
}

/* What is printed comes from the operator or from this guest itself; it is bytes, and ends with a newline. */
static int print(const struct answer *answer)
{
	if (answer->length > 0)
		fwrite(answer->payload, 1, answer->length, stdout);
	if (answer->length > 0 && answer->payload[answer->length - 1] != '\n')
		putchar('\n');
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "%s: cannot write: %s\n", self->name, strerror(errno));
		return EXIT_ERROR;
	}
	return EXIT_OK;
}

static int explain(const struct answer *answer, const char *key)
{
	switch (answer->status) {
	case SUCCESS:
		return EXIT_OK;
	case NOTFOUND:
		fprintf(stderr, "No metadata for '%s'\n", key);
		return EXIT_NOT_FOUND;
	case FAILURE:
		if (answer->length > 0)
			fprintf(stderr, "%.*s\n", (int)(answer->length > 4096 ? 4096 : answer->length), (const char *)answer->payload);
		else
			fprintf(stderr, "%s: the host refused the request\n", self->name);
		return EXIT_ERROR;
	case NO_SERVICE:
		fprintf(stderr, "%s: %s\n", self->name, answer->reason);
		return EXIT_ERROR;
	case NO_ANSWER:
		fprintf(stderr, "%s: %s; try again later\n", self->name, answer->reason);
		return EXIT_TEMPORARY;
	}
	return EXIT_ERROR;
}

static int get(int argc, char **argv)
{
	struct answer answer;

	if (argc != 1 || argv[0][0] == '\0')
		return usage();
	answer = ask("GET", argv[0], strlen(argv[0]));
	return answer.status == SUCCESS ? print(&answer) : explain(&answer, argv[0]);
}

static int list(int argc, char **argv)
{
	struct answer answer;

	(void)argv;
	if (argc != 0)
		return usage();
	answer = ask("KEYS", NULL, 0);
	return answer.status == SUCCESS ? print(&answer) : explain(&answer, "");
}

static int delete_key(int argc, char **argv)
{
	struct answer answer;

	if (argc != 1 || argv[0][0] == '\0')
		return usage();
	answer = ask("DELETE", argv[0], strlen(argv[0]));
	return explain(&answer, argv[0]);
}

/* All of standard input, up to the bound; NULL, with the reason said, when that cannot be. */
static char *read_input(size_t *length)
{
	size_t room = 65536;
	char *data = malloc(room);

	*length = 0;
	while (data) {
		size_t got = fread(data + *length, 1, room - *length, stdin);

		*length += got;
		if (got == 0 && !ferror(stdin))
			return data;
		if (ferror(stdin) || *length > INPUT_MAX_BYTES) {
			fprintf(stderr, "%s: %s\n", self->name, ferror(stdin) ? "cannot read standard input" : "the value is too large");
			free(data);
			return NULL;
		}
		if (*length == room) {
			char *larger = realloc(data, room *= 2);

			if (!larger)
				free(data);
			data = larger;
		}
	}
	fprintf(stderr, "%s: out of memory\n", self->name);
	return NULL;
}

static int put(int argc, char **argv)
{
	size_t key_length, length, used;
	char *value, *argument;
	struct answer answer;

	if (argc < 1 || argc > 2 || argv[0][0] == '\0' || (argc == 1 && isatty(STDIN_FILENO)))
		return usage();
	key_length = strlen(argv[0]);
	value = argc == 2 ? argv[1] : read_input(&length);
	if (!value)
		return EXIT_ERROR;
	if (argc == 2)
		length = strlen(value);
	argument = malloc(base64_room(key_length) + base64_room(length));
	if (!argument) {
		fprintf(stderr, "%s: out of memory\n", self->name);
		return EXIT_ERROR;
	}
	used = base64_encode(argv[0], key_length, argument);
	argument[used++] = ' ';
	used += base64_encode(value, length, argument + used);
	answer = ask("PUT", argument, used);
	return explain(&answer, argv[0]);
}
