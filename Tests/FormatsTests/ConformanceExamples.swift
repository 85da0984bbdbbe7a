import Records
import Testing

@testable import Formats

/// One format with a schema and documents to decode.
struct Example: Sendable, CustomTestStringConvertible {
    let format: FormatDescriptor
    let schema: Schema
    /// Valid and malformed records, blank lines and whatever else the format has, ending in a newline.
    let document: String
    /// Instead of the document, of a binary format.
    var binary: [UInt8]?
    var options = DecoderOptions()
    /// Whether a line, as text without white space around it, is no record: a comment, a header.
    let isAside: @Sendable (String) -> Bool

    var testDescription: String {
        "\(format.name)\(options.csv == CSVDialect() ? "" : " in a dialect"), \(schema.task.rawValue)"
    }

    func makeDecoder() -> any RecordDecoder { format.makeDecoder(schema, options) }

    func makeSampler() -> any RecordSampler { format.makeSampler(options) }

    var bytes: [UInt8] { binary ?? Array(document.utf8) }

    /// One example or more for every format of the registry.
    static let all: [Example] = FormatRegistry.all.flatMap { format in
        (format.name == "dsjson" ? [Task.bandit] : [.multiclass, .regression]).map { task in make(format, task) }
            + (format.name == "csv" ? [inDialect(format)] : [])
    }

    private static func inDialect(_ format: FormatDescriptor) -> Example {
        var options = DecoderOptions()
        options.csv.separator = UInt8(ascii: ";")
        options.csv.quote = UInt8(ascii: "'")
        options.csv.comment = UInt8(ascii: "#")
        options.csv.header = .names(["a", "b", "c", "t", "y", "id", "w", "extra"])
        return Example(
            format: format, schema: Schema(fields: fields, task: .multiclass), document: dialect, options: options
        ) { $0.hasPrefix("#") }
    }

    /// Those whose records are lines.
    static let lines = all.filter { !$0.format.isBinary }

    private static let fields = [
        Field("a", .numeric), Field("b", .categorical), Field("c", .both), Field("t", .text), Field("y", .target),
        Field("id", .id), Field("w", .weight), Field("absent", .numeric), Field("also absent", .categorical),
    ]

    private static func make(_ format: FormatDescriptor, _ task: Task) -> Example {
        let schema = Schema(
            fields: format.isFeatureNative ? [Field("label", .target)] : fields, task: task,
            isFeatureNative: format.isFeatureNative)
        switch format.name {
        case "csv": return Example(format: format, schema: schema, document: csv) { $0.hasPrefix("a,b,c,") }
        case "jsonl": return Example(format: format, schema: schema, document: jsonLines) { _ in false }
        case "arff":
            return Example(format: format, schema: schema, document: arff) { $0.hasPrefix("@") || $0.hasPrefix("%") }
        case "avro":
            return Example(format: format, schema: schema, document: "", binary: AvroText.example) { _ in false }
        case "dsjson": return Example(format: format, schema: schema, document: decisions) { _ in false }
        case "vw": return Example(format: format, schema: schema, document: vw) { _ in false }
        default: return Example(format: format, schema: schema, document: libsvm) { $0.hasPrefix("#") }
        }
    }

    private static let decisions = #"""
        {"_label_cost":-1,"_label_probability":0.5,"_labelIndex":1,"EventId":"e1","c":{"U":{"a":1},"_multi":[{"x":1},{"x":2}]}}

