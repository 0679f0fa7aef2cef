-- A widefield dSTORM microscope: Zeiss Observer Z.1 with an automated stage, three TOPTICA iBeam smart lasers and an OD
-- wheel. Correct the ports and the travel, then: stormbench run acquire --microscope FILE
--
-- `ls /dev/serial/by-id` shows the adapters; usb:VID:PID:SERIAL stays when the computer numbers its ports anew.
return microscope {
  name = "zeiss-dstorm",
  stage = {
    driver = "tango", port = "/dev/ttyUSB0",
    x_um = { -20000, 20000 }, y_um = { -20000, 20000 }, settle_ms = 50,
  },
  -- An EMCCD of Andor; `stormbench run calibrate` makes the camera files. With { driver = "simulated" } a simulated
  -- specimen follows the real stage, lasers and wheel instead:
  --   camera = { driver = "andor", cooling_C = -70, calibration = "ccd.json", em_calibration = "em.json" },
  camera = { driver = "simulated" },
  lights = {
    ["405"] = { driver = "ibeam", port = "usb:0403:6001:IBEAM405", wavelength_nm = 405, maximum_mw = 100 },
    ["488"] = { driver = "ibeam", port = "usb:0403:6001:IBEAM488", wavelength_nm = 488, maximum_mw = 100 },
    ["647"] = { driver = "ibeam", port = "usb:0403:6001:IBEAM647", wavelength_nm = 647, maximum_mw = 150 },
  },
  wheels = {
    od = { driver = "fw102c", port = "/dev/ttyUSB1", positions = { "0", "0.3", "0.6", "1", "2", "closed" } },
  },
  objectives = { ["63x"] = { pixel_nm = 127 } },
  channels = {
    ["DAPI"] = { lights = { ["405"] = 2 }, wheels = { od = "1" }, exposure_ms = 60 },
    ["GFP"] = { lights = { ["488"] = 4 }, wheels = { od = "1" }, exposure_ms = 60 },
    ["dSTORM-647"] = { lights = { ["647"] = 120, ["405"] = 0 }, wheels = { od = "0" }, exposure_ms = 18, em_gain = 200 },
  },
}
