// Byte kernels that Swift cannot express as well: delimiter masks, string scanning, hashes, prefetch.
// Every function is static inline and has a scalar twin, so hot loops pay no calls.
#ifndef THALWEG_BYTES_H
#define THALWEG_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

/// One bit per byte of p[0..<64] that equals a, b, c or d; *high is set when any byte is outside ASCII. Reads exactly
/// 64 bytes.
static inline uint64_t bytes_mask64(const uint8_t *p, uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint32_t *high) {
    uint64_t mask = 0;
#if defined(__SSE2__)
    const __m128i va = _mm_set1_epi8((char)a), vb = _mm_set1_epi8((char)b), vc = _mm_set1_epi8((char)c),
                  vd = _mm_set1_epi8((char)d);
    __m128i all = _mm_setzero_si128();
    for (int k = 0; k < 4; k++) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * k));
        const __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb)),
                                         _mm_or_si128(_mm_cmpeq_epi8(v, vc), _mm_cmpeq_epi8(v, vd)));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * k);
        all = _mm_or_si128(all, v);
    }
    *high |= (uint32_t)_mm_movemask_epi8(all);
#else
    for (int k = 0; k < 64; k++) {
        mask |= (uint64_t)(p[k] == a || p[k] == b || p[k] == c || p[k] == d) << k;
        *high |= p[k] & 0x80u;
    }
#endif
    return mask;
}

/// One bit per byte of p[0..<64] that is a blank or control character (0x00...0x20), ':' or '|': the delimiters of
/// Vowpal Wabbit's text and of LIBSVM; *high is set when any byte is outside ASCII. Reads exactly 64 bytes.
static inline uint64_t bytes_feature_mask64(const uint8_t *p, uint32_t *high) {
    uint64_t mask = 0;
#if defined(__SSE2__)
    const __m128i blank = _mm_set1_epi8(0x20), colon = _mm_set1_epi8(':'), bar = _mm_set1_epi8('|');
    __m128i all = _mm_setzero_si128();
    for (int k = 0; k < 4; k++) {
        const __m128i v = _mm_loadu_si128((const __m128i *)(p + 16 * k));
        const __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, blank), v),
                                         _mm_or_si128(_mm_cmpeq_epi8(v, colon), _mm_cmpeq_epi8(v, bar)));
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * k);
        all = _mm_or_si128(all, v);
    }
    *high |= (uint32_t)_mm_movemask_epi8(all);
#else
    for (int k = 0; k < 64; k++) {
        mask |= (uint64_t)(p[k] <= 0x20 || p[k] == ':' || p[k] == '|') << k;
        *high |= p[k] & 0x80u;
    }
#endif
    return mask;
}

/// The index of the first byte of p[0..<16] that ends or complicates a JSON string: a quote, a backslash, a control
/// character or a byte outside ASCII; 16 when there is none. Reads exactly 16 bytes.
static inline unsigned bytes_json_string_stop16(const uint8_t *p) {
#if defined(__SSE2__)
    const __m128i v = _mm_loadu_si128((const __m128i *)p);
    const __m128i stop = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'))),
        _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));  // signed: also catches 0x80...0xff
    const unsigned mask = (unsigned)_mm_movemask_epi8(stop) | 0x10000u;
    return (unsigned)__builtin_ctz(mask);
#else
    for (unsigned k = 0; k < 16; k++)
        if (p[k] == '"' || p[k] == '\\' || p[k] < 0x20 || p[k] >= 0x80) return k;
    return 16;
#endif
}

/// Whether the first `count` (at most 16) bytes of p and q agree. Reads exactly 16 bytes of each.
static inline int bytes_equal16(const uint8_t *p, const uint8_t *q, unsigned count) {
#if defined(__SSE2__)
    const unsigned same = (unsigned)_mm_movemask_epi8(
        _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), _mm_loadu_si128((const __m128i *)q)));
    const unsigned wanted = (1u << count) - 1;
    return (same & wanted) == wanted;
#else
    return memcmp(p, q, count) == 0;
#endif
}

/// XXH3 (64 bits, unseeded) of a byte string.
static inline uint64_t bytes_xxh3(const void *p, size_t count) { return XXH3_64bits(p, count); }

