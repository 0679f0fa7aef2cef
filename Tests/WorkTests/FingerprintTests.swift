import Foundation
import Testing
import Work

@Suite struct FingerprintTests {
    /// The values that the authors of FNV publish for 128 bits.
    @Test(arguments: [
        ("", "6c62272e07bb014262b821756295c58d"), ("a", "d228cb696f1a8caf78912b704e4a8964"),
        ("foobar", "343e1662793c64bf6f0d3597ba446f18"),
    ])
    func publishedValues(text: String, digits: String) {
        #expect(Fingerprint(text.utf8).description == digits)
    }

    @Test func valuesAreToldApart() throws {
        struct Asked: Encodable {
            var seed: UInt64
            var limit: Double?
        }
        let all = try [
            Asked(seed: 1 << 53, limit: nil), Asked(seed: 1 << 53 + 1, limit: nil), Asked(seed: .max, limit: nil),
            Asked(seed: .max - 1, limit: nil), Asked(seed: 0, limit: .nan), Asked(seed: 0, limit: .infinity),
            Asked(seed: 0, limit: 0), Asked(seed: 0, limit: 0.1), Asked(seed: 0, limit: 0.1.nextUp),
        ].map { try Fingerprint(of: $0) }
        #expect(Set(all).count == all.count)
        let first = ["b": 1, "a": 2, "c": 3]
        #expect(
            try Fingerprint(of: first)
                == Fingerprint(of: Dictionary(uniqueKeysWithValues: first.sorted { $0.key < $1.key })))
    }
}
