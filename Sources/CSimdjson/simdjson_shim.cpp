#include "simdjson_shim.h"

#include <new>
#include <simdjson.h>

struct simdjson_shim_parser {
    explicit simdjson_shim_parser(size_t depth) : max_depth(depth) {}
    simdjson::dom::parser parser;
    size_t max_depth;
};

extern "C" simdjson_shim_parser *simdjson_shim_make(size_t max_depth) {
    return new (std::nothrow) simdjson_shim_parser(max_depth);
}

extern "C" void simdjson_shim_free(simdjson_shim_parser *parser) { delete parser; }

extern "C" int simdjson_shim_parse(simdjson_shim_parser *parser, const uint8_t *text, size_t count,
                                   const uint64_t **tape, const uint8_t **strings) {
    if (parser->parser.capacity() < count) {
        auto error = parser->parser.allocate(count, parser->max_depth);
        if (error) return int(error);
    }
    auto result = parser->parser.parse(text, count, false);
    if (result.error()) return int(result.error());
    *tape = parser->parser.doc.tape.get();
    *strings = parser->parser.doc.string_buf.get();
    return 0;
}

extern "C" int simdjson_shim_number_error(void) { return int(simdjson::NUMBER_ERROR); }

extern "C" const char *simdjson_shim_error(int code) {
    return simdjson::error_message(simdjson::error_code(code));
}