/// The same of 1 to 16 bytes, small enough to stand inline in a loop. The constants are words of XXH3's default secret
/// after its specification (Collet 2019), already combined as these lengths use them.
static inline uint64_t bytes_xxh3_short(const uint8_t *p, size_t count) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t h;
    if (count > 8) {
        uint64_t low, high;
        memcpy(&low, p, 8);
        memcpy(&high, p + count - 8, 8);
        low ^= 0x6782737bea4239b9ull;
        high ^= 0xaf56bc3b0996523aull;
        const __uint128_t product = (__uint128_t)low * high;
        h = count + __builtin_bswap64(low) + high + ((uint64_t)product ^ (uint64_t)(product >> 64));
        h = (h ^ (h >> 37)) * 0x165667919e3779f9ull;
        return h ^ (h >> 32);
    }
    if (count >= 4) {
        uint32_t first, last;
        memcpy(&first, p, 4);
        memcpy(&last, p + count - 4, 4);
        h = (last | (uint64_t)first << 32) ^ 0xc73ab174c5ecd5a2ull;
        h ^= (h << 49 | h >> 15) ^ (h << 24 | h >> 40);
        h *= 0x9fb21c651e98df25ull;
        h = (h ^ ((h >> 35) + count)) * 0x9fb21c651e98df25ull;
        return h ^ (h >> 28);
    }
    h = (uint32_t)p[0] << 16 | (uint32_t)p[count >> 1] << 24 | p[count - 1] | (uint32_t)count << 8;
    h ^= 0x87275a9bu;
    h = (h ^ (h >> 33)) * 0xc2b2ae3d27d4eb4full;
    h = (h ^ (h >> 29)) * 0x165667b19e3779f9ull;
    return h ^ (h >> 32);
#else
    return bytes_xxh3(p, count);
#endif
}

/// How many of the first `count` words of p are not zero.
size_t bytes_nonzero32(const uint32_t *p, size_t count);
size_t bytes_nonzero64(const uint64_t *p, size_t count);

/// Streaming XXH3 (128 bits), for digests. Null when out of memory.
void *bytes_digest_make(void);
void bytes_digest_update(void *digest, const void *p, size_t count);
void bytes_digest_final(const void *digest, uint64_t *low, uint64_t *high);
void bytes_digest_free(void *digest);

/// Spreads a hash over 64 bits (the finalizer of SplitMix64, Steele et al. 2014).
static inline uint64_t bytes_mix(uint64_t h) {
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
    return h ^ (h >> 31);
}

static inline uint32_t bytes_rotl32(uint32_t x, int r) { return (x << r) | (x >> (32 - r)); }

