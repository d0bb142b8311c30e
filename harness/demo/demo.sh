#!/bin/sh
# SPDX-License-Identifier: MIT
# A little of what shells do all day: subshells, pipes, command substitution, background jobs, exec.
# Under scion run it must print the same as alone.
set -eu

echo "demo: a subshell"
(true)

echo "demo: a pipe: $(printf 'scion\ngraft\nshoot\n' | sort | head -n 1)"

echo "demo: a background job, and waiting for it"
sh -c 'exit 3' &
status=0
wait $! || status=$?
echo "demo: it ended with $status"

echo "demo: a subshell that becomes another program"
(exec echo "demo: hello from exec")
