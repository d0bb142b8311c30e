#!/bin/sh
# SPDX-License-Identifier: MIT
# tidy.sh BUILD JOBS: clang-tidy over what BUILD compiled of the mutator and the harness.
set -eu
cd "$(dirname "$0")/../.."

said=$(mktemp)
trap 'rm -f "$said"' EXIT
status=0
sed -n 's/^ *"file": "\(.*\)",*$/\1/p' "$1/compile_commands.json" | sort -u |
	grep -F -e "$PWD/mutator/" -e "$PWD/harness/" |
	xargs -P "$2" -n 4 clang-tidy --quiet --warnings-as-errors='*' -p "$1" >"$said" 2>&1 ||
	status=1
grep -v -E '^[0-9]+ warnings? (generated|treated)|^$' "$said" || true
exit $status
