describe("the script periodicity", function()
    it("finds the period of simulated axons", function()
        local data, folder = scratch(), scratch()
        run("simulate", { specimen = "axons", form = "table", output = data, width = 400, height = 400, period_nm = 200, seed = 5 })
        run("periodicity", { localizations = data .. "/localizations.csv", output = folder })
        local summary = system.read_json(folder .. "/summary.json")
        expect(summary.period_nm).near(200, 1)
        expect(summary.p_value <= 0.01).is_true()
        expect(summary.interval_nm[1] < summary.period_nm and summary.period_nm < summary.interval_nm[2]).is_true()
        for _, name in ipairs { "axons.csv", "periodogram.png", "distances.png", "profile.png", "axes.png" } do
            expect(system.exists(folder .. "/" .. name)).is_true()
        end
        -- A folder of tables, and another estimator.
        run("periodicity", { localizations = data, output = folder, method = "pairwise" })
        expect(system.read_json(folder .. "/summary.json").period_nm).near(200, 2)
    end)

    it("declines where there is no period, and says so", function()
        local data, folder = scratch(), scratch()
        run("simulate", { specimen = "axons", aperiodic = true, form = "table", output = data, width = 300, height = 300, seed = 5 })
        run("periodicity", { localizations = data .. "/localizations.csv", output = folder })
        local summary = system.read_json(folder .. "/summary.json")
        expect(summary.period_nm).is_nil()
        expect(#summary.refusal > 0).is_true()
    end)

    it("refuses tables that cannot have a period", function()
        local folder = scratch()
        local function table_of(text)
            system.write_text(folder .. "/table.csv", text)
            return function() run("periodicity", { localizations = folder .. "/table.csv", output = folder .. "/out" }) end
        end
        local few, point, flat = { '"frame","x [nm]","y [nm]"' }, { '"frame","x [nm]","y [nm]"' }, { '"x [nm]","y [nm]"' }
        for i = 1, 200 do
            if i < 50 then few[#few + 1] = ("%d,%d,5"):format(i, i * 190) end
            point[#point + 1] = ("%d,50,50"):format(i)
            flat[#flat + 1] = ("%d,50"):format(i * 190)
        end
        expect(table_of(table.concat(few, "\n") .. "\n")).fails("at least 50")
        expect(table_of(table.concat(point, "\n") .. "\n")).fails("one place")
        expect(table_of(table.concat(flat, "\n") .. "\n")).fails("frame")
    end)
end)
