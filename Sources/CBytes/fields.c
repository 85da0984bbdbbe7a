#include "fields.h"

#include "bytes.h"

#define INLINE static inline __attribute__((always_inline))

// x86-64 processors since 2013 have wider vectors and shifts that need no fixed register; the others, and other
// architectures, take the plain variant. Both give the same bytes.
#if defined(__x86_64__) && !defined(__AVX2__)
#include <immintrin.h>
#define HAS_NEWER_VARIANT 1
#define NEWER __attribute__((target("avx2,bmi,bmi2")))
static int isNewer(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
#endif

typedef uint64_t (*mask_function)(const uint8_t *p, uint8_t separator, uint32_t *high);

static inline uint64_t plainMask(const uint8_t *p, uint8_t separator, uint32_t *high) {
    return bytes_mask64(p, separator, '\n', '"', '\n', high);
}

#if HAS_NEWER_VARIANT
NEWER static inline uint64_t newerMask(const uint8_t *p, uint8_t separator, uint32_t *high) {
    const __m256i va = _mm256_set1_epi8((char)separator), vb = _mm256_set1_epi8('\n'), vc = _mm256_set1_epi8('"');
    const __m256i v = _mm256_loadu_si256((const __m256i *)p), w = _mm256_loadu_si256((const __m256i *)(p + 32));
    const __m256i vhit = _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(v, va), _mm256_cmpeq_epi8(v, vb)),
                                         _mm256_cmpeq_epi8(v, vc));
    const __m256i whit = _mm256_or_si256(_mm256_or_si256(_mm256_cmpeq_epi8(w, va), _mm256_cmpeq_epi8(w, vb)),
                                         _mm256_cmpeq_epi8(w, vc));
    *high |= (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(v, w));
    return (uint32_t)_mm256_movemask_epi8(vhit) | (uint64_t)(uint32_t)_mm256_movemask_epi8(whit) << 32;
}
#endif

static const double powersOfTen[8] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};

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
    const uint64_t low7 = 0x7f7f7f7f7f7f7f7full, top = 0x8080808080808080ull;
    const uint64_t other = (((text & low7) + 0x7676767676767676ull) | text) & top;
    const uint64_t unlike = text ^ 0x1e1e1e1e1e1e1e1eull;
    const uint64_t point = ~(((unlike & low7) + low7) | unlike) & top;
    // One point at most, not at the end, and digits elsewhere.
    if (other != point || (point & (point - 1)) != 0 || point >> 63 != 0) return 0;
    const unsigned scale = point != 0 ? (unsigned)__builtin_clzll(point) >> 3 : 0;
    const size_t whole = count - scale - (point != 0);
    if (whole == 0 || (*p == '0' && whole > 1)) return 0;
    const uint64_t closed = (text & ~((point << 1) - 1)) | ((text & ((point >> 7) - 1)) << 8);
    text = point != 0 ? closed : text;
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

static __attribute__((noinline)) uint64_t longHash(const uint8_t *p, size_t count) { return bytes_xxh3(p, count); }

/// The hash of a category's text.
INLINE uint64_t category(const uint8_t *p, size_t count) {
    if (count <= 4 && isMissing(p, count)) return 0;
    const uint64_t hash = count <= 16 ? bytes_xxh3_short(p, count) : longHash(p, count);
    return hash == 0 ? 1 : hash;
}

