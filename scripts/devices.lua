--- Lists the serial ports and what answers on them, and checks a microscope file device by device. It only asks who is
--- there: nothing is set and nothing is switched. Ports that another program has are skipped.
local args = arguments {
  microscope = text { optional = true, "microscope file to check" },
  output     = folder { "devices", "folder for summary.json" },
  list       = flag "with a microscope file: list the other ports too",
}

local function row(title, driver, state)
  print(("%-26s %-12s %s"):format(title, driver, state))
end

local ports, devices, required, missing = {}, {}, 0, {}
local taken = {}
if args.microscope then
  devices = microscope.check(args.microscope)
  for _, device in ipairs(devices) do
    if device.port then taken[device.port] = true end
    if not device.optional then required = required + 1 end
    local state = device.said ~= "" and "answers: " .. device.said or device.driver
    if device.problem then
      state = (device.optional and "missing (optional): " or "MISSING: ") .. device.problem
        .. (device.remedy ~= "" and "; " .. device.remedy or "")
      if not device.optional then missing[#missing + 1] = device.name end
    end
    local title = device.role == device.name and device.name or device.role .. " " .. device.name
    row(title, device.driver, (device.port and device.port .. "  " or "") .. state)
  end
end

if args.list or not args.microscope then
  for _, port in ipairs(microscope.ports()) do
    if not taken[port.name] and not taken[port.path] then
      local answer = microscope.ask_port(port.path)
      for key, value in pairs(answer) do port[key] = value end
      ports[#ports + 1] = port
      local told = {
        device = "answers: " .. (answer.said or ""), stranger = "no driver knows what answers: " .. (answer.said or ""),
        silent = "nothing answers", ["in use"] = "skipped: another program has it", closed = answer.problem,
      }
      row(port.path, answer.driver or "-", told[answer.state] .. (port.name ~= port.path and "  (" .. port.name .. ")" or ""))
    end
  end
  if #ports == 0 then print("no serial port is connected" .. (#devices > 0 and " beside those of the file" or "")) end
end

local path = summary { ports = ports, devices = devices, required = required, missing = #missing, missing_names = missing }
if #missing > 0 then
  error(("%d of %d required devices of %s are missing: %s"):format(#missing, required, args.microscope,
    table.concat(missing, ", ")), 0)
end
return path