/// MurmurHash3_x86_32 (Appleby 2011, public domain algorithm), the hash of Vowpal Wabbit's features.
static inline uint32_t bytes_murmur3(const uint8_t *p, size_t count, uint32_t seed) {
    uint32_t h = seed;
    const uint32_t c1 = 0xcc9e2d51u, c2 = 0x1b873593u;
    const size_t blocks = count / 4;
    for (size_t i = 0; i < blocks; i++) {
        uint32_t k;
        memcpy(&k, p + 4 * i, 4);
        h ^= bytes_rotl32(k * c1, 15) * c2;
        h = bytes_rotl32(h, 13) * 5 + 0xe6546b64u;
    }
    uint32_t k = 0;
    const uint8_t *tail = p + 4 * blocks;
    switch (count & 3) {
        case 3: k ^= (uint32_t)tail[2] << 16; /* fall through */
        case 2: k ^= (uint32_t)tail[1] << 8;  /* fall through */
        case 1: k ^= tail[0]; h ^= bytes_rotl32(k * c1, 15) * c2;
    }
    h ^= (uint32_t)count;
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

/// The same as bytes_murmur3, without branches on the length's remainder: reads up to 4 bytes past the end.
static inline uint32_t bytes_murmur3_padded(const uint8_t *p, size_t count, uint32_t seed) {
    uint32_t h = seed;
    const uint32_t c1 = 0xcc9e2d51u, c2 = 0x1b873593u;
    const uint8_t *tail = p + (count & ~(size_t)3);
    uint32_t k;
    for (; p < tail; p += 4) {
        memcpy(&k, p, 4);
        h ^= bytes_rotl32(k * c1, 15) * c2;
        h = bytes_rotl32(h, 13) * 5 + 0xe6546b64u;
    }
    memcpy(&k, tail, 4);
    k &= (uint32_t)((1ull << (8 * (count & 3))) - 1);
    h ^= bytes_rotl32(k * c1, 15) * c2;
    h ^= (uint32_t)count;
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

/// Reads an unsigned decimal that ends within 8 bytes: up to 7 digits, perhaps with a point inside. Returns its length
/// (0: not of that form, or not sure); *mantissa / 10^*scale is its value. Reads exactly 8 bytes.
static inline unsigned bytes_short_decimal(const uint8_t *p, uint32_t *mantissa, unsigned *scale) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word;
    memcpy(&word, p, 8);
    const uint64_t t = word ^ 0x3030303030303030ull;
    // High bit set in every byte that is no digit.
    uint64_t other = (((t & 0x7f7f7f7f7f7f7f7full) + 0x7676767676767676ull) | t) & 0x8080808080808080ull;
    if (other == 0) return 0;
    const unsigned whole = (unsigned)__builtin_ctzll(other) >> 3;
    if (whole == 0 || (whole > 1 && p[0] == '0')) return 0;
    unsigned digits = whole, length = whole;
    uint64_t text = t;
    if (p[whole] == '.') {
        other &= other - 1;
        if (other == 0) return 0;
        length = (unsigned)__builtin_ctzll(other) >> 3;
        digits = length - 1;
        if (digits == whole) return 0;
        const uint64_t before = (1ull << (8 * whole)) - 1;
        text = (t & before) | ((t >> 8) & ~before);
    }
    *scale = digits - whole;
    // Digits to the top bytes, zeros below; then pairs, fours and the eight of them (Lemire 2018).
    text <<= 64 - 8 * digits;
    text = text * 10 + (text >> 8);
    *mantissa = (uint32_t)((((text & 0x000000ff000000ffull) * 0x000f424000000064ull) +
                            (((text >> 16) & 0x000000ff000000ffull) * 0x0000271000000001ull)) >> 32);
    return length;
#else
    return 0;
#endif
}

/// Vowpal Wabbit's hash of a name (`--hash strings`): bytes up to 0x20 at both ends dropped; decimal digits count as
/// their number, anything else by MurmurHash3.
static inline uint32_t bytes_vw_hash(const uint8_t *p, size_t count, uint32_t seed) {
    while (count > 0 && p[count - 1] <= 0x20) count--;
    while (count > 0 && p[0] <= 0x20) p++, count--;
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        const uint8_t digit = (uint8_t)(p[i] - '0');
        if (digit > 9) return bytes_murmur3(p, count, seed);
        number = number * 10 + digit;
    }
    return (uint32_t)number + seed;
}

/// Whether a name is known at one glance to hash by MurmurHash3 as it stands: no blank at its ends, and no number. 8
/// bytes from p must be readable. False: not sure.
static inline int bytes_vw_is_plain(const uint8_t *p, size_t count) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (count == 0 || p[0] <= 0x20 || p[count - 1] <= 0x20) return 0;
    uint64_t word;
    memcpy(&word, p, 8);
    const uint64_t t = word ^ 0x3030303030303030ull;
    const uint64_t other = (((t & 0x7f7f7f7f7f7f7f7full) + 0x7676767676767676ull) | t) & 0x8080808080808080ull;
    const uint64_t wanted = count >= 8 ? ~0ull : (1ull << (8 * count)) - 1;
    return (other & wanted) != 0;
#else
    return 0;
#endif
}

/// bytes_vw_hash where 8 bytes from p are readable whatever the count.
static inline uint32_t bytes_vw_hash_padded(const uint8_t *p, size_t count, uint32_t seed) {
    return bytes_vw_is_plain(p, count) ? bytes_murmur3(p, count, seed) : bytes_vw_hash(p, count, seed);
}

/// bytes_vw_hash of a name followed by a text in which separators of Vowpal Wabbit's text format become underscores.
/// `scratch` has room for both.
static inline uint32_t bytes_vw_hash_joined(const uint8_t *name, size_t name_count, const uint8_t *text, size_t count,
                                            uint8_t *scratch) {
    memcpy(scratch, name, name_count);
    for (size_t i = 0; i < count; i++) {
        const uint8_t c = text[i];
        scratch[name_count + i] = c == ' ' || c == '\t' || c == '|' || c == ':' ? '_' : c;
    }
    return bytes_vw_hash_padded(scratch, name_count + count, 0);
}

/// The last newline in p[0..<count], or null.
const uint8_t *bytes_last_newline(const uint8_t *p, size_t count);

static inline void bytes_prefetch(const void *p) { __builtin_prefetch(p, 1, 3); }

#endif
