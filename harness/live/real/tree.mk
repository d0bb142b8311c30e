# SPDX-License-Identifier: MIT
# A small tree: thirteen sources that make themselves, a library, a program, what it prints; then a
# second make in it, and one that fails.
modules := a b c d e f g h i j k l
objects := $(modules:%=mod_%.o)
CC := gcc
CFLAGS := -O1 -Wall -Werror

.PHONY: all again fails
all: sum.txt again fails
	@echo "sum $$(cat sum.txt)"

mod_%.c:
	@{ echo '#include "mod.h"'; echo 'static const char name[] = "$*";'; \
	echo 'int mod_$*(int x)'; echo '{'; echo '	return x * 3 + name[0];'; echo '}'; } >$@

mod.h:
	@for m in $(modules); do echo "int mod_$$m(int x);"; done >$@

main.c: mod.h
	@{ echo '#include <stdio.h>'; echo '#include "mod.h"'; echo 'int main(void)'; echo '{'; \
	echo '	int x = 0;'; for m in $(modules); do echo "	x = mod_$$m(x) % 1000;"; done; \
	echo '	printf("%d", x); putchar(10);'; echo '	return 0;'; echo '}'; } | cat >$@

%.o: %.c mod.h
	@echo "compile $<"
	@$(CC) $(CFLAGS) -pipe -c -o $@ $<

libmod.a: $(objects)
	@echo "archive $@"
	@ar rcD $@ $^ && ranlib -D $@

sum: main.o libmod.a
	@echo "link $@"
	@$(CC) -o $@ $^

sum.txt: sum
	@./sum >$@

again: sum.txt
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) sum.txt

fails: sum.txt
	@! $(CC) -o broken main.o 2>errors
	@grep -c 'undefined reference' errors
