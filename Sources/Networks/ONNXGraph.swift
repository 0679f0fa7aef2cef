import Foundation

/// A graph in the terms of ONNX (https://onnx.ai/onnx/repo-docs/IR.html), with the field numbers of `onnx.proto`.
struct ONNXGraph {
    /// The version of the operators: old enough for every runtime in use, new enough for all that is needed.
    static let operatorSet = 13
    /// The version of the file's form that came with these operators.
    private static let formatVersion = 7

    /// An attribute of an operator.
    enum Attribute {
        case integer(Int)
        case integers([Int])
        case number(Float)
        case text(String)
    }

    /// The length of a dimension, or its name where it may change.
    enum Dimension {
        case fixed(Int)
        case free(String)
    }

    private var message = ProtobufMessage()
    private var constants = Set<String>()
    private var nodes = 0

    /// Adds an operator with one result.
    /// - Parameters:
    ///   - name: of the result; a number where none is given.
    ///   - inputs: the names of its inputs; an empty one is left out.
    /// - Returns: the name of the result.
    mutating func add(
        _ operation: String, _ inputs: [String], name: String? = nil, _ attributes: [(String, Attribute)] = []
    ) -> String {
        nodes += 1
        let result = name ?? "\(operation.lowercased())_\(nodes)"
        var node = ProtobufMessage()
        for input in inputs { node.add(1, input) }
        node.add(2, result)
        node.add(3, result)
        node.add(4, operation)
        for (name, value) in attributes { node.add(5, Self.attribute(name, value)) }
        message.add(1, node)
        return result
    }

    /// Adds an array of Float32.
    mutating func add(_ name: String, shape: [Int], _ values: UnsafePointer<Float>) {
        let count = shape.reduce(1, *)
        addTensor(name, shape, type: 1, Data(bytes: values, count: 4 * count))
    }

    /// Gives the name of a list of whole numbers, which is added unless it is there.
    mutating func constant(_ numbers: [Int]) -> String {
        let name = "integers_" + numbers.map(String.init).joined(separator: "_")
        guard constants.insert(name).inserted else { return name }
        let data = numbers.reduce(into: Data()) { data, number in
            withUnsafeBytes(of: Int64(number).littleEndian) { data.append(contentsOf: $0) }
        }
        addTensor(name, [numbers.count], type: 7, data)
        return name
    }

    /// Declares an input of Float32.
    mutating func declareInput(_ name: String, _ dimensions: [Dimension]) {
        message.add(11, Self.declaration(name, dimensions))
    }

    /// Declares an output of Float32.
    mutating func declareOutput(_ name: String, _ dimensions: [Dimension]) {
        message.add(12, Self.declaration(name, dimensions))
    }

    /// The whole file.
    /// - Parameters:
    ///   - name: of the graph.
    ///   - producer: the name of the program.
    ///   - description: for people.
    ///   - properties: for programs.
    func model(name: String, producer: String, description: String, properties: [String: String]) -> Data {
        var graph = message
        graph.add(2, name)
        var operators = ProtobufMessage()
        operators.add(1, "")
        operators.add(2, Self.operatorSet)
        var model = ProtobufMessage()
        model.add(1, Self.formatVersion)
        model.add(2, producer)
        model.add(6, description)
        model.add(7, graph)
        model.add(8, operators)
        for key in properties.keys.sorted() {
            var property = ProtobufMessage()
            property.add(1, key)
            property.add(2, properties[key] ?? "")
            model.add(14, property)
        }
        return model.data
    }

    private mutating func addTensor(_ name: String, _ shape: [Int], type: Int, _ data: Data) {
        var tensor = ProtobufMessage()
        for length in shape { tensor.add(1, length) }
        tensor.add(2, type)
        tensor.add(8, name)
        tensor.add(9, data)
        message.add(5, tensor)
    }

    private static func attribute(_ name: String, _ value: Attribute) -> ProtobufMessage {
        var attribute = ProtobufMessage()
        attribute.add(1, name)
        switch value {
        case .number(let number):
            attribute.add(2, number)
            attribute.add(20, 1)
        case .integer(let number):
            attribute.add(3, number)
            attribute.add(20, 2)
        case .text(let text):
            attribute.add(4, text)
            attribute.add(20, 3)
        case .integers(let numbers):
            for number in numbers { attribute.add(8, number) }
            attribute.add(20, 7)
        }
        return attribute
    }

    private static func declaration(_ name: String, _ dimensions: [Dimension]) -> ProtobufMessage {
        var shape = ProtobufMessage()
        for dimension in dimensions {
            var length = ProtobufMessage()
            switch dimension {
            case .fixed(let count): length.add(1, count)
            case .free(let name): length.add(2, name)
            }
            shape.add(1, length)
        }
        var tensor = ProtobufMessage()
        tensor.add(1, 1)
        tensor.add(2, shape)
        var type = ProtobufMessage()
        type.add(1, tensor)
        var declaration = ProtobufMessage()
        declaration.add(1, name)
        declaration.add(2, type)
        return declaration
    }
}
