// What the kernels of whole records share: numbers, hashes and missing values, all inline.
#ifndef THALWEG_VALUES_H
#define THALWEG_VALUES_H

#include "bytes.h"
#include "fields.h"

#define INLINE static inline __attribute__((always_inline))

// x86-64 processors since 2013 have wider vectors and shifts that need no fixed register; the others, and other
// architectures, take the plain variant. Both give the same bytes.
#if defined(__x86_64__) && !defined(__AVX2__)
#include <immintrin.h>
#define HAS_NEWER_VARIANT 1
#define NEWER __attribute__((target("avx2,bmi,bmi2")))
static inline int isNewer(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
#endif

static const double powersOfTen[8] __attribute__((unused)) = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};

/// Reads p[0..<count] as `-?digits[.digits]` of at most 8 bytes without the sign, exactly rounded. False: not of that
/// form. Knowing the length beforehand, it has no branch that depends on where the point is.
INLINE int shortDecimal(const uint8_t *p, size_t count, double *value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const size_t negative = *p == '-';
    p += negative;
    count -= negative;
    if (count - 1 > 7) return 0;
    uint64_t text;
    memcpy(&text, p, 8);
    // The last character in the top byte, zeros below the first.
    text = (text ^ 0x3030303030303030ull) << (64 - 8 * count);
    // The top bit of each byte that is no digit: at most one, a point that is not the last character.
    const uint64_t other = (((text & 0x7f7f7f7f7f7f7f7full) + 0x7676767676767676ull) | text) & 0x8080808080808080ull;
    const uint64_t bit = other >> 7, whole_byte = (other << 1) - bit;
    if ((other & (other - 1)) != 0 || other >> 63 != 0 || (text & whole_byte) != bit * ('.' ^ '0')) return 0;
    const size_t has_point = other != 0;
    const size_t scale = has_point * ((size_t)__builtin_clzll(other | 1) >> 3);
    const size_t whole = count - scale - has_point;
    if (whole == 0 || (*p == '0' && whole > 1)) return 0;
    // What is left of the point moves up over it.
    const uint64_t left = text & (bit - 1);
    text = (text ^ left ^ (text & whole_byte)) | left << (8 * has_point);
    // Pairs, fours, and the eight of them (Lemire 2018).
    text = text * 10 + (text >> 8);
    const uint32_t mantissa = (uint32_t)((((text & 0x000000ff000000ffull) * 0x000f424000000064ull) +
                                          (((text >> 16) & 0x000000ff000000ffull) * 0x0000271000000001ull)) >> 32);
    const double size = (double)mantissa / powersOfTen[scale];
    *value = negative ? -size : size;
    return 1;
#else
    return 0;
#endif
}

/// Whether a text of at most 4 bytes stands for a missing value: empty, NA, NaN, null or ?.
INLINE int isMissing(const uint8_t *p, size_t count) {
    switch (count) {
        case 0: return 1;
        case 1: return p[0] == '?';
        case 2: return p[0] == 'N' && p[1] == 'A';
        case 3: return (p[0] | 0x20) == 'n' && (p[1] | 0x20) == 'a' && (p[2] | 0x20) == 'n';
        case 4: return p[0] == 'n' && p[1] == 'u' && p[2] == 'l' && p[3] == 'l';
        default: return 0;
    }
}

static __attribute__((noinline, unused)) uint64_t longHash(const uint8_t *p, size_t count) { return bytes_xxh3(p, count); }

/// The hash of a category's text.
INLINE uint64_t category(const uint8_t *p, size_t count) {
    if (count <= 4 && isMissing(p, count)) return 0;
    const uint64_t hash = count <= 16 ? bytes_xxh3_short(p, count) : longHash(p, count);
    return hash == 0 ? 1 : hash;
}

static __attribute__((noinline, unused)) uint32_t chainedHash(const uint8_t *p, size_t count, uint32_t seed) {
    return bytes_vw_hash(p, count, seed);
}

