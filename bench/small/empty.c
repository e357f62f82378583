// SPDX-License-Identifier: Apache-2.0
/* The smallest program there is: what starting any process costs. */
int main(void)
{
	return 0;
}
