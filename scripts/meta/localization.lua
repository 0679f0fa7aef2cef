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
---@field camera localization.Camera? the camera as it was set, where the movie says; see problem
---@field recording any what the movie says of how it was recorded: lights, exposure, place, version
---@field problem string? what was recorded but cannot be used, nil when there is nothing
---@field loss string? what of the file is not used, nil when it is whole
---@field plane string? which channel or slice of several a frame is, where nobody chose one; else nil
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
---@field has_maps boolean whether each pixel has its own offset, noise and gain
---@field read_noise_electrons number read noise after multiplication
local Camera = {}

--- Ends the object's work; any use after that is an error.
function Camera:close() end

--- Localizes frames as a camera gives them, on other cores.
---@class localization.Stream
---@field finished integer the frames that have been localized
---@field skipped integer the frames of a recording that came faster than they could be localized
local Stream = {}

--- Adds the next frame and returns at once.
---@param image imaging.Image the frame's counts
---@return integer # its number, from 1
function Stream:add(image) end

--- The localizations of a frame that has been added; waits for them.
---@param frame integer its number (at least 1)
---@return localization.Table # the table
function Stream:table(frame) end

--- Waits for all frames.
---@return localization.Table # the table of all frames
function Stream:finish() end

--- Ends the object's work; any use after that is an error.
function Stream:close() end

--- How far one image has moved against another.
---@class localization.Shift
---@field columns number how far it lies to the right, in pixels
---@field rows number how far it lies below, in pixels
---@field height number the peak of the correlation in standard deviations of the rest
---@field chance number the height that noise alone reaches once in a thousand pairs
---@field is_evident boolean whether the images show the same: the peak is 1.5 times what chance makes
local Shift = {}

--- Ends the object's work; any use after that is an error.
function Shift:close() end

--- How wide spots are along x and y at each height.
---@class localization.Astigmatism
---@field lowest_um number the lowest height for which it holds
---@field highest_um number the greatest height for which it holds
local Astigmatism = {}

--- The standard deviations of a spot at a height.
---@param z_um number the height
---@return table<string # x_nm and y_nm
---@return number>
function Astigmatism:widths(z_um) end

--- Writes it as JSON.
---@param path string a .json file
function Astigmatism:write(path) end

--- Ends the object's work; any use after that is an error.
function Astigmatism:close() end

--- A column of a table; c[i] is the value of row i, #c the number of rows.
---@class localization.Column
---@field name string its name; the unit is part of it
---@field unit string its unit: nm, photon, photon/px, counts or nothing
---@field [integer] number the value of a row
---@operator len: integer
---@operator add(any): localization.Column
---@operator sub(any): localization.Column
---@operator mul(any): localization.Column
---@operator div(any): localization.Column
local Column = {}

--- Gives the values as a list.
---@return number[] # a copy
function Column:list() end

--- Gives the least value.
---@return number? # nil for an empty column
function Column:minimum() end

--- Gives the largest value.
---@return number? # nil for an empty column
function Column:maximum() end

--- Gives the mean of what is a number.
---@return number? # nil for an empty column
function Column:mean() end

--- Gives the sum of what is a number.
---@return number # the sum
function Column:sum() end

--- Gives the median of what is a number.
---@return number? # nil for an empty column
function Column:median() end

--- Gives the value below which a share of the values lies.
---@param share number from 0 to 1 (0 to 1)
---@return number? # nil for an empty column
function Column:quantile(share) end

--- Ends the object's work; any use after that is an error.
function Column:close() end

--- The way of the specimen during a movie.
---@class localization.Drift
---@field x_nm number[] along x for each frame
---@field y_nm number[] along y for each frame
---@field z_nm number[]? along z for each frame; nil where only x and y are known
---@field range_nm number the largest of the ranges of the axes
---@field note string? why nothing was found, so that the trace is 0; nil where drift was found
local Drift = {}

--- Writes the trace as CSV.
---@param path string the file
function Drift:write(path) end

--- Draws the trace.
---@param path string a .png file
function Drift:plot(path) end

