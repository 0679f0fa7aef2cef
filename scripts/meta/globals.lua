error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- The iterator that progress() gives.
---@class Progress
local Progress = {}

--- Ends the object's work; any use after that is an error.
function Progress:close() end

--- A declared parameter of a script.
---@class Parameter
local Parameter = {}

--- Ends the object's work; any use after that is an error.
function Parameter:close() end

--- The error of a native function, as pcall returns it.
---@class Error
---@field message string what is wrong and what to do about it
---@field code string a word that programs test, such as file-missing
---@field kind string the name of the native error's type
---@field place string the script's file and line
---@operator concat(any): string
local Error = {}

--- Ends the object's work; any use after that is an error.
function Error:close() end

--- Declares a script's parameters and gives their checked values.
--- All problems are told at once, before any work starts. `--pixel-nm 100` on the command line sets
--- `pixel_nm`. In `run(name, { ... })` the same names are the fields of the table.
---@generic T
---@param declared T
---@return T
function arguments(declared) end

--- Declares a parameter of a script: a file or folder that exists.
---@param declared string|table
---@return string
function path(declared) end

--- Declares a parameter of a script: a file that exists (`exists = false`: any path).
---@param declared string|table
---@return string
function file(declared) end

--- Declares a parameter of a script: a folder that may be made (`exists = true`: one that exists).
---@param declared string|table
---@return string
function folder(declared) end

--- Declares a parameter of a script: a whole number.
---@param declared string|table
---@return integer
function integer(declared) end

--- Declares a parameter of a script: a number.
---@param declared string|table
---@return number
function number(declared) end

--- Declares a parameter of a script: a length in the unit that its name ends in (nm, um, mm); um without one.
---@param declared string|table
---@return number
function length(declared) end

--- Declares a parameter of a script: true when given.
---@param declared string|table
---@return boolean
function flag(declared) end

--- Declares a parameter of a script: one of `choices = { ... }`.
---@param declared string|table
---@return string
function choice(declared) end

--- Declares a parameter of a script: a text.
---@param declared string|table
---@return string
function text(declared) end

--- Declares a parameter of a script: texts with commas between them.
---@param declared string|table
---@return string[]
function list(declared) end

--- Declares a parameter of a script: two numbers, written 500x400.
---@param declared string|table
---@return { width: number, height: number }
function size(declared) end

--- Runs a bundled script or a Lua file inside this session.
---@param name string the script's name, or the path of a Lua file
---@param parameters? table<string, any> its parameters by name (default {})
---@return any # what the script returns
function run(name, parameters) end

--- Writes summary.json: results, parameters, versions, seed and times of the run.
---@param results table<string, any> what the run found, by name
---@param folder? string where the file goes; the parameter `output` unless given (may be left out)
---@return string # the file's path
function summary(results, folder) end

--- Counts a loop and shows how far it is: `for i in progress(n, "tiles") do`.
---@param total integer
---@param title string?
---@param unit string?
---@return fun(): integer?
function progress(total, title, unit) end

--- Shows what a module, function, class or object is for.
---@param topic? any its name or the thing itself; the overview unless given (may be left out)
function help(topic) end

--- Ends the script; `<close>` variables are closed and lights go off.
---@param status? integer|boolean 0 for done, 1 for failed (0 to 255; default 0)
function exit(status) end
