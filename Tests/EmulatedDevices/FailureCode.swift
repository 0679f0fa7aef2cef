import Work

/// The code of the failure that `body` ends with; `none` where it ends well.
public func failureCode(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "none"
    } catch {
        return (error as? Failure)?.code ?? "\(error)"
    }
}
