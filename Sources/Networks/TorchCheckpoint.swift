import Work

/// The tensors of a file that `torch.save` wrote from a state dict; none of its code is ever run.
///
/// The present form is a zip archive with a pickle of the tensors' places and an entry for each storage; the form of
/// PyTorch before 1.6, in which many published weights still are, is a row of pickles with the storages behind them.
/// Only the pickle is read at once; tensors are read one by one when they are asked for.
public struct TorchCheckpoint {
    private let file: RandomAccessFile
    private let pickle: TensorPickle
    private let tensors: [String: TensorPickle.View]
    /// Where each storage's bytes lie.
    private let places: [String: StoredZip.Entry]

    /// The most bytes of a pickle: those of large networks take some 100 kB.
    private static let pickleLimit: UInt64 = 32 << 20
    /// The pickled number that the older form begins with.
    private static let olderMagic: [UInt8] = [
        0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    /// Whether a file begins like one that `torch.save` wrote.
    /// - Throws: a `Failure` that names the file when it cannot be read.
    public static func isTorchFile(_ path: String) throws -> Bool {
        let start = try RandomAccessFile(path).bytes(at: 0, count: olderMagic.count)
        return start == olderMagic || start.starts(with: [0x50, 0x4B, 3, 4])
    }

    /// Finds the tensors of a file: those of a state dict, or of one that a dictionary holds as `model`, `state_dict`
    /// or `model_state_dict`. A prefix `module.` of all names is left out.
    /// - Throws: a `Failure` that names the file when it is damaged, holds no state dict or asks to run code.
    public init(path: String) throws {
        file = try RandomAccessFile(path)
        if file.bytes(at: 0, count: Self.olderMagic.count) == Self.olderMagic {
            (pickle, places) = try Self.older(file)
        } else {
            (pickle, places) = try Self.zipped(file)
        }
        tensors = try Self.stateDict(pickle, path)
    }

    /// Reads the tensors with wanted names as Float32, whole numbers without dimensions exactly.
    /// - Throws: a `Failure` when the file does not hold all their numbers.
    public func weights(where isWanted: (String) -> Bool = { _ in true }) throws -> Safetensors {
        var weights = Safetensors()
        for (name, view) in tensors where isWanted(name) {
            if view.shape.isEmpty, pickle.storages[view.storage].type == "I64" {
                let bytes = try bytes(view, span: 1, name)
                weights.integers[name] = ByteReader.first(Int64.self, of: bytes)
            } else {
                weights.entries[name] = Safetensors.Entry(shape: view.shape, values: try numbers(view, name))
            }
        }
        return weights
    }

    private static func zipped(_ file: RandomAccessFile) throws -> (TensorPickle, [String: StoredZip.Entry]) {
        let zip = try StoredZip(file)
        guard let name = zip.names.first(where: { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }),
            let entry = zip[name]
        else {
            throw Failure(
                "\(file.path) is no PyTorch file: the zip archive has no data.pkl",
                remedy: "give a file written by torch.save", code: "not-supported")
        }
        let folder = name.dropLast("data.pkl".count)
        if let order = zip[folder + "byteorder"] {
            guard file.bytes(at: order.offset, count: Int(min(order.count, 8))).elementsEqual("little".utf8) else {
                throw Failure(
                    "\(file.path): numbers in big-endian order are not supported", code: "not-supported")
            }
        }
        guard entry.count <= pickleLimit else { throw damagedFile(file.path, "its pickle has \(entry.count) bytes") }
        var reader = ByteReader(file.bytes(at: entry.offset, count: Int(entry.count)))
        let pickle = try TensorPickle(&reader, path: file.path)
        var places: [String: StoredZip.Entry] = [:]
        for storage in pickle.storages { places[storage.key] = zip[folder + "data/" + storage.key] }
        return (pickle, places)
    }

    private static func older(_ file: RandomAccessFile) throws -> (TensorPickle, [String: StoredZip.Entry]) {
        let length = file.length
        var reader = ByteReader(file.bytes(at: 0, count: Int(min(length, pickleLimit))))
        try reader.skip(olderMagic.count)
        _ = try TensorPickle(&reader, path: file.path)  // the version of the form
        let system = try TensorPickle(&reader, path: file.path)
        if case .dictionary(let number) = system.root,
            case .boolean(false)? = system.members(number)["little_endian"]
        {
            throw Failure("\(file.path): numbers in big-endian order are not supported", code: "not-supported")
        }
        let pickle = try TensorPickle(&reader, path: file.path)
        let keys = try TensorPickle(&reader, path: file.path)
        guard case .sequence(let number) = keys.root else { throw damagedFile(file.path, "it lists no storages") }
        let storages = Dictionary(pickle.storages.map { ($0.key, $0) }) { first, _ in first }
        var places: [String: StoredZip.Entry] = [:]
        var offset = UInt64(reader.place)
        for case .text(let key) in keys.sequences[number] {
            guard let storage = storages[key], let bytes = byteCount(storage), offset + 8 + bytes <= length,
                ByteReader.first(Int.self, of: file.bytes(at: offset, count: 8)) == storage.count
            else { throw damagedFile(file.path, "the storage \(key) does not fit the file") }
            places[key] = StoredZip.Entry(offset: offset + 8, count: bytes)
            offset += 8 + bytes
        }
        return (pickle, places)
    }

    private static func byteCount(_ storage: TensorPickle.Storage) -> UInt64? {
        guard let width = Safetensors.widths[storage.type], storage.count < Int.max / 16 else { return nil }
        return UInt64(storage.count * width)
    }

    private static func stateDict(_ pickle: TensorPickle, _ path: String) throws -> [String: TensorPickle.View] {
        func views(_ value: TensorPickle.Value?) -> [String: TensorPickle.View] {
            guard case .dictionary(let number)? = value else { return [:] }
            return pickle.members(number).compactMapValues {
                if case .tensor(let number) = $0 { return pickle.tensors[number] }
                return nil
            }
        }
        var found = views(pickle.root)
        if found.isEmpty, case .dictionary(let number) = pickle.root {
            let members = pickle.members(number)
            for name in ["model", "state_dict", "model_state_dict"] where found.isEmpty { found = views(members[name]) }
        }
        guard !found.isEmpty else {
            throw Failure(
                "\(path) holds no state dict", remedy: "write one by torch.save(model.state_dict(), FILE)",
                code: "weights-mismatch")
        }
        let prefix = "module."
        guard found.keys.allSatisfy({ $0.hasPrefix(prefix) }) else { return found }
        return Dictionary(found.map { (String($0.key.dropFirst(prefix.count)), $0.value) }) { first, _ in first }
    }

    /// The numbers of a tensor in row-major order.
    private func numbers(_ view: TensorPickle.View, _ name: String) throws -> [Float] {
        guard view.shape.count == view.strides.count, let count = try? Tensor.elements(of: view.shape) else {
            throw misfit(name)
        }
        guard count > 0 else { return [] }
        let storage = pickle.storages[view.storage]
        var span = 1
        for (length, stride) in zip(view.shape, view.strides) {
            let (reach, overflow) = stride.multipliedReportingOverflow(by: length - 1)
            guard !overflow, reach < storage.count else { throw misfit(name) }
            span += reach
            guard span <= storage.count else { throw misfit(name) }
        }
        // A tensor is read with what lies between its elements, which is nothing in a state dict.
        guard span <= 16 * count, count <= max(span, 1 << 20) else { throw misfit(name) }
        let values = try bytes(view, span: span, name).withUnsafeBytes {
            Safetensors.numbers($0, storage.type, span)
        }
        var rowMajor = 1
        let isDense = zip(view.shape, view.strides).reversed().allSatisfy { length, stride in
            defer { rowMajor *= length }
            return length == 1 || stride == rowMajor
        }
        if isDense { return values }
        var order = [0]
        for (length, stride) in zip(view.shape, view.strides) {
            order = order.flatMap { place in (0..<length).map { place + $0 * stride } }
        }
        return order.map { values[$0] }
    }

    /// The bytes of the first `span` elements of a tensor's storage from its first element on.
    private func bytes(_ view: TensorPickle.View, span: Int, _ name: String) throws -> [UInt8] {
        let storage = pickle.storages[view.storage]
        guard let place = places[storage.key], let total = Self.byteCount(storage), place.count == total,
            let width = Safetensors.widths[storage.type], view.offset >= 0, view.offset <= storage.count,
            span <= storage.count - view.offset
        else { throw misfit(name) }
        let bytes = file.bytes(at: place.offset + UInt64(view.offset * width), count: span * width)
        guard bytes.count == span * width else { throw misfit(name) }
        return bytes
    }

    private func misfit(_ name: String) -> Failure {
        damagedFile(file.path, "the tensor \(name) does not fit its storage")
    }
}
