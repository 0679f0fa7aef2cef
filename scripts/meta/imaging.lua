error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- An image of one or more channels.
---@class imaging.Image
---@field width integer the number of columns
---@field height integer the number of rows
---@field channels integer the number of channels
---@field type string the type of the samples, such as uint16
---@field pixel_um number? the side of a pixel at the specimen; nil where it is not known
local Image = {}

--- Gives the sample of a pixel.
---@param row integer from 0 at the top
---@param column integer from 0 at the left
---@param channel? integer from 1 (default 1)
---@return number # the sample
function Image:at(row, column, channel) end

--- Measures a channel.
---@param channel? integer from 1 (default 1)
---@return table<string # min, max, mean, sd and median
---@return number>
function Image:statistics(channel) end

--- Gives the value below which a part of the samples lies.
---@param fraction number the part (0 to 1)
---@param channel? integer from 1 (default 1)
---@return number # the value
function Image:quantile(fraction, channel) end

--- Takes one channel out as an image of float samples.
---@param channel integer from 1
---@return imaging.Image # the image
function Image:channel(channel) end

--- Writes the image; the name's extension tells the format. ImageJ opens all but float64, and BigTIFF (over 4 GB) with its Bio-Formats plugin only. A device or pipe gets the data.
---@param path string a .tif, .tiff or .png file
---@param compression? "none"|"lzw"|"deflate" of a TIFF file (none, lzw, deflate; default "deflate")
function Image:write(path, compression) end

--- Cuts a part out, with all channels.
---@param column integer the leftmost column
---@param row integer the topmost row
---@param width integer columns (at least 1)
---@param height integer rows (at least 1)
---@return imaging.Image # the part
function Image:crop(column, row, width, height) end

--- Finds the threshold that best separates dark and bright (Otsu 1979).
---@param channel? integer from 1 (default 1)
---@return number # the threshold
function Image:threshold_otsu(channel) end

--- Marks the pixels above a threshold.
---@param threshold number the value
---@param channel? integer from 1 (default 1)
---@return imaging.Image # an image of uint8 with 1 above the threshold and 0 elsewhere
function Image:mask(threshold, channel) end

--- Numbers the connected regions of the pixels that are not zero.
---@param options? { connectivity: integer?, least_area_px: integer? } how regions are found (may be left out)
---@param intensity? imaging.Image an image of the same size to average over each object (may be left out)
---@return imaging.Image # an image of labels, and a list of objects with label, area_px, row, column (mean position), left, top, width, height and mean
---@return table<string
---@return any>[]
function Image:components(options, intensity) end

--- Measures the objects of an image of labels.
---@param intensity? imaging.Image an image of the same size to average over each object (may be left out)
---@return table<string # a list of objects as `components` gives it
---@return any>[]
function Image:objects(intensity) end

--- Blurs all channels with a Gaussian.
---@param sigma_px number its standard deviation (0 to 1000)
---@return imaging.Image # an image of float32
function Image:blur(sigma_px) end

--- Makes the image larger (linear interpolation) or smaller (average over areas).
---@param width integer new columns (1 to 100000)
---@param height integer new rows (1 to 100000)
---@return imaging.Image # an image of float32
function Image:resize(width, height) end

--- Writes a picture of the image for people, with good contrast and a scale bar.
--- Colour images are shown as they are, others by their first channel.
---@param path string a .png file
---@param options? { colours: string?, gamma: number?, dark: number?, bright: number?, scale_bar: boolean?, caption: string? } how it looks (may be left out)
---@param labels? imaging.Image an image of labels of the same size whose outlines are drawn (may be left out)
function Image:draw(path, options, labels) end

--- Ends the object's work; any use after that is an error.
function Image:close() end

--- A TIFF file that is read page by page.
---@class imaging.Stack
---@field path string the file
---@field pages integer the number of pages
---@field width integer the number of columns of the first page
---@field height integer the number of rows of the first page
---@field type string the type of the samples
---@field channels integer the number of channels
---@field slices integer the number of focal planes
---@field times integer the number of time points
---@field channel_names string[] the names of the channels, where given
---@field pixel_um number? the side of a pixel; nil where it is not known
---@field pixel_height_um number? the height of a pixel; nil where it is not known
---@field slice_um number? the distance of focal planes; nil where it is not known
---@field description string the description: OME-XML, ImageJ's lines or free text
---@operator len: integer
local Stack = {}

--- Reads a page.
---@param page? integer from 1 (at least 1; default 1)
---@return imaging.Image # the image
function Stack:read(page) end

--- Reads a part of a page; the rest stays on disk.
---@param page integer from 1 (at least 1)
---@param column integer the leftmost column (at least 0)
---@param row integer the topmost row (at least 0)
---@param width integer columns (at least 1)
---@param height integer rows (at least 1)
---@return imaging.Image # the image
function Stack:read_region(page, column, row, width, height) end

--- Finds the page of a plane of an ImageJ or OME stack.
---@param channel integer from 1 (at least 1)
---@param slice? integer from 1 (at least 1; default 1)
---@param time? integer from 1 (at least 1; default 1)
---@return integer # the page, from 1
function Stack:page_of(channel, slice, time) end

