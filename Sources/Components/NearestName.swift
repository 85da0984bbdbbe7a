/// ", did you mean 'x'?" for a misspelt name, or the list of what there is when nothing is near.
public func didYouMean(_ name: String, _ known: [String]) -> String {
    guard !known.isEmpty else { return "" }
    let scored = known.map { (distance: editDistance(name, $0), name: $0) }
    if let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= max(2, name.count / 3) {
        return "; did you mean '\(best.name)'?"
    }
    return "; there are: \(known.joined(separator: ", "))"
}

/// The known name at the smallest edit distance; the first of several. Nil when there is none.
public func nearestName(_ name: String, _ known: [String]) -> String? {
    known.map { (distance: editDistance(name.lowercased(), $0), name: $0) }.min { $0.distance < $1.distance }?.name
}

/// Insertions, deletions and substitutions that turn `a` into `b` (Levenshtein 1966).
func editDistance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (i, character) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for j in b.indices {
            let substituted = diagonal + (character == b[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, min(row[j], row[j + 1]) + 1)
        }
    }
    return row[b.count]
}
