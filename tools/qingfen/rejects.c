#include "tools/qingfen/rejects.h"

#include <errno.h>

int rejects_open(struct rejects *rejects, const char *path)
{
    *rejects = (struct rejects){0};
    if (path == NULL) return 0;
    rejects->out = fopen(path, "we");
    if (rejects->out == NULL) return -errno;
    fputs("line,code,text,msgid,setl_id,file\n", rejects->out);
    return 0;
}

int rejects_close(struct rejects *rejects)
{
    if (rejects->out == NULL) {
        if (rejects->count > REJECTS_SHOWN) {
            fprintf(stderr, "  … and %llu more; --rejects FILE keeps all of them\n",
                    (unsigned long long)(rejects->count - REJECTS_SHOWN));
        }
        return 0;
    }
    const int bad = ferror(rejects->out);
    if (fclose(rejects->out) != 0) return -errno;
    return bad ? -EIO : 0;
}

static void put_field(FILE *out, struct bytes text)
{
    bool quoted = false;
    if (text.size == 0) return;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        quoted |= c == '"' || c == ',' || c == '\n' || c == '\r';
    }
    if (!quoted) {
        fwrite(text.data, 1, text.size, out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') fputc('"', out);
        fputc(text.data[i], out);
    }
    fputc('"', out);
}

void rejects_add(struct rejects *rejects, const struct reject *reject)
{
    rejects->count++;
    if (rejects->out == NULL) {
        if (rejects->count <= REJECTS_SHOWN) {
            fprintf(stderr, "  %s:%llu: %u %s\n", reject->file, (unsigned long long)reject->line,
                    reject->code, reject->text);
        }
        return;
    }
    fprintf(rejects->out, "%llu,%u,", (unsigned long long)reject->line, reject->code);
    put_field(rejects->out, bytes_of(reject->text));
    fputc(',', rejects->out);
    put_field(rejects->out, reject->msgid);
    fputc(',', rejects->out);
    put_field(rejects->out, reject->setl_id);
    fputc(',', rejects->out);
    put_field(rejects->out, bytes_of(reject->file));
    fputc('\n', rejects->out);
}
