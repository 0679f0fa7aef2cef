error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- Something to look at, over millimetres.
---@class simulation.Specimen
---@field name string its kind
---@field labels string[] the names of its stains
local Specimen = {}

--- The true objects whose centre lies in an area.
---@param x_um number centre of the area
---@param y_um number centre of the area
---@param width_um number its width (0 to 20000)
---@param height_um number its height (0 to 20000)
---@return table<string # records with x_um, y_um and radius_um
---@return any>[]
function Specimen:objects(x_um, y_um, width_um, height_um) end

--- Ends the object's work; any use after that is an error.
function Specimen:close() end

--- A simulated movie; its frames are made when they are asked for.
---@class simulation.Movie
---@field width integer columns of a frame
---@field height integer rows of a frame
---@field frames integer the number of frames
---@field truth localization.Table every emitter in every frame in which it shines
---@field camera localization.Camera the calibration of the camera
---@field emitters integer the number of molecules that shine
---@operator len: integer
local Movie = {}

--- One frame.
---@param number integer from 1 (at least 1)
---@return imaging.Image # its counts
function Movie:frame(number) end

--- Writes the frames as OME-TIFF.
---@param path string the file
function Movie:write(path) end

--- Writes the truth as a ThunderSTORM table.
---@param path string the file
function Movie:write_truth(path) end

--- Writes the camera file.
---@param path string the file
function Movie:write_camera(path) end

--- Ends the object's work; any use after that is an error.
function Movie:close() end

--- Simulates specimens and movies of them with their ground truth.
---@class simulationlib
simulation = {}

--- Makes a specimen over millimetres; the same seed gives the same specimen.
---@param kind string nuclei, axons, microtubules, spheres, clusters or image
---@param settings? any of that kind, such as density_per_mm2, labelling, period_nm, path, pixel_um (default {})
---@param seed? integer of everything random in it (default 1)
---@return simulation.Specimen # the specimen
function simulation.specimen(kind, settings, seed) end

--- Simulates a dSTORM movie of a specimen.
---@param specimen simulation.Specimen the specimen
---@param options? { label: string?, x_um: number?, y_um: number?, width: integer?, height: integer?, frames: integer?, exposure_ms: number?, power_mw: number?, pumping_ms: number?, sigma_nm: number?, background: number?, drift_nm: number?, seed: integer? } how (may be left out)
---@param camera? { pixel_nm: number?, offset_counts: number?, electrons_per_count: number?, em_gain: number?, quantum_efficiency: number?, read_noise_electrons: number?, bits: integer? } the camera (may be left out)
---@return simulation.Movie # the movie with its truth
function simulation.movie(specimen, options, camera) end

--- Simulates a localization table of a specimen without a movie in between.
---@param specimen simulation.Specimen the specimen
---@param options? { label: string?, x_um: number?, y_um: number?, width_um: number?, height_um: number?, per_molecule: number?, uncertainty_nm: number?, photons: number?, background: number?, frames: integer?, seed: integer? } how (may be left out)
---@return localization.Table[] # two tables with the same rows: the localizations, and their true places
function simulation.localizations(specimen, options) end

--- Simulates isolated emitters of one brightness, for comparison with the Cramér-Rao bound.
---@param options? { width: integer?, height: integer?, spacing_px: integer?, photons: number?, sigma_nm: number?, background: number?, frames: integer?, seed: integer? } how (may be left out)
---@param camera? { pixel_nm: number?, offset_counts: number?, electrons_per_count: number?, em_gain: number?, quantum_efficiency: number?, read_noise_electrons: number?, bits: integer? } the camera (may be left out)
---@return simulation.Movie # the movie with its truth
function simulation.grid(options, camera) end
