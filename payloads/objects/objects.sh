#!/bin/sh
# SPDX-License-Identifier: MIT
# objects.sh SOURCE SCION CC
#
# Builds SOURCE by `scion payload build`, with the compiler arguments of its "args:" line, and
# checks the object by `scion payload check`. Both must print a line that matches the source's
# "expect:" line, an extended regular expression, and leave with 0 if the file is named ok_*, with 1
# if it is named refused_*.

source=$1 scion=$2 cc=$3
args=$(sed -n 's,^/\* args: \(.*\) \*/$,\1,p' "$source")
expect=$(sed -n 's,^/\* expect: \(.*\) \*/$,\1,p' "$source")
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

case ${source##*/} in
ok_*) want=0 ;;
refused_*) want=1 ;;
*) echo "$source: neither ok_ nor refused_"; exit 1 ;;
esac
[ -n "$expect" ] || { echo "$source: no expect: line"; exit 1; }

judge() { # STATUS WORDS
	if [ "$1" -ne $want ] || ! grep -E -q -e "$expect" "$dir/said"; then
		echo "$source: $2: exit code $1 instead of $want, or not: $expect"
		sed 's/^/	/' "$dir/said"
		exit 1
	fi
}

# Words of args are to be split.
# shellcheck disable=SC2086
CC=$cc "$scion" payload build "$source" -o "$dir/p.o" -- $args >"$dir/said" 2>&1
judge $? "payload build"
"$scion" payload check "$dir/p.o" >"$dir/said" 2>&1
judge $? "payload check"
