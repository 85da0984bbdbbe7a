#include "values.h"

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

/// One bit per byte of a 64-byte block.
typedef struct {
    uint64_t separators, lines, quotes;
    uint32_t high;
} block_masks;

typedef void (*mask_function)(const uint8_t *p, uint8_t separator, uint8_t quote, block_masks *masks);

INLINE void plainMasks(const uint8_t *p, uint8_t separator, uint8_t quote, block_masks *masks) {
    uint32_t high = 0;
    masks->separators = bytes_mask64(p, separator, separator, separator, separator, &high);
    masks->lines = bytes_mask64(p, '\n', '\n', '\n', '\n', &high);
    masks->quotes = bytes_mask64(p, quote, quote, quote, quote, &high);
    masks->high = high;
}

#if HAS_NEWER_VARIANT
NEWER static inline uint64_t newerMask(__m256i v, __m256i w, char byte) {
    const __m256i wanted = _mm256_set1_epi8(byte);
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, wanted)) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(w, wanted)) << 32;
}

NEWER static inline void newerMasks(const uint8_t *p, uint8_t separator, uint8_t quote, block_masks *masks) {
    const __m256i v = _mm256_loadu_si256((const __m256i *)p), w = _mm256_loadu_si256((const __m256i *)(p + 32));
    masks->separators = newerMask(v, w, (char)separator);
    masks->lines = newerMask(v, w, '\n');
    masks->quotes = newerMask(v, w, (char)quote);
    masks->high = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(v, w));
}
#endif

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
INLINE void takeBlock(csv_scan *scan, const block_masks *masks, uint8_t separator, uint8_t quote) {
    scan->fields = masks->separators | masks->lines;
    scan->lines = masks->lines;
    scan->quotes = separator == quote ? 0 : masks->quotes & (scan->fields << 1 | scan->ended);
    scan->ended = scan->fields >> 63;
    scan->block_high = masks->high;
    scan->high |= masks->high;
}

/// Finds the ends of the record's fields, as many as there are columns and a few more. Returns how many there are; 0: a
/// field is quoted.
INLINE size_t fieldEnds(csv_scan *scan, uint8_t separator, uint8_t quote, const uint8_t **ends, size_t column_count,
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
        masks_of(now.block, separator, quote, &masks);
        takeBlock(&now, &masks, separator, quote);
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

INLINE const uint8_t *csvRecord(csv_scan *scan, const uint8_t *start, uint8_t separator, uint8_t quote,
                                const field_column *columns, size_t column_count, size_t row, field_record *record,
                                mask_function masks_of) {
    const size_t found = fieldEnds(scan, separator, quote, record->ends, column_count, masks_of);
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
    return csvRecord(scan, start, separator, '"', columns, count, row, record, plainMasks);
}

#if HAS_NEWER_VARIANT
NEWER static const uint8_t *csvRecordNewer(csv_scan *scan, const uint8_t *start, uint8_t separator,
                                           const field_column *columns, size_t count, size_t row,
                                           field_record *record) {
    return csvRecord(scan, start, separator, '"', columns, count, row, record, newerMasks);
}
#endif

/// With another character than `"` around fields.
static const uint8_t *csvRecordOtherQuote(csv_scan *scan, const uint8_t *start, uint8_t separator,
                                          const field_column *columns, size_t count, size_t row,
                                          field_record *record) {
    return csvRecord(scan, start, separator, scan->quote, columns, count, row, record, plainMasks);
}

void csv_scan_begin(csv_scan *scan, const uint8_t *start, uint8_t separator, uint8_t quote) {
    block_masks masks;
    plainMasks(start, separator, quote, &masks);
    scan->block = start;
    scan->quote = quote;
    scan->ended = 1;
    scan->high = 0;
    takeBlock(scan, &masks, separator, quote);
}

const uint8_t *csv_record(csv_scan *scan, const uint8_t *start, uint8_t separator, const field_column *columns,
                          size_t column_count, size_t row, field_record *record) {
    if (scan->quote != '"') return csvRecordOtherQuote(scan, start, separator, columns, column_count, row, record);
#if HAS_NEWER_VARIANT
    if (isNewer()) return csvRecordNewer(scan, start, separator, columns, column_count, row, record);
#endif
    return csvRecordPlain(scan, start, separator, columns, column_count, row, record);
}
