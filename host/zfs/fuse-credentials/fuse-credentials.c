/*
 * Lets zfs-fuse serve user namespaces.
 *
 * The kernel checks every access to a zfs-fuse mount itself (default_permissions), with all it knows of capabilities in
 * user namespaces. zfs-fuse then checks again and knows only numbers: for it the root of a zone is an ordinary user, who
 * may not chown, nor touch what belongs to another user of the zone. This library, preloaded into zfs-fuse, takes the
 * second check away by letting what the kernel has allowed run as root.
 *
 * It also keeps zfs-fuse alive when a file system runs full: there a write that crosses a record can be done in part, and
 * zfs-fuse aborts on one, with the storage of the whole host. Here such a write fails, as it does on its next attempt.
 *
 * What is made must still belong to who made it. So a request that makes something runs as its sender first; only when
 * zfs-fuse refuses it is it run again as root, and what came of that is given to the sender before the answer goes out.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct fuse_req *fuse_req_t;
typedef unsigned long fuse_ino_t;
struct fuse_file_info;

/* The parts of libfuse 2's interface that are used here; its ABI has not changed since 2.6. */
struct fuse_ctx {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	mode_t umask;
};

struct fuse_entry_param {
	fuse_ino_t ino;
	unsigned long generation;
	struct stat attr;
	double attr_timeout;
	double entry_timeout;
};

typedef void (*handler)(void);
typedef void (*setattr_handler)(fuse_req_t, fuse_ino_t, struct stat *, int, struct fuse_file_info *);

/* Places of the handlers in struct fuse_lowlevel_ops. */
enum {
	OP_SETATTR = 5, OP_MKNOD = 7, OP_MKDIR = 8, OP_UNLINK = 9, OP_RMDIR = 10, OP_SYMLINK = 11, OP_RENAME = 12,
	OP_LINK = 13, OP_OPEN = 14, OP_READ = 15, OP_WRITE = 16, OP_OPENDIR = 20, OP_READDIR = 21, OP_SETXATTR = 25,
	OP_GETXATTR = 26, OP_LISTXATTR = 27, OP_REMOVEXATTR = 28, OP_ACCESS = 29, OP_CREATE = 30, OP_LOOKUP = 2,
	OP_GETATTR = 4, OP_READLINK = 6, OPS = 31
};

enum { SET_UID = 1 << 1, SET_GID = 1 << 2 };

static handler original[OPS];

/* The request that this thread works on. */
static __thread struct {
	int as_root;   /* fuse_req_ctx answers root */
	int making;    /* it makes something, as its sender: a refusal is held back */
	int refused;   /* ... and was refused */
	int giving;    /* what was made as root is being given to the sender: no answer goes out */
	int failed;
	int writing;   /* ... and an abort of the handler of writes comes back to `undone` */
	jmp_buf undone;
	struct fuse_ctx context;
} now;

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

const struct fuse_ctx *fuse_req_ctx(fuse_req_t request)
{
	static const struct fuse_ctx *(*real)(fuse_req_t);
	if (!real)
		real = next("fuse_req_ctx");
	const struct fuse_ctx *context = real(request);
	if (!now.as_root)
		return context;
	now.context = *context;
	now.context.uid = 0;
	now.context.gid = 0;
	return &now.context;
}

int fuse_reply_err(fuse_req_t request, int error)
{
	static int (*real)(fuse_req_t, int);
	if (!real)
		real = next("fuse_reply_err");
	if (now.making && (error == EACCES || error == EPERM)) {
		now.refused = 1;
		return 0;
	}
	if (now.giving) {
		now.failed = error;
		return 0;
	}
	return real(request, error);
}

int fuse_reply_attr(fuse_req_t request, const struct stat *attributes, double timeout)
{
	static int (*real)(fuse_req_t, const struct stat *, double);
	if (!real)
		real = next("fuse_reply_attr");
	return now.giving ? 0 : real(request, attributes, timeout);
}

/* Something was made as root: it becomes the sender's. A set-group-id directory has given its own group already. */
static void give(fuse_req_t request, struct fuse_entry_param *made)
{
	static const struct fuse_ctx *(*real)(fuse_req_t);
	if (!real)
		real = next("fuse_req_ctx");
	const struct fuse_ctx *sender = real(request);
	struct stat wanted = { .st_uid = sender->uid, .st_gid = sender->gid };
	int what = SET_UID | (made->attr.st_gid == 0 ? SET_GID : 0);
	now.giving = 1;
	((setattr_handler)original[OP_SETATTR])(request, made->ino, &wanted, what, NULL);
	now.giving = 0;
	made->attr.st_uid = sender->uid;
	if (what & SET_GID)
		made->attr.st_gid = sender->gid;
}

int fuse_reply_entry(fuse_req_t request, const struct fuse_entry_param *entry)
{
	static int (*real)(fuse_req_t, const struct fuse_entry_param *);
	if (!real)
		real = next("fuse_reply_entry");
	if (!now.refused)
		return real(request, entry);
	struct fuse_entry_param made = *entry;
	give(request, &made);
	return real(request, &made);
}

