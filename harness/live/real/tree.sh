# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# make -j4 of tree.mk in a new folder: what it said, in any order, and what it made.
makefile=$1 dir=$2
unset MAKEFLAGS MFLAGS MAKELEVEL
rm -rf "$dir" && mkdir "$dir" && cd "$dir" || exit
make -s -j4 -f "$makefile" >out 2>&1
code=$?
sort out
cat sum.txt && cksum main.o libmod.a sum && ls
exit $code
