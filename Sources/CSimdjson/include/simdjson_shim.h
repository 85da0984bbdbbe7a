// A flat C face on simdjson's DOM parser: parse one document, read its tape. No logic lives here.
#ifndef THALWEG_SIMDJSON_SHIM_H
#define THALWEG_SIMDJSON_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct simdjson_shim_parser simdjson_shim_parser;

/// `max_depth`: nesting beyond it is an error of the document.
simdjson_shim_parser *simdjson_shim_make(size_t max_depth);
void simdjson_shim_free(simdjson_shim_parser *parser);
/// Parses count bytes at text; 64 bytes past the end must be readable. 0, or simdjson's error code.
/// On success *tape and *strings stay valid until the next parse.
int simdjson_shim_parse(simdjson_shim_parser *parser, const uint8_t *text, size_t count, const uint64_t **tape,
                        const uint8_t **strings);
/// The error code of a number that cannot be read, an integer beyond 64 bits among them.
int simdjson_shim_number_error(void);
/// A static string that describes an error code.
const char *simdjson_shim_error(int code);

#ifdef __cplusplus
}
#endif
#endif
