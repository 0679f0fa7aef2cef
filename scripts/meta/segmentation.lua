error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- A trained model.
---@class segmentation.Model
---@field network string the kind of network
---@field channels integer the number of channels it takes
---@field classes integer the number of classes with the background
---@field pixel_um number? the side of the pixels it learned on in um, if known
---@field objects table<string, any> what its objects are: { kind, separate, least_um2, criteria, margin_um, large, stated, words }; stated is false where the model does not say it and this is assumed
---@field hash string the hash of its weights, which tells models apart
---@field dice number the Dice coefficient of its training's own check
---@field images string[] the names of the images it learned on
local Model = {}

--- Segments an image file of any size and writes mask, labels, table, sizes and overview.
--- Rows are read, predicted and written as they come: memory holds some bands of rows and the objects,
--- never the image. An image whose pixels differ in size from those of the model is resampled for the
--- network, and the result is at the image's own resolution. Each channel is scaled by percentiles of
--- its intensities, so that images of every pixel type can be segmented.
--- mask.tif: 8 bits, 255 in objects, or class numbers. labels.tif: 32 bits, the number of the object.
--- Objects are pixels of one class connected by sides or corners, numbered class by class in reading
--- order of their first pixels. separate cuts them apart by a watershed of the distance to the
--- background. Parts whose bounding box has more than 16.8 million pixels stay whole, and so do those
--- that reach a row where all parts that go on below have more than 33 million pixels together.
--- objects.csv: the number (id); the centroid (x, y) from the top left corner of the image; the area;
--- the bounding box (left, top, width, height), each in px and um; the mean and the greatest intensity
--- of the first channel in counts; the eccentricity of the ellipse with the same second moments (0: a
--- circle, towards 1: a line); the class. Columns in um are empty where the pixel size is not known.
--- sizes.png: how many objects there are of each area. overview.png: the objects outlined, or tinted
--- where the image is reduced more than fourfold.
--- probability.tif: floats from 0 to 1, the probability of an object of any class. confidence.tif:
--- 8 bits, 255 times the probability of the likeliest class, with two classes 128 (undecided) to 255.
---@param image string a TIFF, OME-TIFF or PNG file
---@param output string the folder for the results
---@param name? string the name of the results, sorted into a folder for each kind; nil for fixed names (may be left out)
---@param options? { pixel_um: number?, model_pixel: boolean?, channel: integer|string?, slice: integer|string?, frame: integer|string?, least_area_px: integer?, least_um2: number?, criteria: string?, separate: boolean?, second_pass: boolean?, orientations: integer?, probability: boolean?, confidence: boolean? } pixel size, least area, separation, further maps (may be left out)
---@return table<string # objects, pixels, the paths mask, labels, table, sizes, overview; plane (what was taken of a stack), pixel_um, and notes: a list of what had to be assumed
---@return any>
function Model:segment(image, output, name, options) end

--- Writes the model for other programs.
--- onnx: model.onnx takes scaled images of any size as `image`, [batch, channels, height, width], and gives
--- `logits`, a score per class. test_input.npy and test_output.npy show what it has to answer; README.md
--- says how intensities are scaled.
--- bioimageio: a model folder of bioimage.io's form 0.5 for Fiji, ilastik and napari: rdf.yaml, weights.onnx
--- with the probability of each class, the middle of the image as test and cover. Intensities are scaled
--- by percentiles there too, but without the noise floor, which the form cannot say.
---@param output string the folder for the files
---@param format "onnx"|"bioimageio" onnx or bioimageio (onnx, bioimageio)
---@param options? { name: string?, authors: string?, licence: string?, image: string?, pixel_um: number?, channel: integer|string?, slice: integer|string?, frame: integer|string? } name, authors, licence and an image for bioimageio (may be left out)
---@return string[] # the paths of the files
function Model:export(output, format, options) end

--- Ends the object's work; any use after that is an error.
function Model:close() end

--- Learns from annotated images what objects look like, and finds them.
---@class segmentationlib
segmentation = {}

--- Trains a network on images and masks and writes a model folder.
--- A mask's values tell objects apart, or with more than two classes they are class numbers. Patches around
--- some objects are kept out of the training; dice and accuracy are those of the best weights on them. With
--- fewer than 6 objects nothing can be spared: held_out is then false and the scores are those of the
--- training patches. Patches are larger where objects are, up to the whole image; scored_on says so. Images
--- with an empty mask are examples of background; what cannot be read is left out and listed in failed, unless
--- it is all there is. What makes annotation or scores doubtful, such as a perfect
--- score, is told and listed in warnings. Ctrl-C leaves a checkpoint for `resume`.
--- Who marks few objects may leave others beside them unmarked. What looks like the marked ones, by brightness
--- and texture, is then not taken for background, nothing is learned far from the marked ones, and of up to
--- 5 objects the network annotates the rest itself. marked = "all" says that the masks are complete,
--- "some" that they are not; unmarked counts the places found.
--- The outline of a single object misses the edge in the image by a pixel now and then, and the network would
--- learn that slip as a rule. So the outlines of up to 30 objects of one class are moved before they are
--- learned: of n outlines that lie d pixels outside the place halfway between the intensities inside and
--- outside on average, each is put (0.9 + n d) / (3 + n) pixels outside of it, between the usual 0.3 pixels
--- and this annotator's own habit. Scores always compare with the outlines as drawn. align_outlines = false learns them as
--- drawn.
--- A pretrained checkpoint is one of this network under torchvision's names, or of a classifier with the same
--- backbone. Nothing in it is run: a file that asks for more than tensors is refused. The last layer starts
--- anew where the number of classes differs; result.pretrained says in words what was taken.
---@param images string an image or a folder of them
---@param masks string its mask, or a folder of masks with the images' names; 0 is background
---@param folder string the model folder
---@param options? { network: string?, pretrained: string?, minutes: number?, iterations: integer?, objects: integer?, classes: integer?, seed: integer?, resume: boolean?, only: string?, test: string?, source: string?, licence: string?, pixel_um: number?, channel: integer|string?, slice: integer|string?, frame: integer|string?, base_width: integer?, depth: integer?, batch: integer?, crop_px: integer?, learning_rate: number?, schedule: string?, class_weights: number[]?, marked: string?, align_outlines: boolean?, precision: string? } how to train (may be left out)
---@return table<string # network, iterations, seconds, processor_seconds, dice, accuracy, held_out, scored_on, images, objects, unmarked, warnings, pretrained; the scores on test images as test_dice, test_accuracy, test_detected, test_objects_dice75, those of `score` for pairs of objects with test_ before them, test_in_words; notes, a list of what had to be assumed; failed, a list of images that were left out as they or their masks cannot be used, with file and error
---@return any>
function segmentation.train(images, masks, folder, options) end

