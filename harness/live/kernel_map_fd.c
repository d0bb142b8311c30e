/* SPDX-License-Identifier: MIT */
/*
 * Shared memory with a hostile program: it may hand over any descriptor, and shrink the file
 * afterwards, which would be SIGBUS here. Only a memfd whose size is sealed is mapped.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "live/kernel_tracee.h"

#define SIZE 8192

enum {
	GOOD = 40,    /* a memfd that may be sealed */
	PLAIN,        /* a memfd made without MFD_ALLOW_SEALING */
	SEALED_SHORT, /* sealed at another size */
	WRITE_SEALED, /* sealed against writing */
	DISK,         /* a file */
	TMPFS,        /* a deleted file of a mounted tmpfs, /dev/shm */
	FIFO,         /* opening it would block */
	NULL_DEVICE,
	SOCKET,
	CLOSED,
};

static int memfd(unsigned flags, off_t size, int seals)
{
	int fd = (int)CHECK_CALL(memfd_create("test", flags | MFD_CLOEXEC));

	CHECK_CALL(ftruncate(fd, size));
	if (seals)
		CHECK_CALL(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static int deleted(const char *template)
{
	char path[64];
	int fd;

	strcpy(path, template);
	fd = (int)CHECK_CALL(mkstemp(path));
	CHECK_CALL(unlink(path));
	return fd;
}

static int fifo(void)
{
	char dir[] = "/tmp/scion-fifo-XXXXXX", path[64];
	int fd;

	CHECK(mkdtemp(dir));
	strcat(strcpy(path, dir), "/fifo");
	CHECK_CALL(mkfifo(path, 0600));
	fd = (int)CHECK_CALL(open(path, O_RDONLY | O_NONBLOCK));
	unlink(path);
	rmdir(dir);
	return fd;
}

static void put(int fd, int number)
{
	CHECK_CALL(dup2(fd, number));
	close(fd);
}

/* Inherited by the tracee under these numbers. */
static void prepare(void)
{
	put(memfd(MFD_ALLOW_SEALING, 0, 0), GOOD);
	put(memfd(0, SIZE, 0), PLAIN);
	put(memfd(MFD_ALLOW_SEALING, 100, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), SEALED_SHORT);
	put(memfd(MFD_ALLOW_SEALING, SIZE, F_SEAL_WRITE), WRITE_SEALED);
	put(deleted("/tmp/scion-file-XXXXXX"), DISK);
	if (access("/dev/shm", W_OK) == 0)
		put(deleted("/dev/shm/scion-file-XXXXXX"), TMPFS);
	put(fifo(), FIFO);
	put((int)CHECK_CALL(open("/dev/null", O_RDWR)), NULL_DEVICE);
	put((int)CHECK_CALL(socket(AF_UNIX, SOCK_STREAM, 0)), SOCKET);
}

/* The attack: exit 0 if the file can't be made shorter, longer or be unsealed. */
static int attack(void)
{
	char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, GOOD, 0);

	if (map == MAP_FAILED || strcmp(map, "from the tracer"))
		return 1;
	strcpy(map, "from the tracee");
	if (ftruncate(GOOD, 0) == 0 || ftruncate(GOOD, 2 * SIZE) == 0)
		return 2;
	/* A hole is no end: it reads as zeros. */
	if (fallocate(GOOD, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096) < 0)
		return 3;
	return 0;
}

static int run(void)
{
	struct kernel *k = tracee_kernel();
	struct tracee t;
	char *map, *again;
	void *out;

	prepare();
	tracee_start(&t, k, PTRACE_O_EXITKILL, attack);
	tracee_stop(&t);
	for (int fd = PLAIN; fd < CLOSED; fd++) {
		int err = fd == TMPFS && access("/dev/shm", W_OK) ?
				  -EPERM :
				  kernel_map_fd(k, t.pid, fd, SIZE, &out);

		CHECK_MSG(err == -EPERM, "descriptor %d: %d", fd, err);
	}
	CHECK_EQ(kernel_map_fd(k, t.pid, CLOSED, SIZE, &out), -ENOENT);
	CHECK_EQ(kernel_map_fd(k, t.pid, GOOD, SIZE, &out), 0);
	map = out;
	strcpy(map, "from the tracer");
	map[SIZE - 1] = 7;
	/* Once more, and with another size. */
	CHECK_EQ(kernel_map_fd(k, t.pid, GOOD, SIZE, &out), 0);
	again = out;
	CHECK_STR(again, "from the tracer");
	kernel_unmap(k, again, SIZE);
	CHECK_EQ(kernel_map_fd(k, t.pid, GOOD, 2 * SIZE, &out), -EPERM);
	tracee_cont(&t, 0);
	tracee_go(&t);
	tracee_finish(&t);
	CHECK_STR(map, "from the tracee");
	CHECK_EQ(map[SIZE - 1], 0); /* the hole */
	kernel_unmap(k, map, SIZE);
	kernel_free(k);
	return 0;
}

const struct scion_test scion_test = { .name = "kernel_map_fd", .run = run };
