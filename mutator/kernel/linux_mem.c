/* SPDX-License-Identifier: MIT */
/*
 * Memory of tracees. Three ways, each of which some kernel or container refuses:
 *
 *	process_vm_readv/writev   fastest; obeys page protections; may be filtered (EPERM, ENOSYS)
 *	/proc/TID/mem             writes r-x pages too (FOLL_FORCE) unless proc_mem.force_override
 *	                          of Linux 6.12 says no; the open file stays with the memory that
 *	                          the task had when it was opened
 *	PTRACE_PEEKDATA/POKEDATA  a word at a time; always there while the task is stopped
 */
#include "kernel/linux.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#define WORD sizeof(long)

/*
 * Returns how many bytes it did; where that is not all of them, *err says why. It stays as it was
 * where the way was taken from us (enum linux_refuse).
 */
typedef size_t (*transfer_fn)(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf,
			      size_t len, int *err);

static size_t transfer_vm(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
			  bool write, int *err)
{
	size_t done = 0;

	if (l->refuse & LINUX_REFUSE_VM)
		return 0;
	if (l->vm == LINUX_LACKS) {
		*err = -ENOSYS;
		return 0;
	}
	/* A call that ends early did so at a page it may not touch; the next one names the error. */
	while (done < len) {
		struct iovec local = { .iov_base = (char *)buf + done, .iov_len = len - done };
		struct iovec remote = { .iov_base = (void *)(uintptr_t)(addr + done),
					.iov_len = len - done };
		ssize_t n = write ? process_vm_writev(tid, &local, 1, &remote, 1, 0) :
				    process_vm_readv(tid, &local, 1, &remote, 1, 0);

		if (n <= 0) {
			*err = n < 0 ? -errno : -EFAULT;
			if (*err == -ENOSYS)
				l->vm = LINUX_LACKS;
			break;
		}
		done += (size_t)n;
	}
	return done;
}

static size_t read_vm(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
		      int *err)
{
	return transfer_vm(l, tid, addr, buf, len, false, err);
}

static size_t write_vm(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
		       int *err)
{
	return transfer_vm(l, tid, addr, buf, len, true, err);
}

void linux_mem_drop(struct linux_kernel *l, pid_t tid)
{
	for (size_t i = 0; i < LINUX_MEM_FDS; i++) {
		if (l->mem[i].fd < 0 || (tid && l->mem[i].tid != tid))
			continue;
		close(l->mem[i].fd);
		l->mem[i].fd = -1;
	}
}

static int mem_fd(struct linux_kernel *l, pid_t tid)
{
	struct linux_mem_fd *slot;
	char path[LINUX_PATH_SIZE];
	int fd;

	for (size_t i = 0; i < LINUX_MEM_FDS; i++)
		if (l->mem[i].fd >= 0 && l->mem[i].tid == tid)
			return l->mem[i].fd;
	linux_path(path, tid, "mem");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	slot = &l->mem[l->mem_next++ % LINUX_MEM_FDS];
	if (slot->fd >= 0)
		close(slot->fd);
	slot->tid = tid;
	slot->fd = fd;
	return fd;
}

static size_t transfer_mem(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
			   bool write, int *err)
{
	bool reopened = false;
	size_t done = 0;

	if (l->refuse & LINUX_REFUSE_MEM)
		return 0;
	while (done < len) {
		char *at = (char *)buf + done;
		int fd = mem_fd(l, tid);
		ssize_t n;

		if (fd < 0) {
			*err = fd;
			break;
		}
		n = write ? pwrite64(fd, at, len - done, (off64_t)(addr + done)) :
			    pread64(fd, at, len - done, (off64_t)(addr + done));
		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		*err = n < 0 ? -errno : -ESRCH;
		/* End of file: the memory behind this file is gone. Once more, with today's. */
		if (n < 0 || reopened)
			break;
		linux_mem_drop(l, tid);
		reopened = true;
	}
	return done;
}

static size_t read_mem(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
		       int *err)
{
	return transfer_mem(l, tid, addr, buf, len, false, err);
}

static size_t write_mem(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
			int *err)
{
	return transfer_mem(l, tid, addr, buf, len, true, err);
}

/* The part of [addr, addr+len) that lies in the word at `word`: its offset in it, and length. */
static size_t word_part(uint64_t word, uint64_t addr, size_t len, size_t *offset)
{
	size_t room;

	*offset = (size_t)(addr - word);
	room = WORD - *offset;
	return len < room ? len : room;
}

static size_t read_words(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
			 int *err)
{
	size_t done = 0;

	if (l->refuse & LINUX_REFUSE_WORDS)
		return 0;
	while (done < len) {
		uint64_t at = addr + done, word = at & ~(uint64_t)(WORD - 1);
		char value[WORD];
		size_t offset, part = word_part(word, at, len - done, &offset);
		long result = linux_ptrace(PTRACE_PEEKDATA, tid, word, value);

		if (result < 0) {
			*err = (int)result;
			break;
		}
		memcpy((char *)buf + done, value + offset, part);
		done += part;
	}
	return done;
}

