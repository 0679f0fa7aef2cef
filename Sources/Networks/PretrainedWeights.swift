import Work

/// What a network took from a pretrained checkpoint.
public struct PretrainedStart: Sendable, Equatable {
    /// The file.
    public let path: String
    /// The number of parameters and statistics that were taken.
    public let taken: Int
    /// In plain words what was not taken as it is in the file; empty where everything was.
    public let notes: [String]

    /// What was taken and what not, on one line.
    public var inWords: String { (["\(path): \(taken) parameters taken"] + notes).joined(separator: "; ") }
}

extension SegmentationNetwork {
    /// Starts from a pretrained checkpoint: a state dict of the same network, or of torchvision's classifier with the same
    /// backbone, as PyTorch's file or as safetensors. Nothing changes unless the whole file fits.
    ///
    /// Further entries such as those of an auxiliary classifier are passed over. What belongs to the task starts anew: the
    /// last layer where the file has another number of classes, the whole head where the file has none. Where the images
    /// have another number of channels the first layer's weights are summed, or dealt out in turn and scaled, so that it
    /// answers to equal channels as it did.
    /// - Throws: a `Failure` that names the file and the first parameter that is missing or has another shape, or what the
    ///   file asks to run.
    public func start(fromPretrained path: String) throws -> PretrainedStart {
        var names = Set<String>()
        let needed = Set(parameters.declarations.flatMap { Self.names($0.name) })
        func isWanted(_ name: String) -> Bool {
            names.insert(name)
            return needed.contains(name)
        }
        let file =
            try TorchCheckpoint.isTorchFile(path)
            ? try TorchCheckpoint(path: path).weights(where: isWanted)
            : try Safetensors(path: path, where: isWanted)
        let isClassifier = description.architecture != .unet && !names.contains { $0.hasPrefix("backbone.") }
        var notes: [String] = []
        var values: [(ParameterDeclaration, [Float])] = []
        for declaration in parameters.declarations where declaration.kind != .counter {
            if isClassifier, !declaration.name.hasPrefix("backbone.") { continue }
            guard let entry = Self.names(declaration.name).lazy.compactMap({ file.entries[$0] }).first else {
                throw mismatch(path, declaration.name, declaration.shape, found: nil)
            }
            if entry.shape == declaration.shape {
                values.append((declaration, entry.values))
            } else if isLast(declaration), !entry.shape.isEmpty,
                entry.shape.dropFirst().elementsEqual(declaration.shape.dropFirst())
            {
                if declaration.shape.count > 1 {
                    notes.append(
                        "the last layer starts anew, for the file has \(entry.shape[0]) classes and the training \(description.classes)"
                    )
                }
            } else if declaration.name == parameters.declarations[0].name,
                let adapted = Self.adapted(entry, to: declaration.shape)
            {
                notes.append(
                    "the first layer's weights for \(entry.shape[1]) channels are fitted to \(description.inputChannels)"
                )
                values.append((declaration, adapted))
            } else {
                throw mismatch(path, declaration.name, declaration.shape, found: entry.shape)
            }
        }
        if isClassifier { notes.append("the head starts anew, for the file holds only a backbone") }
        for (declaration, numbers) in values {
            parameters.value(declaration.name).update(from: numbers, count: numbers.count)
        }
        for declaration in parameters.declarations where declaration.kind == .counter {
            let found = Self.names(declaration.name).lazy.compactMap { file.integers[$0] }.first
            parameters.counters[declaration.name] = found ?? 0
        }
        parameters.changed()
        return PretrainedStart(path: path, taken: values.count, notes: notes)
    }

    /// The names under which a parameter may stand in a file, first as the network calls it; torchvision's classifiers have
    /// no prefix on their backbone, or `features`.
    private static func names(_ name: String) -> [String] {
        let prefix = "backbone."
        guard name.hasPrefix(prefix) else { return [name] }
        let rest = name.dropFirst(prefix.count)
        return [name, String(rest), "features." + rest]
    }

    /// Whether a parameter belongs to the layer that gives a score to each class.
    private func isLast(_ declaration: ParameterDeclaration) -> Bool {
        let last = parameters.declarations.suffix(2).map(\.name)
        return last.contains(declaration.name)
    }

    /// The first layer's weights for another number of channels; nil where something else differs.
    private static func adapted(_ entry: Safetensors.Entry, to shape: [Int]) -> [Float]? {
        guard entry.shape.count == 4, entry.shape[0] == shape[0], entry.shape[1] > 0,
            entry.shape[2...].elementsEqual(shape[2...])
        else { return nil }
        let (from, to, area) = (entry.shape[1], shape[1], shape[2] * shape[3])
        var result: [Float] = []
        for output in 0..<shape[0] {
            let first = output * from * area
            for channel in 0..<to {
                for place in 0..<area {
                    if to == 1 {
                        result.append((0..<from).reduce(0) { $0 + entry.values[first + $1 * area + place] })
                    } else {
                        let weight = entry.values[first + channel % from * area + place]
                        result.append(weight * Float(from) / Float(to))
                    }
                }
            }
        }
        return result
    }
}