--- Ends the object's work; any use after that is an error.
function Drift:close() end

--- How one channel's positions become another's.
---@class localization.Registration
---@field model string shift, affine, quadratic or cubic
---@field beads integer the number of common beads
---@field chance number? the probability that chance brings as many beads together
---@field residual_nm number root mean square distance of the beads afterwards
---@field leave_one_out_nm number the same for beads that did not take part: the error to expect
local Registration = {}

--- Moves a table to the other channel.
---@param table localization.Table localizations of the moving channel
---@return localization.Table # a new table
function Registration:apply(table) end

--- Writes the registration as JSON.
---@param path string the file
function Registration:write(path) end

--- Ends the object's work; any use after that is an error.
function Registration:close() end

--- Localizations as columns.
---@class localization.Table
---@field columns string[] the names of the columns
---@field frames integer the number of the last frame
---@field pixel_nm number? side of a camera pixel, where it is known
---@field width integer? columns of the camera's frames, where it is known
---@field height integer? rows of the camera's frames, where it is known
---@operator len: integer
local Table = {}

--- Gives a column.
---@param name string such as x_nm
---@return localization.Column # the column, not a copy of it
function Table:column(name) end

--- Gives the table with a column put in or replaced.
---@param name string such as z_nm
---@param values localization.Column|number[]|number a column, a list or one number for all rows
---@return localization.Table # a new table
function Table:with(name, values) end

--- Gives the median of a column, leaving out what is not a number.
---@param name string such as uncertainty_nm
---@return number? # the median; nil for an empty column
function Table:median(name) end

--- Writes the table.
--- .csv is ThunderSTORM's form, .hdf5 Picasso's with its .yaml beside it; format chooses storm-analysis or challenge (SMLM challenge 2016) too. Formats in pixels need pixel_nm where the table does not know it.
---@param path string a .csv or .hdf5 file
---@param options? { format: string?, pixel_nm: number?, width: integer?, height: integer?, frames: integer? } how (may be left out)
function Table:write(path, options) end

--- Keeps the rows that meet a condition, or in which a column lies between limits.
--- Conditions know the columns by their names, numbers, `+ - * / ^`, `< <= > >= == !=` (in chains too: `100 < sigma_nm < 180`), `and or not`, parentheses, `abs sqrt log exp min max` and `pi`.
---@param condition string such as "photons > 500 and uncertainty_nm < 20", or the name of a column
---@param minimum? number the least value of that column; nil for none (may be left out)
---@param maximum? number the largest value of that column; nil for none (may be left out)
---@return localization.Table # a new table
function Table:filter(condition, minimum, maximum) end

--- Removes what was fitted twice in a frame; the most precise stays.
---@param radius_nm? number the distance within which two are the same (at least 0; default 50)
---@return localization.Table # a new table
function Table:duplicates(radius_nm) end

--- Counts the other localizations of any frame around each.
---@param radius_nm? number how far (at least 0; default 50)
---@return localization.Table # a new table with the column neighbours, for filter
function Table:density(radius_nm) end

--- Merges localizations of one molecule in following frames.
---@param radius_nm? number the largest step (at least 0; default 50)
---@param gap? integer dark frames in between (0 to 1000000; default 1)
---@return localization.Table # a new table with the column detections
function Table:link(radius_nm, gap) end

--- Finds the drift, along z too where the table has z_nm.
--- Where localizations of different times have no more in common than chance brings, the drift is 0 and its note says so. Intersection (Ma et al. 2024) follows short segments and is right for most movies; correlation (Wang et al. 2014) compares all pairs of a few large blocks and also finds jumps of more than reach_nm.
---@param options? { method: string?, pixel_nm: number?, reach_nm: number?, segment_frames: integer?, blocks: integer? } how (may be left out)
---@return localization.Drift # the drift; table:correct takes it out
function Table:drift(options) end

--- Takes a drift out.
---@param drift localization.Drift the drift
---@return localization.Table # a new table
function Table:correct(drift) end

