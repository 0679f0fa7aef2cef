/// The version of Stormbench.
public let programVersion = "0.1.0"
