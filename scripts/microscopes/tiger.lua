-- A rig around an ASI Tiger: stage and focus drive on one controller, so they share its line. The camera's exposure signal
-- gates the laser 561 through an Arduino with the AOTFcontroller firmware: it is dark whenever the camera does not expose.
return microscope {
  name = "tiger",
  controllers = {
    tiger = { driver = "asi", port = "/dev/ttyUSB0" },
    board = { driver = "arduino", port = "/dev/ttyACM0" },
  },
  stage = { from = "tiger", x_um = { -5000, 5000 }, y_um = { -5000, 5000 }, settle_ms = 30 },
  focus = { from = "tiger", z_um = { -100, 100 }, settle_ms = 30 },
  camera = { driver = "simulated" },
  triggers = { gate561 = { from = "board", output = 1 } },
  lights = {
    ["488"] = { driver = "obis", port = "/dev/ttyACM1", wavelength_nm = 488, maximum_mw = 50, optional = true },
    ["561"] = { driver = "cobolt", port = "/dev/ttyACM2", wavelength_nm = 561, maximum_mw = 50, modulated = true,
                gated_by = "gate561" },
  },
  channels = {
    ["GFP"] = { lights = { ["488"] = 4 }, exposure_ms = 60 },
    ["dSTORM-561"] = { lights = { ["561"] = 40, ["488"] = 0 }, exposure_ms = 20, em_gain = 200 },
  },
}
