local nuclei = package_root .. "/Models/nuclei"
local images = package_root .. "/scripts/data/nuclei_bbbc039/images"

describe("the script export", function()
    it("writes ONNX with a test", function()
        local folder = scratch()
        run("export", { model = nuclei, output = folder })
        local summary = system.read_json(folder .. "/summary.json")
        expect(#summary.files).equals(4)
        for _, name in ipairs { "model.onnx", "test_input.npy", "test_output.npy", "README.md" } do
            expect(system.exists(folder .. "/" .. name)).is_true()
        end
    end)

    it("writes a bioimage.io model", function()
        local folder = scratch()
        local image = images .. "/" .. system.list(images)[1]
        run("export", { model = nuclei, output = folder, format = "bioimageio", image = image, author = "Ada, Carl",
                        licence = "CC0-1.0" })
        local text = system.read_text(folder .. "/rdf.yaml")
        expect(text).matches('name: "Stormbench nuclei"')
        expect(text).matches('  %- name: "Carl"')
        expect(imaging.read(folder .. "/cover.png").width).equals(1024)
    end)

    it("says what is missing", function()
        local output = scratch()
        local function attempt(changes)
            local arguments = { model = nuclei, output = output, format = "bioimageio", author = "Ada",
                                licence = "CC0-1.0", image = images .. "/" .. system.list(images)[1] }
            for name, value in pairs(changes) do arguments[name] = value ~= false and value or nil end
            return function() run("export", arguments) end
        end
        expect(attempt { author = false }).fails("give authors")
        expect(attempt { licence = false }).fails("give licence")
        expect(attempt { image = false }).fails("give image")
        expect(attempt { image = nuclei .. "/curve.png" }).fails("channels")
        expect(attempt { format = "pmml" }).fails("onnx")
    end)

    it("says what is wrong with a model folder", function()
        local function attempt(description)
            local folder = scratch()
            if description then system.write_text(folder .. "/model.json", description) end
            return function() run("export", { model = folder, output = scratch() }) end
        end
        local text = system.read_text(nuclei .. "/model.json")
        expect(attempt(nil)).fails("no model.json")
        expect(attempt("{ not JSON")).fails("it is not JSON")
        expect(attempt("{}")).fails("model.json is damaged")
        expect(attempt(text)).fails("weights.safetensors is missing")
        expect(attempt((text:gsub('"depth" : 3', '"depth" : 9')))).fails("depth")
        expect(attempt((text:gsub('"base_width" : 16', '"base_width" : "16"')))).fails("network.base_width cannot be read")
        expect(attempt((text:gsub('"noise_floor" : 15', '"noise" : 15', 1)))).fails("noise_floor is missing")
    end)
end)
