describe("system", function()
    it("reads back the JSON it writes", function()
        local file = scratch() .. "/a.json"
        local value = { name = "a \"quoted\" µ", list = { 1, 2.5, -3e-9 }, deep = { yes = true, rows = { { x = 1 } } } }
        system.write_json(file, value)
        expect(system.read_json(file)).equals(value)
    end)

    it("lists names in the order people count", function()
        local folder = scratch()
        for _, name in ipairs { "b10.tif", "b9.tif", "a.TIF", ".hidden.tif", "c.txt" } do
            system.write_text(folder .. "/" .. name, "")
        end
        expect(system.list(folder, ".tif")).equals { "a.TIF", "b9.tif", "b10.tif" }
        expect(function() system.list(folder .. "/none") end).fails("cannot list the folder")
    end)

    it("knows files from folders", function()
        local folder = scratch()
        expect(system.exists(folder)).is_true()
        expect(system.is_folder(folder)).is_true()
        expect(system.exists(folder .. "/none")).is_false()
        expect(function() system.read_json(folder) end).fails("it is a folder")
    end)
end)

describe("scripts", function()
    local file = scratch() .. "/sum.lua"
    system.write_text(file, [[
        --- Adds numbers.
        local args = arguments {
            first_nm = length { 1, "the first" },
            second = integer { min = 0, "the second" },
            output = folder { "]] .. scratch() .. [[", "where to" },
            seed = integer { 7, "the seed" },
        }
        local total = 0
        for i in progress(args.second, "adding") do total = total + i end
        return summary { total = total + args.first_nm }
    ]])

    it("take parameters from a table and write a summary", function()
        local record = system.read_json(run(file, { first_nm = "0.5 um", second = 4 }))
        expect(record.total).equals(510)
        expect(record.seed).equals(7)
        expect(record.parameters.first_nm).equals(500)
    end)

    it("tell all wrong parameters at once", function()
        local call = function() run(file, { second = -1, frist_nm = 3 }) end
        expect(call).fails("frist_nm is unknown (did you mean first_nm?)")
        expect(call).fails("second: -1 is out of range (at least 0)")
    end)
end)
