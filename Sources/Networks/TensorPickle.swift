import Work

/// What a Python pickle holds that is made of tensors, containers, numbers and text only.
///
/// A pickle is a program for a stack machine that can call any function of Python. This reader knows only the instructions
/// and the few callables that a state dict of PyTorch consists of, and none of them does anything but build values: a
/// pickle that asks for another callable is refused. Instructions: Python's `pickletools`; form: `torch/_utils.py`.
struct TensorPickle {
    /// A value; containers, storages and tensors by their number.
    enum Value {
        case none
        case boolean(Bool)
        case integer(Int)
        case number(Double)
        case text(String)
        case callable(Callable)
        /// A tuple or a list, a number of `sequences`.
        case sequence(Int)
        /// A dictionary, a number of `dictionaries`.
        case dictionary(Int)
        /// A number of `storages`.
        case storage(Int)
        /// A number of `tensors`.
        case tensor(Int)
    }

    /// What may be called or named.
    enum Callable {
        case orderedDictionary
        case tensor
        case parameter
        /// A kind of storage by its safetensors type.
        case storageKind(String)
    }

    /// Numbers that lie elsewhere in the file.
    struct Storage {
        /// The type of the elements as safetensors calls it.
        let type: String
        let key: String
        let count: Int
    }

    /// A tensor: a view of a storage; offset and strides in elements.
    struct View {
        let storage: Int
        let offset: Int
        let shape: [Int]
        let strides: [Int]
    }

    private(set) var root = Value.none
    private(set) var sequences: [[Value]] = []
    private(set) var dictionaries: [[(key: Value, value: Value)]] = []
    private(set) var storages: [Storage] = []
    private(set) var tensors: [View] = []

    private let path: String
    private var stack: [Value] = []
    private var marks: [Int] = []
    private var memo: [Int: Value] = [:]
    private var storageNumbers: [String: Int] = [:]

    /// Reads one pickle and stops behind it.
    /// - Parameter path: the file's name for errors.
    /// - Throws: a `Failure` that names what the pickle asks for beyond tensors, or that it is damaged.
    init(_ reader: inout ByteReader, path: String) throws {
        self.path = path
        do { while try step(&reader) {} } catch is BytesEnd {
            throw damagedFile(path, "its pickle ends too early")
        }
    }

    /// The values of a dictionary by their keys, those whose keys are text.
    func members(_ dictionary: Int) -> [String: Value] {
        var members: [String: Value] = [:]
        for case (.text(let key), let value) in dictionaries[dictionary] { members[key] = value }
        return members
    }

