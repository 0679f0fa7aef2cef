error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- A Fourier ring correlation.
---@class resolution.RingCorrelation
---@field resolution_nm number? where the curve falls below the level; nil if the halves do not correlate or it never does
---@field finding string resolved, uncorrelated (the halves have no more in common than chance lets them), weak (they correlate by less than the level) or unlimited (the curve is above the level up to the finest frequency)
---@field evidence number by how many standard deviations of noise the halves correlate; below 5 nothing is reported
---@field raw_resolution_nm number? the same without smoothing
---@field uncertainty_nm number? the standard error
---@field readings_nm table<string, number> what each criterion reads, by its name
---@field corrected_nm number? the resolution without repeats of single molecules; nil where only repeats correlate, or is_corrected is false
---@field corrected_uncertainty_nm number? its standard error
---@field is_corrected boolean whether repeats could be taken out
---@field repeated number? how often a localization's molecule was localized besides
---@field warning string? signs of a periodic structure, nil where there are none
---@field peaks_nm number[] the lengths that stand out of the spectrum
---@field pixel_nm number the side of a pixel that was used
---@field frequency_per_nm number[] the frequency of each ring
---@field correlation number[] the correlation of each ring
---@field smoothed number[] the smoothed correlation of each ring
---@field corrected number[]? the smoothed correlation of each ring without repeats
---@field level number[] the level of the criterion at each ring
local RingCorrelation = {}

--- Writes the curve as CSV.
---@param path string the file
function RingCorrelation:write(path) end

--- Draws the curve.
---@param path string a .png file
function RingCorrelation:plot(path) end

--- Ends the object's work; any use after that is an error.
function RingCorrelation:close() end

--- The resolution place by place.
---@class resolution.Map
---@field median_nm number? the value that half of the places reach; nil for an empty map
---@field values_nm number[] all values in ascending order
---@field image imaging.Image the map as an image, not a number where it is empty
local Map = {}

--- Writes the map: numbers as .tif, colours as .png.
---@param path string the file
function Map:write(path) end

--- Ends the object's work; any use after that is an error.
function Map:close() end

--- The decorrelation analysis of one image.
---@class resolution.Decorrelation
---@field resolution_nm number? two pixels over the cut-off; nil without a maximum
---@field cutoff number the cut-off in units of the Nyquist frequency
---@field amplitude number the height of the first maximum, a measure of signal to noise
local Decorrelation = {}

--- Draws the curve and the maxima.
---@param path string a .png file
function Decorrelation:plot(path) end

--- Ends the object's work; any use after that is an error.
function Decorrelation:close() end

--- Measures the resolution of localization tables and images.
---@class resolutionlib
resolution = {}

--- Computes the Fourier ring correlation of a localization table.
---@param table localization.Table the localizations
---@param options? { split: string?, blocks: integer?, repeats: integer?, estimator: string?, criterion: string?, threshold: number?, pixel_nm: number?, smoothing_per_nm: number?, whole_field: boolean?, link_nm: number?, precision_nm: number?, seed: integer? } how (may be left out)
---@return resolution.RingCorrelation # curve and resolution
function resolution.frc(table, options) end

--- Maps the Fourier ring correlation in overlapping squares of the field.
---@param table localization.Table the localizations
---@param options? { split: string?, blocks: integer?, repeats: integer?, estimator: string?, criterion: string?, threshold: number?, pixel_nm: number?, smoothing_per_nm: number?, whole_field: boolean?, link_nm: number?, precision_nm: number?, seed: integer? } how it is measured in a square (may be left out)
---@param squares? { tile_nm: number?, step_nm: number?, least: integer? } the squares (may be left out)
---@return resolution.Map # the map
function resolution.map(table, options, squares) end

--- Measures the resolution of one image, wide-field or rendered as Gaussians.
---@param image imaging.Image the image; its first channel is used
---@param pixel_nm? number side of a pixel; as the image says by default (may be left out)
---@return resolution.Decorrelation # cut-off and resolution
function resolution.decorrelation(image, pixel_nm) end
