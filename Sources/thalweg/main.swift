import Formats
import Records
import Glibc
let path = CommandLine.arguments[1]
var fields: [Field] = (1...13).map { Field("I\($0)", .numeric) } + (1...26).map { Field("C\($0)", .categorical) } + [Field("clicked", .target)]
let schema = Schema(fields: fields, task: .binary)
let decoder: any RecordDecoder = path.hasSuffix("csv") ? CSVDecoder(schema: schema) : JSONLinesDecoder(schema: schema)
let batch = RecordBatch(capacity: 256, numericCount: 13, categoricalCount: 26, isFeatureNative: false)
let fd = open(path, O_RDONLY)
var chunk = Chunk(capacity: 1 << 18)
var total = 0, rejected = 0
let carry = Chunk(capacity: 1<<18)
var sum = 0.0
while true {
  let n = read(fd, chunk.base + chunk.count, chunk.capacity - chunk.count)
  if n <= 0 { break }
  chunk.count += n
  var o = 0
  while true {
    batch.recycle()
    let next = try decoder.decode(chunk, from: o, isEnd: false, into: batch)
    total += batch.rows; rejected += batch.rejected.count
    if batch.rows > 0 { sum += batch.numbers[0] + Double(batch.categories[0] & 7) }
    if next == o || !batch.isFull { o = next; break }
    o = next
  }
  let rest = chunk.count - o
  memmove(chunk.base, chunk.base + o, rest)
  chunk.position.offset += o
  chunk.count = rest
}
print(total, rejected, sum)
