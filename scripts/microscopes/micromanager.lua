-- A microscope whose devices are Micro-Manager's, on the Windows PC to which they are connected. There, with Micro-Manager
-- closed, the helper waits (copy the folder scripts/micromanager; pip install pymmcore):
--
--   python micromanager --listen 0.0.0.0 --token-file rig.token --config C:\MM\Observer.cfg
--
-- Copy rig.token beside this file. On one computer: config = "Observer.cfg", python = "python3" instead of host and
-- token_file; then channels and objectives are taken from the .cfg, too. `stormbench run microscope-from-config --config
-- Observer.cfg` writes such a file for your .cfg.
return microscope {
  name = "micromanager",
  controllers = {
    mm = { driver = "micromanager", host = "rig-pc", token_file = "rig.token" },
  },
  stage = { from = "mm", device = "XYStage", x_um = { -20000, 20000 }, y_um = { -20000, 20000 }, settle_ms = 50 },
  focus = { from = "mm", device = "FocusAxis", z_um = { 0, 8000 }, settle_ms = 30 },
  focus_lock = { from = "mm", device = "DefiniteFocus", search_s = 5, optional = true },
  camera = { from = "mm", device = "Andor", gain_property = "Gain" },
  lights = {
    -- A laser with a property for its power in percent, and one that switches it.
    ["640"] = { from = "mm", device = "Laser640", wavelength_nm = 640, maximum_mw = 140, switch = "State", on = "On",
                off = "Off", power = "PowerSetpoint", mw_per_unit = 1.4 },
    -- A lamp behind a shutter and a wheel of colours: one power.
    lamp = { from = "mm", device = "LampShutter", wavelength_nm = 470, maximum_mw = 20, select_device = "Lamp",
             select = "470 nm" },
  },
  wheels = {
    cube = { from = "mm", device = "ReflectorTurret", settle_ms = 300 },
    channel = { from = "mm", group = "Channel" },
  },
  objectives = { ["63x"] = { pixel_nm = 127 } },
  channels = {
    ["GFP"] = { lights = { lamp = 20 }, wheels = { channel = "GFP" }, exposure_ms = 60 },
    ["dSTORM-647"] = { lights = { ["640"] = 120 }, wheels = { channel = "Cy5" }, exposure_ms = 18, em_gain = 200 },
  },
}