--- Finds how beads of this channel lie to the same beads in another.
--- Beads that meet no more often than chance lets them are refused. The error is that of beads that are left out of the fit. Without a model the simplest of shift, affine, quadratic and cubic is taken that is within 5 % of the best.
---@param reference localization.Table the beads in the channel that stays
---@param options? { model: string?, reach_nm: number? } how (may be left out)
---@return localization.Registration # the registration; its apply moves tables of this channel
function Table:register(reference, options) end

--- Draws the localizations as an image whose sum is their number.
---@param options? { pixel_nm: number?, method: string?, shifts: integer?, width_nm: number?, height_nm: number?, left_nm: number?, top_nm: number?, scale_bar: boolean?, colour_by: string?, colours: string?, bits: integer? } how (may be left out)
---@return imaging.Image # an image of floats with its pixel size
function Table:render(options) end

--- Draws the localizations into a file: .tif with samples and pixel size, .png in colours.
---@param path string a .tif or .png file
---@param options? { pixel_nm: number?, method: string?, shifts: integer?, width_nm: number?, height_nm: number?, left_nm: number?, top_nm: number?, scale_bar: boolean?, colour_by: string?, colours: string?, bits: integer? } how (may be left out)
function Table:draw(path, options) end

--- Ends the object's work; any use after that is an error.
function Table:close() end

--- What dark and flat movies say of a camera.
---@class localization.PhotonTransfer
---@field offset_counts number median offset of the pixels
---@field variance_counts2 number median variance in the dark
---@field gain_counts number median counts per electron (after multiplication)
---@field gain_uncertainty number relative standard deviation of one pixel's gain
---@field odd_share number share of pixels that are dead, hot or of another gain
local PhotonTransfer = {}

--- Writes the camera file and the maps beside it.
--- The maps, NAME.maps.tif, hold offset (counts), variance (counts^2) and gain (counts per electron).
---@param path string a .json file
---@param options? { pixel_nm: number?, em_gain: number?, quantum_efficiency: number? } what is known of the camera (may be left out)
---@return localization.Camera # the camera
function PhotonTransfer:write(path, options) end

--- Draws the photon transfer curve.
---@param path string a .png file
function PhotonTransfer:plot(path) end

--- Ends the object's work; any use after that is an error.
function PhotonTransfer:close() end

--- Finds single molecules in movies; works on tables of them.
---@class localizationlib
localization = {}

--- Opens a movie: TIFF, .dax with .inf, .spe, .raw with .yaml.
---@param path string the file; the others of an OME-TIFF set are found by it
---@param options? { channel: integer?, slice: integer? } which planes (may be left out)
---@return localization.Movie # the movie
function localization.open(path, options) end

--- Makes a camera calibration, from a camera file or for a plain camera.
---@param file? string JSON with pixel_nm, offset_counts, ...; 100 nm, 1 electron per count without one (may be left out)
---@return localization.Camera # the calibration
function localization.camera(file) end

--- Finds and fits the molecules of a movie.
---@param movie localization.Movie the movie
---@param camera localization.Camera its camera
---@param options? { sigma_nm: number?, model: string?, method: string?, overlaps: boolean?, astigmatism: localization.Astigmatism?, filter: string?, threshold: number?, side: integer?, significance: number? } how (may be left out)
---@return localization.Table # the table of all frames
function localization.localize(movie, camera, options) end

--- Finds the places of spots in one frame, without a fit.
---@param movie localization.Movie the movie
---@param camera localization.Camera its camera
---@param frame integer the frame's number, from 1 (at least 1)
---@param options? { sigma_nm: number?, model: string?, method: string?, overlaps: boolean?, astigmatism: localization.Astigmatism?, filter: string?, threshold: number?, side: integer?, significance: number? } how (may be left out)
---@return localization.Table # a table of pixel centres with background and significance
function localization.detect(movie, camera, frame, options) end

