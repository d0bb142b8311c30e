#!/bin/sh
# SPDX-License-Identifier: MIT
# public.sh LIBSCION.SO: every public function has a doc comment right above it, and the library exports
# exactly the functions that the header declares.
set -eu
cd "$(dirname "$0")/../.."
header=mutator/include/scion/scion.h

undocumented=$(awk '
	/^SCION_API/ && previous !~ /\*\/$/ { printf "%s:%d: no doc comment: %s\n", FILENAME, FNR, $0 }
	{ previous = $0 }' "$header")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Declarations may go over several lines: each begins with SCION_API, its name ends at the "(".
sed -n '/^SCION_API/,/;/p' "$header" | tr '\n' ' ' | tr ';' '\n' |
	sed -n 's/^[^(]*[ *]\(scion_[a-z0-9_]*\)(.*/\1/p' | sort >"$work/declared"
nm -D --defined-only "$1" | sed -n 's/.* [TBDR] \([^@]*\).*/\1/p' | grep -v '^SCION_' |
	sort >"$work/exported"

status=0
if [ -n "$undocumented" ]; then
	echo "$undocumented"
	status=1
fi
if ! diff -U0 "$work/declared" "$work/exported" >"$work/diff"; then
	echo "$header (-) and $1 (+) differ:"
	sed -n '/^[-+]scion/p' "$work/diff"
	status=1
fi
if [ ! -s "$work/declared" ]; then
	echo "$header declares nothing: this check is broken"
	status=1
fi
exit $status
