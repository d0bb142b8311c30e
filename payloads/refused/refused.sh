#!/bin/sh
# SPDX-License-Identifier: MIT
# refused.sh SOURCE PACK LD SCRIPT CC [FLAG...]
#
# Compiles SOURCE and passes it through linker script and packer up to the stage that it names:
#
#	link     the linker refuses it
#	object   the packer refuses the object, which has not been linked
#	image    the linker takes it, the packer refuses it
#
# What is printed there must match the source's "expect:" line, an extended regular expression;
# "accepted" means that nothing is refused.

source=$1 pack=$2 ld=$3 script=$4
shift 4
stage=$(sed -n 's,^/\* stage: \(.*\) \*/$,\1,p' "$source")
expect=$(sed -n 's,^/\* expect: \(.*\) \*/$,\1,p' "$source")
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "$source: $*"
	[ -f "$dir/said" ] && sed 's/^/	/' "$dir/said"
	exit 1
}

"$@" -c -o "$dir/p.o" "$source" || fail "does not compile"
link() {
	"$ld" -static --emit-relocs -z noexecstack -T "$script" -o "$dir/p.elf" "$dir/p.o" \
		>"$dir/said" 2>&1
}

case $stage in
link) link ;;
object) "$pack" --check "$dir/p.o" >"$dir/said" 2>&1 ;;
image)
	link || fail "the linker refused it"
	"$pack" --check "$dir/p.elf" >"$dir/said" 2>&1
	;;
*) fail "no stage" ;;
esac
status=$?

if [ "$expect" = accepted ]; then
	[ $status -eq 0 ] || fail "was refused"
	exit 0
fi
[ $status -ne 0 ] || fail "was not refused"
[ $status -lt 126 ] || fail "exit code $status"
grep -E -q -e "$expect" "$dir/said" || fail "was refused, but not with: $expect"
