error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- The devices of a microscope.
---@class microscope.Microscope
---@field name string its name
---@field stage microscope.Stage? the stage; nil where there is none
---@field focus microscope.Focus? the focus drive, where there is one
---@field camera microscope.Camera? the camera, of several the first; nil where there is none
---@field cameras table<string, microscope.Camera> all cameras by name
---@field missing string[] what is told of optional devices that it was opened without
---@field objective any? { name, pixel_nm, matrix_um } of the objective in use, where that is known
---@field lasers table<string, microscope.Laser> the lasers by name
---@field wheels table<string, microscope.Wheel> the wheels by name
---@field meters table<string, microscope.Meter> the power meters by name
---@field channels table<string, microscope.Channel> the channels by name
---@field is_stopped boolean whether light and moves are refused since `stop`
local Microscope = {}

--- Where a place of the specimen lies in a frame, by the matrix of the objective in use.
---@param x_um number along x from the centre of the field
---@param y_um number along y from the centre of the field
---@return number # how many pixels to the right of the centre of the frame, and how many below
---@return number
function Microscope:pixel_of(x_um, y_um) end

--- Turns the filters, and sets exposure and gain for a channel; the light stays as it is.
---@param channel string its name
---@return microscope.Channel # the channel
function Microscope:select(channel) end

--- Selects a channel and switches its laser on.
--- The newest light of a laser sets its power. When it ends, the one before it holds again at its own power; with none left the laser is dark. The end of an older light changes nothing, and a light that is never closed lasts until `off`. A camera that stalls, a full disk or a lost device puts every light out.
---@param channel string its name
---@param power_mw? number another power than the channel's (at least 0; may be left out)
---@return microscope.Light # the light; it goes off at the end of `local light <close>`
function Microscope:light(channel, power_mw) end

--- Switches every laser off.
function Microscope:lights_off() end

--- The emergency stop: every light off, the camera stopped, stage and focus drive halted.
--- From then on light and moves are refused, also those that are under way, until `scope:resume()` or until the microscope is opened anew. Ctrl-C twice within 2 s does the same.
function Microscope:stop() end

--- Allows light and moves again after `stop`; everything stays off and where it is.
function Microscope:resume() end

--- Says what the microscope is made of: each device with driver, port and properties, and for each light what puts it off when the program dies, and what nothing can cover.
---@return microscope.Description # printed as a text; `devices` has the same as a table
function Microscope:describe() end

--- The objects of a simulated specimen; nil on a real microscope.
---@param x_um number centre of the area
---@param y_um number centre of the area
---@param width_um number its width (0 to 20000)
---@param height_um number its height (0 to 20000)
---@return table<string # records with x_um, y_um and radius_um
---@return any>[]?
function Microscope:true_objects(x_um, y_um, width_um, height_um) end

--- Records a movie at the camera's rate, where the stage stands.
---     local stream = localization.stream(scope.camera.calibration, 512, 512)
---     local movie = scope:record("dSTORM-647", { path = "a.ome.tif", frames = 20000, localize = stream },
---       function(frame) print(frame.index, frame.mean) end)
---     local found = stream:finish()
--- 
--- Camera, disk and localization each have a thread of their own and read the frames from one ring in
--- shared memory. A slow function or localization skips frames and slows neither camera nor disk. A disk
--- that is slower than the camera for longer than the ring lasts is an error; the frames until then are
--- kept beside the file. The light is off at the end, however it ends.
---@param channel string its name
---@param options? { path: string?, frames: integer?, ring_s: number?, restarts: integer?, lost: integer?, localize: localization.Stream? } how (may be left out)
---@param each? function called with the newest frame a few times a second while the movie is recorded (may be left out)
---@return microscope.Movie # what the movie turned out to be
function Microscope:record(channel, options, each) end

--- Ends the object's work; any use after that is an error.
function Microscope:close() end

--- What is switched to see one label.
---@class microscope.Channel
---@field name string its name
---@field laser string the name of its laser, of several the strongest
---@field power_mw number its power
---@field lights table<string, number> the powers of all its lasers by name, in mW
---@field exposure_ms number the exposure time of a frame
---@field em_gain number the electron multiplying gain
---@field require_C number? what the camera's sensor must have at most, nil where it does not matter
---@field wheels table<string, string> positions of the wheels by name
local Channel = {}

--- Ends the object's work; any use after that is an error.
function Channel:close() end

--- A stage.
---@class microscope.Stage
---@field x_um number where it says it is
---@field y_um number where it says it is
---@field state string moved, moving or unknown
---@field travel_um table<string, number[]> the reachable positions
---@field properties microscope.Properties what can be listed, read and set of it beside the rest
local Stage = {}

--- Moves and waits until the stage has settled.
--- An expired time limit or a stage that does not answer is an error, never taken for arrival.
---@param target? { x_um: number?, y_um: number?, timeout_ms: number? } where (may be left out)
function Stage:move(target) end

--- Starts a move and returns at once.
---@param target? { x_um: number?, y_um: number?, timeout_ms: number? } where (may be left out)
function Stage:start_move(target) end

--- Stops at once.
function Stage:stop() end

