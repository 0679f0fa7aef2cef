import Foundation
import ReaderStart

/// What runs in the process that reads an HDF5 file: answers requests at descriptor 0 until the other end is closed.
@_cdecl("stormbench_serve_hdf5")
public func serveHDF5() -> Int32 {
    var service = HDF5Service()
    return service.run()
}

/// Answers the requests of an `HDF5Reader`.
private struct HDF5Service {
    private static let channel: Int32 = 0
    /// The most processor time of one file; a reader whose asker has died inside the library ends by it.
    private static let processorSeconds: UInt64 = 3600

    private var file: HDF5Library?

    private let output = Output()

    mutating func run() -> Int32 {
        while let (kind, words) = Self.receive() {
            guard let request = HDF5Request(rawValue: kind) else { return 1 }
            do {
                let isKnown = try answer(request, words)
                try output.finish(isKnown ? .end : .failure, [])
            } catch let problem as HDF5Library.Problem {
                guard (try? output.finish(.failure, Array(problem.text.utf8))) != nil else { return 1 }
            } catch { return 1 }
        }
        return 0
    }

    /// The asker has gone.
    private struct Gone: Error {}

    /// Gathers the parts of an answer, so that small ones go at once.
    private final class Output {
        private var part: [UInt8] = []

        func append(_ bytes: UnsafeRawBufferPointer) throws {
            var rest = bytes[...]
            while !rest.isEmpty {
                let taken = min(rest.count, HDF5MessageHead.limit - part.count)
                part.append(contentsOf: rest.prefix(taken))
                rest = rest.dropFirst(taken)
                if part.count == HDF5MessageHead.limit { try send([]) }
            }
        }

        func finish(_ answer: HDF5Answer, _ text: [UInt8]) throws {
            try send(HDF5MessageHead(kind: answer.rawValue, count: text.count).encoded + text)
        }

        private func send(_ more: [UInt8]) throws {
            var message: [UInt8] = []
            if !part.isEmpty {
                message = HDF5MessageHead(kind: HDF5Answer.part.rawValue, count: part.count).encoded + part
            }
            message += more
            part.removeAll(keepingCapacity: true)
            guard reader_send(HDF5Service.channel, message, message.count) != 0 else { throw Gone() }
        }
    }

    /// Sends the parts of an answer; false where there is nothing of the kind.
    private mutating func answer(_ request: HDF5Request, _ words: [String]) throws -> Bool {
        func word(_ index: Int) -> String { words.indices.contains(index) ? words[index] : "" }
        if request == .open {
            let length = (try? FileManager.default.attributesOfItem(atPath: word(0))[.size] as? Int) ?? 0
            // The library's own share and the largest chunk that a file of this length may hold.
            let memory = min(HDF5Reader.memoryLimit, max(1 << 30, 4 * min(length, 1 << 40)))
            guard reader_limit(UInt64(memory), Self.processorSeconds) != 0 else {
                throw HDF5Library.Problem(text: "no limits can be set for reading it")
            }
            file = try HDF5Library(word(0), length: length)
            return true
        }
        guard let file else { return false }
        let parts = output.append
        func names(_ names: [String]?) throws -> Bool {
            guard let names else { return false }
            try Array(names.joined(separator: "\0").utf8).withUnsafeBytes(parts)
            return true
        }
        func values(_ values: [Double]?) throws -> Bool {
            guard let values else { return false }
            try values.withUnsafeBytes(parts)
            return true
        }
        switch request {
        case .open: return true
        case .names: return try names(file.names(in: word(0)))
        case .shape:
            guard let shape = try file.shape(word(0)) else { return false }
            try shape.withUnsafeBytes(parts)
            return true
        case .numbers: try file.numbers(word(0)) { try $0.withUnsafeBytes(parts) }
        case .fields: return try names(file.fields(word(0)))
        case .field: try file.field(word(1), of: word(0)) { try $0.withUnsafeBytes(parts) }
        case .text: return try names(file.text(word(0)).map { [$0] })
        case .attributes: return try values(file.attributes(word(1), of: word(0)))
        case .textAttribute: return try names(file.text(attribute: word(1), of: word(0)).map { [$0] })
        case .group:
            func entry(_ name: String, _ values: [Double]) throws {
                try [name.utf8.count, values.count].withUnsafeBytes(parts)
                try Array(name.utf8).withUnsafeBytes(parts)
                try values.withUnsafeBytes(parts)
            }
            let isKnown: Void? = try file.within(word(0)) { group in
                for name in group.attributeNames(of: ".") {
                    if let values = group.attributes(name, of: ".") { try entry("@\(name)", values) }
                }
                for name in group.names(in: ".") ?? [] {
                    var values: [Double] = []
                    try group.numbers(name) { values.append(contentsOf: $0) }
                    try entry(name, values)
                }
            }
            return isKnown != nil
        }
        return true
    }

    /// The next request; nil at the end.
    private static func receive() -> (kind: UInt8, words: [String])? {
        func bytes(_ count: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            var done = 0
            while done < count {
                let got = bytes.withUnsafeMutableBytes {
                    reader_receive(channel, $0.baseAddress! + done, count - done, -1)
                }
                if got == 0 { return nil }
                done += max(0, got)
            }
            return bytes
        }
        guard let head = bytes(HDF5MessageHead.bytes).map({ HDF5MessageHead($0) }), head.count <= HDF5MessageHead.limit,
            let content = bytes(head.count)
        else { return nil }
        let words = content.split(separator: 0, omittingEmptySubsequences: false)
        return (head.kind, words.map { String(decoding: $0, as: UTF8.self) })
    }
}
