#define _GNU_SOURCE
#include "bytes.h"

const uint8_t *bytes_last_newline(const uint8_t *p, size_t count) {
    return (const uint8_t *)memrchr(p, '\n', count);
}

void *bytes_digest_make(void) {
    XXH3_state_t *state = XXH3_createState();
    if (state) XXH3_128bits_reset(state);
    return state;
}

void bytes_digest_update(void *digest, const void *p, size_t count) { XXH3_128bits_update(digest, p, count); }

void bytes_digest_final(const void *digest, uint64_t *low, uint64_t *high) {
    const XXH128_hash_t hash = XXH3_128bits_digest(digest);
    *low = hash.low64;
    *high = hash.high64;
}

void bytes_digest_free(void *digest) { XXH3_freeState(digest); }

size_t bytes_nonzero32(const uint32_t *p, size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) found += p[i] != 0;
    return found;
}

size_t bytes_nonzero64(const uint64_t *p, size_t count) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) found += p[i] != 0;
    return found;
}
