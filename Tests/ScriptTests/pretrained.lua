local data = package_root .. "/scripts/data/nuclei_bbbc039"
local torch = package_root .. "/Tests/Files/torch/"

describe("training from a checkpoint", function()
    local function train(options)
        options.iterations, options.only, options.base_width, options.depth = 1, "A02", 8, options.depth or 1
        options.batch, options.crop_px = 2, 64
        return segmentation.train(data .. "/images", data .. "/masks", scratch(), options)
    end

    it("takes what fits and says what starts anew", function()
        local result = train { pretrained = torch .. "unet.pth" }
        expect(result.pretrained).matches("unet.pth: %d+ parameters taken; the last layer starts anew.* 3 classes")
        expect(train {}.pretrained).is_nil()
    end)

    it("refuses files that would run something", function()
        for _, name in ipairs { "os-system.pth", "os-system-older.pth" } do
            expect(function() train { pretrained = torch .. name } end).fails(name .. " asks to run posix.system")
        end
        expect(system.exists("stormbench-was-attacked")).is_false()
    end)

    it("refuses what does not fit", function()
        expect(function() train { pretrained = torch .. "unet.pth", depth = 2 } end).fails("has no down.2.0.weight")
        expect(function() train { pretrained = torch .. "values.pth" } end).fails("has no down.0.0.weight")
        expect(function() train { pretrained = torch .. "README.md" } end).fails("is damaged")
        expect(function() train { pretrained = torch .. "none.pth" } end).fails("does not exist")
        expect(function() run("train", { images = data .. "/images", masks = data .. "/masks", model = scratch(),
                                         pretrained = torch .. "none.pth" }) end).fails("none.pth")
    end)
end)
