/* replay.c - runs a target over the files of a folder: the ordinary test of a corpus. */
#include <dirent.h>

#include "fuzz.h"

static void run_file(const char *path)
{
    static uint8_t bytes[1 << 20];
    FILE *f = fopen(path, "re");
    MUST(f);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    (void)LLVMFuzzerTestOneInput(bytes, n);
}

int main(int argc, char **argv)
{
    size_t n = 0;
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
    MUST(d);
    for (const struct dirent *entry; (entry = readdir(d));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        run_file(path);
        n++;
    }
    (void)closedir(d);
    printf("%zu passed, 0 failed\n", n);
    return n == 0;
}
