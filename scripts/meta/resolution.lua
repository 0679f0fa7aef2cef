error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- A Fourier ring correlation.
---@class resolution.RingCorrelation
---@field resolution_nm number? where the curve falls below the threshold; nil if it never does
---@field raw_resolution_nm number? the same without smoothing
---@field uncertainty_nm number? the standard error
---@field pixel_nm number the side of a pixel that was used
---@field frequency_per_nm number[] the frequency of each ring
---@field correlation number[] the correlation of each ring
---@field smoothed number[] the smoothed correlation of each ring
local RingCorrelation = {}

--- Writes the curve as CSV.
---@param path string the file
function RingCorrelation:write(path) end

--- Draws the curve.
---@param path string a .png file
function RingCorrelation:plot(path) end

--- Ends the object's work; any use after that is an error.
function RingCorrelation:close() end

--- Measures the resolution of localization tables.
---@class resolutionlib
resolution = {}

--- Computes the Fourier ring correlation of a localization table.
---@param table localization.Table the localizations
---@param options? { split: string?, blocks: integer?, repeats: integer?, estimator: string?, pixel_nm: number?, smoothing_per_nm: number?, threshold: number?, seed: integer? } how (may be left out)
---@return resolution.RingCorrelation # curve and resolution
function resolution.frc(table, options) end
