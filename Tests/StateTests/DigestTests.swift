import State
import Testing

/// Digests stand in snapshots: they must stay what they are, from version to version.
struct DigestTests {
    /// XXH3 of 128 bits as the reference implementation prints it (xxhsum -H2).
    @Test func knownValues() {
        func of(_ text: String) -> String { Array(text.utf8).withUnsafeBytes { Digest.of($0) } }
        #expect(of("") == "99aa06d3014798d86001c324468d497f")
        #expect(of("a") == "a96faf705af16834e6c632b61e964e1f")
        #expect(of("abc") == "06b05ab6733a618578af5f94892f3950")
    }

    @Test func piecesAreTheWhole() {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) }
        let whole = bytes.withUnsafeBytes { Digest.of($0) }
        for size in [1, 3, 64, 255, 256, 1024, 4999] {
            var digest = Digest()
            for start in stride(from: 0, to: bytes.count, by: size) {
                bytes[start..<min(start + size, bytes.count)].withUnsafeBytes { digest.update($0) }
            }
            #expect(digest.finish() == whole, "pieces of \(size)")
        }
    }

    private final class Component: Stateful {
        let a: StateArray<Double>
        let b: StateArray<UInt8>
        let name: String

        init(_ a: [Double], _ b: [UInt8], name: String = "b") {
            self.a = StateArray(a)
            self.b = StateArray(b)
            self.name = name
        }

        var state: [StateEntry] { [StateEntry("a", a), StateEntry(name, b)] }
    }

    @Test func dependsOnNamesShapesAndBytes() {
        let one = Component([1, 2], [3]).digest
        #expect(one.count == 32 && one == Component([1, 2], [3]).digest)
        let others = [
            Component([1, 2], [4]), Component([1, -2], [3]), Component([1, 2], [3], name: "c"), Component([1], [3]),
            Component([1, 2], [3, 0]), Component([2, 1], [3]), Component([1, 2], []),
        ]
        #expect(Set(others.map(\.digest) + [one]).count == others.count + 1)
    }

    /// +0 and -0 are different bytes: a digest compares what was computed, not what it means.
    @Test func comparesBytes() { #expect(Component([0], []).digest != Component([-0.0], []).digest) }
}
