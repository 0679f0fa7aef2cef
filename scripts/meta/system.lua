error("this file holds definitions for editors and cannot be loaded")
---@meta
-- Made by stormbench api luacats from the declarations of the native modules; do not edit.

--- Files, folders, time and versions.
---@class systemlib
system = {}

--- the version of Stormbench
system.version = "0.1.0"

--- the version of Lua
system.lua_version = "Lua 5.4.4"

--- Tells whether a file or folder is there.
---@param path string the file or folder
---@return boolean # true when it is there
function system.exists(path) end

--- Tells whether a path is a folder.
---@param path string the path
---@return boolean # true for a folder
function system.is_folder(path) end

--- Lists the names in a folder, sorted; hidden files are left out.
---@param folder string the folder
---@param ending? string only names that end in this, such as .tif (default "")
---@return string[] # the names
function system.list(folder, ending) end

--- Tells whether a file is the same as before: its size and the time of its last change.
---@param path string the file
---@return string # a text that changes with the file
function system.fingerprint(path) end

--- Makes a folder and those above it where they are missing.
---@param path string the folder
function system.make_folder(path) end

--- Reads a whole text file.
---@param path string the file
---@return string # its text
function system.read_text(path) end

--- Writes a text file, which appears under its name only when it is whole.
---@param path string the file
---@param text string its text
function system.write_text(path, text) end

--- Reads a JSON file.
---@param path string the file
---@return any # objects and arrays as tables; null becomes nil
function system.read_json(path) end

--- Writes a JSON file, which appears under its name only when it is whole.
---@param path string the file
---@param value? any tables, texts, numbers and truth values (may be left out)
function system.write_json(path, value) end

--- The seconds of a clock that only runs forward.
---@return number # seconds
function system.seconds() end

--- The time of day in the form 2026-01-31T12:00:00Z.
---@return string # the time
function system.now() end

--- Waits; Ctrl-C ends the wait.
---@param seconds number how long (at least 0)
function system.sleep(seconds) end
