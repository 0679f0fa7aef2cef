import Segmentation

/// What a script says of its objects beside what the model says.
struct ProtocolOptions: LuaOptions {
    var kind: String?
    var separate: Bool?
    var least_um2: Double?
    var criteria: String?
    var margin_um: Double?
    var large: String?
    static var defaults: ProtocolOptions { ProtocolOptions() }
    static let fields = [
        Option("kind", \ProtocolOptions.kind, "what an object is: \(ObjectProtocol.Kind.allCases.inWords)"),
        Option("separate", \ProtocolOptions.separate, "whether objects that touch are cut apart at their waists"),
        Option("least_um2", \ProtocolOptions.least_um2, "smaller objects are left out", minimum: 0),
        Option("criteria", \ProtocolOptions.criteria, "a condition that objects must meet"),
        Option("margin_um", \ProtocolOptions.margin_um, "kept between an object and the edge of its field", minimum: 0),
        Option(
            "large", \ProtocolOptions.large,
            "how objects larger than a field are imaged: \(ObjectProtocol.Large.allCases.inWords)"),
    ]
}

extension LuaModule {
    static func declareProtocol(_ module: LuaModule) {
        module.function(
            "protocol", "Says what objects are and how they are imaged: as the model says, but for what is given.",
            [
                Parameter("model", "the model; nil where objects are found otherwise: connected areas then"),
                Parameter("options", "what is to be otherwise"),
            ],
            result: "{ kind, separate, least_um2, criteria, margin_um, large, stated, words }",
            details:
                "Another kind than the model's brings that kind's way of separation and of imaging large objects. stated is "
                + "false where the model does not say what its objects are: single things that may touch, cut apart at "
                + "their waists, of at least 30 pixels."
        ) { (model: SegmentationModel?, options: ProtocolOptions) -> [String: LuaValue] in
            var asked = model == nil ? ObjectProtocol(.areas) : model?.description.objects ?? .unstated
            if let kind = options.kind.flatMap({ ObjectProtocol.Kind(rawValue: $0) }), kind != asked.kind {
                asked.kind = kind
                asked.separate = nil
                asked.large = nil
            }
            asked.separate = options.separate ?? asked.separate
            asked.least_um2 = options.least_um2 ?? asked.least_um2
            asked.criteria = options.criteria ?? asked.criteria
            asked.margin_um = options.margin_um ?? asked.margin_um
            asked.large = options.large.flatMap { ObjectProtocol.Large(rawValue: $0) } ?? asked.large
            return asked.record(isStated: model == nil || model?.description.objects != nil)
        }
    }
}

extension ObjectProtocol {
    /// The protocol as scripts see it.
    func record(isStated: Bool) -> [String: LuaValue] {
        [
            "kind": .text(kind.rawValue), "separate": .boolean(separates), "least_um2": .number(leastArea_um2),
            "criteria": criteria.map { .text($0) } ?? .nil, "margin_um": .number(distance_um),
            "large": .text(largeMethod.rawValue), "stated": .boolean(isStated), "words": .text(inWords),
        ]
    }
}

extension Collection where Element: RawRepresentable, Element.RawValue == String {
    fileprivate var inWords: String { map(\.rawValue).joined(separator: ", ") }
}
