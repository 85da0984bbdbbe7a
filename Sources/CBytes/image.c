#include "image.h"

#include <stdint.h>
#include <sys/mman.h>

// Of the linker. Code is read-only and in its file: nothing is lost.
extern char __executable_start[], etext[];

void image_release(void) {
    uintptr_t page = 4095, start = ((uintptr_t)__executable_start + page) & ~page, end = (uintptr_t)etext & ~page;
    if (end > start) madvise((void *)start, end - start, MADV_DONTNEED);
}
