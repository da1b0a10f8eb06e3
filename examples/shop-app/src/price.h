/* price.h - what things cost. */
#pragma once

/* The price in cents, or -1 when there is no such article. */
int price_of(const char *article);