--- Fits the spots of one frame at given places.
---@param movie localization.Movie the movie
---@param camera localization.Camera its camera
---@param frame integer the frame's number, from 1 (at least 1)
---@param places localization.Table a table as detect gives it
---@param options? { sigma_nm: number?, model: string?, method: string?, overlaps: boolean?, astigmatism: localization.Astigmatism?, filter: string?, threshold: number?, side: integer?, significance: number? } how (may be left out)
---@return localization.Table # the table of fits that are sound
function localization.fit(movie, camera, frame, places, options) end

--- How far what two images show has moved from the first to the second, by phase correlation.
---@param first imaging.Image an image
---@param second imaging.Image another of the same size
---@return localization.Shift # the shift
function localization.shift(first, second) end

--- Opens a stream of frames of one size for localization while a camera runs.
---@param camera localization.Camera the camera
---@param width integer columns of a frame (at least 1)
---@param height integer rows of a frame (at least 1)
---@param options? { sigma_nm: number?, model: string?, method: string?, overlaps: boolean?, astigmatism: localization.Astigmatism?, filter: string?, threshold: number?, side: integer?, significance: number? } how (may be left out)
---@return localization.Stream # the stream
function localization.stream(camera, width, height, options) end

--- Calibrates heights by a focus stack of beads, or reads a calibration.
--- For `localization.localize` with `model = "astigmatic"`.
---@param source localization.Table|string a table of the stack fitted with the elliptical model, or a file
---@param step_um? number the distance between two frames of the stack (may be left out)
---@return localization.Astigmatism # the calibration, with height 0 where both widths are equal
function localization.astigmatism(source, step_um) end

--- Reads a localization table.
--- Understood are ThunderSTORM CSV and its relatives (SMLM challenge, ZEN, Nanoimager, any text with units in the header), Picasso HDF5 with YAML, storm-analysis HDF5, rapidSTORM, .smlm, Insight3 .bin, DECODE HDF5 and SMAP .mat (7.3). Positions come in nm from the corner of the first pixel, whatever the file has. Frames of text tables keep their numbers; files of programs that count from 0 come with frames from 1.
---@param path string the file; its kind is told by what it holds
---@param pixel_nm? number side of a camera pixel, for files in pixels that do not say it (at least 0.1; may be left out)
---@return localization.Table # the table
function localization.read(path, pixel_nm) end

--- Makes a localization table from columns.
---@param columns table<string, localization.Column|number[]> lists or columns of equal length by name; frame, x_nm and y_nm must be among them
---@return localization.Table # the table
function localization.table(columns) end

--- Puts the rows of tables one after another.
---@param tables localization.Table[] the tables
---@return localization.Table # a new table with the columns that all have
function localization.join(tables) end

--- Compares a table with the truth, frame by frame with the best assignment.
---@param found localization.Table the table
---@param truth localization.Table the true positions
---@param tolerance_nm? number the largest distance of a pair (at least 0; default 250)
---@return table<string # recall, precision, jaccard, rmse_nm, rmse_x_nm, rmse_y_nm, efficiency and the numbers of rows
---@return any>
function localization.score(found, truth, tolerance_nm) end

--- Reads a drift trace.
---@param path string a file that drift:write made
---@return localization.Drift # the drift
function localization.read_drift(path) end

--- Reads a registration.
---@param path string a file that registration:write made
---@return localization.Registration # the registration
function localization.read_registration(path) end

--- Keeps the rows that meet a condition, or in which a column lies between limits.
--- Conditions know the columns by their names, numbers, `+ - * / ^`, `< <= > >= == !=` (in chains too: `100 < sigma_nm < 180`), `and or not`, parentheses, `abs sqrt log exp min max` and `pi`.
---@param table localization.Table the localizations
---@param condition string such as "photons > 500 and uncertainty_nm < 20", or the name of a column
---@param minimum? number the least value of that column; nil for none (may be left out)
---@param maximum? number the largest value of that column; nil for none (may be left out)
---@return localization.Table # a new table
function localization.filter(table, condition, minimum, maximum) end

