/* SPDX-License-Identifier: MIT */
/* main() of every live test; alone in its file so that a program may bring its own. */
#include "lib/test.h"

int main(void)
{
	return test_supervise(&scion_test);
}