--- Ends the object's work; any use after that is an error.
function Stage:close() end

--- A focus drive.
---@class microscope.Focus
---@field z_um number where it says it is
---@field state string moved, moving or unknown
---@field travel_um number[] the reachable positions
---@field properties microscope.Properties what can be listed, read and set of it beside the rest
local Focus = {}

--- Moves and waits until the drive has settled.
---@param target? { z_um: number?, timeout_ms: number? } where (may be left out)
function Focus:move(target) end

--- Stops at once.
function Focus:stop() end

--- Ends the object's work; any use after that is an error.
function Focus:close() end

--- A wheel with named positions.
---@class microscope.Wheel
---@field positions string[] their names
---@field selected string? the position in the light path, nil while it turns
---@field properties microscope.Properties what can be listed, read and set of it beside the rest
local Wheel = {}

--- Turns to a position and waits for it.
---@param position string its name
function Wheel:select(position) end

--- Ends the object's work; any use after that is an error.
function Wheel:close() end

--- A camera.
---@class microscope.Camera
---@field width integer columns of the sensor
---@field height integer rows of the sensor
---@field pixel_nm number the side of a pixel of the sensor at the specimen
---@field frame_pixel_nm number the side of a pixel of a frame: binning counts
---@field identity string model and serial number, empty where it does not say them
---@field exposure_ms number the exposure time
---@field cycle_ms number the time from a frame of a sequence to the next, as the camera has it
---@field binning integer how many pixels are read as one along each side
---@field binnings integer[] the binnings that it has
---@field em_gain number the electron multiplying gain, 1 for none
---@field em_gain_range number[] the least and the greatest EM gain as it is set
---@field temperature any? { celsius, target_C, state } of the sensor, state one of off, cooling, stabilised, drifting, warming and fault; nil where it does not tell
---@field cooling_C number? what the sensor is cooled to; nil where the cooler is off
---@field trigger_modes string[] what can begin its frames
---@field trigger_mode string what begins its frames: internal, external (a pulse each), external_start (a pulse for all), external_exposure (as long as the pulse), software (trigger())
---@field views table<string, integer[]> { column, row, width, height } of named parts of the sensor
---@field region integer[] the part of the sensor that is read: { column, row, width, height }, in pixels of the sensor whatever the binning
---@field calibration localization.Camera? what turns its counts into photons, nil when not calibrated
---@field properties microscope.Properties what can be listed, read and set of it beside the rest
local Camera = {}

--- Takes one frame.
---@return microscope.Frame # the frame
function Camera:snap() end

--- Begins one frame of a running sequence in trigger mode software.
function Camera:trigger() end

--- Waits until the sensor is stabilised and not warmer than a temperature.
---@param require_C? number the temperature; what it is cooled to unless given (-150 to 50; may be left out)
---@param limit_s? number how long it may take (at least 0; default 1200)
function Camera:wait_cold(require_C, limit_s) end

--- Takes a sequence: `for frame in scope.camera:frames(100) do`.
---@param count integer the number of frames (at least 1)
---@param options? { timeout_ms: number? } how (may be left out)
---@return microscope.Sequence # the iterator of a for loop; leaving the loop stops the camera
---@return integer?
---@return integer?
---@return microscope.Sequence
function Camera:frames(count, options) end

--- Ends the object's work; any use after that is an error.
function Camera:close() end

--- A running sequence, the iterator of a for loop.
---@class microscope.Sequence
local Sequence = {}

--- Ends the object's work; any use after that is an error.
function Sequence:close() end

--- One frame of a camera.
---@class microscope.Frame
---@field image imaging.Image its counts
---@field index integer its number in the sequence from 0; lost frames are counted too
---@field lost_before integer how many frames were lost between it and the one before
---@field time_ms number the start of the exposure since the sequence began
---@field clock string where time_ms comes from: camera (its time stamp), cycle (number x cycle), host (arrival)
---@field mean number the mean count
---@field maximum integer the highest count
local Frame = {}

--- The part of it that a view of the camera shows.
---@param name string the view
---@return imaging.Image
function Frame:view(name) end

--- Ends the object's work; any use after that is an error.
function Frame:close() end

--- A movie that was recorded.
---@class microscope.Movie
---@field path string the file
---@field frames integer the number of frames
---@field width integer columns of a frame
---@field height integer rows of a frame
---@field duration_ms number from the first frame to the last, its exposure included
---@field lost integer the frames that were lost; the file has so many less
---@field gaps table<string, any>[] where the camera had to be started again: { after_frame, pause_ms, reason }
---@field unlocalized integer the frames that the localization skipped
---@field unseen integer the frames that the function was not called with
local Movie = {}

--- Ends the object's work; any use after that is an error.
function Movie:close() end

--- A laser.
---@class microscope.Laser
---@field name string its name
---@field wavelength_nm number its wavelength
---@field maximum_mw number the greatest power
---@field is_calibrated boolean whether its powers are those of a meter, by calibrate-power
---@field power_mw number the power it emits now, 0 when off
---@field is_on boolean? whether light comes out; nil when it does not answer
---@field properties microscope.Properties what can be listed, read and set of it beside the rest
local Laser = {}

