import CLua
import Foundation
import LuaShim
import Synchronization
import Work

/// One Lua machine with the native modules, on the thread that made it.
///
///     try LuaVM.withNew { vm in
///         let results = try vm.run("return 1 + 1", name: "sum")
///     }
///
/// A machine is used on its own thread only; `stopper` is the part that other threads may touch.
public final class LuaVM {
    private let machine: OpaquePointer
    private let thread = pthread_self()
    private var isOpen = true
    private var functions: [NativeFunction] = []
    let live = SharedCount()
    let releases = ReleaseQueue()
    /// Classes by the tag of their objects.
    private(set) var classes: [UInt: ClassDeclaration] = [:]
    /// The native modules that scripts of this machine see.
    public private(set) var modules: [LuaModule] = []
    private var topics: [UInt: String] = [:]
    /// Stops the machine's work from any thread.
    public let stopper: Stopper
    /// The script that runs and the parameters it was given.
    public var script = ScriptContext()

    /// Makes a machine with the standard libraries (in their safe form) and the modules.
    /// - Parameter memoryLimit: what Lua and the objects of native modules may hold together, in bytes; more is an error
    ///   of the script. 0 is `MemoryLimit.bytes`.
    /// - Throws: a `LuaError` when memory is short.
    public init(modules: [LuaModule] = LuaModule.all, memoryLimit: Int = 0) throws {
        guard let machine = sb_new(dispatch, release, unwinding) else {
            throw LuaError(.memory, "no memory for the Lua machine")
        }
        self.machine = machine
        stopper = Stopper(machine)
        sb_set_owner(machine, Unmanaged.passUnretained(self).toOpaque())
        guard sb_open_libraries(machine) == LUA_OK else { throw LuaError(.memory, "no memory for Lua's libraries") }
        for module in modules { register(module) }
        sb_set_memory_limit(machine, memoryLimit > 0 ? memoryLimit : MemoryLimit.bytes)
    }

