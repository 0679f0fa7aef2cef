error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- A run in its folder; what its journal has is not done again.
---@class acquisition.Run
---@field folder string the folder of the run
---@field is_resumed boolean whether it goes on from an earlier session
---@field seconds number the time of all its sessions until now
---@field skipped table<string, string>[] what was left out in this session, with reasons
local Run = {}

--- The path of a file of the run.
---@param file string its name in the folder
---@return string
function Run:path(file) end

--- Does a step unless the journal has it.
--- A step with another key or other inputs is another step. What comes back is what was returned, to the bit: NaN, infinities, bytes, integers and floats, tables with any plain keys.
---@param step string the kind of the step
---@param key string which one
---@param body function does it and returns plain data
---@param inputs? any plain data that the result depends on, such as settings or a file's `inputs` (may be left out)
---@return any # what the step returned, now or in an earlier session
function Run:once(step, key, body, inputs) end

--- Scans an area tile by tile; the light is on during exposures only.
---@param scope microscope.Microscope the microscope
---@param options? { width_um: number?, height_um: number?, x_um: number?, y_um: number?, channel: string?, overlap: number? } what (may be left out)
---@return acquisition.Scan # the scan
function Run:scan(scope, options) end

--- Stitches a scan by its stage coordinates into overview.tif and overview.png.
---@param scan acquisition.Scan the scan
---@param pixel_um number the side of a pixel, at least the camera's (at least 0.001)
---@param offset_counts? number the camera's count without light (at least 0; default 100)
---@return acquisition.Overview # the overview
function Run:overview(scan, pixel_um, offset_counts) end

--- Finds the objects of an overview by a segmentation of your choice.
--- The label image and the outlines are kept, so that a resumed run does not segment again. Another function is another question, and so is one that holds another model, number, text or table.
---@param overview acquisition.Overview the overview
---@param segment function gets the overview's path and returns a label image of its size
---@return acquisition.Objects # the objects
function Run:objects(overview, segment) end

--- Chooses fields of view for objects: few fields, each object wholly in exactly one.
---@param objects acquisition.Objects the objects
---@param scope microscope.Microscope the microscope
---@param options? { margin_um: number?, minimum_area_um2: number?, criteria: string?, exclude_border: boolean?, large: string?, samples: integer?, limit: integer?, seed: integer? } how (may be left out)
---@return acquisition.Targets # the positions, ordered by a short way, also in positions.csv
function Run:targets(objects, scope, options) end

--- Says what is taken at every position, and checks that it fits on the disk.
---@param targets acquisition.Targets the positions
---@param scope microscope.Microscope the microscope
---@param options? { channels: string[]?, movies: table[]? } what is taken (may be left out)
---@return acquisition.Plan # the plan
function Run:plan(targets, scope, options) end

--- Takes everything that a plan asks for at one position.
---@param position acquisition.Position the position
---@param plan acquisition.Plan the plan
---@param scope microscope.Microscope the microscope
---@return acquisition.Record # the files, or the reason why the position was left out
function Run:acquire(position, plan, scope) end

--- The camera's calibration as it is set for a channel; the light stays off.
---@param scope microscope.Microscope the microscope
---@param channel string its name
---@return localization.Camera # the calibration; a camera without one is an error
function Run:calibration(scope, channel) end

--- Adds up where the time at the microscope went.
---@param scan acquisition.Scan the scan
---@param records acquisition.Record[] what was taken at the positions
---@return table<string # { exposing_s, moving_s, other_s, overhead } by the microscope's clock; overhead is the share in which no frame was taken
---@return number>
function Run:times(scan, records) end

--- Compares the positions with the true objects of a simulated specimen.
--- Nuclei, spheres and clusters are taken one by one. Of fibres, what is connected is one object, as a light microscope shows it.
---@param scope microscope.Microscope the microscope
---@param scan acquisition.Scan the scan
---@param records acquisition.Targets|acquisition.Record[] what was taken at the positions, or the positions themselves
---@param least_um2? number smaller true objects are not asked for (at least 0; default 0)
---@return table<string # { objects, once, never, repeatedly, share, large, large_share, large_shares, large_fields }: of the true objects that fit into a field and lie wholly in the scanned area, how many lie wholly inside exactly one field with a movie; of larger ones the share of their area that lies in some field, and the number of fields with a piece at least half a field long; nil on a real microscope
---@return any>?
function Run:truth(scope, scan, records, least_um2) end

--- Draws the true objects of a simulated specimen as they lie in an overview.
---@param scope microscope.Microscope the microscope
---@param overview acquisition.Overview the overview
---@param least_um? number the least width of fibres in the mask (at least 0; default 0)
---@return imaging.Image? # the mask, 255 in objects; nil on a real microscope
function Run:true_mask(scope, overview, least_um) end

--- Ends the object's work; any use after that is an error.
function Run:close() end

--- A scan that was taken.
---@class acquisition.Scan
---@field tiles integer the number of tiles
---@field channel string the name of the channel
---@field seconds number how long it took
local Scan = {}

