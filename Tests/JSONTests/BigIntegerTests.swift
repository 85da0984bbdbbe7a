import JSON
import Testing

/// Integers beyond 64 bits are read as the nearest double, as other readers do.
@Suite struct BigIntegerTests {
    private func value(_ text: String) throws -> JSONValue { try JSONParser().value(text.utf8) }

    @Test(arguments: [
        "18446744073709551616", "-9223372036854775809", "99999999999999999999", "-123456789012345678901234567890",
        "9007199254740993000000000000000", "1" + String(repeating: "0", count: 308),
    ])
    func areTheNearestDouble(_ text: String) throws {
        let expected = try #require(Double(text))
        #expect(try value(text).double?.bitPattern == expected.bitPattern)
        #expect(try value("[1,\(text) ,{\"k\":\(text)}]").array?[2]["k"]?.double?.bitPattern == expected.bitPattern)
    }

    @Test func everyLengthAgreesWithTheLibrary() throws {
        var state: UInt64 = 11
        for digits in 17...300 {
            // Knuth's MMIX generator; its high bits make the digits.
            let text = (0..<digits).map { position in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return String(position == 0 ? 1 + (state >> 33) % 9 : (state >> 33) % 10)
            }.joined()
            let found = try value("[-\(text),\(text)]").array ?? []
            let expected = try #require(Double(text))
            #expect(found.map(\.double) == [-expected, expected], "\(text)")
        }
    }

    @Test func integersThatFitStayExact() throws {
        #expect(try value("-9223372036854775808").integer == Int.min)
        #expect(try value("[9223372036854775807,99999999999999999999]").array?[0].integer == Int.max)
        #expect(try value("18446744073709551615").double == Double(UInt64.max))
    }

    /// Only numbers are touched, and the error of a document stays its error.
    @Test func nothingElseChanges() throws {
        let text = #"{"99999999999999999999":"x\"99999999999999999999\\","b":99999999999999999999,"c":"é"}"#
        let members = try #require(value(text).members)
        #expect(members.map(\.0) == ["99999999999999999999", "b", "c"])
        #expect(members[0].1.string == #"x"99999999999999999999\"#)
        #expect(members[1].1.double == 1e20)
        #expect(members[2].1.string == "é")
    }

    @Test(arguments: [
        "1e999", "1" + String(repeating: "0", count: 400), "099999999999999999999", "-", "--99999999999999999999",
        "99999999999999999999x", "99999999999999999999.", "[99999999999999999999 1]", "[99999999999999999999,1e999]",
        "99999999999999999999-1", "[99999999999999999999", "{\"a\":99999999999999999999,\"b}",
        "[99999999999999999999,\"\\",
    ])
    func malformedStaysMalformed(_ text: String) {
        #expect(throws: JSONError.self) { try value(text) }
    }
}
