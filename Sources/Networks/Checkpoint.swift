import Work

extension SegmentationNetwork {
    /// Writes weights and running statistics as safetensors with torchvision's names.
    /// - Throws: a `Failure` when the file cannot be written.
    public func saveWeights(to path: String) throws {
        var file = Safetensors()
        collectWeights(&file)
        try file.write(to: path)
    }

    /// Reads weights and running statistics. Nothing changes unless the whole file fits.
    /// - Throws: a `Failure` that names the file and the first parameter that is missing or has another shape.
    public func loadWeights(from path: String) throws {
        let file = try Safetensors(path: path)
        try check(file, path)
        takeWeights(file)
    }

    /// Writes everything that training needs to go on bit for bit: weights, statistics, Adam's moments and the step.
    /// - Throws: a `Failure` when the file cannot be written.
    public func saveTrainingState(to path: String) throws {
        var file = Safetensors()
        collectWeights(&file)
        for declaration in parameters.declarations where declaration.kind == .trained {
            let moments = parameters.moments(declaration.name)
            file.entries[firstPrefix + declaration.name] = entry(declaration, moments.first)
            file.entries[secondPrefix + declaration.name] = entry(declaration, moments.second)
        }
        file.integers[stepName] = parameters.step
        try file.write(to: path)
    }

    /// Reads what `saveTrainingState` wrote. Nothing changes unless the whole file fits.
    /// - Throws: a `Failure` that names the file and the first parameter that is missing or has another shape.
    public func loadTrainingState(from path: String) throws {
        let file = try Safetensors(path: path)
        try check(file, path)
        let trained = parameters.declarations.filter { $0.kind == .trained }
        for declaration in trained {
            for prefix in [firstPrefix, secondPrefix] {
                try check(file.entries[prefix + declaration.name], prefix + declaration.name, declaration.shape, path)
            }
        }
        guard let step = file.integers[stepName], step >= 0 else {
            throw Failure(
                "\(path) holds no training state", remedy: "give the file that training left, not the weights",
                code: "weights-mismatch")
        }
        takeWeights(file)
        for declaration in trained {
            let moments = parameters.moments(declaration.name)
            copy(file.entries[firstPrefix + declaration.name], to: moments.first)
            copy(file.entries[secondPrefix + declaration.name], to: moments.second)
        }
        parameters.step = step
    }

    /// The names of the parameters and statistics that a weight file holds, in the network's order.
    public var parameterNames: [String] { parameters.declarations.map(\.name) }

    /// A copy of a parameter or running statistic; nil for an unknown name or a counter.
    public func parameter(_ name: String) -> Tensor? {
        guard let declaration = declaration(name), declaration.kind != .counter else { return nil }
        return tensor(declaration, parameters.value(name))
    }

    /// A copy of the latest gradient of a trained parameter; nil for another name.
    public func gradient(of name: String) -> Tensor? {
        guard let declaration = declaration(name), declaration.kind == .trained else { return nil }
        return tensor(declaration, parameters.gradient(name))
    }

    private func declaration(_ name: String) -> ParameterDeclaration? {
        parameters.declarations.first { $0.name == name }
    }

    private func tensor(_ declaration: ParameterDeclaration, _ values: UnsafeMutablePointer<Float>) -> Tensor? {
        let tensor = try? Tensor(uninitialised: declaration.shape)
        tensor?.withUnsafeMutablePointer { $0.update(from: values, count: declaration.count) }
        return tensor
    }

    private func entry(_ declaration: ParameterDeclaration, _ values: UnsafePointer<Float>) -> Safetensors.Entry {
        Safetensors.Entry(
            shape: declaration.shape, values: Array(UnsafeBufferPointer(start: values, count: declaration.count)))
    }

    private func collectWeights(_ file: inout Safetensors) {
        for declaration in parameters.declarations {
            if declaration.kind == .counter {
                file.integers[declaration.name] = parameters.counters[declaration.name] ?? 0
            } else {
                file.entries[declaration.name] = entry(declaration, parameters.value(declaration.name))
            }
        }
    }

    private func check(_ file: Safetensors, _ path: String) throws {
        for declaration in parameters.declarations where declaration.kind != .counter {
            try check(file.entries[declaration.name], declaration.name, declaration.shape, path)
        }
    }

    private func check(_ entry: Safetensors.Entry?, _ name: String, _ shape: [Int], _ path: String) throws {
        guard entry?.shape == shape else { throw mismatch(path, name, shape, found: entry?.shape) }
    }

    /// What is said of a file that lacks a parameter, or has it in another shape.
    func mismatch(_ path: String, _ name: String, _ shape: [Int], found: [Int]?) -> Failure {
        guard let found else {
            return Failure(
                "\(path) has no \(name) of shape \(shape)",
                remedy: "it was not made for this network (\(description.architecture.rawValue))",
                code: "weights-mismatch")
        }
        return Failure(
            "\(path): \(name) has the shape \(found), the network needs \(shape)",
            remedy: "check architecture, classes and input channels", code: "weights-mismatch")
    }

    private func takeWeights(_ file: Safetensors) {
        for declaration in parameters.declarations {
            if declaration.kind == .counter {
                parameters.counters[declaration.name] = file.integers[declaration.name] ?? 0
            } else {
                copy(file.entries[declaration.name], to: parameters.value(declaration.name))
            }
        }
        parameters.changed()
    }

    private func copy(_ entry: Safetensors.Entry?, to target: UnsafeMutablePointer<Float>) {
        entry?.values.withUnsafeBufferPointer {
            if let base = $0.baseAddress { target.update(from: base, count: $0.count) }
        }
    }
}

private let firstPrefix = "adam.first/"
private let secondPrefix = "adam.second/"
private let stepName = "adam.step"
