#!/bin/sh
# SPDX-License-Identifier: MIT
# examples.sh BUILD CC: installs BUILD, builds docs/examples against what was installed, once by
# pkg-config and once by find_package, and runs them: each must say what is expected of it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
examples=$here/../../docs/examples
build=$1
cc=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/usr" >/dev/null
pc=$(find "$work/usr" -name scion.pc)
PKG_CONFIG_PATH=${pc%/*}
export PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(pkg-config --variable=libdir scion)
export LD_LIBRARY_PATH

# said HOW TEXT PATTERN...: every line of the text fits its pattern, and there are no others.
said()
{
	how=$1
	text=$2
	shift 2
	for pattern; do
		line=${text%%"$newline"*}
		if ! printf '%s\n' "$line" | grep -Eqx -e "$pattern"; then
			printf '%s: says "%s", not "%s"; all of it:\n%s\n' "$how" "$line" "$pattern" "$text" >&2
			exit 1
		fi
		case $text in
		*"$newline"*) text=${text#*"$newline"} ;;
		*) text= ;;
		esac
	done
	if [ -n "$text" ]; then
		printf '%s: says more: %s\n' "$how" "$text" >&2
		exit 1
	fi
}
newline='
'

# try HOW DIR: runs the three.
try()
{
	said "$1, epoll" "$("$2/epoll" sh -c '(exit 1); (exit 2); exit 3')" \
		'our own child exited with 7' 'timer: ticked, forks followed: 2'

	said "$1, payload_at_fork" "$("$2/payload_at_fork" sh -c '(true); (true); (true)')" \
		'3 forks, 12 payloads ran, 0 failed, 0 strangers, counted 6'

	code=0
	text=$("$2/fork_tracer" sh -c '(exit 4); exit 5' 2>&1) || code=$?
	[ "$code" = 5 ] || { echo "$1, fork_tracer: exit code $code, not 5" >&2; exit 1; }
	# the order of the child's end and of the parent's line is the kernel's
	text=$(printf '%s\n' "$text" | sort -k2 -s)
	said "$1, fork_tracer" "$text" \
		'[0-9]+: exited with 4' '[0-9]+: exited with 5' '1 forks, 0 wrong' \
		'([0-9]+): made process ([0-9]+); the call returned \2: right' \
		'[0-9]+: runs another program'
	echo "$1: ok"
}

mkdir "$work/make"
cp "$examples/Makefile" "$examples"/*.c "$work/make"
make -s -C "$work/make" CC="$cc" CFLAGS="-O2 -Wall -Wextra -Werror"
try pkg-config "$work/make"

cmake -S "$examples" -B "$work/cmake" -G Ninja -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_PREFIX_PATH="$work/usr" >/dev/null
cmake --build "$work/cmake" >/dev/null
try find_package "$work/cmake"
