#include <stdio.h>

#include "../src/price.h"

int main(void)
{
    static const struct {
        const char *article;
        int want;
    } cases[] = {
        {"apple", 30}, {"milk", 120}, {"caviar", -1}, {"", -1},
    };
    int passed = 0, failed = 0;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int got = price_of(cases[i].article);
        if (got == cases[i].want) {
            passed++;
        } else {
            failed++;
            printf("price_of(\"%s\") is %d, not %d\n", cases[i].article, got, cases[i].want);
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
