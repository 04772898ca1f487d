#include "tools/documents/save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "types/ensure.h"

/* "folder/.name.PID.new" beside `path`: a name that no list of documents shows. */
static bool temporary_name(const char *path, char ret_name[PATH_MAX], struct document_fault *fault)
{
    const char *slash = strrchr(path, '/');
    const int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
    const int size = snprintf(ret_name, PATH_MAX, "%.*s.%s.%ld.new", folder, path, path + folder,
                              (long)getpid());
    if (size > 0 && size < PATH_MAX) return true;
    return document_fail(fault, "%s: %s", path, strerror(ENAMETOOLONG));
}

/* Makes the file durable and gives it its name. */
static bool publish(const char *temporary, const char *path, struct document_fault *fault)
{
    const int fd = open(temporary, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return document_fail(fault, "%s: %s", path, strerror(errno));
    const bool is_synced = fsync(fd) == 0;
    const int error = errno;
    close(fd);
    if (!is_synced) return document_fail(fault, "%s: %s", path, strerror(error));
    if (rename(temporary, path) == 0) return true;
    return document_fail(fault, "%s: %s", path, strerror(errno));
}

bool save_path(const char *folder, const char *number, const char *ending, char *ret_path,
               size_t size)
{
    size_t used = (size_t)snprintf(ret_path, size, "%s/", folder);
    for (const char *at = number; *at != '\0' && used < size; at++) {
        const bool is_plain = strchr("%/\\:*?\"<>|", *at) == NULL;
        used += (size_t)snprintf(ret_path + used, size - used, is_plain ? "%c" : "%%%02X",
                                 (unsigned char)*at);
    }
    if (used < size) used += (size_t)snprintf(ret_path + used, size - used, ".%s", ending);
    return used < size;
}

bool save_document(const struct document *document, enum document_format format, const char *path,
                   struct document_fault *fault)
{
    char temporary[PATH_MAX];
    if (!temporary_name(path, temporary, fault)) return false;
    if (render_file(document, format, temporary, fault) && publish(temporary, path, fault)) {
        return true;
    }
    unlink(temporary);
    return false;
}

bool save_bytes(const char *path, const char *bytes, size_t size, struct document_fault *fault)
{
    char temporary[PATH_MAX];
    if (!temporary_name(path, temporary, fault)) return false;
    FILE *out = fopen(temporary, "wb");
    if (out == NULL) return document_fail(fault, "%s: %s", path, strerror(errno));
    bool is_done = fwrite(bytes, 1, size, out) == size;
    is_done = fclose(out) == 0 && is_done;
    if (!is_done) {
        document_fail(fault, "%s: %s", path, strerror(errno));
    } else if (publish(temporary, path, fault)) {
        return true;
    }
    unlink(temporary);
    return false;
}

bool save_digest(const char *path, uint8_t ret_digest[SHA256_SIZE], struct document_fault *fault)
{
    FILE *in = fopen(path, "rb");
    struct stat about;
    if (in == NULL || fstat(fileno(in), &about) != 0) {
        const int error = errno;
        if (in != NULL) fclose(in);
        return document_fail(fault, "%s: %s", path, strerror(error));
    }
    const size_t size = (size_t)about.st_size;
    uint8_t *bytes = malloc(size + 1);
    NEED_MEMORY(bytes);
    const bool is_whole = fread(bytes, 1, size, in) == size;
    fclose(in);
    if (is_whole) checksum_sha256((struct bytes){bytes, size}, (struct bytes){0}, ret_digest);
    free(bytes);
    return is_whole || document_fail(fault, "%s: cannot be read back", path);
}