/* A word that is not written in full is read first, so that its other bytes stay. */
static size_t write_words(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
			  int *err)
{
	size_t done = 0;

	if (l->refuse & LINUX_REFUSE_WORDS)
		return 0;
	while (done < len) {
		uint64_t at = addr + done, word = at & ~(uint64_t)(WORD - 1);
		long value = 0, result = 0;
		size_t offset, part = word_part(word, at, len - done, &offset);

		if (part < WORD)
			result = linux_ptrace(PTRACE_PEEKDATA, tid, word, &value);
		memcpy((char *)&value + offset, (char *)buf + done, part);
		if (result >= 0)
			result = linux_ptrace(PTRACE_POKEDATA, tid, word, (void *)value);
		if (result < 0) {
			*err = (int)result;
			break;
		}
		done += part;
	}
	return done;
}

/* The way is barred, which says nothing about the address. */
static bool is_refusal(int err)
{
	return err == -ENOSYS || err == -EPERM || err == -EACCES || err == -ENOENT;
}

/*
 * Tries each way in turn, the next one from where the last one ended. The first error that says
 * something about the address is the answer: a POKE of a running task says ESRCH, which would
 * be taken for its death.
 */
static int transfer(struct linux_kernel *l, pid_t tid, uint64_t addr, void *buf, size_t len,
		    const transfer_fn *ways, size_t count)
{
	size_t done = 0;
	int first = 0;

	for (size_t i = 0; i < count && done < len; i++) {
		int err = 0;

		done += ways[i](l, tid, addr + done, (char *)buf + done, len - done, &err);
		if (done == len)
			return 0;
		if (err == -ESRCH)
			return !first || is_refusal(first) ? err : first;
		if (!first || (is_refusal(first) && err && !is_refusal(err)))
			first = err;
	}
	return done == len ? 0 : first ? first : -ENOSYS;
}

int linux_read(struct kernel *k, pid_t tid, uint64_t addr, void *buf, size_t len)
{
	/* EFAULT is no end: pages without read permission (execute-only code) open to force. */
	static const transfer_fn ways[] = { read_vm, read_mem, read_words };

	return transfer(linux_of(k), tid, addr, buf, len, ways, 3);
}

int linux_write(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len)
{
	static const transfer_fn ways[] = { write_mem, write_words };
	struct linux_kernel *l = linux_of(k);
	int err = 0, second;
	size_t done = write_vm(l, tid, addr, (void *)buf, len, &err);

	/* EFAULT is the answer: what the program may not write is not written by force either. */
	if (done == len)
		return 0;
	if (err && !is_refusal(err))
		return err;
	second = transfer(l, tid, addr + done, (char *)buf + done, len - done, ways, 2);
	return second == -ENOSYS && err ? err : second;
}

int linux_write_code(struct kernel *k, pid_t tid, uint64_t addr, const void *buf, size_t len)
{
	static const transfer_fn ways[] = { write_mem, write_words };

	return transfer(linux_of(k), tid, addr, (void *)buf, len, ways, 2);
}

/*
 * Opens the task's descriptor anew. By O_PATH first: opening somebody's device or FIFO has
 * effects, and what /proc/TID/fd/N names can be changed between a look and the open.
 */
static int open_memfd(pid_t tid, int number)
{
	char what[24], path[LINUX_PATH_SIZE];
	struct stat st;
	struct statfs fs;
	int at, fd;

	snprintf(what, sizeof(what), "fd/%d", number);
	linux_path(path, tid, what);
	at = open(path, O_PATH | O_CLOEXEC);
	if (at < 0)
		return -errno;
	if (fstat(at, &st) < 0 || fstatfs(at, &fs) < 0) {
		fd = -errno;
	} else if (!S_ISREG(st.st_mode) || st.st_nlink != 0 || fs.f_type != TMPFS_MAGIC) {
		fd = -EPERM; /* not a memfd */
	} else {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	close(at);
	return fd;
}

/*
 * Makes the file `size` bytes long for good. Without the seals the target could shrink it later,
 * and our next look into the mapping would be SIGBUS. Files of a mounted tmpfs can't be sealed.
 */
static int seal(int fd, size_t size)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return -EPERM;
	if (!(seals & wanted) && ftruncate(fd, (off_t)size) < 0)
		return -errno;
	if ((seals & wanted) != wanted && fcntl(fd, F_ADD_SEALS, wanted) < 0)
		return -EPERM;
	if (fstat(fd, &st) < 0)
		return -errno;
	return st.st_size == (off_t)size ? 0 : -EPERM;
}

int linux_map_fd(struct kernel *k, pid_t tid, int number, size_t size, void **map)
{
	int fd = open_memfd(tid, number), err;

	(void)k;
	if (fd < 0)
		return fd;
	err = seal(fd, size);
	if (!err) {
		*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (*map == MAP_FAILED)
			err = -errno;
	}
	close(fd);
	return err;
}

void linux_unmap(struct kernel *k, void *map, size_t size)
{
	(void)k;
	munmap(map, size);
}