    /// Runs `body` with a new machine on a thread of its own, with the 16 MB of stack that nested Lua needs.
    public static func withNew<Result: Sendable>(
        modules: @escaping @Sendable () -> [LuaModule] = { LuaModule.all }, memoryLimit: Int = 0,
        _ body: @escaping @Sendable (LuaVM) throws -> Result
    ) throws -> Result {
        let outcome = Outcome<Result>()
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            EmergencyStop.useAlternateStack()
            let result = Swift.Result<Result, any Error> {
                let vm = try LuaVM(modules: modules(), memoryLimit: memoryLimit)
                defer { vm.close() }
                return try body(vm)
            }
            outcome.value.withLock { $0 = result }
            done.signal()
        }
        thread.stackSize = 16 << 20
        thread.start()
        done.wait()
        guard let result = outcome.value.withLock({ $0 }) else { throw Interrupted() }
        return try result.get()
    }

    /// Ends the machine; objects that are still open are closed.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        sb_close(machine)
        stopper.forget()
        sb_free(machine)
    }

    deinit { close() }

    /// The coroutine that runs now.
    /// - Throws: a `Failure` on a thread that is not the machine's, or after `close()`.
    func context() throws -> LuaContext {
        guard isOpen, pthread_equal(pthread_self(), thread) != 0 else {
            throw Failure(
                isOpen ? "a Lua function was called on another thread" : "the Lua machine is closed",
                code: "wrong-thread")
        }
        return LuaContext(vm: self, state: sb_running(machine))
    }

    /// The Swift values that Lua holds now.
    public var liveObjects: Int { live.value }
    /// Lua's own memory in bytes.
    public var memory: Int { sb_memory(machine) }

    /// Collects all garbage.
    public func collect() {
        freeReleased()
        sb_collect(sb_main(machine))
        sb_collect(sb_main(machine))
    }

    private func freeReleased() {
        for slot in releases.takeAll() { sb_unref(sb_main(machine), slot) }
    }

    /// Compiles and runs a text of Lua.
    /// - Parameters:
    ///   - name: what error messages call it: a file's name, or `=stdin` for a text of its own.
    ///   - arguments: what the text sees as `...`.
    /// - Throws: a `LuaError`.
    @discardableResult
    public func run(_ source: String, name: String, arguments: [LuaValue] = []) throws -> [LuaValue] {
        try load(source, name: name).call(Rest(values: arguments), results: -1)
    }

    /// Compiles a text of Lua to a function, without running it.
    /// - Throws: a `LuaError` of kind `syntax` or `incomplete`.
    public func load(_ source: String, name: String) throws -> LuaFunction {
        let lua = try context()
        try lua.reserve(4)
        freeReleased()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        var text = source
        let chunk = name.hasPrefix("=") ? name : "@" + name
        let status = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { sb_load(machine, lua.state, $0.baseAddress, $0.count, chunk) }
        }
        guard status == LUA_OK else {
            let message = lua.bytesAsString(at: -1)
            throw LuaError(
                status == LUA_ERRMEM ? .memory : message.hasSuffix("<eof>") ? .incomplete : .syntax, message,
                code: "syntax")
        }
        return try LuaFunction.read(lua, at: -1)
    }

    /// Calls the function below its `arguments` on the stack.
    func call(_ lua: LuaContext, arguments: Int32, results: Int32) throws {
        freeReleased()
        let status = sb_call(machine, lua.state, arguments, results)
        guard status != LUA_OK else { return }
        throw error(lua, status: status)
    }

    private func error(_ lua: LuaContext, status: Int32) -> LuaError {
        if status == SB_INTERRUPTED {
            let exit = sb_exit_code(machine)
            return exit >= 0
                ? LuaError(.exit, "exit \(exit)", exitCode: exit) : LuaError(.interrupted, "interrupted")
        }
        let traceback = sb_traceback(machine).map { String(cString: $0) } ?? ""
        if status == LUA_ERRMEM {
            return LuaError(.memory, "the script's memory limit is reached", code: "memory", traceback: traceback)
        }
        let value = LuaReference(lua, at: -1)
        if let object = try? ScriptError.read(lua, at: -1) {
            return LuaError(
                .runtime, object.message, place: object.place, code: object.code, traceback: traceback,
                underlying: object.underlying, value: value)
        }
        let message: String
        if lua_type(lua.state, -1) == LUA_TSTRING {
            message = lua.bytesAsString(at: -1)
        } else {
            message = (try? LuaValue.read(lua, at: -1)).map { "error object \($0)" } ?? "error object"
        }
        let (place, text) = LuaVM.splitPlace(message)
        return LuaError(.runtime, text, place: place, code: "lua", traceback: traceback, value: value)
    }

    /// Parts `scan.lua:3: text` into its place and the text.
    static func splitPlace(_ message: String) -> (place: String, text: String) {
        guard let match = message.prefixMatch(of: #/([^\n:]+:\d+): /#) else { return ("", message) }
        return (String(match.1), String(message[match.range.upperBound...]))
    }

    /// The text that `print` shows for a value.
    public func text(of value: LuaValue) throws -> String {
        let lua = try context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        try lua.reserve(20)
        sb_push_tostring(lua.state)
        _ = try value.push(to: lua)
        try call(lua, arguments: 1, results: 1)
        return lua.bytesAsString(at: -1)
    }

    /// Global `name`, or nil where there is none.
    public func global(_ name: String) throws -> LuaValue {
        let lua = try context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        try lua.reserve(4)
        sb_push_globals(lua.state)
        _ = name.push(to: lua)
        lua_rawget(lua.state, -2)
        return try LuaValue.read(lua, at: -1)
    }

    /// The names of all globals, and the class of those that hold an object; members of the standard tables too.
    public func globalNames() throws -> [(name: String, className: String?)] {
        let lua = try context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        try lua.reserve(4)
        sb_push_globals(lua.state)
        var names: [(String, String?)] = []
        try lua.forEachField(at: -1) { name, index in
            names.append((name, className(sb_object_tag(lua.state, index))))
            let isStandard = ["string", "table", "math", "io", "os", "coroutine", "utf8"].contains(name)
            guard isStandard, lua_type(lua.state, index) == LUA_TTABLE else { return }
            try lua.forEachField(at: index) { member, _ in names.append(("\(name).\(member)", nil)) }
        }
        return names
    }

    /// Sets global `name`.
    public func setGlobal(_ name: String, _ value: some LuaWritable) throws {
        let lua = try context()
        let top = lua_gettop(lua.state)
        defer { lua_settop(lua.state, top) }
        try lua.reserve(4)
        sb_push_globals(lua.state)
        _ = name.push(to: lua)
        _ = try value.push(to: lua)
        lua_rawset(lua.state, -3)
    }

    /// Remembers what help shows for the table or function at an address.
    func addTopic(_ name: String, at address: UnsafeRawPointer?) {
        if let address { topics[UInt(bitPattern: address)] = name }
    }

    /// The name under which the reference has the table or function at an address.
    func topic(at address: UnsafeRawPointer?) -> String? { topics[UInt(bitPattern: address)] }

    /// The class of a userdata, for messages.
    func className(_ tag: UInt) -> String? { classes[tag]?.name }

    /// Tells the machine's allocator how much the objects hold outside of Lua: one limit is for both together.
    func countNativeMemory() { sb_set_native_memory(machine, max(0, live.bytes)) }

    func requestExit(_ status: Int32) { sb_request_exit(machine, status) }
    func badArgument(_ index: Int32) { sb_bad_argument(machine, index) }

    /// Keeps a native function for the machine's life and gives its address.
    func keep(_ function: NativeFunction) -> UnsafeMutableRawPointer {
        functions.append(function)
        return Unmanaged.passUnretained(function).toOpaque()
    }

    func add(_ declaration: ClassDeclaration) { classes[declaration.tag] = declaration }
    func add(_ module: LuaModule) { modules.append(module) }

    /// Forgets a stop that came when nothing ran.
    public func clearStop() { sb_clear_interrupt(machine) }
}

/// The result that a machine's thread hands back.
private final class Outcome<Result: Sendable>: Sendable {
    let value = Mutex<Swift.Result<Result, any Error>?>(nil)
}

/// Stops a machine's work from any thread.
public final class Stopper: Sendable {
    private let machine: Mutex<UInt>

    fileprivate init(_ machine: OpaquePointer) { self.machine = Mutex(UInt(bitPattern: machine)) }
    fileprivate func forget() { machine.withLock { $0 = 0 } }

    /// Ends what runs in Lua at its next instruction; native work ends where it polls `Interruption`.
    public func stop() {
        machine.withLock { if let machine = OpaquePointer(bitPattern: $0) { sb_interrupt(machine) } }
    }

    /// Wakes the machine again from a system call that began just after the stop was asked for.
    public func nudge() {
        machine.withLock { if let machine = OpaquePointer(bitPattern: $0) { sb_nudge(machine) } }
    }

    /// Whether close handlers run because of a stop.
    public var isUnwinding: Bool {
        machine.withLock { OpaquePointer(bitPattern: $0).map { sb_is_unwinding($0) != 0 } ?? false }
    }

    /// Whether a stop has been asked for that the machine has not acted on yet.
    public var isPending: Bool {
        machine.withLock { OpaquePointer(bitPattern: $0).map { sb_is_interrupted($0) != 0 } ?? false }
    }
}
