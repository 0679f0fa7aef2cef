import Work

/// Everything that is wrong, so that it can be told at once.
final class Problems {
    private var list: [Failure] = []

    var isEmpty: Bool { list.isEmpty }

    func add(_ failure: Failure) { list.append(failure) }

    /// Does one thing and keeps what it throws.
    func note(_ place: String, _ body: () throws -> Void) {
        do { try body() } catch let failure as Failure { add(failure) } catch {
            add(Failure("\(place): \(error)", code: "bad-description"))
        }
    }

    /// - Throws: the one failure there is, or one that tells all behind a heading.
    func finish(_ heading: (Int) -> String) throws {
        guard let first = list.first else { return }
        if list.count == 1 { throw first }
        let text = list.enumerated().map { "(\($0 + 1)) \($1)" }.joined(separator: " ")
        throw Failure("\(heading(list.count)): \(text)", code: first.code)
    }
}
