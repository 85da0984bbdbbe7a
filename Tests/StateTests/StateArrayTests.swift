import State
import Testing

struct StateArrayTests {
    @Test func newElementsAreZero() {
        let array = StateArray<Float>(count: 3, lanes: 4)
        #expect(array.elements == [Float](repeating: 0, count: 12) && array.byteCount == 48 && array.stride == 16)
        for index in 0..<12 { array[index] = Float(index + 1) }
        array.resize(to: 5)
        #expect(array.elements == (1...12).map(Float.init) + [Float](repeating: 0, count: 8))
    }

    /// What was cut off does not come back.
    @Test func shrunkAndGrown() {
        let array = StateArray<UInt32>([1, 2, 3, 4, 5])
        array.resize(to: 2)
        #expect(array.elements == [1, 2])
        array.resize(to: 4)
        #expect(array.elements == [1, 2, 0, 0])
        array.resize(to: 1000)
        #expect(array.elements == [1, 2] + [UInt32](repeating: 0, count: 998))
    }

    @Test func otherLanesLoseTheContent() {
        let array = StateArray<Double>(count: 4, lanes: 2)
        for index in 0..<8 { array[index] = 1 }
        array.resize(to: 3, lanes: 3)
        #expect(array.count == 3 && array.lanes == 3 && array.elements == [Double](repeating: 0, count: 9))
        array[8] = 7
        array.resize(to: 5, lanes: 3)
        #expect(array.elements[8] == 7, "the same lanes keep it")
    }

    @Test func appendGrows() {
        let array = StateArray<Int32>(count: 0)
        for index in 0..<1000 { array.append(Int32(index)) }
        #expect(array.elements == (0..<1000).map(Int32.init))
        array.clear()
        #expect(array.count == 1000 && array.nonZeroCount == 0)
    }

    @Test func countsNumbersThatAreNotZero() {
        #expect(StateArray<Double>([0, 1, -0.5, 0]).nonZeroCount == 2)
        #expect(StateArray<UInt8>([0, 0, 9]).nonZeroCount == 1)
        #expect(StateArray<Int32>([]).nonZeroCount == 0)
    }

    @Test func memoryIsAlignedForVectors() {
        for count in [1, 3, 100, 10_000] {
            let array = StateArray<Float>(count: count, lanes: 4)
            #expect(UInt(bitPattern: array.bytes) % 64 == 0)
        }
    }
}
