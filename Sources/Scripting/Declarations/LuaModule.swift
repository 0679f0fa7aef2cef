/// A Lua module written in Swift: functions, constants and classes, each declared once.
///
/// One file of `Modules/` per Lua module, and one line in `LuaModule.all`:
///
///     extension LuaModule {
///         static var stars: LuaModule {
///             LuaModule("stars", "Finds and counts stars.") { module in
///                 module.function(
///                     "count", "Counts the stars of an image.",
///                     [
///                         Parameter("image", "one channel"),
///                         Parameter("threshold", "least brightness in photons", default: 10, minimum: 0),
///                     ], result: "the number of stars"
///                 ) { (image: Image, threshold: Double) in
///                     try StarFinder(threshold: threshold).find(in: image).count
///                 }
///             }
///         }
///     }
///
/// From that one declaration come the argument check, `help(stars.count)`, completion, the LuaCATS definitions and
/// the reference. What the closure says is not said again: parameter types are read off it. These types work as
/// parameters and results:
///
/// - `Bool`, `Int`, `Double`, `Float`, `String`, `UInt64` (seeds), arrays of them, `[String: T]`, `T?`, `LuaValue`
///   (any plain data, such as records for a table: `[[String: LuaValue]]`).
/// - A Swift type declared as a class: `extension Image: LuaObject { static let luaName = "imaging.Image" }`, then
///   `module.class(Image.self, ...)`; see `ClassBuilder`.
/// - A struct with named fields: `LuaOptions`. A choice of two types: `Either<String, Image>`.
/// - A callback: `LuaFunction`. All further arguments: `Rest`. The machine itself: `LuaContext` (no argument).
/// - Several results: return `Results(a, b)`.
///
/// A closure throws `Failure` for the user's mistakes and lets `Interrupted` from `Interruption.check()` pass; both
/// arrive in the script as they should. It must not keep a `LuaContext`.
public final class LuaModule {
    /// The name of the global table; empty for functions that are globals themselves.
    public let name: String
    /// What the module is for, in one sentence.
    public let summary: String
    /// Its functions in the order declared.
    public private(set) var functions: [FunctionDeclaration] = []
    /// Its constants.
    public private(set) var constants: [(name: String, value: LuaValue, help: String)] = []
    /// Its classes.
    public private(set) var classes: [ClassDeclaration] = []

    /// Declares a module; `body` adds its members.
    public init(_ name: String, _ summary: String, _ body: (LuaModule) -> Void) {
        self.name = name
        self.summary = summary
        body(self)
    }

    /// Declares a function that returns a value.
    /// - Parameter annotations: LuaCATS lines in place of those made from the types, for what these cannot say.
    public func function<each Argument: LuaReadable, Value: LuaWritable>(
        _ name: String, _ summary: String, _ parameters: [Parameter] = [], result: String = "", details: String = "",
        annotations: [String] = [], _ body: @escaping (repeat each Argument) throws -> Value
    ) {
        functions.append(
            .make(
                name, summary, parameters, details: details, result: result, resultType: Value.luaType,
                annotations: annotations,
                call: { (_: LuaContext, arguments: repeat each Argument) in try body(repeat each arguments) },
                push: { lua, value in try value.push(to: lua) }))
    }

    /// Declares a function that returns nothing.
    @_disfavoredOverload
    public func function<each Argument: LuaReadable>(
        _ name: String, _ summary: String, _ parameters: [Parameter] = [], details: String = "",
        _ body: @escaping (repeat each Argument) throws -> Void
    ) {
        functions.append(
            .make(
                name, summary, parameters, details: details, result: "", resultType: "",
                call: { (_: LuaContext, arguments: repeat each Argument) in try body(repeat each arguments) },
                push: { _, _ in 0 }))
    }

    /// Declares a constant.
    public func constant(_ name: String, _ value: LuaValue, _ help: String) {
        constants.append((name, value, help))
    }

    /// Declares the class of a Swift type; `body` adds its members.
    public func `class`<Object: LuaObject>(
        _ type: Object.Type, _ summary: String, _ body: (ClassBuilder<Object>) -> Void
    ) {
        let builder = ClassBuilder<Object>(summary: summary)
        body(builder)
        classes.append(builder.declaration)
    }
}
