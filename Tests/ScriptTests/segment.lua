local nuclei = package_root .. "/Models/nuclei"

-- Bright disks on a dark ground, as an image of 16 bits.
local function disks(shift)
    local rows = {}
    for row = 1, 96 do
        rows[row] = {}
        for column = 1, 96 do
            local dy, dx = (row - 1) % 48 - 24 - shift, (column - 1) % 48 - 24
            rows[row][column] = (dx * dx + dy * dy < 121 and 1500 or 200) + (row * 37 + column * 91 + row * column) % 40
        end
    end
    return imaging.from_rows(rows, "uint16")
end

local function write(image, path, pixel_um)
    image.pixel_um = pixel_um
    image:write(path)
end

describe("the script segment", function()
    it("goes on after a bad file and lists it", function()
        local folder, out = scratch(), scratch() .. "/out"
        write(disks(0), folder .. "/a.tif", 0.645)
        write(disks(2), folder .. "/a.png", 0.645)
        write(disks(1), folder .. "/c.tif", 0.645)
        system.write_text(folder .. "/b.tif", "no image")
        system.make_folder(folder .. "/d.tif")
        expect(function() run("segment", { model = nuclei, image = folder, output = out }) end).fails("2 of 5 files failed")
        local found = system.read_json(out .. "/summary.json")
        expect(found.images).equals(3)
        expect(#found.failed).equals(2)
        expect(found.failed[1].file).matches("b.tif")
        for _, name in ipairs { "a-tif", "a-png", "c" } do
            expect(system.exists(out .. "/masks/" .. name .. ".tif")).is_true()
        end
        local table = system.read_text(out .. "/objects.csv")
        expect(table).matches("^file,id,x_px")
        expect(table).matches("\na.png,1,")
        expect(table).matches("\nc.tif,1,")

        -- Resuming does only what is missing; another setting does all anew.
        local first = system.fingerprint(out .. "/masks/c.tif")
        os.remove(folder .. "/b.tif")
        os.remove(folder .. "/d.tif")
        os.remove(out .. "/records/a-png.json")
        run("segment", { model = nuclei, image = folder, output = out, resume = true })
        expect(system.fingerprint(out .. "/masks/c.tif")).equals(first)
        expect(system.read_json(out .. "/summary.json").objects).equals(found.objects)
        -- Other images are not mixed in.
        local other = scratch()
        write(disks(0), other .. "/z.tif", 0.645)
        expect(function() run("segment", { model = nuclei, image = other, output = out }) end).fails("earlier run")
        run("segment", { model = nuclei, image = other, output = out, overwrite = true })
        expect(system.exists(out .. "/masks/c.tif")).is_false()
        expect(#system.list(out .. "/masks")).equals(1)
    end)

    it("never touches masks of others in its output folder", function()
        local folder = scratch()
        system.make_folder(folder .. "/images")
        system.make_folder(folder .. "/masks")
        write(disks(0), folder .. "/images/a.tif", 0.645)
        write(disks(0), folder .. "/masks/a.tif")
        local before = system.fingerprint(folder .. "/masks/a.tif")
        expect(function()
            run("segment", { model = nuclei, image = folder .. "/images", output = folder, overwrite = true })
        end).fails("did not write")
        expect(system.fingerprint(folder .. "/masks/a.tif")).equals(before)
    end)

    it("says what it assumes of the pixel size, and refuses what cannot be", function()
        local folder = scratch()
        write(disks(0), folder .. "/a.tif")
        run("segment", { model = nuclei, image = folder .. "/a.tif", output = folder .. "/o" })
        local found = system.read_json(folder .. "/o/summary.json")
        expect(found.notes[1]).matches("does not say how large its pixels are")
        run("segment", { model = nuclei, image = folder .. "/a.tif", output = folder .. "/o", model_pixel = true })
        found = system.read_json(folder .. "/o/summary.json")
        expect(found.files[1].pixel_um).equals(0.645)
        expect(#found.notes).equals(0)
        write(disks(0), folder .. "/b.tif", 0.01)
        expect(function()
            run("segment", { model = nuclei, image = folder .. "/b.tif", output = folder .. "/p" })
        end).fails("would be reduced")
    end)

    it("takes grey that is stored as colour", function()
        local folder = scratch()
        local grey = disks(0)
        local rows = {}
        for row = 0, 95 do
            rows[row + 1] = {}
            for column = 0, 95 do rows[row + 1][column + 1] = grey:at(row, column) // 8 end
        end
        write(imaging.from_rows(rows, "uint8"), folder .. "/a.tif", 0.645)
        local found = segmentation.load(nuclei):segment(folder .. "/a.tif", folder .. "/o")
        expect(found.objects).equals(4)
        expect(found.plane).equals("")
    end)
end)