    /// Carries out one instruction; false behind the last.
    private mutating func step(_ reader: inout ByteReader) throws -> Bool {
        let instruction = try reader.integer(UInt8.self)
        switch instruction {
        case 0x80: try reader.skip(1)  // PROTO
        case 0x95: try reader.skip(8)  // FRAME
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.boolean(true))
        case 0x89: stack.append(.boolean(false))
        case UInt8(ascii: "J"): stack.append(.integer(Int(try reader.integer(Int32.self))))
        case UInt8(ascii: "K"): stack.append(.integer(Int(try reader.integer(UInt8.self))))
        case UInt8(ascii: "M"): stack.append(.integer(Int(try reader.integer(UInt16.self))))
        case 0x8A: stack.append(.integer(try longInteger(&reader)))
        case UInt8(ascii: "G"):
            stack.append(.number(Double(bitPattern: try reader.integer(UInt64.self).byteSwapped)))
        case UInt8(ascii: "X"): stack.append(.text(try text(&reader, Int(try reader.integer(UInt32.self)))))
        case 0x8C: stack.append(.text(try text(&reader, Int(try reader.integer(UInt8.self)))))
        case UInt8(ascii: "q"): memo[Int(try reader.integer(UInt8.self))] = try top()
        case UInt8(ascii: "r"): memo[Int(try reader.integer(UInt32.self))] = try top()
        case 0x94: memo[memo.count] = try top()
        case UInt8(ascii: "h"): try recall(Int(try reader.integer(UInt8.self)))
        case UInt8(ascii: "j"): try recall(Int(try reader.integer(UInt32.self)))
        case UInt8(ascii: ")"), UInt8(ascii: "]"): append([])
        case UInt8(ascii: "}"): appendDictionary()
        case UInt8(ascii: "t"): append(try popToMark())
        case 0x85...0x87: append(try pop(Int(instruction - 0x84)))
        case UInt8(ascii: "a"), UInt8(ascii: "e"):
            try extend(with: instruction == UInt8(ascii: "a") ? pop(1) : popToMark())
        case UInt8(ascii: "s"), UInt8(ascii: "u"):
            try set(instruction == UInt8(ascii: "s") ? pop(2) : popToMark())
        case UInt8(ascii: "c"):
            let module = try reader.line()
            stack.append(.callable(try callable(module, try reader.line())))
        case 0x93: try nameFromStack()
        case UInt8(ascii: "i"):
            let module = try reader.line()
            throw refused("\(module).\(try reader.line())")
        case UInt8(ascii: "Q"): try makeStorage()
        case UInt8(ascii: "R"): try call()
        case UInt8(ascii: "b"): try leaveState()
        case UInt8(ascii: "."):
            root = try pop(1)[0]
            return false
        default: throw refused(String(instruction, radix: 16), "asks for instruction 0x")
        }
        return true
    }

    private func longInteger(_ reader: inout ByteReader) throws -> Int {
        let bytes = try reader.bytes(Int(try reader.integer(UInt8.self)))
        guard bytes.count <= 8 else { throw refused("\(bytes.count)", "holds a whole number of bytes: ") }
        var value = bytes.last.map { $0 >= 0x80 } == true ? -1 : 0
        for byte in bytes.reversed() { value = value << 8 | Int(byte) }
        return value
    }

    private func text(_ reader: inout ByteReader, _ count: Int) throws -> String {
        String(decoding: try reader.bytes(count), as: UTF8.self)
    }

    private func top() throws -> Value {
        guard let value = stack.last, stack.count > (marks.last ?? 0) else { throw broken() }
        return value
    }

    private mutating func recall(_ number: Int) throws {
        guard let value = memo[number] else { throw broken() }
        stack.append(value)
    }

    private mutating func pop(_ count: Int) throws -> [Value] {
        guard stack.count - count >= (marks.last ?? 0) else { throw broken() }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws -> [Value] {
        guard let mark = marks.popLast() else { throw broken() }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private mutating func append(_ items: [Value]) {
        sequences.append(items)
        stack.append(.sequence(sequences.count - 1))
    }

    private mutating func appendDictionary() {
        dictionaries.append([])
        stack.append(.dictionary(dictionaries.count - 1))
    }

    private mutating func extend(with items: [Value]) throws {
        guard case .sequence(let number) = try top() else { throw broken() }
        sequences[number] += items
    }

    private mutating func set(_ items: [Value]) throws {
        guard case .dictionary(let number) = try top(), items.count % 2 == 0 else { throw broken() }
        for place in stride(from: 0, to: items.count, by: 2) {
            dictionaries[number].append((items[place], items[place + 1]))
        }
    }

    private func callable(_ module: String, _ name: String) throws -> Callable {
        switch module + "." + name {
        case "collections.OrderedDict": return .orderedDictionary
        case "torch._utils._rebuild_tensor_v2": return .tensor
        case "torch._utils._rebuild_parameter": return .parameter
        default:
            guard module == "torch", let type = Self.storageTypes[name] else { throw refused(module + "." + name) }
            return .storageKind(type)
        }
    }

    private static let storageTypes = [
        "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16",
        "LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8",
        "BoolStorage": "BOOL",
    ]

    private mutating func nameFromStack() throws {
        let names = try pop(2)
        guard case .text(let module) = names[0], case .text(let name) = names[1] else { throw broken() }
        stack.append(.callable(try callable(module, name)))
    }

    /// ('storage', kind, key, device, count), in older files followed by None.
    private mutating func makeStorage() throws {
        guard case .sequence(let number) = try pop(1)[0], case let items = sequences[number], items.count >= 5,
            case .text("storage") = items[0], case .callable(.storageKind(let type)) = items[1],
            case .text(let key) = items[2], case .integer(let count) = items[4], count >= 0
        else { throw broken() }
        if items.count > 5 { guard case .none = items[5] else { throw broken() } }
        if let known = storageNumbers[key], storages[known].type == type, storages[known].count == count {
            return stack.append(.storage(known))
        }
        storages.append(Storage(type: type, key: key, count: count))
        storageNumbers[key] = storages.count - 1
        stack.append(.storage(storages.count - 1))
    }

    private mutating func call() throws {
        let items = try pop(2)
        guard case .callable(let callable) = items[0], case .sequence(let number) = items[1] else { throw broken() }
        let arguments = sequences[number]
        switch callable {
        case .orderedDictionary:
            guard arguments.isEmpty else { throw broken() }
            appendDictionary()
        case .tensor:
            guard arguments.count >= 4, case .storage(let storage) = arguments[0],
                case .integer(let offset) = arguments[1], case .sequence(let shape) = arguments[2],
                case .sequence(let strides) = arguments[3]
            else { throw broken() }
            tensors.append(
                View(
                    storage: storage, offset: offset, shape: try lengths(sequences[shape]),
                    strides: try lengths(sequences[strides])))
            stack.append(.tensor(tensors.count - 1))
        case .parameter:
            guard let first = arguments.first, case .tensor = first else { throw broken() }
            stack.append(first)
        case .storageKind: throw broken()
        }
    }

    private func lengths(_ values: [Value]) throws -> [Int] {
        try values.map {
            guard case .integer(let length) = $0, length >= 0 else { throw broken() }
            return length
        }
    }

    /// Attributes of a dictionary, such as the versions that PyTorch keeps with a state dict, are passed over.
    private mutating func leaveState() throws {
        _ = try pop(1)
        guard case .dictionary = try top() else { throw broken() }
    }

    private func broken() -> Failure { damagedFile(path, "its pickle is not that of a state dict") }

    private func refused(_ what: String, _ verb: String = "asks to run ") -> Failure {
        let shown = what.unicodeScalars.prefix(80).map { $0.value > 32 && $0.value < 127 ? Character($0) : "?" }
        return Failure(
            "\(path) \(verb)\(String(shown)), which no file of weights needs",
            remedy: "do not load it; ask for one written by torch.save(model.state_dict(), FILE), or as safetensors",
            code: "pickle-refused")
    }
}