--- Ends the object's work; any use after that is an error.
function Stack:close() end

--- A movie being written.
---@class imaging.StackWriter
---@field path string the name of the finished file
---@field frames integer the number of frames so far
local StackWriter = {}

--- Writes a frame to disk.
---@param image imaging.Image as large as the first
---@param info? { time_ms: number?, exposure_ms: number?, x_um: number?, y_um: number?, z_um: number? } what is known of the frame (may be left out)
function StackWriter:append(image, info) end

--- Completes the file and gives it its name.
function StackWriter:finish() end

--- Ends the object's work; any use after that is an error.
function StackWriter:close() end

--- A chart of curves, points, bands and histograms.
---@class imaging.Plot
---@field x_log boolean whether the axis to the right is logarithmic
---@field y_log boolean whether the axis upwards is logarithmic
local Plot = {}

--- Adds a curve.
---@param x number[] a list of numbers
---@param y number[] as many numbers
---@param options? { label: string?, colour: string?, dashed: boolean? } how it looks (may be left out)
function Plot:line(x, y, options) end

--- Adds single points.
---@param x number[] a list of numbers
---@param y number[] as many numbers
---@param options? { label: string?, colour: string?, dashed: boolean? } how it looks (may be left out)
function Plot:points(x, y, options) end

--- Fills the area between two curves.
---@param x number[] a list of numbers
---@param lower number[] as many numbers
---@param upper number[] as many numbers
---@param options? { label: string?, colour: string?, dashed: boolean? } how it looks (may be left out)
function Plot:band(x, lower, upper, options) end

--- Counts values in bins of equal width.
---@param values number[] a list of numbers
---@param bin_width? number in the unit of the values; by their spread unless given (may be left out)
---@param options? { label: string?, colour: string?, dashed: boolean? } how it looks (may be left out)
function Plot:histogram(values, bin_width, options) end

--- Draws a line across the chart, such as a threshold.
---@param y number where
---@param label? string what it is (default "")
function Plot:level(y, label) end

--- Draws a line from bottom to top, such as a result.
---@param x number where
---@param label? string what it is (default "")
function Plot:mark(x, label) end

--- Writes the chart.
---@param path string a .png or .svg file
function Plot:write(path) end

--- Ends the object's work; any use after that is an error.
function Plot:close() end

--- Reads, measures and writes images. Rows and columns count from 0 at the top left, pages and channels from 1.
---@class imaginglib
imaging = {}

--- Reads an image: TIFF or PNG, told by the content.
---@param path string the file
---@param page? integer a page of a TIFF file, from 1 (at least 1; may be left out)
---@param planes? { channel: integer|string?, slice: integer|string?, frame: integer|string? } channel, slice and frame of a stack (may be left out)
---@return imaging.Image # the image; without a page the first plane of a stack with all its channels, or the chosen ones
function imaging.read(path, page, planes) end

--- Reads a mask: the label of every pixel, 0 for background.
--- Values count as they are stored: a table that only shows them inverted (ImageJ's inverting LUT, white-is-zero)
--- changes nothing. A palette without colours gives its grey values. Transparent pixels are background.
---@param path string the file; palette indices and colours become numbers
---@return imaging.Image # an image of one channel of uint32
function imaging.read_labels(path) end

--- Opens a TIFF stack for reading page by page: OME-TIFF, ImageJ, BigTIFF of any length.
---@param path string the file
---@return imaging.Stack # the stack
function imaging.open(path) end

--- Lists the image files of a folder in the order people count.
---@param folder string the folder
---@return string[] # their paths
function imaging.files(folder) end

--- Makes an image from numbers.
---@param rows number[][] a list of rows, each a list of numbers
---@param type? "uint8"|"uint16"|"uint32"|"float32" the type of the samples; numbers beyond its ends are clipped (uint8, uint16, uint32, float32; default "float32")
---@return imaging.Image # an image of one channel
function imaging.from_rows(rows, type) end

--- Creates an OME-TIFF movie that is written frame by frame.
---     local movie <close> = imaging.create("movie.ome.tif", { pixel_um = 0.108 })
---     for i = 1, 1000 do movie:append(camera:snap(), { exposure_ms = 20 }) end
---     movie:finish()
--- 
--- A movie that is not finished when its block ends is removed.
---@param path string the file; it appears when it is finished
---@param options? { pixel_um: number?, frames: integer?, channels: string[]?, axis: string?, slice_um: number? } what is known of it (may be left out)
---@return imaging.StackWriter # the writer
function imaging.create(path, options) end

--- Begins a chart.
---     local chart = imaging.plot("frequency (1/nm)", "correlation")
---     chart:line(frequencies, correlations, { label = "FRC" })
---     chart:level(1 / 7, "1/7")
---     chart:write("frc.png")
---@param x string title of the axis to the right, with its unit
---@param y string title of the axis upwards, with its unit
---@param title? string title of the chart (default "")
---@return imaging.Plot # the chart
function imaging.plot(x, y, title) end