--- Removes what was fitted twice in a frame; the most precise stays.
---@param table localization.Table the localizations
---@param radius_nm? number the distance within which two are the same (at least 0; default 50)
---@return localization.Table # a new table
function localization.duplicates(table, radius_nm) end

--- Counts the other localizations of any frame around each.
---@param table localization.Table the localizations
---@param radius_nm? number how far (at least 0; default 50)
---@return localization.Table # a new table with the column neighbours, for filter
function localization.density(table, radius_nm) end

--- Merges localizations of one molecule in following frames.
---@param table localization.Table the localizations
---@param radius_nm? number the largest step (at least 0; default 50)
---@param gap? integer dark frames in between (0 to 1000000; default 1)
---@return localization.Table # a new table with the column detections
function localization.link(table, radius_nm, gap) end

--- Finds the drift, along z too where the table has z_nm.
--- Where localizations of different times have no more in common than chance brings, the drift is 0 and its note says so. Intersection (Ma et al. 2024) follows short segments and is right for most movies; correlation (Wang et al. 2014) compares all pairs of a few large blocks and also finds jumps of more than reach_nm.
---@param table localization.Table the localizations
---@param options? { method: string?, pixel_nm: number?, reach_nm: number?, segment_frames: integer?, blocks: integer? } how (may be left out)
---@return localization.Drift # the drift; table:correct takes it out
function localization.drift(table, options) end

--- Takes a drift out.
---@param table localization.Table the localizations
---@param drift localization.Drift the drift
---@return localization.Table # a new table
function localization.correct(table, drift) end

--- Finds how beads of this channel lie to the same beads in another.
--- Beads that meet no more often than chance lets them are refused. The error is that of beads that are left out of the fit. Without a model the simplest of shift, affine, quadratic and cubic is taken that is within 5 % of the best.
---@param table localization.Table the localizations
---@param reference localization.Table the beads in the channel that stays
---@param options? { model: string?, reach_nm: number? } how (may be left out)
---@return localization.Registration # the registration; its apply moves tables of this channel
function localization.register(table, reference, options) end

--- Draws the localizations as an image whose sum is their number.
---@param table localization.Table the localizations
---@param options? { pixel_nm: number?, method: string?, shifts: integer?, width_nm: number?, height_nm: number?, left_nm: number?, top_nm: number?, scale_bar: boolean?, colour_by: string?, colours: string?, bits: integer? } how (may be left out)
---@return imaging.Image # an image of floats with its pixel size
function localization.render(table, options) end

--- Measures offset, read noise and gain of every pixel from dark and flat movies.
--- The gain of a pixel is the slope of the variance over the mean (photon transfer). Frames are scaled to one brightness first, so that a lamp may flicker. With 1000 frames in all a pixel's gain is known to 4.5 %.
---@param dark localization.Movie a movie without light, 500 frames or more
---@param flats localization.Movie[] movies of even light, each of another brightness
---@param multiplied? boolean whether electrons were multiplied (EMCCD) (default false)
---@return localization.PhotonTransfer # the measurement; its write makes the camera file
function localization.calibrate(dark, flats, multiplied) end

--- Estimates gain and offset from an ordinary movie by the noise of its finest detail.
--- The variance of what is finer than the optics resolve, over the mean, is a line: its slope is the gain, its foot the offset less read variance / gain. The movie needs brighter and darker parts, or a known offset.
---@param movie localization.Movie the movie
---@param options? { frames: integer?, offset_counts: number?, em_gain: number? } how (may be left out)
---@return table<string # gain_counts (per electron), electrons_per_count, offset_counts and their errors
---@return any>
function localization.gain(movie, options) end

--- Makes a super-resolved image from the fluctuations of a movie, without localization.
--- In each frame the convergence of the intensity gradients on a finer grid, then a statistic over time (eSRRF, Laine et al. 2023). Faster than localization where molecules overlap, and of lower resolution.
---@param movie localization.Movie the movie
---@param options? { magnification: integer?, radius: number?, sensitivity: number?, statistic: string? } how (may be left out)
---@return imaging.Image # an image of floats
function localization.fluctuations(movie, options) end