/// Vowpal Wabbit's hash of a seeded text.
INLINE uint64_t chained(const uint8_t *p, size_t count, uint32_t seed) {
    if (count <= 4 && isMissing(p, count)) return 0;
    const uint32_t hash = bytes_vw_is_plain(p, count) ? bytes_murmur3_padded(p, count, seed)
                                                      : chainedHash(p, count, seed);
    return hash | 1ull << 32;
}

/// Vowpal Wabbit's hash of name and text, together at most `joinedBytes`.
enum { joinedBytes = 256 };

static __attribute__((noinline, unused)) uint32_t joinedHash(const field_column *column, const uint8_t *p, size_t count) {
    uint8_t scratch[joinedBytes + 8];
    return bytes_vw_hash_joined(column->name, column->name_count, p, count, scratch);
}

/// MurmurHash3 of up to 16 bytes, zeros behind them.
INLINE uint32_t murmurOfWords(uint64_t low, uint64_t high, size_t count) {
    const uint32_t c1 = 0xcc9e2d51u, c2 = 0x1b873593u;
    uint32_t h = 0;
    for (size_t left = count; left >= 4; left -= 4) {
        h ^= bytes_rotl32((uint32_t)low * c1, 15) * c2;
        h = bytes_rotl32(h, 13) * 5 + 0xe6546b64u;
        low = low >> 32 | high << 32;
        high >>= 32;
    }
    h ^= bytes_rotl32((uint32_t)low * c1, 15) * c2;
    h ^= (uint32_t)count;
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    return h ^ (h >> 16);
}

/// Whether a word has a byte that separates in Vowpal Wabbit's text format.
INLINE int hasSeparator(uint64_t word) {
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7full, one = 0x0101010101010101ull;
    const uint64_t blank = word ^ (' ' * one), tab = word ^ ('\t' * one), bar = word ^ ('|' * one),
                   colon = word ^ (':' * one);
    // The top bit of a byte of `x` stays 0 where it was 0.
    const uint64_t none = (((blank & low7) + low7) | blank) & (((tab & low7) + low7) | tab) &
                          (((bar & low7) + low7) | bar) & (((colon & low7) + low7) | colon);
    return (~none & ~low7) != 0;
}

INLINE uint64_t joined(const field_column *column, const uint8_t *p, size_t count) {
    if (count <= 4 && isMissing(p, count)) return 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    // Name and text side by side in a register; a name that is no number makes both no number.
    if (column->is_plain && count <= 8 && p[count - 1] > 0x20) {
        uint64_t text;
        memcpy(&text, p, 8);
        text &= ~0ull >> (64 - 8 * count);
        if (!hasSeparator(text)) {
            uint64_t words[2];
            words[0] = column->first;
            const unsigned shift = 8 * column->name_count;
            words[0] |= text << shift;
            words[1] = text >> 1 >> (63 - shift);
            return murmurOfWords(words[0], words[1], column->name_count + count) | 1ull << 32;
        }
    }
#endif
    return joinedHash(column, p, count) | 1ull << 32;
}

/// Stores a text into a row of its column; false: it is left to the caller.
INLINE int store(const field_column *column, size_t row, const uint8_t *p, size_t count) {
    uint64_t *hashes = column->cells;
    switch (column->kind) {
        case FIELD_CATEGORY: hashes[row] = category(p, count); return 1;
        case FIELD_NUMBER: return shortDecimal(p, count, (double *)column->cells + row);
        case FIELD_VW_CHAINED: hashes[row] = chained(p, count, column->seed); return 1;
        case FIELD_VW_JOINED:
            if ((size_t)column->name_count + count > joinedBytes) return 0;
            hashes[row] = joined(column, p, count);
            return 1;
        case FIELD_IGNORED: return 1;
        default: return 0;
    }
}

INLINE void leave(field_record *record, const uint8_t *p, size_t count, size_t column, uint32_t form) {
    record->rest[record->rest_count++] = (field_rest){p, count, (uint32_t)column, form};
}

#endif
