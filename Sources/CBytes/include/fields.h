// Decodes whole records of row formats into columns: the inner loops of CSV and JSON Lines. They are functions of their
// own in C, not inline, so that everything a field needs stays in registers, and so that a variant for newer processors
// can be chosen at run time.
#ifndef THALWEG_FIELDS_H
#define THALWEG_FIELDS_H

#include <stddef.h>
#include <stdint.h>

/// What becomes of a field's text.
enum {
    /// Nothing.
    FIELD_IGNORED,
    /// A double.
    FIELD_NUMBER,
    /// The hash of the text, never 0.
    FIELD_CATEGORY,
    /// Vowpal Wabbit's hash of the text, seeded, with bit 32 set.
    FIELD_VW_CHAINED,
    /// Vowpal Wabbit's hash of name and text as one string, with bit 32 set.
    FIELD_VW_JOINED,
    /// The caller sees to it.
    FIELD_OTHER,
};

/// Where the values of a field go: resolved once a batch.
typedef struct {
    /// One cell a row: doubles for numbers, 64-bit hashes for categories.
    void *cells;
    /// Of FIELD_VW_JOINED: the name, and all of it as a little-endian word if it is shorter than 8 bytes.
    const uint8_t *name;
    uint64_t first;
    uint32_t name_count;
    /// Whether `first` is set: the name begins with no blank and has a byte that is no digit.
    uint32_t is_plain;
    uint32_t kind;
    /// Of FIELD_VW_CHAINED.
    uint32_t seed;
} field_column;

/// Gives a column of FIELD_VW_JOINED its name, which must outlive it.
void field_set_name(field_column *column, const uint8_t *name, size_t count);

/// The form a field was left in.
enum { FIELD_TEXT, FIELD_DIGITS, FIELD_LITERAL };

/// A field left to the caller.
typedef struct {
    const uint8_t *start;
    size_t count;
    uint32_t column;
    uint32_t form;
} field_rest;

/// Where a walk over a CSV text stands: its 64-byte block, and the bits of it not yet passed.
typedef struct {
    const uint8_t *block;
    /// Ends of fields; those that are line feeds; quotes at the beginning of a field.
    uint64_t fields, lines, quotes;
    /// 1: the block's last byte ended a field.
    uint64_t ended;
    /// The line feed passed last.
    const uint8_t *line_end;
    /// Not zero: the block has a byte outside ASCII; so has a block of the current record.
    uint32_t block_high;
    uint32_t high;
    /// What stands around quoted fields; the separator: nothing does.
    uint8_t quote;
} csv_scan;

/// What a record left behind.
typedef struct {
    /// Fields left to the caller; room for one a column.
    field_rest *rest;
    size_t rest_count;
    /// CSV: fields found, known to a column or not.
    size_t field_count;
    /// Room for the ends of a record's fields: 64 more than there are columns.
    const uint8_t **ends;
} field_record;

void csv_scan_begin(csv_scan *scan, const uint8_t *start, uint8_t separator, uint8_t quote);

/// Decodes the CSV record at `start`, where `scan` stands, into row `row` of its columns. Returns its line feed, or null
/// when a field is quoted. The text has a line feed, and 64 bytes after it are readable.
const uint8_t *csv_record(csv_scan *scan, const uint8_t *start, uint8_t separator, const field_column *columns,
                          size_t column_count, size_t row, field_record *record);

/// Up to 16 bytes that stand before one value of a JSON record, e.g. `,"I2":`.
typedef struct {
    uint64_t text[2];
    uint32_t count;
    /// Which key it is, for the caller.
    int32_t key;
} json_step;

/// Decodes the JSON record at `start`, whose values follow the texts of `steps`; step k's value goes to column k.
/// Returns the byte after the last value, or null: not sure. The text ends in a line feed, and 64 bytes after it are
/// readable.
const uint8_t *json_record(const uint8_t *start, const json_step *steps, const field_column *columns,
                           size_t step_count, size_t row, field_record *record);

#endif