--- Ends the object's work; any use after that is an error.
function Scan:close() end

--- The stitched picture of a scan.
---@class acquisition.Overview
---@field pixel_um number the side of a pixel
---@field file string the 16-bit TIFF in the folder of the run
---@field preview string the PNG in the folder of the run
local Overview = {}

--- Ends the object's work; any use after that is an error.
function Overview:close() end

--- The objects of an overview.
---@class acquisition.Objects
---@operator len: integer
local Objects = {}

--- The objects as a list of tables.
---@return table<string
---@return any>[]
function Objects:records() end

--- Ends the object's work; any use after that is an error.
function Objects:close() end

--- Positions chosen for objects.
---@class acquisition.Targets
---@field positions acquisition.Position[] the positions in the order of the visit
---@field omitted table<string, any>[] the objects without a position, with reasons
---@field large table<string, any>[] the objects larger than a field: { object, fields, share }, the share of the area that is in fields
---@field overlaps integer how many pairs of fields overlap
---@field earlier_light table<string, any>[] the objects that get light of other positions before their own movie: { object, positions }, in shares of the light of one position
---@field travel_um number the way through all positions
---@operator len: integer
local Targets = {}

--- Ends the object's work; any use after that is an error.
function Targets:close() end

--- What is taken at every position.
---@class acquisition.Plan
---@field positions acquisition.Position[] the positions in the order of the visit
---@operator len: integer
local Plan = {}

--- Ends the object's work; any use after that is an error.
function Plan:close() end

--- One place on the specimen.
---@class acquisition.Position
---@field number integer its number in the order of the visit
---@field name string its name in files
---@field x_um number the stage position
---@field y_um number the stage position
---@field objects integer[] the numbers of its objects
local Position = {}

--- Ends the object's work; any use after that is an error.
function Position:close() end

--- What was taken at one position.
---@class acquisition.Record
---@field position acquisition.Position the position
---@field images acquisition.File[] the wide-field images
---@field movies acquisition.File[] the movies
---@field skipped string? why it was left out, nil when it was not
---@field seconds number how long it took
local Record = {}

--- Ends the object's work; any use after that is an error.
function Record:close() end

--- One file of a position.
---@class acquisition.File
---@field channel string the name of the channel
---@field file string the file in the folder of the run
---@field name string its name without folder and ending
---@field frames integer the number of frames
---@field gaps table<string, any>[] where the camera had to be started again: { after_frame, pause_ms, reason }
---@field inputs string the fingerprint of all that it was asked for
local File = {}

--- Ends the object's work; any use after that is an error.
function File:close() end

--- Automated runs: scan, positions, movies, with a journal to go on from.
---@class acquisitionlib
acquisition = {}

--- Begins a run in a folder, or goes on with it.
--- A folder that holds a run already is refused unless `resume` is given, and so is a resumed run with other parameters.
---@param folder string where everything goes
---@param options? { parameters: any?, resume: boolean?, approach_um: number?, timeout_ms: number?, restarts: integer?, slack_ms: number? } how (may be left out)
---@return acquisition.Run # the run
function acquisition.begin(folder, options) end

--- Looks for everything that would stop a run later, before any light.
--- Channels with their lights, wheels, powers, exposures and gains, the calibration of the camera, the travel of the stage, the pixels of the overview, the margin, the folder and the space on its disk. Wheels turn and the camera is set; every light stays as it is.
---@param scope microscope.Microscope the microscope
---@param options? { folder: string?, width_um: number?, height_um: number?, x_um: number?, y_um: number?, overlap: number?, scan: string?, channels: string[]?, movies: table[]?, positions: integer?, pixel_um: number?, criteria: string?, margin_um: number? } what the run is going to do (may be left out)
---@return string[] # the problems, each in one line; empty when there are none
function acquisition.check(scope, options) end

--- Says what a run is going to take: time, light and disk, before the first photon.
--- Without targets positions are as many as a tiling of the whole area takes, or options.positions where that is less. The time follows the moves one by one, with what the stage says of its speed, and what the camera says of its cycle; what had to be assumed is listed. Light is in mJ/um2, for a light that fills the sensor's field evenly; greatest_mj_per_um2 adds the scan's and that of overlapping fields. guarding tells what puts each light off. Wheels turn and the camera is set; every light stays as it is.
---@param scope microscope.Microscope the microscope
---@param options? { folder: string?, width_um: number?, height_um: number?, x_um: number?, y_um: number?, overlap: number?, scan: string?, channels: string[]?, movies: table[]?, positions: integer?, pixel_um: number?, criteria: string?, margin_um: number? } what the run is going to do, as for check (may be left out)
---@param targets? acquisition.Targets the positions, once they are chosen (may be left out)
---@return any # tiles, scan_s, positions, chosen, position_s, moving_s, seconds, bytes, free_bytes, doses, lit_um2, greatest_mj_per_um2, overlaps, tiling_fields, tiling_s, guarding, assumed; lines, the same for a person
function acquisition.estimate(scope, options, targets) end