        {"_label_cost":0.25,"a":[2,1],"p":[0.75,0.25],"c":{"U":{"a":"é","b":true},"_multi":[{"A":{"x":[1,2]}},{"y":null}]}}
        {"c":{"_multi":[{}]},"EventId":"e\u0033"}
        {"_label_cost":1,"_label_probability":0.5,"_labelIndex":7,"c":{"_multi":[{"x":1},{"x":2}]}}
        {"_label_cost":1,"_label_probability":0,"_labelIndex":0,"c":{"_multi":[{"x":1},{"x":2}]}}
        {"_label_cost":1,"_label_probability":0.5,"_labelIndex":0,"c":{"_multi":[{"x":1},{"x":2}]}
        {"c":{"_multi":[{"x":1e300}]}}
        [1,2]
          {"_label_cost":2,"_label_probability":1,"_label_Action":1,"c":{"U":{"a":{"b":0}},"_multi":[{"x":1}]}}  
        {"_label_cost":2,"_label_probability":1,"_skipLearn":true,"_labelIndex":0,"c":{"_multi":[{"x":1}]}}

        """#

    private static let csv = """
        a,b,c,t,y,id,w,extra
        1,x,2,some words here,1,r1,1,e

        -2.5e3,"a ""quoted"", value",3.0,"two
        lines of it",2,"r,2",0.5,
        1,,?,word "amid" quotes,0,r3,,
        bad,x,2,left tokens,1,r4,1,e
        some words,x
        1,x,2,"unexpected" text,1,r5,1,e
        3,é,NA,Straße und Köln,1.0,r6,2,e
        4,x,1e999,t,1,r7,1,e
        5,x,7,first words,"2",r8,-1,e
        6,x,8,first words,"2","r9",1,"e"
        \u{20}7 ,x,9,t,3,r10,1,"never closed
        8,x,10,t,3,r11,1,e
        9,x,11,t,3,r12,1,e

        """

    private static let dialect = """
        # a comment
        1;x;2;some words here;1;r1;1;e
        # another; 'one

        -2.5e3;'a ''quoted''; value';3.0;'two
        # lines of it';2;r,2;0,5;
        -2.5e3;'a ''quoted''; value';3.0;'two
        # lines of it';2;'r;2';0.5;
        1;;?;word "amid" 'quotes';0;r3;;
        bad;x;2;left tokens;1;r4;1;e
        some words;x
        1;x;2;'unexpected' text;1;r5;1;e
        3;é;NA;Straße und Köln;1.0;#r6;2;e
        4;x;7;t;3;r10;1;'never closed
        5;x;10;t;3;r11;1;e
        #

        """

    private static let jsonLines = #"""
        {"a":1,"b":"x","c":2,"t":"some words here","y":1,"id":"r1","w":1}
        {"a":2,"b":"y","c":3,"t":"more words","y":2,"id":"r2","w":0.5}

        {"a": -2.5e3, "b": "a \"quoted\"", "c": 3.0, "t": "caf\u00e9", "y": 1.0, "id": 7}
        {"a":3,"b":"x","c":"4","t":["bag","of"],"y":"1","id":"r3","extra":{"deep":[1,2]}}
        {"a":4,"b":["not","one"],"c":[1,2],"t":"t","y":1,"id":"r4"}
        {"a":5,"b":"x","c":5,"t":"left tokens","y":1,"id":"r5","w":-1}
        {"a":6,"b":"x","c":6,"t":"left tokens","y":1,"id":"r5"
        {"a":7,"a":8}
        {"a":"text","y":1}
        [1,2]
        {}
        {"a":1e999}
        {"a":null,"b":true,"c":false,"t":"Straße","y":null}
          {"b":"é","y":1.50}  
        {"a":1,"b":"x","c":2,"t":"some words here","y":3.0,"id":"r1","w":1}
        {"a":1,"b":"x","c":2,"t":"some words here","y":-0,"id":-0.0,"w":1}

        """#

    private static let arff = #"""
        % a comment
        @RELATION 'the relation'

        @attribute a real
        @Attribute b {x, 'a b', "it's", é, 3}
        @attribute c integer % counts
        @attribute t string
        @attribute y {0,1,2}
        @attribute 'id' string
        @attribute "w" numeric
        @attribute when date "yyyy-MM-dd"

        @DATA
        1,x,2,'some words here',1,r1,1,2020-01-01
        % another
        -2.5e3, 'a b', 3 , "two \"words\"\n", 2, 'r\'2', 0.5, '2020-01-01',

        ?,?,?,?,?,?,?,?
        1,it\'s,2,t,1,r3,1,d
        1,"it's",2,t,1,r3,1,d,{2.5}
        1,foggy,2,t,1,r4,1,d
        1,x,2,'left tokens',5,r4,1,d
        1,x,2
        1,x,2,t,1,r5,1,d,too many
        {}
        {0 5, 1 'a b', 3 'a b c', 7 d}, {3}
        {1 x, 0 5}
        {99 1}
        {0 1
        1 x 2 t 1 r6 1 d
        1e999,x,2,t,1,r7,1,d
        1,é,2,'Straße und Köln',1,'no end,1,d
        1,,2,t,1,r8,1,d
        2,3,3.50,t,1,r8,1,d % the end

        """#

    private static let vw = """
        1 |a x:1 y:2.5 z |b:2 w
        2 0.5 'tag|a x y

        0 |a x:nan
        1 2 3 4 5 |a x
        |a unlabelled
        1 |text the_quick é:3
        word |a x

        """

    private static let libsvm = """
        1 1:0.5 3:2 7:1e-3
        2 2:1 # a comment
        3 2:1#not a space before it
        4#nor here
        # only a comment

        0 3:1 2:1
        0 qid:3 4:1
        1 1:x
        word 1:1

        """
}
