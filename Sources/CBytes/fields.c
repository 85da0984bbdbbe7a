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

/// One bit per byte of a 64-byte block.
typedef struct {
    uint64_t separators, lines, quotes;
    uint32_t high;
} block_masks;

typedef void (*mask_function)(const uint8_t *p, uint8_t separator, block_masks *masks);

static inline void plainMasks(const uint8_t *p, uint8_t separator, block_masks *masks) {
    uint32_t high = 0;
    masks->separators = bytes_mask64(p, separator, separator, separator, separator, &high);
    masks->lines = bytes_mask64(p, '\n', '\n', '\n', '\n', &high);
    masks->quotes = bytes_mask64(p, '"', '"', '"', '"', &high);
    masks->high = high;
}

#if HAS_NEWER_VARIANT
NEWER static inline uint64_t newerMask(__m256i v, __m256i w, char byte) {
    const __m256i wanted = _mm256_set1_epi8(byte);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, wanted)) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(w, wanted)) << 32;
}

NEWER static inline void newerMasks(const uint8_t *p, uint8_t separator, block_masks *masks) {
    const __m256i v = _mm256_loadu_si256((const __m256i *)p), w = _mm256_loadu_si256((const __m256i *)(p + 32));
    masks->separators = newerMask(v, w, (char)separator);
    masks->lines = newerMask(v, w, '\n');
    masks->quotes = newerMask(v, w, '"');
    masks->high = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(v, w));
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

void field_set_name(field_column *column, const uint8_t *name, size_t count) {
    column->name = name;
    column->name_count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
    column->is_plain = 0;
    column->first = 0;
    if (count == 0 || count >= 8 || name[0] <= 0x20) return;
    for (size_t k = 0; k < count; k++) {
        if ((uint8_t)(name[k] - '0') > 9) column->is_plain = 1;
        column->first |= (uint64_t)name[k] << (8 * k);
    }
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

/// Writes down where the bits of `mask` stand. Most blocks have fewer than the 12 fields that are written whether they
/// are there or not: how many there are is nothing a processor could predict.
INLINE void writeEnds(const uint8_t **ends, const uint8_t *block, uint64_t mask) {
    const int count = __builtin_popcountll(mask);
    for (int k = 0; k < 12; k++) {
        ends[k] = block + (mask == 0 ? 64 : __builtin_ctzll(mask));
        mask &= mask - 1;
    }
    for (int k = 12; k < count; k++) {
        ends[k] = block + __builtin_ctzll(mask);
        mask &= mask - 1;
    }
}

/// Takes in the next block. A quote inside a field is a character like others; at its beginning it opens a quoted one.
INLINE void takeBlock(csv_scan *scan, const block_masks *masks, uint8_t separator) {
    scan->fields = masks->separators | masks->lines;
    scan->lines = masks->lines;
    scan->quotes = separator == '"' ? 0 : masks->quotes & (scan->fields << 1 | scan->ended);
    scan->ended = scan->fields >> 63;
    scan->block_high = masks->high;
    scan->high |= masks->high;
}

/// Finds the ends of the record's fields, as many as there are columns and a few more. Returns how many there are; 0: a
/// field is quoted.
INLINE size_t fieldEnds(csv_scan *scan, uint8_t separator, const uint8_t **ends, size_t column_count,
                        mask_function masks_of) {
    csv_scan now = *scan;
    size_t found = 0;
    for (;;) {
        // Up to the first line feed.
        const uint64_t record = now.lines ^ (now.lines - 1);
        const uint64_t mask = now.fields & record;
        if ((now.quotes & record) != 0) return 0;
        writeEnds(ends + (found < column_count ? found : column_count), now.block, mask);
        found += (size_t)__builtin_popcountll(mask);
        if (now.lines != 0) {
            now.fields &= ~record;
            now.quotes &= ~record;
            now.line_end = now.block + __builtin_ctzll(now.lines);
            now.lines &= now.lines - 1;
            *scan = now;
            return found;
        }
        block_masks masks;
        now.block += 64;
        masks_of(now.block, separator, &masks);
        takeBlock(&now, &masks, separator);
    }
}

/// Each kind of column has a loop of its own, whose constants stay in registers and whose turns overlap.
INLINE void storeFields(const uint8_t *start, const uint8_t *const *ends, const field_column *columns, size_t count,
                        size_t row, field_record *record) {
    size_t k = 0;
    const uint8_t *field = start;
    while (k < count) {
        const uint32_t kind = columns[k].kind;
        if (kind == FIELD_NUMBER) {
            do {
                const size_t length = (size_t)(ends[k] - field);
                if (!shortDecimal(field, length, (double *)columns[k].cells + row))
                    leave(record, field, length, k, FIELD_TEXT);
                field = ends[k] + 1;
            } while (++k < count && columns[k].kind == FIELD_NUMBER);
        } else if (kind == FIELD_CATEGORY) {
            do {
                ((uint64_t *)columns[k].cells)[row] = category(field, (size_t)(ends[k] - field));
                field = ends[k] + 1;
            } while (++k < count && columns[k].kind == FIELD_CATEGORY);
        } else if (kind == FIELD_VW_CHAINED) {
            do {
                ((uint64_t *)columns[k].cells)[row] = chained(field, (size_t)(ends[k] - field), columns[k].seed);
                field = ends[k] + 1;
            } while (++k < count && columns[k].kind == FIELD_VW_CHAINED);
        } else {
            if (kind != FIELD_IGNORED) leave(record, field, (size_t)(ends[k] - field), k, FIELD_TEXT);
            field = ends[k++] + 1;
        }
    }
}

INLINE const uint8_t *csvRecord(csv_scan *scan, const uint8_t *start, uint8_t separator, const field_column *columns,
                                size_t column_count, size_t row, field_record *record, mask_function masks_of) {
    const size_t found = fieldEnds(scan, separator, record->ends, column_count, masks_of);
    if (found == 0) return NULL;
    record->rest_count = 0;
    record->field_count = found;
    const uint8_t *end = scan->line_end;
    // A carriage return before the line feed is part of the line's end.
    if (found <= column_count && end > start && end[-1] == '\r') {
        const uint8_t *field = found > 1 ? record->ends[found - 2] + 1 : start;
        if (end > field) record->ends[found - 1] = end - 1;
    }
    storeFields(start, record->ends, columns, found < column_count ? found : column_count, row, record);
    return end;
}

static const uint8_t *csvRecordPlain(csv_scan *scan, const uint8_t *start, uint8_t separator,
                                     const field_column *columns, size_t count, size_t row, field_record *record) {
    return csvRecord(scan, start, separator, columns, count, row, record, plainMasks);
}

#if HAS_NEWER_VARIANT
NEWER static const uint8_t *csvRecordNewer(csv_scan *scan, const uint8_t *start, uint8_t separator,
                                           const field_column *columns, size_t count, size_t row,
                                           field_record *record) {
    return csvRecord(scan, start, separator, columns, count, row, record, newerMasks);
}
#endif

void csv_scan_begin(csv_scan *scan, const uint8_t *start, uint8_t separator) {
    block_masks masks;
    plainMasks(start, separator, &masks);
    scan->block = start;
    scan->ended = 1;
    scan->high = 0;
    takeBlock(scan, &masks, separator);
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