--- Loads a trained model.
--- bf16 has the range of f32 with 8 significant bits. Weights and scores are f32 either way.
---@param folder string a model folder made by train
---@param precision? "auto"|"f32"|"bf16" numbers to compute with: f32, bf16, or auto for bf16 where the processor has it (auto, f32, bf16; default "auto")
---@return segmentation.Model # the model
function segmentation.load(folder, precision) end

--- Lists the images that a path stands for.
--- Files of a folder whose names say that they are masks of others (a_mask.tif beside a.tif) are left out.
---@param path string an image or a folder of them
---@param only? string take only images with this in their names (default "")
---@return string[] # their paths
function segmentation.images(path, only) end

--- Gives each of several images a name for its results that no other of them has.
---@param images string[] their paths
---@return string[] # the names of the files without folder and extension, or with it where several would be the same
function segmentation.result_names(images) end

--- Finds the mask of an image: the file of its name, or of its name and an ending such as _mask.
---@param image string the image
---@param masks string a folder of masks, or the mask itself
---@return string # the path of the mask
function segmentation.mask_of(image, masks) end

--- Numbers the objects of a mask, cut apart at their waists where that is asked for.
---@param mask imaging.Image 0 is background
---@param least_area_px? integer smaller objects are left out (at least 1; default 30)
---@param separate? boolean cut objects that touch apart (default false)
---@return imaging.Image # an image of labels
function segmentation.components(mask, least_area_px, separate) end

--- Says what objects are and how they are imaged: as the model says, but for what is given.
--- Another kind than the model's brings that kind's way of separation and of imaging large objects. stated is false where the model does not say what its objects are: single things that may touch, cut apart at their waists, of at least 30 pixels.
---@param model? segmentation.Model the model; nil where objects are found otherwise: connected areas then (may be left out)
---@param options? { kind: string?, separate: boolean?, least_um2: number?, criteria: string?, margin_um: number?, large: string? } what is to be otherwise (may be left out)
---@return table<string # { kind, separate, least_um2, criteria, margin_um, large, stated, words }
---@return any>
function segmentation.protocol(model, options) end

--- Compares masks with the truth.
--- dice: 2 TP / (2 TP + FP + FN) over the pixels of all images; with more classes its mean over classes. It is 1
--- where nothing is there and nothing was found.
--- accuracy: the share of pixels with the right class.
--- detected: the share of true objects of at least 30 pixels with half their pixels or more in the mask.
--- objects_dice75: the share of these objects with an object of the mask whose Dice is 0.75 or more. Both are nil
--- where the truth has no objects.
--- false_objects: the objects of at least 30 pixels of the masks that lie less than half in true objects.
--- found counts the objects of the masks with at least 30 pixels. A true and a found object are a pair where
--- their intersection is at least half their union (IoU 0.5), or three quarters of it for f1_iou75 and
--- ap_iou75. precision: the share of found objects in a pair; f1: 2 TP / (2 TP + FP + FN); ap: the average
--- precision TP / (TP + FP + FN). merges: the found objects that hold more than half of each of several true
--- ones; splits: the true objects that hold more than half of each of several found ones. They are nil where
--- there is nothing to share out.
--- A mask with more than one value above 0 is a label image: its values are its objects, but a value that marks
--- many separate objects is a class, and its connected parts are the objects. Of several files, those that cannot
--- be compared are in `failed`; a single one is an error.
---@param masks string|string[] a mask, a folder of them, or a list of files
---@param truth string|string[] the true mask, a folder of masks with the same names, or a list as long
---@param classes? integer classes with the background (2 to 16; default 2)
---@param only? string take only masks with this in their names (default "")
---@param separate? boolean cut objects of the masks that touch apart first (default false)
---@param planes? { channel: integer|string?, slice: integer|string?, frame: integer|string? } channel, slice and frame of the truth, where it is a stack (may be left out)
---@return table<string # dice, accuracy, detected, objects_dice75, objects, false_objects, images; of pairs of objects found, precision, f1, f1_iou75, ap, ap_iou75, merges, splits; in_words; failed, a list of { file, error }; notes, a list of what had to be assumed
---@return any>
function segmentation.score(masks, truth, classes, only, separate, planes) end
