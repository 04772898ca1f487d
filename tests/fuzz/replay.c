/* Runs a fuzz target over the files and folders that are named: a corpus as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        perror(path);
        return 1;
    }
    const size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size == 0 ? 1 : size); /* Its own size: a sanitizer sees a byte more. */
    const int failed = data == NULL || fread(data, 1, size, file) != size;
    fclose(file);
    if (failed) {
        fprintf(stderr, "%s: cannot be read\n", path);
    } else {
        LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return failed;
}

static int replay(const char *path)
{
    struct dirent **names;
    const int count = scandir(path, &names, NULL, alphasort);
    if (count < 0) return replay_file(path);

    int failed = 0;
    for (int i = 0; i < count; i++) {
        char inside[4096];
        snprintf(inside, sizeof(inside), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') failed |= replay(inside);
        free(names[i]);
    }
    free(names);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    return failed;
}
