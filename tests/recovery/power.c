/* What a disk still has after a loss of power: loaded into a job (LD_PRELOAD), keeps beside it what was synced.
 *
 * Purpose: SIGKILL loses nothing that was written, so it cannot tell a journal that syncs from one that does not. Here a
 * sync of a file keeps a copy of its bytes, a sync of a folder the list of its names; `power.rs` lays out again what was
 * kept, and nothing else. Invariant: what is kept is what the last sync that was answered found, or one that was under
 * way. Cost: a copy of the file for each sync.
 *
 * SHOPBELL_POWER_WAITS: milliseconds before a sync is done, so that what does not wait for it is seen not to.
 *
 * In the folder named by SHOPBELL_POWER: `<inode>.data`, `<inode>.names` (lines of kind, inode and name), and
 * `<inode>.held`, a second name that keeps the number from being given to another file. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fail(const char *what) {
    perror(what);
    abort();
}

static void hold(const char *path, unsigned long inode, const char *image) {
    char held[512];
    snprintf(held, sizeof held, "%s/%lu.held", image, inode);
    /* A file that has no name any more needs none: nothing refers to it. */
    if (linkat(AT_FDCWD, path, AT_FDCWD, held, AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST && errno != ENOENT)
        fail("hold");
}

static void keep_bytes(const char *path, FILE *out) {
    char bytes[1 << 16];
    int in = open(path, O_RDONLY);
    if (in < 0) fail("open what was synced");
    for (;;) {
        ssize_t count = read(in, bytes, sizeof bytes);
        if (count < 0) fail("read what was synced");
        if (count == 0) break;
        if (fwrite(bytes, 1, (size_t)count, out) != (size_t)count) fail("keep");
    }
    close(in);
}

static void keep_names(const char *path, FILE *out, const char *image) {
    DIR *folder = opendir(path);
    if (!folder) fail("open the folder that was synced");
    for (struct dirent *entry; (entry = readdir(folder));) {
        char whole[1024];
        if (entry->d_name[0] == '.' && (!entry->d_name[1] || (entry->d_name[1] == '.' && !entry->d_name[2])))
            continue;
        snprintf(whole, sizeof whole, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_REG) hold(whole, entry->d_ino, image);
        fprintf(out, "%c %lu %s\n", entry->d_type == DT_DIR ? 'd' : 'f', (unsigned long)entry->d_ino, entry->d_name);
    }
    closedir(folder);
}

static int synced(long call, int file) {
    const char *image = getenv("SHOPBELL_POWER"), *waits = getenv("SHOPBELL_POWER_WAITS");
    if (waits) usleep((useconds_t)atol(waits) * 1000);
    int answer = (int)syscall(call, file);
    struct stat found;
    char path[64], making[512], made[512];
    if (answer != 0 || !image || fstat(file, &found) != 0) return answer;
    int folder = S_ISDIR(found.st_mode);
    if (!folder && !S_ISREG(found.st_mode)) return answer;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    snprintf(making, sizeof making, "%s/%ld.making", image, (long)syscall(SYS_gettid));
    snprintf(made, sizeof made, "%s/%lu.%s", image, (unsigned long)found.st_ino, folder ? "names" : "data");
    FILE *out = fopen(making, "w");
    if (!out) fail("make the copy");
    if (folder) {
        keep_names(path, out, image);
    } else {
        hold(path, (unsigned long)found.st_ino, image);
        keep_bytes(path, out);
    }
    if (fclose(out) != 0 || rename(making, made) != 0) fail("keep the copy");
    return 0;
}

int fsync(int file) { return synced(SYS_fsync, file); }

int fdatasync(int file) { return synced(SYS_fdatasync, file); }