--- Switches on.
--- `local light <close> = scope.lasers["647"]:on(80)`. The newest light of a laser sets its power. When it ends, the one before it holds again at its own power; with none left the laser is dark. The end of an older light changes nothing, and a light that is never closed lasts until `off`. A camera that stalls, a full disk or a lost device puts every light out.
---@param power_mw number the power (at least 0)
---@return microscope.Light # the light; it goes off at the end of `local light <close>`, or when it is closed
function Laser:on(power_mw) end

--- Switches off, whatever switched on.
function Laser:off() end

--- Ends the object's work; any use after that is an error.
function Laser:close() end

--- Light that is on until this value is closed, or its laser is switched off.
---@class microscope.Light
---@field laser microscope.Laser its laser
---@field is_on boolean? whether it has not ended and light comes out; nil when the laser does not answer
local Light = {}

--- Ends the object's work; any use after that is an error.
function Light:close() end

--- A power meter.
---@class microscope.Meter
---@field name string its name
---@field wavelength_nm number the wavelength for which its sensor is corrected
---@field properties microscope.Properties what can be listed, read and set of it beside the rest
local Meter = {}

--- Measures.
---@return number # the power on its sensor
function Meter:power_mw() end

--- Sets the wavelength of the light that it is to measure.
---@param wavelength_nm number the wavelength (100 to 20000)
function Meter:set_wavelength(wavelength_nm) end

--- Ends the object's work; any use after that is an error.
function Meter:close() end

--- The properties of a device: printed as a list; read and set by name; `pairs` goes through names and values.
---@class microscope.Properties
---@field [string] any a property of the device by its name
local Properties = {}

--- Ends the object's work; any use after that is an error.
function Properties:close() end

--- What `pairs` of properties goes through.
---@class microscope.PropertyWalk
local PropertyWalk = {}

--- Ends the object's work; any use after that is an error.
function PropertyWalk:close() end

--- What a microscope is made of: printed as a text; `devices` has the same as a table.
---@class microscope.Description
---@field name string the name of the microscope
---@field devices table<string, any> for each device by its name: role, driver, port, guarding (of lights), properties with value, unit, allowed, read_back and setting
local Description = {}

--- Ends the object's work; any use after that is an error.
function Description:close() end

--- The stage, focus, camera, lasers and filters of a microscope.
---@class microscopelib
microscope = {}

--- Opens a microscope; all its lights are off.
---     local scope <close> = microscope.open("simulated", { seed = 3, specimen = { kind = "axons" } })
---     scope.stage:move { x_um = 100, y_um = 50 }
---     local light <close> = scope:light("DAPI")
---     local image = scope.camera:snap().image
--- 
--- A microscope file is Lua or JSON with the same keys, such as `scripts/microscopes/zeiss-dstorm.lua`:
--- 
---     return microscope {
---       stage = { driver = "tango", port = "/dev/ttyUSB0", x_um = { -20000, 20000 }, y_um = { -20000, 20000 } },
---       camera = { driver = "simulated" },
---       lights = { ["405"] = { driver = "ibeam", port = "usb:0403:6001:A1", wavelength_nm = 405, maximum_mw = 100 } },
---       channels = { DAPI = { lights = { ["405"] = 2 }, exposure_ms = 60 } },
---     }
--- 
--- A device has a driver and a port, or stands on one of `controllers` (`from`); simulated ones see what the
--- real ones do. `optional = true` lets the microscope open without a device; `gated_by` names a trigger that
--- lets a light through only while the camera exposes.
---@param name? string simulated, or a microscope file: Lua or JSON (default "simulated")
---@param settings? any laid over the file: seed, time_scale, specimen, camera, faults ... (default {})
---@return microscope.Microscope # the microscope; `local scope <close> = ...` gives it back at the end of the block
function microscope.open(name, settings) end

--- Lists the serial ports of the computer.
---@return table<string # records with name (which stays when ports are numbered anew), path, and title of the adapter
---@return any>[]
function microscope.ports() end

--- Asks on a port who is there, for every driver; nothing is set and nothing is switched. A board that starts anew when its port is opened does so.
---@param port string a path, or usb:VID:PID:SERIAL
---@return table<string # a record: state (device, stranger, silent, in use, closed), driver, said, problem
---@return any>
function microscope.ask_port(port) end

--- Checks a microscope file device by device: its port is looked for, and it is asked who it is; nothing is set and nothing is switched.
---@param file string the microscope file
---@return table<string # records with name, role, driver, port, optional, said, and problem and remedy where it is missing
---@return any>[]
function microscope.check(file) end

--- Reads a configuration file of Micro-Manager without asking any device.
--- for _, device in ipairs(microscope.configuration("MMConfig_demo.cfg").devices) do print(device.label) end
--- 
--- The first wrong line is an error with its number.
---@param path string the .cfg
---@return any # { path, devices, groups, pixel_sizes, pixel_size, roles }: devices with label, module, name, states and focus_direction; groups with name and presets; pixel sizes with name, um and matrix_um; roles by their names
function microscope.configuration(path) end