static __attribute__((noinline)) uint32_t chainedHash(const uint8_t *p, size_t count, uint32_t seed) {
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

static __attribute__((noinline)) uint32_t joinedHash(const field_column *column, const uint8_t *p, size_t count) {
    uint8_t scratch[joinedBytes + 8];
    return bytes_vw_hash_joined(column->name, column->name_count, p, count, scratch);
}

INLINE uint64_t joined(const field_column *column, const uint8_t *p, size_t count) {
    if (count <= 4 && isMissing(p, count)) return 0;
    return joinedHash(column, p, count) | 1ull << 32;
}

/// Stores a text into a row of its column; false: it is left to the caller.
INLINE int store(const field_column *column, size_t row, const uint8_t *p, size_t count) {
    switch (column->kind) {
        case FIELD_CATEGORY: ((uint64_t *)column->cells)[row] = category(p, count); return 1;
        case FIELD_NUMBER: return shortDecimal(p, count, (double *)column->cells + row);
        case FIELD_VW_CHAINED: ((uint64_t *)column->cells)[row] = chained(p, count, column->seed); return 1;
        case FIELD_VW_JOINED:
            if (column->name_count + count > joinedBytes) return 0;
            ((uint64_t *)column->cells)[row] = joined(column, p, count);
            return 1;
        case FIELD_IGNORED: return 1;
        default: return 0;
    }
}

INLINE void leave(field_record *record, const uint8_t *p, size_t count, size_t column, uint32_t form) {
    record->rest[record->rest_count++] = (field_rest){p, count, (uint32_t)column, form};
}

INLINE const uint8_t *csvRecord(csv_scan *scan, const uint8_t *start, uint8_t separator, const field_column *columns,
                                size_t column_count, size_t row, field_record *record, mask_function mask64) {
    const uint8_t *block = scan->block, *field = start;
    uint64_t mask = scan->mask;
    uint32_t block_high = scan->block_high, high = block_high;
    size_t found = 0;
    record->rest_count = 0;
    for (;;) {
        while (mask == 0) {
            block += 64;
            block_high = 0;
            mask = mask64(block, separator, &block_high);
            high |= block_high;
        }
        const uint8_t *at = block + __builtin_ctzll(mask);
        mask &= mask - 1;
        const uint8_t byte = *at;
        if (byte == '"' && separator != '"') {
            // A quote inside a field is a character like others; at its beginning it opens a quoted one.
            if (at == field) return NULL;
            continue;
        }
        const uint8_t *stop = at;
        if (byte == '\n' && at > field && at[-1] == '\r') stop--;
        if (found < column_count && !store(columns + found, row, field, (size_t)(stop - field)))
            leave(record, field, (size_t)(stop - field), found, FIELD_TEXT);
        found++;
        field = at + 1;
        if (byte != '\n') continue;
        *scan = (csv_scan){block, mask, block_high, high};
        record->field_count = found;
        return at;
    }
}

static const uint8_t *csvRecordPlain(csv_scan *scan, const uint8_t *start, uint8_t separator,
                                     const field_column *columns, size_t count, size_t row, field_record *record) {
    return csvRecord(scan, start, separator, columns, count, row, record, plainMask);
}

#if HAS_NEWER_VARIANT
NEWER static const uint8_t *csvRecordNewer(csv_scan *scan, const uint8_t *start, uint8_t separator,
                                           const field_column *columns, size_t count, size_t row,
                                           field_record *record) {
    return csvRecord(scan, start, separator, columns, count, row, record, newerMask);
}
#endif

void csv_scan_begin(csv_scan *scan, const uint8_t *start, uint8_t separator) {
    scan->block = start;
    scan->block_high = 0;
    scan->mask = plainMask(start, separator, &scan->block_high);
    scan->high = scan->block_high;
}

const uint8_t *csv_record(csv_scan *scan, const uint8_t *start, uint8_t separator, const field_column *columns,
                          size_t column_count, size_t row, field_record *record) {
#if HAS_NEWER_VARIANT
    if (isNewer()) return csvRecordNewer(scan, start, separator, columns, column_count, row, record);
#endif
    return csvRecordPlain(scan, start, separator, columns, column_count, row, record);
}

/// The byte after the string that begins at p, behind its quote; null: it has escapes or bytes outside ASCII.
INLINE const uint8_t *stringEnd(const uint8_t *p) {
    for (;;) {
        const unsigned stop = bytes_json_string_stop16(p);
        p += stop;
        if (stop < 16) return *p == '"' ? p : NULL;
    }
}

/// Bytes of a number that is not short, as far as its characters go.
static __attribute__((noinline)) size_t numberLength(const uint8_t *p) {
    size_t count = 0;
    for (;; count++) {
        const uint8_t c = p[count];
        if ((uint8_t)(c - '0') > 9 && c != '-' && c != '+' && c != '.' && (c | 0x20) != 'e') return count;
    }
}

/// A number of the short form; 0: another one.
INLINE size_t jsonNumber(const uint8_t *p, double *value) {
    const size_t negative = *p == '-';
    uint32_t mantissa = 0;
    unsigned scale = 0;
    const size_t length = bytes_short_decimal(p + negative, &mantissa, &scale);
    if (length == 0 || (p[negative + length] | 0x20) == 'e') return 0;
    const double size = (double)mantissa / powersOfTen[scale];
    // JSON's integers have no negative zero.
    *value = (negative ? -size : size) + 0.0;
    return negative + length;
}

static size_t literalLength(const uint8_t *p) {
    if (memcmp(p, "null", 4) == 0 || memcmp(p, "true", 4) == 0) return 4;
    return memcmp(p, "false", 5) == 0 ? 5 : 0;
}

INLINE const uint8_t *jsonRecord(const uint8_t *p, const json_step *steps, const field_column *columns,
                                 size_t step_count, size_t row, field_record *record) {
    record->rest_count = 0;
    for (size_t step = 0; step < step_count; step++) {
        if (!bytes_equal16(p, (const uint8_t *)steps[step].text, steps[step].count)) return NULL;
        p += steps[step].count;
        const field_column *column = columns + step;
        if (*p == '"') {
            const uint8_t *text = p + 1;
            p = stringEnd(text);
            if (p == NULL) return NULL;
            const size_t count = (size_t)(p - text);
            if (!store(column, row, text, count)) leave(record, text, count, step, FIELD_TEXT);
            p++;
        } else if (*p == '-' || (uint8_t)(*p - '0') <= 9) {
            double value;
            size_t count = jsonNumber(p, &value);
            if (count == 0 || column->kind > FIELD_NUMBER) {
                if (count == 0) count = numberLength(p);
                leave(record, p, count, step, FIELD_DIGITS);
            } else if (column->kind == FIELD_NUMBER) {
                ((double *)column->cells)[row] = value;
            }
            p += count;
        } else {
            const size_t count = literalLength(p);
            if (count == 0) return NULL;
            leave(record, p, count, step, FIELD_LITERAL);
            p += count;
        }
    }
    return p;
}

#if HAS_NEWER_VARIANT
NEWER static const uint8_t *jsonRecordNewer(const uint8_t *start, const json_step *steps, const field_column *columns,
                                            size_t count, size_t row, field_record *record) {
    return jsonRecord(start, steps, columns, count, row, record);
}
#endif

static const uint8_t *jsonRecordPlain(const uint8_t *start, const json_step *steps, const field_column *columns,
                                      size_t count, size_t row, field_record *record) {
    return jsonRecord(start, steps, columns, count, row, record);
}

const uint8_t *json_record(const uint8_t *start, const json_step *steps, const field_column *columns,
                           size_t step_count, size_t row, field_record *record) {
#if HAS_NEWER_VARIANT
    if (isNewer()) return jsonRecordNewer(start, steps, columns, step_count, row, record);
#endif
    return jsonRecordPlain(start, steps, columns, step_count, row, record);
}