int fuse_reply_create(fuse_req_t request, const struct fuse_entry_param *entry, const struct fuse_file_info *file)
{
	static int (*real)(fuse_req_t, const struct fuse_entry_param *, const struct fuse_file_info *);
	if (!real)
		real = next("fuse_reply_create");
	if (!now.refused)
		return real(request, entry, file);
	struct fuse_entry_param made = *entry;
	give(request, &made);
	return real(request, &made, file);
}

/* Handlers take up to six words; handing on six is the same on this architecture for those that take fewer. */
typedef void (*six)(long, long, long, long, long, long);

#define RUNS_AS_ROOT(name, place) \
	static void name(long a, long b, long c, long d, long e, long f) \
	{ \
		now.as_root = 1; \
		((six)original[place])(a, b, c, d, e, f); \
		now.as_root = 0; \
	}

#define MAKES(name, place) \
	static void name(long a, long b, long c, long d, long e, long f) \
	{ \
		now.refused = 0; \
		now.making = 1; \
		((six)original[place])(a, b, c, d, e, f); \
		now.making = 0; \
		if (now.refused) { \
			now.as_root = 1; \
			((six)original[place])(a, b, c, d, e, f); \
			now.as_root = 0; \
			now.refused = 0; \
		} \
	}

static void do_write(long a, long b, long c, long d, long e, long f)
{
	now.as_root = 1;
	now.writing = 1;
	if (setjmp(now.undone) == 0)
		((six)original[OP_WRITE])(a, b, c, d, e, f);
	else
		fuse_reply_err((fuse_req_t)a, ENOSPC);
	now.writing = 0;
	now.as_root = 0;
}

/* How far into the handler of writes its own abort is: it looks at what was written when all locks are released. */
enum { HANDLER_BYTES = 512 };

/* Whatever else aborts knows that ZFS is not what it should be, and does. */
void abort(void)
{
	const char *caller = __builtin_return_address(0);
	const char *handler = (const char *)original[OP_WRITE];
	if (now.writing && caller > handler && caller < handler + HANDLER_BYTES)
		longjmp(now.undone, 1);
	((void (*)(void))next("abort"))();
	__builtin_unreachable();
}

RUNS_AS_ROOT(do_lookup, OP_LOOKUP)
RUNS_AS_ROOT(do_getattr, OP_GETATTR)
RUNS_AS_ROOT(do_setattr, OP_SETATTR)
RUNS_AS_ROOT(do_readlink, OP_READLINK)
RUNS_AS_ROOT(do_unlink, OP_UNLINK)
RUNS_AS_ROOT(do_rmdir, OP_RMDIR)
RUNS_AS_ROOT(do_rename, OP_RENAME)
RUNS_AS_ROOT(do_link, OP_LINK)
RUNS_AS_ROOT(do_open, OP_OPEN)
RUNS_AS_ROOT(do_read, OP_READ)
RUNS_AS_ROOT(do_opendir, OP_OPENDIR)
RUNS_AS_ROOT(do_readdir, OP_READDIR)
RUNS_AS_ROOT(do_setxattr, OP_SETXATTR)
RUNS_AS_ROOT(do_getxattr, OP_GETXATTR)
RUNS_AS_ROOT(do_listxattr, OP_LISTXATTR)
RUNS_AS_ROOT(do_removexattr, OP_REMOVEXATTR)
RUNS_AS_ROOT(do_access, OP_ACCESS)
MAKES(do_mknod, OP_MKNOD)
MAKES(do_mkdir, OP_MKDIR)
MAKES(do_symlink, OP_SYMLINK)
MAKES(do_create, OP_CREATE)

static const struct {
	int place;
	six replacement;
} replacements[] = {
	{ OP_LOOKUP, do_lookup }, { OP_GETATTR, do_getattr }, { OP_SETATTR, do_setattr }, { OP_READLINK, do_readlink },
	{ OP_MKNOD, do_mknod }, { OP_MKDIR, do_mkdir }, { OP_UNLINK, do_unlink }, { OP_RMDIR, do_rmdir },
	{ OP_SYMLINK, do_symlink }, { OP_RENAME, do_rename }, { OP_LINK, do_link }, { OP_OPEN, do_open },
	{ OP_READ, do_read }, { OP_WRITE, do_write }, { OP_OPENDIR, do_opendir }, { OP_READDIR, do_readdir },
	{ OP_SETXATTR, do_setxattr }, { OP_GETXATTR, do_getxattr }, { OP_LISTXATTR, do_listxattr },
	{ OP_REMOVEXATTR, do_removexattr }, { OP_ACCESS, do_access }, { OP_CREATE, do_create },
};

struct fuse_session;
struct fuse_args;

struct fuse_session *fuse_lowlevel_new(struct fuse_args *args, const void *operations, size_t size, void *data)
{
	static struct fuse_session *(*real)(struct fuse_args *, const void *, size_t, void *);
	static handler changed[64];
	if (!real)
		real = next("fuse_lowlevel_new");
	if (size > sizeof changed || size < OPS * sizeof(handler))
		return real(args, operations, size, data);
	memcpy(changed, operations, size);
	memcpy(original, operations, sizeof original);
	for (size_t index = 0; index < sizeof replacements / sizeof *replacements; index++) {
		int place = replacements[index].place;
		if (original[place])
			changed[place] = (handler)replacements[index].replacement;
	}
	return real(args, changed, size, data);
}
