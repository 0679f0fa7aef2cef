import Foundation
import Scripting
import Testing

@Suite struct DefinitionTests {
    /// The committed definitions are those that `stormbench api luacats --output scripts/meta` writes.
    @Test func committedDefinitionsAreCurrent() throws {
        let folder = ScriptTests.root + "/scripts/meta"
        for (name, text) in LuaCATS().files {
            let committed = try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            #expect(committed == text, "run stormbench api luacats --output scripts/meta (\(name) differs)")
        }
        let names = Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
        #expect(names == Set(LuaCATS().files.map(\.name)))
    }

    @Test func definitionsAreLuaThatRefusesToLoad() {
        for (name, text) in LuaCATS([.probe] + LuaModule.all).files {
            do {
                _ = try LuaVM.withNew { vm in try vm.run(text, name: name).count }
                Issue.record("\(name) ran")
            } catch { #expect("\(error)".contains("definitions for editors")) }
        }
    }

    @Test func definitionsSayWhatTheDeclarationSays() throws {
        let text = try #require(LuaCATS([.probe]).files.first).text
        #expect(
            text.contains("---@class probe.Probe\n---@field name string its name\n---@field level_um number the level"))
        #expect(text.contains("---@operator len: integer"))
        #expect(text.contains("---@param speed? number how fast (default 1)\nfunction Probe:move(x_um, speed) end"))
        #expect(text.contains("---@param gain? { factor: number?, mode: string?, offset: number? } how"))
        #expect(text.contains("---@return number[]\nfunction probe.map(values, f) end"))
    }

    @Test func everyNativeNameHasHelp() throws {
        let catalog = Catalog()
        for name in catalog.names { #expect(try !catalog.help(name).isEmpty) }
        #expect(throws: (any Error).self) { try catalog.help("no such thing at all") }
    }
}

extension LuaCATS {
    /// Definitions of some modules.
    fileprivate init(_ modules: [LuaModule]) { self.init(Catalog(modules)) }
}
