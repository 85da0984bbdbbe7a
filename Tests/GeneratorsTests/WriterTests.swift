import Testing

@testable import Generators

@Suite("Writers")
struct WriterTests {
    private let fields = [
        GeneratedField(name: "x", kind: .numeric),
        GeneratedField(name: "a b", kind: .categorical(["one", "t:w|o", "a,\"b\""])),
        GeneratedField(name: "bit", kind: .categorical(["0", "1"])),
        GeneratedField(name: "id", kind: .code(cardinality: 1000, salt: 40503)),
        GeneratedField(name: "class", kind: .categorical(["no", "yes"])),
    ]
    private let rows: [[Double]] = [
        [1.5, 0, 1, 0, 1], [0, 1, 0, 999, 0], [-2e-9, 2, 0, 1, 0], [.nan, .nan, 1, .nan, 1],
    ]

    private func text(_ format: RecordFormat, _ fields: [GeneratedField], _ rows: [[Double]]) -> String {
        var writer = format.makeWriter(relation: "it's a test")
        var bytes: [UInt8] = []
        writer.header(fields, into: &bytes)
        for row in rows { row.withUnsafeBufferPointer { writer.write($0, into: &bytes) } }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func csv() {
        #expect(
            text(.csv, fields, rows) == """
                x,a b,bit,id,class
                1.5,one,1,00009e37,yes
                0,t:w|o,0,6a7c7fee,no
                -2e-9,"a,""b\""",0,9e3817e8,no
                ,,1,,yes

                """)
    }

    @Test func jsonl() {
        #expect(
            text(.jsonl, fields, rows) == """
                {"x":1.5,"a b":"one","bit":1,"id":"00009e37","class":"yes"}
                {"x":0,"a b":"t:w|o","bit":0,"id":"6a7c7fee","class":"no"}
                {"x":-2e-9,"a b":"a,\\"b\\"","bit":0,"id":"9e3817e8","class":"no"}
                {"x":null,"a b":null,"bit":1,"id":null,"class":"yes"}

                """)
    }

    @Test func jsonlEscapesAndIntegers() {
        let fields = [
            GeneratedField(name: "tab\t\"", kind: .categorical(["007", "1"])),
            GeneratedField(name: "class", kind: .categorical(["-1", "10"])),
        ]
        let expected = "{\"tab\\u0009\\\"\":\"007\",\"class\":10}\n"
        #expect(text(.jsonl, fields, [[0, 1]]) == expected)
    }

    @Test func vw() {
        #expect(
            text(.vw, fields, rows) == """
                1 |f x:1.5 a_b=one bit=1 id=00009e37
                -1 |f x:0 a_b=t_w_o bit=0 id=6a7c7fee
                -1 |f x:-2e-9 a_b=a,"b" bit=0 id=9e3817e8
                1 |f bit=1

                """)
    }

    @Test func libsvm() {
        #expect(
            text(.libsvm, fields, rows) == """
                1 1:1.5 2:1 6:1 7:1
                -1 3:1 5:1 1006:1
                -1 1:-2e-9 4:1 5:1 8:1
                1 6:1

                """)
    }

    @Test func arff() {
        #expect(
            text(.arff, fields, rows) == """
                @relation 'it\\'s a test'

                @attribute x numeric
                @attribute 'a b' {one,t:w|o,'a,"b"'}
                @attribute bit {0,1}
                @attribute id string
                @attribute class {no,yes}

                @data

                1.5,one,1,00009e37,yes
                0,t:w|o,0,6a7c7fee,no
                -2e-9,'a,"b"',0,9e3817e8,no
                ?,?,1,?,yes

                """)
    }

    @Test func labelsOfManyClassesCountFromOne() {
        let fields = [
            GeneratedField(name: "x", kind: .numeric), .target(["a", "b", "c"]),
        ]
        #expect(text(.vw, fields, [[1, 0], [2, 2]]) == "1 |f x:1\n3 |f x:2\n")
        #expect(text(.libsvm, fields, [[1, 0], [2, 2]]) == "1 1:1\n3 1:2\n")
    }

    @Test("MOA's first rows as MOA prints them")
    func seaAsText() throws {
        var generator = try makeGenerator("sea")
        let expected = """
            attrib1,attrib2,attrib3,class
            7.308781907032909,4.100808114922017,2.077148413097171,groupB
            6.588672394716129,7.107396275716601,1.5273620134152177,groupB
            9.398653887819098,9.471949176631938,9.370821488959697,groupB

            """
        #expect(text(.csv, generator.fields, records(&generator, count: 3)) == expected)
    }

    @Test func ledIsNumbersInJSON() throws {
        var generator = try makeGenerator("led", seed: nil, ["suppress-irrelevant": 1])
        let line = text(.jsonl, generator.fields, records(&generator, count: 1))
        #expect(line.hasPrefix("{\"att1\":1,\"att2\":1,"))
        #expect(line.hasSuffix("\"class\":5}\n"))
    }
}
