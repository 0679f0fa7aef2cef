/// Something the user can put right, told in one line: what is wrong, where, and what to do about it.
///
/// Every module throws this for bad input; the command line prints `description` and exits with status 1.
public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    /// A word that programs can test, such as `file-missing` or `size-mismatch`.
    public let code: String
    /// What is wrong, with the name of the file or the parameter and the offending value.
    public let message: String
    /// What the user can do about it; empty where there is nothing to add.
    public let remedy: String

    /// Makes a failure from its parts; `code` defaults to `failed`.
    public init(_ message: String, remedy: String = "", code: String = "failed") {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    /// The message and the remedy on one line.
    public var description: String {
        remedy.isEmpty ? message : "\(message); \(remedy)"
    }
}
