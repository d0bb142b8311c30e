#!/bin/sh
# SPDX-License-Identifier: MIT
# consumers.sh BUILD CC: installs BUILD into a folder of its own, moves that (it must not know where it
# is), then builds and runs consumer.c against it: shared and static, by pkg-config and by find_package.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
cc=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/elsewhere" >/dev/null
mv "$work/elsewhere" "$work/usr"

version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")

# expect HOW PROGRAM: the program runs and tells the version.
expect()
{
	said=$(LD_LIBRARY_PATH=$libdir "$2") || {
		echo "$1: exit code $?" >&2
		exit 1
	}
	if [ "$said" != "$version" ]; then
		echo "$1: says version '$said', not '$version'" >&2
		exit 1
	fi
	echo "$1: ok"
}

pc=$(find "$work/usr" -name scion.pc)
PKG_CONFIG_PATH=${pc%/*}
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir scion)

# shellcheck disable=SC2046
"$cc" -Wall -Werror "$here/consumer.c" -o "$work/shared" $(pkg-config --cflags --libs scion)
expect "pkg-config, shared" "$work/shared"

# No libscion.so in sight: -lscion can only mean the archive.
mkdir "$work/static-only"
cp "$libdir/libscion.a" "$work/static-only"
# shellcheck disable=SC2046
"$cc" -Wall -Werror "$here/consumer.c" -o "$work/static" $(pkg-config --cflags scion) \
	-L"$work/static-only" $(pkg-config --static --libs scion | sed "s,-L$libdir,,")
libdir=/nonexistent expect "pkg-config, static" "$work/static"

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES C)
find_package(scion $version REQUIRED)
add_executable(shared $here/consumer.c)
target_link_libraries(shared PRIVATE scion::scion)
add_executable(static $here/consumer.c)
target_link_libraries(static PRIVATE scion::scion_static)
END
cmake -S "$work/project" -B "$work/project/build" -G Ninja -DCMAKE_C_COMPILER="$cc" \
	-DCMAKE_PREFIX_PATH="$work/usr" >/dev/null
cmake --build "$work/project/build" >/dev/null
expect "find_package, shared" "$work/project/build/shared"
libdir=/nonexistent expect "find_package, static" "$work/project/build/static"

for file in bin/scion include/scion/scion.h include/scion/payload.h \
	share/bash-completion/completions/scion; do
	if [ ! -e "$work/usr/$file" ]; then
		echo "not installed: $file" >&2
		exit 1
	fi
done
