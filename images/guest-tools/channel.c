#include "channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Operators may give a guest more than it may write itself; a host that sends more than this is not believed. */
#define LINE_MAX_BYTES (64u << 20)

static const char *const SOCKETS[] = {
	"/.zonecontrol/metadata.sock",
	"/native/.zonecontrol/metadata.sock",
	"/var/run/smartdc/metadata.sock",
};
static const char SERIAL[] = "/dev/ttyS1";

static enum outcome open_socket(struct channel *channel, const char *path, const char **reason);
static enum outcome open_serial(struct channel *channel, const char **reason);
static bool wait_for(const struct channel *channel, short events, long long deadline);
static bool receive(struct channel *channel);

enum outcome channel_open(struct channel *channel, const char **reason)
{
	struct stat status;

	memset(channel, 0, sizeof *channel);
	channel->fd = -1;
	for (size_t i = 0; i < sizeof SOCKETS / sizeof *SOCKETS; i++) {
		int found = stat(SOCKETS[i], &status);

		if (found == 0 && S_ISSOCK(status.st_mode))
			return open_socket(channel, SOCKETS[i], reason);
		if (found != 0 && errno == EACCES) {
			*reason = "permission denied: only root may use the metadata service";
			return IMPOSSIBLE;
		}
	}
	return open_serial(channel, reason);
}

void channel_close(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	free(channel->held);
	memset(channel, 0, sizeof *channel);
	channel->fd = -1;
}

long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool channel_send(struct channel *channel, const char *data, size_t length, long long deadline)
{
	while (length > 0) {
		ssize_t sent = write(channel->fd, data, length);

		if (sent >= 0) {
			data += sent;
			length -= (size_t)sent;
		} else if (errno != EINTR && errno != EAGAIN) {
			return false;
		} else if (!wait_for(channel, POLLOUT, deadline)) {
			return false;
		}
	}
	return true;
}

char *channel_line(struct channel *channel, size_t *length, long long deadline)
{
	static char *line;
	size_t searched = 0;

	for (;;) {
		char *end = channel->used > searched ? memchr(channel->held + searched, '\n', channel->used - searched) : NULL;

		if (end) {
			*length = (size_t)(end - channel->held);
			free(line);
			line = malloc(*length + 1);
			if (!line)
				return NULL;
			memcpy(line, channel->held, *length);
			line[*length] = '\0';
			channel->used -= *length + 1;
			memmove(channel->held, end + 1, channel->used);
			return line;
		}
		searched = channel->used;
		if (!wait_for(channel, POLLIN, deadline) || !receive(channel))
			return NULL;
	}
}

static enum outcome open_socket(struct channel *channel, const char *path, const char **reason)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	channel->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (channel->fd >= 0 && connect(channel->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    fcntl(channel->fd, F_SETFL, O_NONBLOCK) == 0)
		return DONE;
	if (errno == EACCES || errno == EPERM) {
		*reason = "permission denied: only root may use the metadata service";
		return IMPOSSIBLE;
	}
	*reason = "the metadata service does not answer";
	return TEMPORARY;
}

/* One program at a time talks on a serial line, which has no connections. */
static enum outcome open_serial(struct channel *channel, const char **reason)
{
	struct termios settings;

	channel->fd = open(SERIAL, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (channel->fd < 0 || tcgetattr(channel->fd, &settings) != 0) {
		*reason = errno == EACCES ? "permission denied: only root may use the metadata service"
					  : "this system has no metadata service";
		return IMPOSSIBLE;
	}
	if (flock(channel->fd, LOCK_EX | LOCK_NB) != 0) {
		*reason = "another program uses the metadata service";
		return TEMPORARY;
	}
	cfmakeraw(&settings);
	settings.c_cflag |= CLOCAL | CREAD;
	cfsetspeed(&settings, B115200);
	tcsetattr(channel->fd, TCSANOW, &settings);
	tcflush(channel->fd, TCIOFLUSH);
	channel->serial = true;
	return DONE;
}

static bool wait_for(const struct channel *channel, short events, long long deadline)
{
	struct pollfd descriptor = { .fd = channel->fd, .events = events };

	for (;;) {
		long long left = deadline - now_ms();
		int ready;

		if (left <= 0)
			return false;
		ready = poll(&descriptor, 1, (int)left);
		if (ready > 0)
			return true;
		if (ready < 0 && errno != EINTR)
			return false;
	}
}

static bool receive(struct channel *channel)
{
	ssize_t got;

	if (channel->room - channel->used < 65536) {
		size_t room = channel->room ? channel->room * 2 : 131072;
		char *larger = room > LINE_MAX_BYTES ? NULL : realloc(channel->held, room);

		if (!larger)
			return false;
		channel->held = larger;
		channel->room = room;
	}
	got = read(channel->fd, channel->held + channel->used, channel->room - channel->used);
	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	channel->used += (size_t)got;
	return got > 0;
}
