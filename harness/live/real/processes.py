# SPDX-License-Identifier: MIT
"""Every way in which Python makes processes; what it prints does not depend on timing."""
import multiprocessing
import os
import signal
import subprocess
import sys
import threading


def check(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r}, not {expected!r}")


def in_threads(function, count):
    """Calls function(0) to function(count - 1), each in its thread, all at once."""
    results = [None] * count
    barrier = threading.Barrier(count)

    def call(n):
        barrier.wait()
        results[n] = function(n)

    threads = [threading.Thread(target=call, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def subprocesses():
    for n in range(5):
        check("exit code", subprocess.run(["sh", "-c", f"exit {n}"]).returncode, n)
    check("output", subprocess.check_output(["echo", "vfork"]), b"vfork\n")
    check("shell", subprocess.check_output("echo a b | tr a-z A-Z", shell=True), b"A B\n")
    # posix_spawn: no close_fds, a path
    code = subprocess.run(["/bin/sh", "-c", "exit 3"], close_fds=False).returncode
    check("posix_spawn", code, 3)
    # a preexec_fn needs fork, a setsid goes with vfork
    check("fork", subprocess.run(["true"], preexec_fn=os.getpid).returncode, 0)
    check("session", subprocess.run(["true"], start_new_session=True).returncode, 0)
    first = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
    second = subprocess.Popen(["wc", "-l"], stdin=first.stdout, stdout=subprocess.PIPE)
    first.stdout.close()
    check("pipe", second.communicate()[0].strip(), b"1000")
    check("first", first.wait(), 0)
    both = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    data = b"x" * 500000
    check("both ends", both.communicate(data)[0], data)
    try:
        subprocess.run(["/nonexistent/program"])
        sys.exit("executed what is not there")
    except FileNotFoundError:
        pass
    stopped = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    stopped.terminate()
    check("terminated", stopped.wait(), -signal.SIGTERM)
    stopped.stdin.close()
    check("os.system", os.system("exit 6"), 6 << 8)
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 8"], os.environ)
    check("os.posix_spawn", os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 8)
    print("subprocess")


def fork_here(code):
    """The child says who it is and exits with the code; True if all of it is right."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"%d %d" % (os.getpid(), os.getppid()))
        os._exit(code)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    got, status = os.waitpid(pid, 0)
    return (said, got, os.waitstatus_to_exitcode(status)) == (
        b"%d %d" % (pid, os.getpid()), pid, code)


def forks():
    check("forks", [fork_here(n) for n in range(20)], [True] * 20)
    print("fork")
    check("forks in threads",
          in_threads(lambda n: all(fork_here(n * 10 + m) for m in range(10)), 4), [True] * 4)
    print("threads that fork")
    check("subprocesses in threads",
          in_threads(lambda n: [subprocess.run(["sh", "-c", f"exit {n + m}"]).returncode
                                for m in range(4)], 4),
          [[n + m for m in range(4)] for n in range(4)])
    print("threads with subprocesses")


def square(n):
    return n * n, os.getpid()


def count(queue, lock, total, n):
    for _ in range(50):
        with lock:
            total.value += 1
    queue.put((n, os.getpid()))


def multi(method):
    context = multiprocessing.get_context(method)
    with context.Pool(3) as pool:
        answers = pool.map(square, range(60), chunksize=2)
        check("squares", [a for a, _ in answers], [n * n for n in range(60)])
        if os.getpid() in {pid for _, pid in answers}:
            sys.exit("a worker has our PID")
        pool.close()
        pool.join()
    queue, lock, total = context.Queue(), context.Lock(), context.Value("i", 0, lock=False)
    workers = [context.Process(target=count, args=(queue, lock, total, n)) for n in range(3)]
    for worker in workers:
        worker.start()
    said = dict(queue.get() for _ in workers)
    for worker in workers:
        worker.join()
    check("exit codes", [worker.exitcode for worker in workers], [0] * 3)
    check("PIDs", [said[n] for n in range(3)], [worker.pid for worker in workers])
    check("total", total.value, 150)
    print("multiprocessing", method)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    subprocesses()
    forks()
    for start_method in "fork", "spawn", "forkserver":
        multi(start_method)
    sys.exit(17)
