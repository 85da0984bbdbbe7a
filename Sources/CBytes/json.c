#include "values.h"

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
