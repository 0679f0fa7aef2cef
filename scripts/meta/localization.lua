error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- A movie on disk, read frame by frame.
---@class localization.Movie
---@field path string the file
---@field width integer columns of a frame
---@field height integer rows of a frame
---@field frames integer the number of whole frames
---@field pixel_nm number? side of a pixel, where the file says
---@field loss string? what of the file is not used, nil when it is whole
local Movie = {}

--- Ends the object's work; any use after that is an error.
function Movie:close() end

--- How a camera turns photons into counts.
---@class localization.Camera
---@field pixel_nm number side of a pixel
---@field offset_counts number mean count in the dark
---@field electrons_per_count number electrons for one count
---@field em_gain number multiplication of electrons, 1 for none
---@field quantum_efficiency number photo-electrons per photon
---@field read_noise_electrons number read noise after multiplication
local Camera = {}

--- Ends the object's work; any use after that is an error.
function Camera:close() end

--- The way of the specimen during a movie.
---@class localization.Drift
---@field x_nm number[] along x for each frame
---@field y_nm number[] along y for each frame
---@field range_nm number the larger of the two ranges
local Drift = {}

--- Writes the trace as CSV.
---@param path string the file
function Drift:write(path) end

--- Draws the trace.
---@param path string a .png file
function Drift:plot(path) end

--- Ends the object's work; any use after that is an error.
function Drift:close() end

--- Localizations as columns.
---@class localization.Table
---@field columns string[] the names of the columns
---@field frames integer the number of the last frame
---@operator len: integer
local Table = {}

--- Gives a column as a list.
---@param name string such as x_nm
---@return number[] # numbers
function Table:column(name) end

--- Gives the median of a column, leaving out what is not a number.
---@param name string such as uncertainty_nm
---@return number? # the median; nil for an empty column
function Table:median(name) end

--- Keeps the rows in which a column lies between limits.
---@param name string the column
---@param minimum? number the least value; nil for none (may be left out)
---@param maximum? number the largest value; nil for none (may be left out)
---@return localization.Table # a new table
function Table:filter(name, minimum, maximum) end

--- Merges localizations of one molecule in following frames.
---@param radius_nm? number the largest step (at least 0; default 50)
---@param gap? integer dark frames in between (0 to 1000000; default 1)
---@return localization.Table # a new table with the column detections
function Table:link(radius_nm, gap) end

--- Finds the drift by redundant cross-correlation.
---@param options? { blocks: integer?, pixel_nm: number?, reach_nm: number? } how (may be left out)
---@return localization.Drift
function Table:drift(options) end

--- Takes a drift out.
---@param drift localization.Drift the drift
---@return localization.Table # a new table
function Table:correct(drift) end

--- Draws the localizations: .tif with float samples and pixel size, .png in colours.
---@param path string a .tif or .png file
---@param options? { pixel_nm: number?, method: string?, width_nm: number?, height_nm: number?, left_nm: number?, top_nm: number?, scale_bar: boolean? } how (may be left out)
function Table:draw(path, options) end

--- Draws the localizations as an image whose sum is their number.
---@param options? { pixel_nm: number?, method: string?, width_nm: number?, height_nm: number?, left_nm: number?, top_nm: number?, scale_bar: boolean? } how (may be left out)
---@return imaging.Image # an image of floats with its pixel size
function Table:render(options) end

--- Writes a ThunderSTORM CSV.
---@param path string the file
function Table:write(path) end

--- Ends the object's work; any use after that is an error.
function Table:close() end

--- Finds single molecules in movies; works on tables of them.
---@class localizationlib
localization = {}

--- Opens a movie: TIFF, .dax with .inf, .raw with .yaml.
---@param path string the file
---@return localization.Movie # the movie
function localization.open(path) end

--- Makes a camera calibration, from a camera file or for a plain camera.
---@param file? string JSON with pixel_nm, offset_counts, ...; 100 nm, 1 electron per count without one (may be left out)
---@return localization.Camera # the calibration
function localization.camera(file) end

--- Finds and fits the molecules of a movie.
---@param movie localization.Movie the movie
---@param camera localization.Camera its camera
---@param options? { sigma_nm: number?, fit_sigma: boolean?, filter: string?, threshold: number?, side: integer?, significance: number? } how (may be left out)
---@return localization.Table # the table of all frames
function localization.localize(movie, camera, options) end

--- Finds the places of spots in one frame, without a fit.
---@param movie localization.Movie the movie
---@param camera localization.Camera its camera
---@param frame integer the frame's number, from 1 (at least 1)
---@param options? { sigma_nm: number?, fit_sigma: boolean?, filter: string?, threshold: number?, side: integer?, significance: number? } how (may be left out)
---@return localization.Table # a table of pixel centres with background and significance
function localization.detect(movie, camera, frame, options) end

--- Fits the spots of one frame at given places.
---@param movie localization.Movie the movie
---@param camera localization.Camera its camera
---@param frame integer the frame's number, from 1 (at least 1)
---@param places localization.Table a table as detect gives it
---@param options? { sigma_nm: number?, fit_sigma: boolean?, filter: string?, threshold: number?, side: integer?, significance: number? } how (may be left out)
---@return localization.Table # the table of fits that are sound
function localization.fit(movie, camera, frame, places, options) end

--- Reads a localization table (ThunderSTORM CSV and its relatives).
---@param path string the file
---@param pixel_nm? number side of a pixel, for files in pixels (may be left out)
---@return localization.Table # the table
function localization.read(path, pixel_nm) end

--- Makes a localization table from columns.
---@param columns table<string, number[]> lists of equal length by name; frame, x_nm and y_nm must be among them
---@return localization.Table # the table
function localization.table(columns) end

--- Compares a table with the truth, frame by frame with the best assignment.
---@param found localization.Table the table
---@param truth localization.Table the true positions
---@param tolerance_nm? number the largest distance of a pair (at least 0; default 250)
---@return table<string # recall, precision, jaccard, rmse_nm, rmse_x_nm, rmse_y_nm, efficiency and the numbers of rows
---@return any>
function localization.score(found, truth, tolerance_nm) end
