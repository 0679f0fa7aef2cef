import CLua
import Instruments
import LuaShim
import Work

/// A Swift function that Lua can call.
final class NativeFunction {
    /// Reads the arguments, does the work, pushes the results and returns their number.
    let body: (LuaContext) throws -> Int32
    init(_ body: @escaping (LuaContext) throws -> Int32) { self.body = body }
}

/// The way from the trampoline into Swift: catches everything and says in a status what C is to raise.
func dispatch(owner: UnsafeMutableRawPointer?, state: OpaquePointer?, function: UnsafeMutableRawPointer?) -> Int32 {
    guard let owner, let state, let function else { return 0 }
    let vm = Unmanaged<LuaVM>.fromOpaque(owner).takeUnretainedValue()
    let lua = LuaContext(vm: vm, state: state)
    defer { lua.vm.countNativeMemory() }
    do {
        return try Unmanaged<NativeFunction>.fromOpaque(function).takeUnretainedValue().body(lua)
    } catch {
        lua_settop(state, 0)
        OpenMicroscopes.heed(error)
        return raise(error, in: lua)
    }
}

private func raise(_ error: any Error, in lua: LuaContext) -> Int32 {
    switch error {
    case let bad as BadArgument:
        _ = bad.message.push(to: lua)
        lua.vm.badArgument(bad.index)
        return Int32(SB_BAD_ARGUMENT)
    case is Interrupted:
        return Int32(SB_INTERRUPT)
    case let exit as ExitRequest:
        lua.vm.requestExit(exit.status)
        return Int32(SB_INTERRUPT)
    case let passed as LuaError:
        switch passed.kind {
        case .interrupted: return Int32(SB_INTERRUPT)
        case .exit:
            lua.vm.requestExit(passed.exitCode)
            return Int32(SB_INTERRUPT)
        default: break
        }
        if let value = passed.value, (try? value.push(to: lua)) != nil { return Int32(SB_RAISE) }
    default: break
    }
    let mismatch = (error as? Mismatch).map { Failure($0.message, code: "bad-value") }
    let object = ScriptError(mismatch ?? error, place: lua.place)
    if (try? object.push(to: lua)) == nil { _ = object.text.push(to: lua) }
    return Int32(SB_RAISE)
}

/// Called by the collector: a Swift value is given up. What closing it throws has nobody to go to.
func release(owner: UnsafeMutableRawPointer?, object: UnsafeMutableRawPointer?) {
    guard let object else { return }
    let box = Unmanaged<ObjectBox>.fromOpaque(object).takeRetainedValue()
    box.collect()
    guard let owner else { return }
    Unmanaged<LuaVM>.fromOpaque(owner).takeUnretainedValue().countNativeMemory()
}

/// Called when an interrupt begins to unwind, because native work in close handlers must run, and when it is to be raised
/// once more.
func unwinding(owner: UnsafeMutableRawPointer?, begins: Int32) {
    if begins != 0 { Interruption.clear() } else { Interruption.request() }
}
